"""The lists of a company file as QuickBooks last showed them, and the job that pulls them.

Customers and items come page by page through an iterator, the small lists at once. After a first full pull only what
changed is asked for, from the newest TimeModified seen minus an overlap, and what was deleted. QuickBooks' times are
naive local: its wall clock is right and its offset is not. The watermark moves only after the last page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite

from qbwc import queue
from qbwc.jobs import JobKind, Registry, Visit
from qbwc.models import Arrival, Connection, Job, JobState, ListObject, ListState
from qbwc.qbxml import Answer
from qbwc.qbxml import lists as q

PULL = "pull-list"
PAGE = 500
OVERLAP = timedelta(hours=2)
MOST_RESTARTS = 3
# What is merged into another object may vanish without being listed as deleted: only a whole pull shows it.
WHOLE_EVERY = timedelta(days=7)

_IDENTITY = ("ListID", "TimeModified", "EditSequence", "Name", "FullName", "IsActive", "ParentRef", "Sublevel")


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledList:
    """How one list is asked for: its query, the kinds of objects in it, and the fields that are worth their bytes."""

    query: type
    pages: bool
    del_types: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()


LISTS: dict[str, PulledList] = {
    "customer": PulledList(
        query=q.CustomerQueryRq,
        pages=True,
        del_types=("Customer",),
        elements=(*_IDENTITY, "CompanyName", "Email", "TermsRef", "SalesTaxCodeRef", "CurrencyRef"),
    ),
    "item": PulledList(
        query=q.ItemQueryRq,
        pages=True,
        del_types=tuple(cls.__name__.removesuffix("Ret") for cls in q.ITEM_RETS),
        elements=(
            *_IDENTITY,
            "SalesTaxCodeRef",
            "SalesOrPurchase",
            "SalesAndPurchase",
            "SalesDesc",
            "SalesPrice",
            "PurchaseCost",
            "ItemDesc",
        ),
    ),
    "account": PulledList(query=q.AccountQueryRq, pages=False, elements=(*_IDENTITY, "AccountType", "AccountNumber")),
    "terms": PulledList(query=q.TermsQueryRq, pages=False),
    "class": PulledList(query=q.ClassQueryRq, pages=False, elements=_IDENTITY),
    "tax-code": PulledList(query=q.SalesTaxCodeQueryRq, pages=False),
    "template": PulledList(query=q.TemplateQueryRq, pages=False),
}


def refresh(
    db: orm.Session,
    registry: Registry,
    connection: Connection,
    now: datetime,
    *,
    full: bool = False,
    asked_by: str = "",
) -> list[Job]:
    """Queue the pull of every list that is not being pulled already; `asked_by` is who wants it, for the history."""
    return [job for kind in LISTS if (job := _plan(db, registry, connection, kind, now, full, asked_by)) is not None]


def _plan(
    db: orm.Session,
    registry: Registry,
    connection: Connection,
    kind: str,
    now: datetime,
    full: bool,
    asked_by: str,
) -> Job | None:
    under_way = sa.select(Job.id).where(
        Job.connection_id == connection.id,
        Job.kind == PULL,
        Job.state == JobState.WAITING,
        Job.key.startswith(f"{kind}:"),
    )
    if db.scalar(under_way.limit(1)) is not None:
        return None
    state = db.get(ListState, (connection.id, kind))
    if state is None:
        state = ListState(connection_id=connection.id, kind=kind, pull=0, is_complete=False)
        db.add(state)
    state.pull += 1
    pulled = LISTS[kind]
    too_long_ago = state.pulled_whole_at is None or now - state.pulled_whole_at > WHOLE_EVERY
    since = state.watermark if state.is_complete and pulled.pages and not full and not too_long_ago else None
    return queue.put(
        db,
        registry,
        connection_id=connection.id,
        kind=PULL,
        key=f"{kind}:{state.pull}",
        payload={"list": kind, "pull": state.pull, "since": since, "newest": None, "restarts": 0},
        messages=[("page", _first_page(kind, since))],
        now=now,
        asked_by=asked_by,
    )


def _first_page(kind: str, since: str | None) -> Any:
    pulled = LISTS[kind]
    if kind == "template":
        return q.TemplateQueryRq()
    if not pulled.pages:
        return pulled.query(active_status="All", include_ret_element=pulled.elements)
    return pulled.query(
        iterator="Start",
        max_returned=PAGE,
        active_status="All",
        from_modified_date=datetime.fromisoformat(since) - OVERLAP if since else None,
        include_ret_element=pulled.elements,
    )


class PullList(JobKind):
    """Pulls one list into the mirror."""

    kind = PULL
    topic = "lists"
    priority = 10

    def answered(self, visit: Visit, answer: Answer) -> None:
        """Store a page and ask for the next; after the last one ask what was deleted, then move the watermark."""
        payload = visit.job.payload
        if visit.request.step == "deleted":
            _forget(visit, (gone.list_id for gone in answer.objects))
            _complete(visit)
            return
        newest, count = _store(visit, payload["list"], payload["pull"], answer.objects)
        # What cannot be read is still there: its last known state stays.
        _keep(visit, [one.object_id for one in answer.unread if one.object_id])
        is_whole = _fits(payload.get("remaining"), count + len(answer.unread), answer.iterator_remaining)
        if not is_whole and self.interrupted(visit):
            return
        visit.job.payload = payload = {
            **payload,
            "newest": max(filter(None, [payload["newest"], newest]), default=None),
            "iterator": answer.iterator_id or payload.get("iterator"),
            "remaining": answer.iterator_remaining,
            "is_whole": is_whole and payload.get("is_whole", True),
        }
        if answer.iterator_remaining and count:
            pulled = LISTS[payload["list"]]
            # The filters are not repeated: QuickBooks would answer 3120.
            more = pulled.query(
                iterator="Continue",
                iterator_id=payload["iterator"],
                max_returned=PAGE,
                include_ret_element=pulled.elements,
            )
            visit.ask(more, "page", same_request_id=True, this_session_only=True)
        elif payload["since"]:
            since = datetime.fromisoformat(payload["since"]) - OVERLAP
            wanted = q.ListDeletedQueryRq(
                list_del_type=LISTS[payload["list"]].del_types,
                deleted_date_range_filter=q.DeletedDateRangeFilter(from_deleted_date=since),
            )
            visit.ask(wanted, "deleted")
        else:
            if payload["is_whole"]:
                _forget_unseen(visit)
            _complete(visit)

    def interrupted(self, visit: Visit) -> bool:
        """The iterator died with its session: from the start again, a few times."""
        payload = visit.job.payload
        if payload["restarts"] >= MOST_RESTARTS:
            return False
        visit.job.payload = {**payload, "restarts": payload["restarts"] + 1, "remaining": None}
        visit.ask(_first_page(payload["list"], payload["since"]), "page")
        return True


def _fits(before: int | None, count: int, remaining: int | None) -> bool:
    """Whether a page follows the one before it: an answer that was lost may have taken a page with it.

    `before` and `remaining` are what the iterator said was left, before this page of `count` objects and after it.
    """
    if not before:
        return count > 0 or not remaining
    return count > 0 and remaining is not None and before - remaining <= count


def _store(visit: Visit, kind: str, pull: int, objects: Iterable[Any]) -> tuple[str | None, int]:
    """Insert or update the objects of a page; returns the newest TimeModified among them, and how many there are."""
    newest: datetime | None = None
    count = 0
    while chunk := list(islice(objects, PAGE)):
        rows = []
        count += len(chunk)
        for one in chunk:
            if one.time_modified and (newest is None or one.time_modified > newest):
                newest = one.time_modified
            rows.append(
                {
                    "connection_id": visit.connection.id,
                    "kind": kind,
                    "type": type(one).__name__.removesuffix("Ret"),
                    "list_id": one.list_id,
                    "full_name": one.path,
                    "is_active": one.is_active is not False,
                    "edit_sequence": one.edit_sequence,
                    "data": facts(one),
                    "pull": pull,
                    "seen_at": visit.now,
                }
            )
        _note_news(visit, kind, rows)
        _upsert(visit.db, rows)
    return newest.isoformat(timespec="seconds") if newest else None, count


_OWN = ("connection_id", "kind", "pull", "seen_at")


def _note_news(visit: Visit, kind: str, rows: Sequence[dict[str, Any]]) -> None:
    """Count what is new or other than it was here: pages overlap, so that most of a page may be known already."""
    columns = [ListObject.__table__.c[name] for name in rows[0] if name not in _OWN]
    same = sa.and_(ListObject.connection_id == visit.connection.id, ListObject.kind == kind)
    known = sa.select(*columns).where(same, ListObject.list_id.in_([row["list_id"] for row in rows]))
    before = {row["list_id"]: dict(row) for row in visit.db.execute(known).mappings()}
    now = {row["list_id"]: {name: value for name, value in row.items() if name not in _OWN} for row in rows}
    added = sum(list_id not in before for list_id in now)
    changed = sum(list_id in before and before[list_id] != one for list_id, one in now.items())
    _arrive(visit, added=added, changed=changed)


def _arrive(visit: Visit, *, added: int = 0, changed: int = 0, gone: int = 0) -> None:
    """Add to what this visit brought of the list; a list that was read and brought nothing says so too."""
    kind = visit.job.payload["list"]
    row = visit.db.get(Arrival, (visit.session.id, kind))
    if row is None:
        row = Arrival(session_id=visit.session.id, kind=kind, connection_id=visit.connection.id)
        row.added = row.changed = row.gone = 0
        visit.db.add(row)
    row.added, row.changed, row.gone, row.at = row.added + added, row.changed + changed, row.gone + gone, visit.now


def _upsert(db: orm.Session, rows: Sequence[dict[str, Any]]) -> None:
    insert = sqlite.insert if db.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(ListObject)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in ("connection_id", "kind", "list_id")}
    db.execute(
        statement.on_conflict_do_update(index_elements=["connection_id", "kind", "list_id"], set_=changed), list(rows)
    )


def facts(one: Any) -> dict[str, Any]:
    """What is kept of an object beside its identity: plain values, decimals as text."""
    kept: dict[str, Any] = {}
    for name in (
        "sublevel",
        "company_name",
        "email",
        "account_type",
        "account_number",
        "template_type",
        "is_taxable",
        "desc",
    ):
        value = getattr(one, name, None)
        if value not in (None, ""):
            kept[name] = value
    for name in ("parent_ref", "terms_ref", "sales_tax_code_ref", "currency_ref"):
        ref = getattr(one, name, None)
        if ref is not None:
            kept[name] = {"list_id": ref.list_id, "full_name": ref.full_name}
    both, single = getattr(one, "sales_and_purchase", None), getattr(one, "sales_or_purchase", None)
    if both is not None:
        kept.update(
            has_cost=True, price=_text(both.sales_price), cost=_text(both.purchase_cost), description=both.sales_desc
        )
    elif single is not None:
        kept.update(has_cost=False, price=_text(single.price), cost=None, description=single.desc)
    elif hasattr(one, "purchase_cost"):
        kept.update(
            has_cost=True, price=_text(one.sales_price), cost=_text(one.purchase_cost), description=one.sales_desc
        )
    return kept


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _forget(visit: Visit, list_ids: Iterable[str]) -> None:
    while chunk := list(islice(list_ids, PAGE)):
        _delete(visit, ListObject.list_id.in_(chunk))


def _delete(visit: Visit, which: sa.ColumnElement[bool]) -> None:
    result = visit.db.execute(sa.delete(ListObject).where(_same_list(visit), which))
    _arrive(visit, gone=int(getattr(result, "rowcount", 0)))


def _keep(visit: Visit, list_ids: Sequence[str]) -> None:
    if list_ids:
        same = sa.update(ListObject).where(_same_list(visit), ListObject.list_id.in_(list_ids))
        visit.db.execute(same.values(pull=visit.job.payload["pull"]))


def _forget_unseen(visit: Visit) -> None:
    """After a full pull, what was not seen is no longer in QuickBooks."""
    _delete(visit, ListObject.pull < visit.job.payload["pull"])


def _same_list(visit: Visit) -> sa.ColumnElement[bool]:
    return sa.and_(ListObject.connection_id == visit.connection.id, ListObject.kind == visit.job.payload["list"])


def _complete(visit: Visit) -> None:
    """The end of a pull. One that lacks a page moves nothing: the next one asks from the same moment again."""
    payload = visit.job.payload
    state = visit.db.get_one(ListState, (visit.connection.id, payload["list"]))
    state.refreshed_at = visit.now
    _arrive(visit)
    if payload["is_whole"]:
        state.is_complete = True
        if not payload["since"]:
            state.pulled_whole_at = visit.now
        if payload["newest"] and payload["newest"] > (state.watermark or ""):
            state.watermark = payload["newest"]
    visit.finish()


def find(db: orm.Session, connection_id: int, kind: str, list_id: str) -> ListObject | None:
    """One object by its ListID."""
    return db.scalar(sa.select(ListObject).filter_by(connection_id=connection_id, kind=kind, list_id=list_id))
