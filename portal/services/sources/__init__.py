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
    "ProfileView",
    "Reading",
    "Sheet",
    "SherwebView",
    "UploadView",
    "check_sherweb",
    "default_day",
    "delete_profile",
    "fetch_sherweb",
    "find_profile",
    "forget_sherweb",
    "forget_upload",
    "forget_uploads",
    "get_upload",
    "guess",
    "import_csv",
    "keep_upload",
    "list_profiles",
    "save_and_import",
    "save_profile",
    "save_sherweb",
    "sherweb_access",
]
