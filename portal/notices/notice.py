"""A notice: what happened, since when, the one action that mends it, and who may do it (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.errors import Sentence


class Kind(StrEnum):
    """What a notice is about; the order is that of lists, the most urgent first."""

    WRONG_PASSWORD = "wrong-password"  # noqa: S105 -- a kind
    NEW_PASSWORD = "new-password"  # noqa: S105 -- a kind
    COMPANY_FILE = "company-file"
    VISIT_FAILED = "visit-failed"
    OVERDUE = "overdue"
    ERRORS = "errors"
    IMPORT_FAILED = "import-failed"
    NEVER_CONNECTED = "never-connected"
    UNMAPPED = "unmapped"
    OLD_QUICKBOOKS = "old-quickbooks"
    LINES_WAITING = "lines-waiting"


class Severity(StrEnum):
    """ERROR: nothing goes on until it is mended. WARNING: something is left out. INFO: somebody may act."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Action(StrEnum):
    """The one action that mends it, by the name under which pages and letters find where it is done."""

    OPEN_PREVIEW = "open-preview"
    CONNECTOR_STEPS = "connector-steps"
    RETRY = "retry"
    CONFIRM_COMPANY = "confirm-company"
    MAP = "map"
    MEND_ERRORS = "mend-errors"
    RENEW_PASSWORD = "renew-password"  # noqa: S105 -- an action
    UPDATE_QUICKBOOKS = "update-quickbooks"
    IMPORT_AGAIN = "import-again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One thing that differs: what is expected, and what was seen."""

    what: Sentence
    expected: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What someone should know.

    `key` stays the same for one cause, `fingerprint` (16 hexadecimal digits) for the same facts of it. `size` counts
    what the cause has: a message goes out again when it has grown, not while it is being mended. Messages wait until
    `told_from`. `roles` are those whose members may do `action`; `do` is what to do in words.
    """

    kind: Kind
    key: str
    severity: Severity
    title: Sentence
    what: Sentence
    since: datetime | None
    action: Action
    do: Sentence
    roles: frozenset[str]
    fingerprint: str
    size: int = 1
    told_from: datetime | None = None
    sides: tuple[Side, ...] = ()
