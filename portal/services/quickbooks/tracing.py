"""Which messages and exchanges belong to which invoices, and what an exchange asked of QuickBooks, in words.

Everything here takes many rows at once: a page asks once, however many invoices it shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import Draft, Run
from portal.services.quickbooks.costs import COST
from portal.services.quickbooks.invoices import CREATE, UPDATE
from portal.services.quickbooks.read_back import READ_BACK
from portal.services.quickbooks.searching import FIND
from qbwc import mirror
from qbwc import models as wire

MOST_TOLD = 50
_OF_DRAFTS = (CREATE, UPDATE)
_DRAFT_KEY = "draft:"


class Outcome(StrEnum):
    """What became of a message."""

    DONE = "done"
    REFUSED = "refused"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What one message asked for, and what became of it; `run_id` and `draft_id` lead to the invoice it was about."""

    what: Sentence
    outcome: Outcome
    code: str | None
    run_id: int | None = None
    draft_id: int | None = None


def drafts_in_doubt(db: orm.Session, connection_id: int, draft_ids: Collection[int]) -> frozenset[int]:
    """Those of these drafts of which a message left and nobody knows what QuickBooks did with it."""
    unknown = (
        sa.select(wire.Job.key)
        .join(wire.Request, wire.Request.job_id == wire.Job.id)
        .where(_jobs_of(connection_id, draft_ids))
        .where(wire.Request.is_write, wire.Request.state == wire.RequestState.SENT)
    )
    return frozenset(_draft_id(key) for key in db.scalars(unknown))


def exchanges_of_drafts(db: orm.Session, connection_id: int, draft_ids: Collection[int]) -> dict[int, int]:
    """The last exchange in which a message of each of these drafts travelled: one that wrote before one that asked."""
    carried = (
        sa.select(wire.Job.key, wire.Request.is_write, sa.func.max(wire.Request.exchange_id))
        .join(wire.Request, wire.Request.job_id == wire.Job.id)
        .where(_jobs_of(connection_id, draft_ids), wire.Request.exchange_id.is_not(None))
        .group_by(wire.Job.key, wire.Request.is_write)
        .order_by(wire.Request.is_write)
    )
    return {_draft_id(key): exchange_id for key, _is_write, exchange_id in db.execute(carried) if exchange_id}


def _jobs_of(connection_id: int, draft_ids: Collection[int]) -> sa.ColumnElement[bool]:
    return sa.and_(
        wire.Job.connection_id == connection_id,
        wire.Job.kind.in_(_OF_DRAFTS),
        wire.Job.key.in_([f"{_DRAFT_KEY}{one}" for one in sorted(draft_ids)]),
    )


def _draft_id(key: str) -> int:
    return int(key.removeprefix(_DRAFT_KEY))


def invoices_of_visits(db: orm.Session, visit_ids: Collection[int]) -> dict[int, int]:
    """How many invoices QuickBooks wrote in each of these visits; visits without any are left out."""
    written = (
        sa.select(wire.Exchange.session_id, sa.func.count(sa.distinct(wire.Request.job_id)))
        .join(wire.Request, wire.Request.exchange_id == wire.Exchange.id)
        .join(wire.Job, wire.Job.id == wire.Request.job_id)
        .where(wire.Exchange.session_id.in_(sorted(visit_ids)), wire.Exchange.is_write, wire.Job.kind.in_(_OF_DRAFTS))
        .where(wire.Request.is_write, wire.Request.txn_id.is_not(None))
        .group_by(wire.Exchange.session_id)
    )
    return {row[0]: row[1] for row in db.execute(written)}


def tags_of_exchanges(db: orm.Session, exchange_ids: Collection[int]) -> dict[int, Counter[str]]:
    """The qbXML messages that travelled in each of these exchanges, such as InvoiceAddRq, and how many of each."""
    counted = (
        sa.select(wire.Request.exchange_id, wire.Request.tag, sa.func.count())
        .where(wire.Request.exchange_id.in_(sorted(exchange_ids)))
        .group_by(wire.Request.exchange_id, wire.Request.tag)
        .order_by(wire.Request.exchange_id, wire.Request.tag)
    )
    found: dict[int, Counter[str]] = {}
    for exchange_id, tag, count in db.execute(counted):
        if exchange_id is not None:
            found.setdefault(exchange_id, Counter())[tag] = count
    return found


def tags_of_parts(db: orm.Session, exchange_ids: Collection[int]) -> dict[tuple[int, str, str, str], dict[str, int]]:
    """The same of the parts of these exchanges: by exchange, topic, person and matter."""
    job = wire.Job
    counted = (
        sa.select(wire.Request.exchange_id, job.topic, job.asked_by, job.about, wire.Request.tag, sa.func.count())
        .join(job, job.id == wire.Request.job_id)
        .where(wire.Request.exchange_id.in_(sorted(set(exchange_ids))))
        .group_by(wire.Request.exchange_id, job.topic, job.asked_by, job.about, wire.Request.tag)
        .order_by(wire.Request.exchange_id, wire.Request.tag)
    )
    found: dict[tuple[int, str, str, str], dict[str, int]] = {}
    for exchange_id, topic, asked_by, about, tag, count in db.execute(counted):
        found.setdefault((exchange_id or 0, topic, asked_by, about), {})[tag] = count
    return found


# -- in words ---------------------------------------------------------------------------------------------------------

