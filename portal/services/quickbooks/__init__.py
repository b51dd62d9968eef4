"""The queue, seen from the portal: the only door to QuickBooks.

A draft becomes a job under its own key, so that dispatching it twice queues it once. Creating is one message; updating
reads the customer's invoices of the period first, chooses one, and sends its whole list of lines back. When the last
invoice of a run is written, all of them are read back and compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import Connection
from portal.services.call_gaps import note_gap
from portal.services.quickbooks.costs import PushCost, dispatch_cost, dispatch_mended_costs, takes_cost
from portal.services.quickbooks.dispatching import (
    UNKNOWN,
    compare_again,
    dispatch,
    dispatch_again,
    is_uncompared,
    is_undone,
    may_be_written,
    may_go_again,
    take_as_it_is,
    take_back,
)
from portal.services.quickbooks.invoices import CreateInvoice, UpdateInvoice
from portal.services.quickbooks.messages import is_separate, text_changes
from portal.services.quickbooks.read_back import ReadBack
from portal.services.quickbooks.searching import CORRECTED, RELEASED, SENTENCES, FindInvoice, is_sought, search
from portal.services.quickbooks.tracing import (
    MOST_TOLD,
    Deed,
    Outcome,
    deeds,
    drafts_in_doubt,
    exchanges_of_drafts,
    invoices_of_visits,
    purpose_in_words,
    tags_of_exchanges,
    tags_of_parts,
)
from portal.services.reasons import explain
from qbwc import mirror, queue
from qbwc import models as wire
from qbwc.database import Database
from qbwc.endpoint import Endpoint
from qbwc.jobs import Registry
from qbwc.qbxml.status import judge, judge_hresult

LISTS_EVERY = timedelta(hours=20)
RHYTHM_SLACK = timedelta(minutes=5)
LATEST_PULLS = 10 * len(mirror.LISTS)


def build_registry() -> Registry:
    """The job kinds of the product."""
    registry = Registry(mirror.PullList())
    for kind in (CreateInvoice(), UpdateInvoice(), PushCost(), ReadBack(), FindInvoice()):
        registry.add(kind)
    return registry


def build_endpoint(
    database: Database,
    registry: Registry,
    now: Callable[[], datetime],
    version: str,
    interactive_page: Callable[[wire.Connection], str] | None = None,
) -> Endpoint:
    """The Web Connector's counterpart over this portal's database."""

    def before_visit(db: orm.Session, connection: wire.Connection, moment: datetime) -> None:
        row = db.get(Connection, connection.id)
        if row is not None:
            row.call_gaps = note_gap(row.call_gaps, connection.last_contact_at, moment)
        states = db.scalars(sa.select(wire.ListState).filter_by(connection_id=connection.id)).all()
        refreshed = [state.refreshed_at for state in states if state.refreshed_at]
        newest = min(refreshed) if len(refreshed) == len(mirror.LISTS) else None
        wanted = row is not None and row.lists_wanted
        if wanted or lists_are_due(moment, newest, connection.last_contact_at, timedelta(minutes=60)):
            asked_by = row.lists_wanted_by if row is not None and wanted else ""
            mirror.refresh(db, registry, connection, moment, asked_by=asked_by)
            if row is not None:
                row.lists_wanted, row.lists_wanted_by = False, ""
        dispatch_mended_costs(db, registry, connection.id, moment)

    return Endpoint(
        database,
        registry,
        before_visit=[before_visit],
        server_version=version,
        interactive_page=interactive_page,
        now=now,
    )


def lists_are_due(
    now: datetime, refreshed_at: datetime | None, last_contact_at: datetime | None, every: timedelta
) -> bool:
    """Whether this visit reads QuickBooks' lists: once a day by itself, and whenever a person clicked Update Selected.

    The connector's own schedule comes every `every`; a call off that rhythm was made by hand.
    """
    if refreshed_at is None or now - refreshed_at >= LISTS_EVERY:
        return True
    if last_contact_at is None:
        return True
    return abs(now - last_contact_at - every) > RHYTHM_SLACK


def explained(code: str, detail: str) -> tuple[Sentence, Sentence | None]:
    """What any code on a draft, a cost or a list says happened; and what to do, where the first does not say it."""
    known = explain(code) or SENTENCES.get(code)
    if known is not None:
        return known, None
    if code == UNKNOWN:
        return (
            Sentence("This invoice cannot be written for QuickBooks: %(detail)s.", {"detail": detail}),
            Sentence("Mend what it names in the fields or the mapping of the organization, then try again."),
        )
    return what_and_do(code, detail)


def what_and_do(code: str, message: str) -> tuple[Sentence, Sentence]:
    """What a status code or hresult of QuickBooks says happened, and what a person can do about it."""
    if code == queue.UNHANDLED.code:
        status = dataclasses.replace(queue.UNHANDLED, message=message)
    else:
        status = judge_hresult(code, message) if code.casefold().startswith("0x") else judge(code, "Error", message)
    what = Sentence(status.what("en"), {}, {"fr": status.what("fr")})
    return what, Sentence(status.do("en"), {}, {"fr": status.do("fr")})


def list_object(db: orm.Session, connection_id: int, kind: str, list_id: str) -> wire.ListObject | None:
    """An item or customer as QuickBooks last showed it."""
    return mirror.find(db, connection_id, kind, list_id)


def troubled_lists(db: orm.Session, connection_id: int) -> list[tuple[str, wire.Job]]:
    """The lists whose last pull QuickBooks refused, or was not wholly readable, each with the job that says why."""
    newest: dict[str, wire.Job] = {}
    pulls = sa.select(wire.Job).filter_by(connection_id=connection_id, kind=mirror.PULL).order_by(wire.Job.id.desc())
    # Every refresh asks for all lists, but for those that are being read: the last few hold the newest of each.
    for job in db.scalars(pulls.limit(LATEST_PULLS)):
        newest.setdefault(job.payload["list"], job)
    in_order = ((name, newest[name]) for name in mirror.LISTS if name in newest)
    return [(name, job) for name, job in in_order if job.state is wire.JobState.PARKED or job.warning]


def troubled_pulls(query: sa.Select[Any]) -> sa.Select[Any]:
    """The same lists of any connections, for a query over the jobs: the newest pull of each is named by its number."""
    state, job = wire.ListState, wire.Job
    is_newest = job.key == state.kind + ":" + sa.cast(state.pull, sa.String)
    return (
        query.select_from(state)
        .join(job, sa.and_(job.connection_id == state.connection_id, job.kind == mirror.PULL, is_newest))
        .where(sa.or_(job.state == wire.JobState.PARKED, job.warning.is_not(None)))
    )


__all__ = [
    "CORRECTED",
    "MOST_TOLD",
    "RELEASED",
    "Deed",
    "Outcome",
    "build_endpoint",
    "build_registry",
    "compare_again",
    "deeds",
    "dispatch",
    "dispatch_again",
    "dispatch_cost",
    "drafts_in_doubt",
    "exchanges_of_drafts",
    "explained",
    "invoices_of_visits",
    "is_separate",
    "is_sought",
    "is_uncompared",
    "is_undone",
    "list_object",
    "lists_are_due",
    "may_be_written",
    "may_go_again",
    "purpose_in_words",
    "search",
    "tags_of_exchanges",
    "tags_of_parts",
    "take_as_it_is",
    "take_back",
    "takes_cost",
    "text_changes",
    "troubled_lists",
    "troubled_pulls",
    "what_and_do",
]
