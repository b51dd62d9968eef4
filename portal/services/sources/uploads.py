"""A file that waits while a person says what its columns are: kept in the database, for them alone, for two hours."""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound
from portal.models import Upload
from portal.services import Portal
from portal.services.connections import find

LASTS = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadView:
    """A file that waits; `token` tells it apart from the one that the same person brought in another window."""

    token: str
    name: str
    data: bytes = field(repr=False)


def keep_upload(portal: Portal, connection_id: int, user_id: int, data: bytes, name: str) -> str:
    """Keep a file for two hours, in place of the person's former one on this connection. Returns its token."""
    content, token = zlib.compress(data, 1), secrets.token_urlsafe(32)
    with portal.database.write() as db:
        find(db, connection_id)
        _forget_old(db, portal)
        db.execute(sa.delete(Upload).filter_by(connection_id=connection_id, user_id=user_id))
        db.add(
            Upload(
                connection_id=connection_id,
                user_id=user_id,
                token=token,
                file_name=name,
                content=content,
                uploaded_at=portal.now(),
            )
        )
    return token


def get_upload(portal: Portal, connection_id: int, user_id: int, token: str) -> UploadView:
    """The file that waits under this token, if it is this person's on this connection. Raises NotFound."""
    with portal.database.read() as db:
        mine = sa.select(Upload.file_name, Upload.content).filter_by(
            connection_id=connection_id, user_id=user_id, token=token.replace("\0", "")
        )
        row = db.execute(mine.where(Upload.uploaded_at > portal.now() - LASTS)).first()
    if row is None:
        raise NotFound("This file is no longer here: it is kept for two hours, and one at a time. Choose it again.")
    return UploadView(token=token, name=row.file_name, data=zlib.decompress(row.content))


def forget_upload(portal: Portal, connection_id: int, user_id: int, token: str) -> None:
    """Delete a person's file on this connection, if it is still there: not one that came in its place meanwhile."""
    with portal.database.write() as db:
        db.execute(sa.delete(Upload).filter_by(connection_id=connection_id, user_id=user_id, token=token))
        _forget_old(db, portal)


def forget_uploads(portal: Portal) -> None:
    """Delete every file that nobody came back for."""
    with portal.database.write() as db:
        _forget_old(db, portal)


def _forget_old(db: orm.Session, portal: Portal) -> None:
    db.execute(sa.delete(Upload).where(Upload.uploaded_at <= portal.now() - LASTS))
