"""Connections: one made with its password, its .qwc document, another password.

A connection is a user name, a password and two GUIDs, and stays the same for ever: see `qbwc.qwc`.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc.admission import hash_secret
from qbwc.models import Connection
from qbwc.qwc import Qwc, QwcError, render

LONGEST_USER_NAME = 64


def create(
    db: orm.Session,
    *,
    user_name: str,
    now: datetime,
    owner_id: str,
    file_id: str | None = None,
    language: str = "en",
    minimum_interval: int | None = None,
) -> tuple[Connection, str]:
    """A new connection, with its id, and its password, which is nowhere kept: show it once.

    `owner_id` is the application's GUID in braces, one for all its connections and for ever; `file_id` is made unless a
    company file carries one already. `language` ("en" or "fr") is that of the sentences in the connector's window;
    `minimum_interval`, in seconds, the shortest rhythm that the connector is allowed.

    Raises QwcError, and then nothing was made, when the Web Connector would refuse one of these, or another connection
    has the user name or the FileID.
    """
    if len(user_name) > LONGEST_USER_NAME:
        raise QwcError("UserName", f"UserName must not exceed {LONGEST_USER_NAME} characters.")
    password = _new_password()
    made = Connection(
        user_name=user_name,
        secret_hash=hash_secret(password),
        owner_id=owner_id,
        file_id=file_id or f"{{{uuid.uuid4()}}}",
        language=language,
        minimum_interval=minimum_interval,
        created_at=now,
    )
    manifest(made, "any name", "http://localhost/")  # refused here, where somebody can still correct it
    try:
        with db.begin_nested():
            db.add(made)
            db.flush()
    except sa.exc.IntegrityError:
        raise QwcError("UserName", "Another connection has this user name or FileID.") from None
    return made, password


def change_password(connection: Connection) -> str:
    """Another password; the former one ends with this transaction. A visit under way goes on: it has its ticket."""
    password = _new_password()
    connection.secret_hash = hash_secret(password)
    return password


def _new_password() -> str:
    """256 random bits, as 64 letters and digits that can be pasted anywhere."""
    return secrets.token_hex(32)


def manifest(
    connection: Connection,
    app_name: str,
    url: str,
    *,
    support_url: str | None = None,
    description: str | None = None,
    display_name: str | None = None,
    unique_name: str | None = None,
    is_read_only: bool = False,
    run_every_minutes: int | None = None,
) -> str:
    """The .qwc document of a connection: the same values give the same bytes.

    `app_name` must differ from any other in the same Web Connector. `url` is where the endpoint answers: https, or http
    on this computer; `support_url` a page of the same host that answers a plain GET with 200, as the endpoint does.
    `description` is at most 80 characters. Without `run_every_minutes` a person starts every visit. For what else a
    .qwc can say, build a `qbwc.qwc.Qwc`. Raises QwcError.
    """
    return render(
        Qwc(
            app_name=app_name,
            app_url=url,
            app_support=support_url or url,
            app_description=description or app_name,
            user_name=connection.user_name,
            owner_id=connection.owner_id,
            file_id=connection.file_id,
            display_name=display_name,
            unique_name=unique_name,
            is_read_only=is_read_only,
            run_every_minutes=run_every_minutes,
        )
    )
