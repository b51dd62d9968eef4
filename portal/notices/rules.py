"""The facts of one connection in, its notices out: one rule for each cause (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from portal.errors import Sentence
from portal.notices.calls import Calls, judge_calls
from portal.notices.company import CONFIRM, IN_DOUBT, TITLES, describe, find_sides, what_to_do
from portal.notices.facts import Facts, FailedImport
from portal.notices.notice import Action, Kind, Notice, Severity, Side
from portal.notices.releases import last_day, release_year
from portal.notices.rhythm import is_overdue
from qbwc.identity import Verdict

SET_UP_WITHIN = timedelta(days=1)
"""Nobody is written to about a connection that is being set up."""
PASTED_WITHIN = timedelta(hours=1)
"""Nor about a password that somebody is on the way to paste."""

_ADMINISTRATOR = frozenset({"administrator"})
_WRITERS = frozenset({"administrator", "billing"})
ROLES: dict[Action, frozenset[str]] = {
    Action.OPEN_PREVIEW: _WRITERS,
    Action.CONNECTOR_STEPS: _WRITERS,
    Action.RETRY: _WRITERS,
    Action.CONFIRM_COMPANY: _ADMINISTRATOR,
    Action.MAP: _WRITERS,
    Action.MEND_ERRORS: _WRITERS,
    Action.RENEW_PASSWORD: _ADMINISTRATOR,
    Action.UPDATE_QUICKBOOKS: _WRITERS,
    Action.IMPORT_AGAIN: _WRITERS,
}
"""Who may do it in the portal; what is to be done at the QuickBooks computer, they see to."""
DO: dict[Action, Sentence] = {
    Action.OPEN_PREVIEW: Sentence("Open the preview, check the lines, and bill them."),
    Action.CONNECTOR_STEPS: Sentence(
        "Follow the steps at the QuickBooks computer: only the Web Connector there can start a visit."
    ),
    Action.RETRY: Sentence(
        "Mend what the message says, then click Retry: what waits is tried at the next visit. Only the Web Connector "
        "can start one: click Update Selected in it."
    ),
    Action.CONFIRM_COMPANY: CONFIRM,
    Action.MAP: Sentence("Map these rows, or turn their Sync switch off. Until then they are not invoiced."),
    Action.MEND_ERRORS: Sentence("Open the list of problems: each says what happened and what mends it."),
    Action.RENEW_PASSWORD: Sentence(
        "Paste the connection's password in the Web Connector, in the column Password. If nobody has it any more, make "
        "a new one."
    ),
    Action.UPDATE_QUICKBOOKS: Sentence("Update QuickBooks on the computer where the Web Connector runs."),
    Action.IMPORT_AGAIN: Sentence("Mend what the message says, then import again. Nothing of this file was kept."),
}


def find_notices(facts: Facts, now: datetime) -> tuple[Notice, ...]:
    """What someone should know of this connection now, the most urgent first."""
    order = list(Kind)
    return tuple(sorted(_find(facts, now), key=lambda one: (order.index(one.kind), one.key)))


def _find(facts: Facts, now: datetime) -> Iterator[Notice]:
    yield from _calls(facts, now)
    yield from _company_and_visit(facts)
    yield from _release(facts, now)
    yield from _work(facts, now)
    for failed in facts.failed_imports:
        yield _failed_import(failed)


def _calls(facts: Facts, now: datetime) -> Iterator[Notice]:
    """Does the Web Connector call, and with the right password?"""
    last, changed = facts.last_contact_at, facts.password_changed_at
    calls = judge_calls(last, facts.refused_at, changed)
    if changed is not None and calls in (Calls.NEW, Calls.FORMER):
        is_tried = calls is Calls.FORMER
        yield _notice(
            Kind.NEW_PASSWORD,
            Severity.ERROR if is_tried else Severity.WARNING,
            Sentence("The new password is not used yet"),
            Sentence(
                "The Web Connector still calls with the former password, which is refused. Paste the new one there."
            )
            if is_tried
            else Sentence("The password was renewed, and the Web Connector has not called with the new one yet."),
            changed,
            Action.RENEW_PASSWORD,
            changed.isoformat(),
            is_tried,
            told_from=changed if is_tried else changed + PASTED_WITHIN,
        )
    elif calls is Calls.REFUSED:
        yield _notice(
            Kind.WRONG_PASSWORD,
            Severity.ERROR,
            Sentence("The Web Connector calls with a wrong password"),
            Sentence("The last call was refused: its password is not that of this connection."),
            facts.refused_at,
            Action.RENEW_PASSWORD,
            last,
        )
    elif last is None:
        yield _notice(
            Kind.NEVER_CONNECTED,
            Severity.WARNING,
            Sentence("The Web Connector has never connected"),
            Sentence("Add the .qwc file to the Web Connector, paste the password, and click Update Selected."),
            facts.created_at,
            Action.CONNECTOR_STEPS,
            told_from=facts.created_at + SET_UP_WITHIN,
        )
    elif is_overdue(facts.rhythm, last, now, facts.time_zone):
        yield _notice(
            Kind.OVERDUE,
            Severity.ERROR,
            Sentence("The Web Connector is overdue"),
            Sentence("It has not called at the hours at which it usually does. The computer may be off, or Auto-Run."),
            last,
            Action.CONNECTOR_STEPS,
            last,
        )


def _company_and_visit(facts: Facts) -> Iterator[Notice]:
    """A company file in doubt; or else a visit that failed, since the doubt says why it did."""
    company, visit = facts.company, facts.failed_visit
    if company is not None and company.verdict is Verdict.TOO_OLD:
        return
    if company is not None and company.verdict is not Verdict.GO:
        is_asked = company.verdict.may_be_confirmed or company.verdict is Verdict.AWAY
        yield _notice(
            Kind.COMPANY_FILE,
            Severity.ERROR,
            TITLES.get(company.verdict, IN_DOUBT),
            describe(company),
            facts.last_contact_at,
            Action.CONFIRM_COMPANY if is_asked else Action.CONNECTOR_STEPS,
            company.name,
            company.path,
            company.known_name,
            company.known_path,
            cause=company.verdict.value,
            do=what_to_do(company.verdict),
            sides=find_sides(company),
        )
    elif visit is not None:
        said = dict(visit.error)
        english = said.get("en") or next(iter(said.values()), "")
        yield _notice(
            Kind.VISIT_FAILED,
            Severity.ERROR,
            Sentence("The last visit of the Web Connector failed"),
            Sentence(english, {}, said),
            visit.since,
            Action.RETRY,
            english,
        )


def _release(facts: Facts, now: datetime) -> Iterator[Notice]:
    """A QuickBooks that is too old for us, or for Intuit."""
    title = Sentence("QuickBooks is too old")
    if facts.company is not None and facts.company.verdict is Verdict.TOO_OLD:
        what = describe(facts.company)
        since = facts.last_contact_at
        yield _notice(
            Kind.OLD_QUICKBOOKS, Severity.ERROR, title, what, since, Action.UPDATE_QUICKBOOKS, cause="unusable"
        )
        return
    year = release_year(facts.release)
    last = last_day(year) if year is not None else None
    if year is None or last is None:
        return
    zone = ZoneInfo(facts.time_zone)
    ended = datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1)
    if now >= ended:
        yield _notice(
            Kind.OLD_QUICKBOOKS,
            Severity.WARNING,
            title,
            Sentence(
                "Intuit no longer supports QuickBooks %(year)s. It goes on, without security updates.",
                {"year": str(year)},
            ),
            ended,
            Action.UPDATE_QUICKBOOKS,
            cause=str(year),
        )


def _work(facts: Facts, now: datetime) -> Iterator[Notice]:
    """What waits for a person: lines to bill, rows to map, errors to mend."""
    lines, rows, errors = facts.lines, facts.unmapped, facts.errors
    if lines is not None and lines.new + lines.removed:
        yield _notice(
            Kind.LINES_WAITING,
            Severity.INFO,
            Sentence("Lines wait to be billed"),
            Sentence(
                "Waiting to be billed: %(new)s new lines, %(removed)s removed lines.",
                {"new": str(lines.new), "removed": str(lines.removed)},
            ),
            None,
            Action.OPEN_PREVIEW,
            lines.new,
            lines.removed,
            cause=lines.invoice_date.isoformat(),
            size=lines.new + lines.removed,
        )
    if facts.has_lists and rows.count:
        yield _notice(
            Kind.UNMAPPED,
            Severity.WARNING,
            Sentence("Rows to map"),
            Sentence(
                "Offers without an item: %(offers)s. Organizations without a customer: %(organizations)s. Mapped to "
                "something that QuickBooks no longer has or cannot bill: %(lost)s.",
                {"offers": str(rows.offers), "organizations": str(rows.organizations), "lost": str(rows.lost)},
            ),
            None,
            Action.MAP,
            rows.count,
            rows.mark,
            size=rows.count,
        )
    if errors.count:
        yield _notice(
            Kind.ERRORS,
            Severity.ERROR,
            Sentence("Errors to mend"),
            Sentence(
                "Waiting for a person: %(invoices)s invoices, %(costs)s unit costs, %(lists)s lists.",
                {"invoices": str(errors.invoices), "costs": str(errors.costs), "lists": str(errors.lists)},
            ),
            errors.since,
            Action.MEND_ERRORS,
            errors.count,
            errors.mark,
            size=errors.count,
        )


def _failed_import(failed: FailedImport) -> Notice:
    return _notice(
        Kind.IMPORT_FAILED,
        Severity.ERROR,
        Sentence("An import failed: %(file)s", {"file": failed.file_name}),
        failed.why,
        failed.at,
        Action.IMPORT_AGAIN,
        failed.file_name,
        str(failed.why),
        cause=failed.provider,
    )


def _notice(
    kind: Kind,
    severity: Severity,
    title: Sentence,
    what: Sentence,
    since: datetime | None,
    action: Action,
    *facts: object,
    cause: str = "",
    size: int = 1,
    do: Sentence | None = None,
    told_from: datetime | None = None,
    sides: tuple[Side, ...] = (),
) -> Notice:
    """A notice of a kind and, where a kind has several, of a cause; `facts` are what it is dismissed with."""
    key = f"{kind}:{cause}" if cause else kind.value
    return Notice(
        kind=kind,
        key=key,
        severity=severity,
        title=title,
        what=what,
        since=since,
        action=action,
        do=do or DO[action],
        roles=ROLES[action],
        fingerprint=hashlib.sha256(repr((key, facts)).encode()).hexdigest()[:16],
        size=size,
        told_from=told_from,
        sides=sides,
    )