_PURPOSES: dict[wire.Purpose, Sentence] = {
    wire.Purpose.GREETING: Sentence("The Web Connector told which QuickBooks and which company file are open."),
    wire.Purpose.LANDMARKS: Sentence("Asked whether the newest invoices of ours are still in this company file."),
    wire.Purpose.DELETIONS: Sentence("Asked which of our invoices somebody deleted in QuickBooks."),
    wire.Purpose.CHECK: Sentence("Asked whether QuickBooks has the answer of a message that was lost."),
    wire.Purpose.LOOK_UP: Sentence("Looked in QuickBooks for what a lost message may have written."),
    wire.Purpose.CLEARING: Sentence("Told QuickBooks that its answers arrived, so that it need not keep them."),
}
_STEPS: dict[tuple[str, str], Sentence] = {
    (CREATE, "add"): Sentence("Asked QuickBooks to create the invoice of %(name)s"),
    (CREATE, "look"): Sentence("Looked whether QuickBooks has the invoice of %(name)s"),
    (UPDATE, "read"): Sentence("Read the invoices of %(name)s to choose the one to update"),
    (UPDATE, "change"): Sentence("Asked QuickBooks to put the lines into the invoice of %(name)s"),
    (UPDATE, "add"): Sentence("Asked QuickBooks to create the invoice of %(name)s"),
}
_SEARCH = Sentence("Searched QuickBooks for the invoice of %(name)s")
_READ_BACK = Sentence("Read the invoices of %(date)s back, to compare them with what was sent")
_COSTS: dict[str, Sentence] = {
    "read": Sentence("Read the item %(name)s, to compare its unit cost"),
    "write": Sentence("Asked QuickBooks to set the unit cost of %(name)s"),
}
_LISTS: dict[str, Sentence] = {
    "customer": Sentence("Read the customers and jobs"),
    "item": Sentence("Read the items"),
    "account": Sentence("Read the accounts"),
    "terms": Sentence("Read the terms"),
    "class": Sentence("Read the classes"),
    "tax-code": Sentence("Read the sales tax codes"),
    "template": Sentence("Read the invoice templates"),
}
_OTHER = Sentence("Sent %(tag)s")


def purpose_in_words(purpose: wire.Purpose) -> Sentence | None:
    """What an exchange was for that carries nothing of the queue; None for one that does."""
    return _PURPOSES.get(purpose)


def deeds(db: orm.Session, connection_id: int, exchange_id: int) -> tuple[Deed, ...]:
    """What the messages of an exchange asked for, in order, at most MOST_TOLD of them."""
    rows = db.execute(
        sa.select(wire.Request, wire.Job)
        .join(wire.Job, wire.Job.id == wire.Request.job_id)
        .where(wire.Request.exchange_id == exchange_id, wire.Request.connection_id == connection_id)
        .order_by(wire.Request.position, wire.Request.id)
        .limit(MOST_TOLD)
    ).all()
    known = _Known.load(db, connection_id, [job for _, job in rows])
    return tuple(_deed(request, job, known) for request, job in rows)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the jobs are about, by id: drafts, runs and items."""

    drafts: dict[int, Draft]
    runs: dict[int, Run]
    items: dict[str, str]

    @classmethod
    def load(cls, db: orm.Session, connection_id: int, jobs: Collection[wire.Job]) -> _Known:
        draft_ids = {job.payload["draft"] for job in jobs if "draft" in job.payload}
        run_ids = {job.payload["run"] for job in jobs if "run" in job.payload}
        item_ids = {job.payload["item"] for job in jobs if job.kind == COST and "item" in job.payload}
        own = sa.select(Draft).join(Run).where(Draft.id.in_(draft_ids), Run.connection_id == connection_id)
        found = db.scalars(own.options(orm.joinedload(Draft.organization))).all()
        runs = db.scalars(sa.select(Run).where(Run.id.in_(run_ids), Run.connection_id == connection_id)).all()
        names = sa.select(wire.ListObject.list_id, wire.ListObject.full_name).filter_by(
            connection_id=connection_id, kind="item"
        )
        items = db.execute(names.where(wire.ListObject.list_id.in_(item_ids))).all()
        return cls({row.id: row for row in found}, {row.id: row for row in runs}, {row[0]: row[1] for row in items})


def _deed(request: wire.Request, job: wire.Job, known: _Known) -> Deed:
    draft = known.drafts.get(job.payload.get("draft", 0))
    run = known.runs.get(job.payload.get("run", 0))
    what = Sentence(_OTHER.template, {"tag": request.tag})
    if draft is not None:
        told = _SEARCH if job.kind == FIND else _STEPS.get((job.kind, request.step))
        what = what if told is None else Sentence(told.template, {"name": draft.organization.name})
    elif job.kind == READ_BACK and run is not None:
        what = Sentence(_READ_BACK.template, {"date": run.invoice_date.isoformat()})
    elif job.kind == COST and request.step in _COSTS:
        item = str(job.payload.get("item", ""))
        what = Sentence(_COSTS[request.step].template, {"name": known.items.get(item, item)})
    elif job.kind == mirror.PULL:
        what = _LISTS.get(str(job.payload.get("list", "")), what)
    run_id = draft.run_id if draft else run.id if run else None
    return Deed(
        what=what,
        outcome=_outcome(request),
        code=request.status_code if request.status_code not in (None, "0") else None,
        run_id=run_id,
        draft_id=draft.id if draft else None,
    )


def _outcome(request: wire.Request) -> Outcome:
    if request.state is wire.RequestState.ANSWERED:
        return Outcome.DONE
    if request.state is wire.RequestState.PARKED:
        return Outcome.REFUSED
    return Outcome.UNKNOWN if request.state is wire.RequestState.SENT else Outcome.WAITING


__all__ = [
    "MOST_TOLD",
    "Deed",
    "Outcome",
    "deeds",
    "drafts_in_doubt",
    "exchanges_of_drafts",
    "invoices_of_visits",
    "purpose_in_words",
    "tags_of_exchanges",
    "tags_of_parts",
]
