"""What is wrong between the portal and QuickBooks: the company file, the password, the last visit."""

from __future__ import annotations

from portal.errors import Sentence
from portal.models import Connection
from portal.notices.company import DOUBTS, IN_DOUBT, TITLES, what_to_do
from portal.services.status.problem import Problem
from portal.services.status.visit import VisitView
from qbwc.identity import Verdict

WRONG_PASSWORD = Sentence(
    "The Web Connector called with a wrong password. Type the connection's password there again, or make a new one."
)


def connection_problems(connection: Connection) -> list[Problem]:
    """A company file in doubt, until a person says which one is right."""
    row = connection.wire
    if row.verdict in (None, Verdict.GO):
        return []
    values = {
        "name": row.seen_company_name or "?",
        "path": row.seen_company_path or "?",
        "known_name": row.company_name or "?",
        "known_path": row.company_path or "?",
    }
    return [
        Problem(
            code=f"company-{row.verdict}",
            title=TITLES.get(row.verdict, IN_DOUBT),
            what=Sentence(DOUBTS[row.verdict].template, values),
            do=what_to_do(row.verdict) if row.verdict in TITLES else None,
            since=row.last_contact_at,
            link="connection",
            link_id=connection.id,
        )
    ]


def password_problems(connection: Connection) -> list[Problem]:
    """A refused log-in, until one goes well again."""
    row = connection.wire
    if row.refused_at is None or (row.last_contact_at is not None and row.last_contact_at > row.refused_at):
        return []
    return [
        Problem(
            code="wrong-password",
            title=Sentence("Password of the Web Connector"),
            what=WRONG_PASSWORD,
            do=None,
            since=row.refused_at,
            link="connection",
            link_id=connection.id,
        )
    ]


def visit_problems(connection: Connection, visits: tuple[VisitView, ...]) -> list[Problem]:
    """Why the last visit failed, until one goes well again."""
    success = connection.wire.last_success_at
    return [
        Problem(
            code="visit-failed",
            title=Sentence("Visits of the Web Connector"),
            what=_in_both(visit.last_error),
            do=None,
            since=visit.opened_at,
            link="connection",
            link_id=connection.id,
        )
        for visit in visits
        if visit.last_error and (success is None or success <= visit.opened_at)
    ]


def _in_both(texts: dict[str, str]) -> Sentence:
    """A text that comes in both languages."""
    english = texts.get("en", "")
    return Sentence(english, {}, texts)
