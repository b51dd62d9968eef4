"""Column profiles: how each supplier's CSV is read, kept with the connection; and the import of such a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Conflict, NotFound, Refused
from portal.models import ColumnProfile, Delivery
from portal.providers import csvfile
from portal.providers.csvfile import Profile
from portal.services import Portal, audit, catalog
from portal.services.accounts import check_length
from portal.services.catalog import ImportResult
from portal.services.connections import HIGHEST_ID, find, hold
from portal.services.failed_imports import noting_failure
from portal.services.posting import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileView:
    """A saved profile. What its columns are is read when it is used: see `find_profile`."""

    id: int
    name: str
    created_at: datetime
    changed_at: datetime


def list_profiles(portal: Portal, connection_id: int) -> tuple[ProfileView, ...]:
    """The saved profiles of a connection, by name."""
    with portal.database.read() as db:
        rows = db.scalars(sa.select(ColumnProfile).filter_by(connection_id=connection_id).order_by(ColumnProfile.name))
        return tuple(_view(row) for row in rows)


def find_profile(portal: Portal, connection_id: int, name_or_id: str | int) -> Profile:
    """A saved profile by name (text) or id (number). Raises NotFound, or ProviderError for one that cannot be read."""
    with portal.database.read() as db:
        row = _find(db, connection_id, name_or_id)
        text, name = json.dumps(row.profile), row.name
    return replace(Profile.from_json(text), name=name)


def save_profile(
    portal: Portal, connection_id: int, profile: Profile, *, replaces: bool = False, who: str = ""
) -> ProfileView:
    """Keep a complete profile under its name; `replaces` allows one of that name to be changed.

    Raises Refused for a name that cannot be and for choices that are still open, Conflict for a name that is taken.
    """
    profile = _named(profile, profile.name)
    if profile.open_choices():
        raise Refused("Some choices are still open. Answer them, then save.")
    now = portal.now()
    with portal.database.write() as db:
        hold(db, connection_id)
        row = db.scalar(sa.select(ColumnProfile).filter_by(connection_id=connection_id, name=profile.name))
        if row is not None and not replaces:
            raise Conflict(
                "There are already columns called %(name)s. Choose another name, or tick that they are replaced.",
                name=profile.name,
            )
        if row is None:
            row = ColumnProfile(connection_id=connection_id, name=profile.name, created_at=now)
            db.add(row)
        before, row.profile, row.changed_at = row.profile, json.loads(profile.to_json()), now
        db.flush()
        _note(db, portal, row, who, "save-columns", {"before": before, "after": row.profile})
        return _view(row)


def delete_profile(portal: Portal, connection_id: int, profile_id: int, *, who: str = "") -> str:
    """Forget a profile; what was imported by it stays. Returns its name. Raises NotFound."""
    with portal.database.write() as db:
        row = _find(db, connection_id, profile_id)
        _note(db, portal, row, who, "delete-columns", {"before": row.profile, "after": None})
        db.delete(row)
        return row.name


def import_csv(
    portal: Portal, connection_id: int, data: bytes, name: str, profile: Profile, progress: Progress | None = None
) -> ImportResult:
    """Read a file by a profile and keep its charges. Raises Refused, or ProviderError for what cannot be read.

    The same file under the name of another profile would bring every charge a second time: it is refused.
    """
    profile = _named(profile, profile.name)
    with noting_failure(portal, connection_id, catalog.CSV, name):
        delivered = csvfile.read(data, name, profile)
        _refuse_other_profile(portal, connection_id, data, profile.name)
        return catalog.keep(portal, connection_id, delivered, data, name=name, progress=progress)


def save_and_import(
    portal: Portal,
    connection_id: int,
    data: bytes,
    file_name: str,
    profile: Profile,
    *,
    name: str,
    replaces: bool = False,
    who: str = "",
    progress: Progress | None = None,
) -> ImportResult:
    """Save a profile under `name` once it has read the whole of `data`, and keep the charges. Raises as both do."""
    profile = _named(profile, name)
    with noting_failure(portal, connection_id, catalog.CSV, file_name):
        delivered = csvfile.read(data, file_name, profile)
        _refuse_other_profile(portal, connection_id, data, profile.name)
        save_profile(portal, connection_id, profile, replaces=replaces, who=who)
        return catalog.keep(portal, connection_id, delivered, data, name=file_name, progress=progress)


def _named(profile: Profile, name: str) -> Profile:
    """The profile under a name that can be kept. Raises Refused."""
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise Refused("Give these columns a name, on one line: the supplier's, for example.")
    check_length(name)
    return replace(profile, name=name)


def _refuse_other_profile(portal: Portal, connection_id: int, data: bytes, scope: str) -> None:
    same = sa.select(Delivery.scope).filter_by(
        connection_id=connection_id, provider=catalog.CSV, digest=hashlib.sha256(data).hexdigest()
    )
    with portal.database.read() as db:
        other = db.scalar(same.where(Delivery.scope != scope).limit(1))
    if other is not None:
        raise Refused(
            "This very file was imported with the columns called %(name)s. Nothing was imported, because its charges "
            "would be billed twice. Import it with those columns; if they are wrong, correct them under that name.",
            name=other,
        )


def _find(db: orm.Session, connection_id: int, name_or_id: str | int) -> ColumnProfile:
    find(db, connection_id)
    mine = sa.select(ColumnProfile).filter_by(connection_id=connection_id)
    if isinstance(name_or_id, int):
        row = db.scalar(mine.filter_by(id=name_or_id)) if 0 < name_or_id <= HIGHEST_ID else None
    else:
        row = db.scalar(mine.filter_by(name=" ".join(name_or_id.replace("\0", "").split())))
    if row is None:
        names = db.scalars(mine.with_only_columns(ColumnProfile.name).order_by(ColumnProfile.name)).all()
        raise NotFound(
            "There are no such columns. Saved for this connection: %(known)s.", known=", ".join(names) or "–"
        )
    return row


def _note(db: orm.Session, portal: Portal, row: ColumnProfile, who: str, action: str, columns: dict[str, Any]) -> None:
    detail = {"name": row.name, **columns}
    audit.note(
        db, row.connection_id, at=portal.now(), who=who, action=action, subject=f"columns:{row.id}", detail=detail
    )


def _view(row: ColumnProfile) -> ProfileView:
    return ProfileView(id=row.id, name=row.name, created_at=row.created_at, changed_at=row.changed_at)
