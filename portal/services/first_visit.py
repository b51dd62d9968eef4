"""The first visit of the Web Connector, followed live: who calls, which lists have come, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import Connection
from portal.services import Portal
from portal.services.connections import find
from portal.services.status.connection import connection_problems, password_problems, visit_problems
from portal.services.status.lists import ListView, list_problems, read_lists
from portal.services.status.problem import Problem
from portal.services.status.visit import read_visits
from qbwc import models as wire
from qbwc.identity import Verdict
from qbwc.session import State

NEEDED = ("customer", "item")
"""The lists without which nothing can be mapped."""
TOO_OLD = Sentence("QuickBooks is too old")
BROKEN_AFTER = timedelta(minutes=10)


class Stage(StrEnum):
    """How far the first visit is."""

    NOBODY = "nobody"
    TALKING = "talking"
    FAILED = "failed"
    BROKEN = "broken"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstVisit:
    """What is known of it. `problems` says what went wrong with cause and remedy, also beside a visit that went well.

    `answered` counts the requests that QuickBooks has answered in the latest visit.
    """

    stage: Stage
    machine: str | None
    product: str | None
    company_name: str | None
    opened_at: datetime | None
    answered: int
    lists: tuple[ListView, ...]
    problems: tuple[Problem, ...]

    @property
    def is_over(self) -> bool:
        """Whether nothing more is waited for."""
        return self.stage is Stage.DONE


def follow(portal: Portal, connection_id: int) -> FirstVisit:
    """How far the first visit is now. Raises NotFound."""
    with portal.database.read() as db:
        row = find(db, connection_id)
        lists = read_lists(db, connection_id)
        visits = read_visits(db, connection_id, 1)
        latest = visits[0] if visits else None
        is_done = has_succeeded(db, row)
        is_open = _is_under_way(db, row, portal.now())
        in_doubt = [] if is_done or is_open else (_doubts(row) or visit_problems(row, visits))
        wrong = [] if is_open else password_problems(row)
        problems = (*wrong, *in_doubt, *list_problems(db, connection_id))
        return FirstVisit(
            stage=_stage(row, is_done=is_done, is_open=is_open, has_failed=bool(wrong or in_doubt)),
            machine=latest.machine if latest else None,
            product=latest.product if latest else None,
            company_name=latest.company_name if latest else None,
            opened_at=latest.opened_at if latest else None,
            answered=latest.done + latest.failed if latest else 0,
            lists=lists,
            problems=problems,
        )


def _doubts(row: Connection) -> list[Problem]:
    if row.wire.verdict is Verdict.TOO_OLD:  # nothing is wrong with the file
        return [replace(one, title=TOO_OLD) for one in connection_problems(row)]
    return connection_problems(row)


def has_succeeded(db: orm.Session, row: Connection) -> bool:
    """Whether a visit went well with the right company file, and customers and items have come."""
    if row.wire.last_success_at is None or row.wire.verdict is not Verdict.GO:
        return False
    complete = sa.select(sa.func.count()).where(
        wire.ListState.connection_id == row.id,
        wire.ListState.kind.in_(NEEDED),
        wire.ListState.refreshed_at.is_not(None),
    )
    return db.scalar(complete) == len(NEEDED)


def _is_under_way(db: orm.Session, row: Connection, now: datetime) -> bool:
    running = sa.select(wire.Session.id).where(
        wire.Session.connection_id == row.id,
        wire.Session.state.not_in([State.CLOSED, State.FAILED]),
        wire.Session.last_contact_at > now - BROKEN_AFTER,
    )
    return db.scalar(running.limit(1)) is not None


def _stage(row: Connection, *, is_done: bool, is_open: bool, has_failed: bool) -> Stage:
    if is_done:
        return Stage.DONE
    if is_open:
        return Stage.TALKING
    if has_failed:
        return Stage.FAILED
    return Stage.NOBODY if row.wire.last_contact_at is None else Stage.BROKEN
