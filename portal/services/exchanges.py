"""What crossed the wire between QuickBooks and the portal: listed, shown, and after a while forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import orm

from portal.errors import NotFound, Sentence
from portal.services import Portal, quickbooks, unshared
from portal.services.connections import HIGHEST_ID, find
from qbwc import history


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeView:
    """One message set and its answer, without their texts; sizes in characters, `seconds` from sending to answer.

    `about` says what it was for where it carries nothing of the queue; else `tags` are its messages, and how many.
    """

    id: int
    purpose: str
    is_write: bool
    state: str
    attempts: int
    requests: int
    sent_at: datetime
    seconds: float | None
    sent: int
    received: int | None
    code: str | None
    message: str | None
    about: Sentence | None = None
    tags: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitExchanges:
    """The exchanges of one visit, in order; without a visit there are none."""

    visit_id: int | None
    opened_at: datetime | None
    exchanges: tuple[ExchangeView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeTexts:
    """Both texts of one exchange, indented, without secrets; None when it never was there or is forgotten."""

    id: int
    request: str | None
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeDetail:
    """One exchange of a visit: what it asked for in words (`deeds`, the first of them), and both texts."""

    visit_id: int
    exchange: ExchangeView
    deeds: tuple[quickbooks.Deed, ...]
    texts: ExchangeTexts


def list_exchanges(portal: Portal, connection_id: int, visit_id: int | None = None) -> VisitExchanges:
    """The exchanges of a visit, the last one unless told otherwise. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        kept_back = unshared.hidden_matters(db, connection_id)
        visit = _visit(db, connection_id, visit_id)
        if visit is None:
            return VisitExchanges(visit_id=None, opened_at=None, exchanges=())
        rows = history.exchanges(db, connection_id, visit.id, without=kept_back)
        return VisitExchanges(visit_id=visit.id, opened_at=visit.opened_at, exchanges=tuple(map(view_of, rows)))


def _visit(db: orm.Session, connection_id: int, visit_id: int | None) -> history.PastVisit | None:
    if visit_id is None:
        return next(iter(history.visits(db, connection_id, limit=1)), None)
    found = history.visit(db, connection_id, visit_id) if 0 < visit_id <= HIGHEST_ID else None
    if found is None:
        raise NotFound("This connection has no visit %(id)s. List them with: portal status", id=visit_id)
    return found


def view_of(row: history.PastExchange, tags: Mapping[str, int] | None = None) -> ExchangeView:
    """An exchange as a page shows it."""
    return ExchangeView(
        id=row.id,
        purpose=row.purpose.value,
        is_write=row.is_write,
        state=row.state.value,
        attempts=row.attempts,
        requests=row.requests,
        sent_at=row.sent_at,
        seconds=None if row.duration is None else row.duration.total_seconds(),
        sent=row.request_size,
        received=row.answer_size,
        code=row.hresult,
        message=row.message,
        about=quickbooks.purpose_in_words(row.purpose),
        tags=tags or {},
    )


def read_exchange(portal: Portal, connection_id: int, exchange_id: int) -> ExchangeTexts:
    """Both texts of one exchange. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        found = _exchange(db, connection_id, exchange_id)
        texts = None if found is None else history.bodies(db, connection_id, found.id)
    if texts is None:
        raise NotFound("This connection has no exchange %(id)s. List them with: portal exchanges", id=exchange_id)
    return ExchangeTexts(id=exchange_id, request=texts.request, answer=texts.answer)


def _exchange(db: orm.Session, connection_id: int, exchange_id: int) -> history.PastExchange | None:
    """None also for one that carried anything of a run that is kept from whoever reads."""
    if not 0 < exchange_id <= HIGHEST_ID:
        return None
    return history.exchange(db, connection_id, exchange_id, without=unshared.hidden_matters(db, connection_id))


def get_exchange(portal: Portal, connection_id: int, exchange_id: int) -> ExchangeDetail:
    """One exchange with what it asked for in words, and both texts. Raises NotFound."""
    with portal.database.read() as db:
        row = _exchange(db, connection_id, exchange_id)
        texts = None if row is None else history.bodies(db, connection_id, row.id)
        if row is None or texts is None:
            raise NotFound("This exchange does not exist here, or it was so long ago that it is forgotten.")
        return ExchangeDetail(
            visit_id=row.visit_id,
            exchange=view_of(row, quickbooks.tags_of_exchanges(db, [row.id]).get(row.id)),
            deeds=quickbooks.deeds(db, connection_id, row.id),
            texts=ExchangeTexts(id=row.id, request=texts.request, answer=texts.answer),
        )


def forget_old(portal: Portal) -> history.Forgotten:
    """Forget texts and visits that are older than the settings say; what is in doubt stays."""
    now, settings = portal.now(), portal.settings
    with portal.database.write() as db:
        return history.forget(
            db,
            bodies_before=now - timedelta(days=settings.bodies_days),
            visits_before=now - timedelta(days=settings.history_days),
        )
