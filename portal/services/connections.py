"""Connections: how a company file's clients are billed, and the .qwc and password that let it call us."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError

from portal.billing.period import BillingMode, next_invoice_dates
from portal.errors import Conflict, NotFound, Refused
from portal.models import Connection, Partner, SetupStep
from portal.services import Portal, audit, quickbooks
from portal.services.accounts import LANGUAGES, check_length, find_partner
from qbwc import company_file, connections
from qbwc.errors import QueueError
from qbwc.identity import Verdict
from qbwc.qwc import QwcError

# One GUID for the application: QuickBooks keeps our mark in the company file under it.
OWNER_ID = "{6d6f1f0c-3a5b-4c58-9a53-2f5c1b7e9d40}"
PRORATIONS = ("additions", "removals", "partial")
RUN_EVERY_MINUTES = 60
HIGHEST_ID = 2**31 - 1
_LONGEST_ID = len(str(HIGHEST_ID))


def to_row_id(text: str) -> int | None:
    """The number of a row as it was typed or sent; None for what cannot be one."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID
    return int(text) if is_number and int(text) <= HIGHEST_ID else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnection:
    """A connection that was just made, with its password, this once."""

    id: int
    name: str
    user_name: str
    password: str
    owner_id: str
    file_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """A connection as people see it. `setup_step` is how far its set-up has come, None once it is started."""

    id: int
    name: str
    partner_id: int
    partner: str
    billing_mode: BillingMode
    invoice_day: int
    proration: frozenset[str]
    time_zone: str
    start_date: date | None
    user_name: str
    company_name: str | None
    company_path: str | None
    verdict: Verdict | None
    language: str
    opens_page: bool
    seen_company_name: str | None
    seen_company_path: str | None
    last_contact_at: datetime | None
    last_success_at: datetime | None
    next_invoice_dates: tuple[date, ...]
    setup_step: SetupStep | None


def add_connection(
    portal: Portal,
    name: str,
    *,
    partner: str,
    billing_mode: BillingMode,
    invoice_day: int,
    prorate: Collection[str] = (),
    start_date: date | None = None,
    language: str = "en",
    setup_step: SetupStep | None = None,
) -> NewConnection:
    """Make a connection. Raises Refused, Conflict or NotFound with the remedy.

    `language` is that of the messages in the Web Connector's window. With a `setup_step`, it is set up step by step
    from there, and bills nothing by itself until it is started.
    """
    name = checked_name(name)
    check_invoice_day(invoice_day)
    check_proration(prorate)
    check_language(language)
    now = portal.now()
    with portal.database.write() as db:
        owner = find_partner(db, partner)
        require_free_name(db, owner, name)
        user_name = f"portal-{secrets.token_hex(5)}"
        row, password = connections.create(db, user_name=user_name, now=now, owner_id=OWNER_ID, language=language)
        db.add(
            Connection(
                id=row.id,
                partner_id=owner.id,
                name=name,
                billing_mode=billing_mode,
                invoice_day=invoice_day,
                prorate_additions="additions" in prorate,
                prorate_removals="removals" in prorate,
                prorate_partial="partial" in prorate,
                start_date=start_date,
                created_at=now,
                setup_step=setup_step,
            )
        )
        take_name(db, owner, name)
        made = {"billing_mode": BillingMode(billing_mode).value, "invoice_day": invoice_day, "prorate": sorted(prorate)}
        _note(db, row.id, now, "make-connection", name, {}, made)
        return NewConnection(
            id=row.id,
            name=name,
            user_name=row.user_name,
            password=password,
            owner_id=row.owner_id,
            file_id=row.file_id,
        )


def checked_name(name: str) -> str:
    """The name of a connection without the blanks around it. Raises Refused."""
    name = name.strip()
    if not name:
        raise Refused("A connection needs a name.")
    check_length(name)
    if not name.isprintable():
        raise Refused("A connection's name is one line of text.")
    return name


