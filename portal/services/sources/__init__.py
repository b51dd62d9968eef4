"""Where charges come from beside known files: CSV by a saved column profile, and Sherweb's API."""

from __future__ import annotations

from portal.services.sources.access import (
    SherwebView,
    check_sherweb,
    default_day,
    fetch_sherweb,
    forget_sherweb,
    save_sherweb,
    sherweb_access,
)
from portal.services.sources.columns import DAYS, NUMBERS, Choices, Reading, Sheet, guess
from portal.services.sources.dropped import Watch, folder_of, import_what_was_dropped
from portal.services.sources.nightly import Nightly, awaited, fetch_what_is_due, read_nightly, switch_nightly
from portal.services.sources.profiles import (
    ProfileView,
    delete_profile,
    find_profile,
    import_csv,
    list_profiles,
    save_and_import,
    save_profile,
)
from portal.services.sources.uploads import UploadView, forget_upload, forget_uploads, get_upload, keep_upload

__all__ = [
    "DAYS",
    "NUMBERS",
    "Choices",
    "Nightly",
    "ProfileView",
    "Reading",
    "Sheet",
    "SherwebView",
    "UploadView",
    "Watch",
    "awaited",
    "check_sherweb",
    "default_day",
    "delete_profile",
    "fetch_sherweb",
    "fetch_what_is_due",
    "find_profile",
    "folder_of",
    "forget_sherweb",
    "forget_upload",
    "forget_uploads",
    "get_upload",
    "guess",
    "import_csv",
    "import_what_was_dropped",
    "keep_upload",
    "list_profiles",
    "read_nightly",
    "save_and_import",
    "save_profile",
    "save_sherweb",
    "sherweb_access",
    "switch_nightly",
]
