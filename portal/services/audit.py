"""The log of what people decided: written with the decision, in its transaction, and read beside what it was about."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import AuditEntry
from portal.services.chunks import chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """An entry. `who` is an e-mail address, and empty for what followed by itself."""

    at: datetime
    who: str
    action: str
    subject: str
    detail: dict[str, Any]


def note(
    db: orm.Session,
    connection_id: int,
    *,
    at: datetime,
    who: str,
    action: str,
    subject: str,
    detail: dict[str, Any],
) -> None:
    """Add an entry."""
    db.add(AuditEntry(connection_id=connection_id, at=at, who=who, action=action, subject=subject, detail=detail))


def entries(db: orm.Session, connection_id: int, subjects: Collection[str]) -> dict[str, list[AuditView]]:
    """The entries about each of these subjects, newest first; subjects without any are left out."""
    found: dict[str, list[AuditView]] = {}
    for some in chunks(sorted(subjects)):
        same = sa.select(AuditEntry).where(AuditEntry.connection_id == connection_id, AuditEntry.subject.in_(some))
        for row in db.scalars(same.order_by(AuditEntry.id.desc())):
            found.setdefault(row.subject, []).append(
                AuditView(at=row.at, who=row.who, action=row.action, subject=row.subject, detail=row.detail)
            )
    return found