def require_free_name(db: orm.Session, owner: Partner, name: str) -> None:
    """Raises Conflict when another connection of the partner is called so."""
    if db.scalar(sa.select(Connection.id).filter_by(partner_id=owner.id, name=name)) is not None:
        raise _taken(owner, name)


def take_name(db: orm.Session, owner: Partner, name: str) -> None:
    """Write a connection's name to the database. Raises Conflict when another one took it at this moment."""
    taken = _taken(owner, name)
    try:
        db.flush()
    except IntegrityError:
        raise taken from None


def _taken(owner: Partner, name: str) -> Conflict:
    return Conflict("%(partner)s already has a connection %(name)s.", partner=owner.name, name=name)


def check_invoice_day(day: int | str) -> None:
    """Raises Refused for what is no day of a month."""
    if not 1 <= int(day) <= 31:
        raise Refused("The invoice day %(day)s is not a day of the month: give 1 to 31.", day=day)


def check_proration(boxes: Iterable[str]) -> None:
    """Raises Refused for a box that does not exist."""
    for box in boxes:
        if box not in PRORATIONS:
            raise Refused("There is no proration %(box)s: give any of %(boxes)s.", box=box, boxes=", ".join(PRORATIONS))


def check_language(language: str) -> None:
    """Raises Refused for a language that the Web Connector's messages are not written in."""
    if language not in LANGUAGES:
        raise Refused("Choose the language of the Web Connector's messages: en or fr.")


def list_connections(portal: Portal, partner_id: int | None = None) -> tuple[ConnectionView, ...]:
    """The connections of a partner, or all of them, by name."""
    whole = (orm.joinedload(Connection.partner), orm.joinedload(Connection.wire))
    query = sa.select(Connection).options(*whole).order_by(Connection.name, Connection.id)
    if partner_id is not None:
        query = query.filter_by(partner_id=partner_id)
    with portal.database.read() as db:
        return tuple(view(row, portal.now()) for row in db.scalars(query))


def find_connection(portal: Portal, name_or_id: str | int, partner_id: int | None = None) -> ConnectionView:
    """A connection by name or id, of this partner when one is given. Raises NotFound."""
    with portal.database.read() as db:
        return view(find(db, name_or_id, partner_id), portal.now())


def find(db: orm.Session, name_or_id: str | int, partner_id: int | None = None) -> Connection:
    """The row of a connection by number, or else by name. Raises NotFound, also for another partner's.

    A number always means the connection of that number, whatever others are called.
    """
    text = str(name_or_id).strip()
    mine = sa.select(Connection)
    if partner_id is not None:
        mine = mine.where(Connection.partner_id == partner_id)
    if (number := to_row_id(text)) is not None:
        numbered = db.scalar(mine.where(Connection.id == number))
        if numbered is not None:
            return numbered
    named = [] if isinstance(name_or_id, int) else db.scalars(mine.where(Connection.name == text).limit(2)).all()
    if len(named) > 1:
        raise Refused("Several connections are called %(name)s: name it by its number.", name=text)
    if not named:
        raise NotFound("There is no connection %(name)s. List them with: portal status", name=text)
    return named[0]


def hold(db: orm.Session, connection_id: int) -> Connection:
    """The row of a connection, held to the end of the transaction, so that two who bill at once take turns.

    The Web Connector's row is locked first, as every call of it does: nobody ever waits for two.
    """
    row = find(db, connection_id)
    db.refresh(row.wire, with_for_update={"key_share": True})
    db.refresh(row, with_for_update={"key_share": True})
    return row


def new_password(portal: Portal, connection_id: int) -> str:
    """Replace the Web Connector's password; it is returned this once and the former one ends now."""
    with portal.database.write() as db:
        row = find(db, connection_id)
        _note(db, row.id, portal.now(), "new-password", row.name)
        return replace_password(row, portal.now())


def replace_password(row: Connection, now: datetime) -> str:
    """The same within a transaction; when it was, is what notices say."""
    row.password_changed_at = now
    return connections.change_password(row.wire)


