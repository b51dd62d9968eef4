"""What a person decides about an invoice that did not go well: settled, not to be billed, or its link cleared.

Each decision is one transaction that holds the connection, so that two people come one after the other and the second
sees what the first did; each leaves an entry in the log. None is taken while nobody knows what QuickBooks did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Refused, Sentence
from portal.models import Draft, DraftState, Run
from portal.services import Portal, audit, quickbooks, releasing
from portal.services.audit import AuditView
from portal.services.connections import HIGHEST_ID
from portal.services.retries import facts_of, held_draft

MARK_DONE, IGNORE, RELEASE, REOPEN = "mark-done", "ignore", "release", "reopen"
_TROUBLED = frozenset({DraftState.PARKED, DraftState.DIFFERENT})
_LINKED = _TROUBLED | {DraftState.RECONCILED}
_DECIDED = frozenset({DraftState.DONE, DraftState.IGNORED})
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """What was decided about an invoice, or came of it, and when."""

    at: datetime
    what: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceView:
    """What a person may decide about an invoice now. `is_unsure`: nobody knows what QuickBooks did, so nothing yet."""

    may_settle: bool
    may_release: bool
    may_reopen: bool
    is_unsure: bool
    is_sought: bool
    history: tuple[HistoryView, ...]


def mark_done(portal: Portal, connection_id: int, draft_id: int, *, who: str) -> int:
    """A person says that QuickBooks has it, entered or corrected by hand: its charges stay billed.

    Returns the id of its run. Raises NotFound, or Refused.
    """
    return _settle(portal, connection_id, draft_id, DraftState.DONE, MARK_DONE, who)


def ignore(portal: Portal, connection_id: int, draft_id: int, *, who: str) -> int:
    """A person says that it is not to be billed: its charges are not asked about again.

    Returns the id of its run. Raises NotFound, or Refused.
    """
    return _settle(portal, connection_id, draft_id, DraftState.IGNORED, IGNORE, who)


def _settle(portal: Portal, connection_id: int, draft_id: int, state: DraftState, action: str, who: str) -> int:
    with portal.database.write() as db:
        draft = held_draft(db, connection_id, draft_id)
        now = portal.now()
        _take_up(db, draft, _TROUBLED, now)
        _note(db, draft, action, who, now)
        draft.state, draft.code, draft.detail = state, None, None
        return draft.run_id


def release(portal: Portal, connection_id: int, draft_id: int, *, who: str) -> int:
    """A person has the link cleared: QuickBooks is searched at the next visit, and what is not there is billed anew.

    Returns the id of its run. Raises NotFound, or Refused.
    """
    with portal.database.write() as db:
        draft = held_draft(db, connection_id, draft_id)
        now = portal.now()
        _take_up(db, draft, _LINKED, now)
        other = releasing.blocker(db, draft)
        if other is not None:
            raise Refused(
                "The charges of this invoice were corrected, and the invoice of %(name)s of %(date)s bills the "
                "correction. Clear the link of that one first, or mark this one as settled.",
                name=other.organization.name,
                date=other.run.invoice_date,
            )
        _note(db, draft, RELEASE, who, now)
        quickbooks.search(db, portal.registry, draft, now, asked_by=who)
        return draft.run_id


def reopen(portal: Portal, connection_id: int, draft_id: int, *, who: str) -> int:
    """A person takes back that an invoice is settled, or not to be billed: it stands again as it stood before.

    Returns the id of its run. Raises NotFound, or Refused.
    """
    with portal.database.write() as db:
        draft = held_draft(db, connection_id, draft_id)
        subject = _subject(draft.id)
        entry = _decision(draft, audit.entries(db, connection_id, [subject]).get(subject, []))
        if entry is None:
            raise Refused("Nobody decided about this invoice, so there is nothing to take back.")
        _note(db, draft, REOPEN, who, portal.now())
        was = entry.detail
        draft.state, draft.code, draft.detail = DraftState(was["state"]), was["code"], was["message"]
        return draft.run_id


def _take_up(db: orm.Session, draft: Draft, states: frozenset[DraftState], now: datetime) -> None:
    """Raise Refused unless a person may decide now; what waits of the draft in the queue is cancelled."""
    if quickbooks.is_sought(draft):
        raise Refused("QuickBooks is searched for this invoice at the next visit. Decide once it has answered.")
    if draft.state not in states:
        raise Refused("This invoice does not wait for a decision: somebody may have been faster. Look at it again.")
    if quickbooks.may_be_written(db, draft):
        raise Refused(
            "Nobody knows yet whether QuickBooks wrote this invoice. Click Try again, then Update Selected in the Web "
            "Connector: QuickBooks is asked, and nothing is written twice. Decide after that."
        )
    if not quickbooks.take_back(db, draft, now):
        raise Refused("A message of this invoice is on its way to QuickBooks. Decide once the visit has ended.")


def history(portal: Portal, connection_id: int, subject: str) -> tuple[AuditView, ...]:
    """The log of a subject such as ``draft:12``, newest first."""
    with portal.database.read() as db:
        return tuple(audit.entries(db, connection_id, [subject]).get(subject, []))


def choices(portal: Portal, connection_id: int, run_id: int) -> dict[int, ChoiceView]:
    """What may be decided about each invoice of a run, and what was, by the id of the draft."""
    with portal.database.read() as db:
        same = sa.select(Draft).join(Run).where(Run.id == min(run_id, HIGHEST_ID), Run.connection_id == connection_id)
        return choices_of(db, connection_id, db.scalars(same).all())


def choices_of(db: orm.Session, connection_id: int, drafts: Sequence[Draft]) -> dict[int, ChoiceView]:
    """The same of any drafts of a connection, within a transaction that is open already."""
    log = audit.entries(db, connection_id, [_subject(draft.id) for draft in drafts])
    troubled = [draft.id for draft in drafts if draft.state in _TROUBLED]
    unsure: set[int] = set()
    for begin in range(0, len(troubled), _CHUNK):
        unsure |= quickbooks.drafts_in_doubt(db, connection_id, troubled[begin : begin + _CHUNK])
    return {draft.id: _choice(draft, log.get(_subject(draft.id), []), draft.id in unsure) for draft in drafts}


def _choice(draft: Draft, entries: list[AuditView], is_unsure: bool) -> ChoiceView:
    return ChoiceView(
        may_settle=draft.state in _TROUBLED and not is_unsure,
        may_release=draft.state in _LINKED and not is_unsure,
        may_reopen=_decision(draft, entries) is not None,
        is_unsure=is_unsure,
        is_sought=quickbooks.is_sought(draft),
        history=tuple(HistoryView(at=one.at, what=_told(one)) for one in entries),
    )


def _decision(draft: Draft, entries: list[AuditView]) -> AuditView | None:
    """The decision by which a draft is settled or not billed; None for one that a person did not decide about."""
    if draft.state not in _DECIDED or draft.code is not None or not entries:
        return None
    return entries[0] if entries[0].action in (MARK_DONE, IGNORE) else None


_DEEDS = {
    MARK_DONE: Sentence("Marked as settled by %(who)s"),
    IGNORE: Sentence("Marked as not to be billed by %(who)s"),
    RELEASE: Sentence("Clearing of the link asked for by %(who)s"),
    REOPEN: Sentence("Decision taken back by %(who)s"),
    "retry": Sentence("Sent again by %(who)s"),
}
_OUTCOMES = {
    "found": Sentence("Found in QuickBooks, so the link stays: no. %(number)s"),
    "released": Sentence("Not in QuickBooks: the link was cleared"),
    "not-searched": Sentence("QuickBooks could not be searched, so the link stays: code %(code)s"),
    quickbooks.CORRECTED: Sentence("Another invoice bills a correction of these charges, so the link stays"),
}


def _told(entry: AuditView) -> Sentence:
    if entry.action in _DEEDS:
        return Sentence(_DEEDS[entry.action].template, {"who": entry.who or "–"})
    code = str(entry.detail.get("code", ""))
    known = _OUTCOMES[code if code == quickbooks.CORRECTED else entry.action]
    return Sentence(known.template, {"number": str(entry.detail.get("ref_number") or "–"), "code": code})


def _note(db: orm.Session, draft: Draft, action: str, who: str, now: datetime) -> None:
    connection_id = draft.run.connection_id
    facts = facts_of(draft)
    audit.note(db, connection_id, at=now, who=who, action=action, subject=_subject(draft.id), detail=facts)


def _subject(draft_id: int) -> str:
    return f"draft:{draft_id}"


__all__ = ["ChoiceView", "HistoryView", "choices", "choices_of", "history", "ignore", "mark_done", "release", "reopen"]
