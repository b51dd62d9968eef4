"""Does the Web Connector call, and with the right password? One answer for notices and pages (pure)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class Calls(StrEnum):
    """How the last calls went. NEW: the password was renewed and not used yet; FORMER: the former one is tried."""

    NEVER = "never"
    REFUSED = "refused"
    NEW = "new"
    FORMER = "former"
    ANSWERED = "answered"


def judge_calls(
    last_contact_at: datetime | None, refused_at: datetime | None, password_changed_at: datetime | None
) -> Calls:
    """The last call with the right password, the last refused one, and when the password was renewed: how it stands."""
    is_refused = refused_at is not None and (last_contact_at is None or last_contact_at <= refused_at)
    if last_contact_at is None:
        return Calls.REFUSED if is_refused else Calls.NEVER
    if password_changed_at is not None and last_contact_at < password_changed_at:
        was_tried = is_refused and refused_at is not None and refused_at >= password_changed_at
        return Calls.FORMER if was_tried else Calls.NEW
    return Calls.REFUSED if is_refused else Calls.ANSWERED