def qwc(portal: Portal, connection_id: int) -> str:
    """The .qwc file: always the same for a connection. Raises Refused when PORTAL_URL cannot be used for one."""
    with portal.database.read() as db:
        row = find(db, connection_id)
        try:
            return connections.manifest(
                row.wire,
                f"Cloud billing {row.id}",
                portal.settings.endpoint_url,
                support_url=_support_url(portal.settings.url),
                description="Invoices the cloud subscriptions of your clients.",
                display_name=f"Cloud billing: {row.name}"[:80].rstrip(),
                unique_name=f"Cloud billing {row.wire.file_id}",
                run_every_minutes=RUN_EVERY_MINUTES,
            )
        except QwcError as error:
            raise Refused(
                "The .qwc file cannot be made: %(reason)s Set PORTAL_URL to the portal's public address.", reason=error
            ) from None


def _support_url(url: str) -> str:
    parts = urlsplit(url)
    # The Web Connector wants 200 from a plain GET, so this must be a page that needs no log-in.
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/login"


def request_lists(portal: Portal, connection_id: int) -> None:
    """Have QuickBooks' lists read anew at the next visit; who acts is the one who asks."""
    with portal.database.write() as db:
        want_lists(find(db, connection_id))


def want_lists(row: Connection) -> None:
    """The same within a transaction."""
    row.lists_wanted, row.lists_wanted_by = True, audit.who_acts()


def confirm_company(portal: Portal, connection_id: int, *, name: str | None = None, path: str | None = None) -> None:
    """A person says that the company file last seen is the right one; `name` and `path` are what was on the page.

    Raises Refused when none is in doubt, or another was seen since.
    """
    with portal.database.write() as db:
        found = find(db, connection_id)
        row = found.wire
        was_stale = row.verdict is Verdict.STALE
        before = {"company_name": row.company_name, "company_path": row.company_path}
        try:
            company_file.confirm(db, row, name=name, path=path)
        except QueueError:
            raise Refused(
                "There is nothing to confirm: no company file is in doubt, or another one was seen since. Look again."
            ) from None
        after = {"company_name": row.company_name, "company_path": row.company_path}
        _note(db, found.id, portal.now(), "confirm-company", found.name, before, after)
        if was_stale:
            quickbooks.take_as_it_is(db, portal.registry, connection_id, portal.now())


def _note(
    db: orm.Session,
    connection_id: int,
    now: datetime,
    action: str,
    name: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    detail = {"name": name, "before": before or {}, "after": after or {}}
    audit.note(db, connection_id, at=now, action=action, subject=f"connection:{connection_id}", detail=detail)


def view(row: Connection, now: datetime) -> ConnectionView:
    """A row as people see it, with the next three invoice dates from today on."""
    boxes = {"additions": row.prorate_additions, "removals": row.prorate_removals, "partial": row.prorate_partial}
    today = now.astimezone(ZoneInfo(row.time_zone)).date()
    return ConnectionView(
        id=row.id,
        name=row.name,
        partner_id=row.partner_id,
        partner=row.partner.name,
        billing_mode=row.billing_mode,
        invoice_day=row.invoice_day,
        proration=frozenset(name for name, ticked in boxes.items() if ticked),
        time_zone=row.time_zone,
        start_date=row.start_date,
        user_name=row.wire.user_name,
        company_name=row.wire.company_name,
        company_path=row.wire.company_path,
        verdict=row.wire.verdict,
        language=row.wire.language,
        opens_page=row.opens_page,
        seen_company_name=row.wire.seen_company_name,
        seen_company_path=row.wire.seen_company_path,
        last_contact_at=row.wire.last_contact_at,
        last_success_at=row.wire.last_success_at,
        next_invoice_dates=next_invoice_dates(today, row.invoice_day),
        setup_step=row.setup_step,
    )


__all__ = [
    "ConnectionView",
    "NewConnection",
    "add_connection",
    "confirm_company",
    "find_connection",
    "list_connections",
    "new_password",
    "qwc",
    "replace_password",
    "request_lists",
]
