"""What an answer does: each purpose of a message set has its own reading of it.

Answers are matched to requests by requestID and kind, applied once, and committed together with the mark that they
were. A set without an answer to each request is not answered; a set that QuickBooks refused as a whole is halved when
it certainly did nothing, and stays in doubt otherwise.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import orm

from qbwc import exchanges, landmarks, pace, queue, recovery, sentences
from qbwc.errors import DecodeError
from qbwc.jobs import Registry
from qbwc.models import Doubt, Exchange, ExchangeState, Purpose, RequestState, Session
from qbwc.qbxml import read_answers
from qbwc.qbxml.reaction import DONE
from qbwc.qbxml.status import judge_hresult, judge_message_set
from qbwc.redaction import without_secrets

log = logging.getLogger("qbwc")

PARSE_REFUSED = "0x80040400"
#: Another set had this id before: what became of ours is to be looked for.
ID_SPENT = "9001"
#: Questions that a QuickBooks may not know.
CAN_DO_WITHOUT = (Purpose.LANDMARKS, Purpose.DELETIONS, Purpose.CHECK)


def apply(
    db: orm.Session, registry: Registry, session: Session, exchange: Exchange, response: str, now: datetime
) -> None:
    """Apply the answer to any set but the greeting. Raises DecodeError, and then nothing of it must be kept."""
    about = None if exchange.about_id is None else db.get(Exchange, exchange.about_id)
    match exchange.purpose:
        case Purpose.WORK:
            _apply_work(db, registry, session, exchange, response, now)
            session.connection.largest_set = pace.after_success(session.connection.largest_set)
        case Purpose.CHECK if about is not None:
            _apply_check(db, registry, session, about, response, now)
        case Purpose.LOOK_UP if about is not None:
            recovery.looked_up(db, registry, session, about, response, now, asked=exchange.request_count)
        case Purpose.LANDMARKS:
            landmarks.found(session, response)
        case Purpose.DELETIONS if about is not None:
            landmarks.deleted(session, about, response)
        case _:
            pass  # what QuickBooks says to a clearing changes nothing
    if exchange.purpose is not Purpose.WORK:
        exchanges.note_answer(exchange, response, now)


def _apply_check(
    db: orm.Session, registry: Registry, session: Session, lost: Exchange, response: str, now: datetime
) -> None:
    """The answer that QuickBooks kept is applied to the lost set; without one the set is looked for."""
    if next(iter(read_answers(response)), None) is None:
        lost.doubt = Doubt.ABSENT
        return
    _apply_work(db, registry, session, lost, response, now)


def _apply_work(
    db: orm.Session, registry: Registry, session: Session, exchange: Exchange, response: str, now: datetime
) -> None:
    rows = exchanges.requests_of(db, exchange)
    again = exchange.answered_at is not None  # begun again by a person: only what was left open is applied
    waiting = {(row.request_id, row.tag): row for row in rows if row.state is RequestState.SENT}
    known = {(row.request_id, row.tag) for row in rows}
    exchanges.note_answer(exchange, response, now)
    answers = read_answers(response)
    for said in answers:
        asked = (said.request_id, f"{said.tag.removesuffix('Rs')}Rq")
        if not said.request_id:  # then the order tells
            asked = next((one for one in waiting if one[1] == asked[1]), asked)
        row = waiting.pop(asked, None)
        if row is None and (again or asked in known):
            continue  # answered already
        if row is None:
            raise DecodeError(f"the answer {said.tag} {said.request_id} fits no request")
        if row.is_write and said.is_written:
            said.objects = landmarks.watch(session.connection, said.objects, row)
        queue.answer(registry, queue.visit_of(db, session, row, now), said)
    if not waiting:
        return
    status = judge_message_set(answers.message_set_status or "")
    if status.code == ID_SPENT and exchange.doubt is Doubt.SEARCHED:
        recovery.requeue(db, exchange, now)
        return
    if status.code == ID_SPENT or status.reaction in DONE or status.written is None or len(waiting) < len(rows):
        raise DecodeError(f"{len(waiting)} of {exchange.request_count} requests have no answer")
    recovery.park_all(db, registry, exchange, session, status, now)


def is_repeated_page(db: orm.Session, session: Session, exchange: Exchange, response: str) -> bool:
    """Whether this is the answer to the page before, delivered once more while the next one is out.

    Every page of an iterator has the same requestID, so that nothing else tells them apart.
    """
    if 'iterator="Continue"' not in (exchange.request_body or ""):
        return False
    before = db.get(Exchange, session.before_id) if session.before_id else None
    return before is not None and before.answer_body == without_secrets(response)


def refused(
    db: orm.Session,
    registry: Registry,
    session: Session,
    exchange: Exchange,
    hresult: str,
    message: str,
    now: datetime,
) -> bool:
    """The set failed as a whole with an HRESULT. True when the visit goes on, False when it cannot."""
    status = judge_hresult(hresult, message)
    log.warning("exchange %s refused as a whole: %r", exchange.id, hresult)
    exchange.hresult, exchange.message = hresult[:16], message
    is_unparsed = status.code.casefold() == PARSE_REFUSED
    if exchange.purpose is Purpose.WORK:
        if is_unparsed and _did_nothing(exchange):
            recovery.refuse(db, registry, exchange, session, status, now)
            return True
        if status.written is False and exchange.is_write:
            exchange.attempts = max(0, exchange.attempts - 1)  # it is no sending that QuickBooks saw
    elif exchange.purpose is Purpose.CLEARING or (is_unparsed and exchange.purpose in CAN_DO_WITHOUT):
        # A QuickBooks that does not know this question: the next step copes without the answer.
        exchange.state, exchange.answered_at = ExchangeState.REFUSED, now
        _do_without(db, session, exchange)
        return True
    elif status.written is False and not is_unparsed and exchange.about_id is not None:
        # Nor is this one: a window that is open in QuickBooks for a night must not give the lost set up.
        about = db.get_one(Exchange, exchange.about_id)
        about.attempts = max(0, about.attempts - 1)
    session.last_error = sentences.refused(status)
    return False


def _did_nothing(exchange: Exchange) -> bool:
    """Whether a set that cannot be parsed was surely never executed: it left once, or was looked for in vain."""
    if exchange.answered_at is not None:
        return False
    return exchange.attempts == 1 or exchange.doubt is Doubt.SEARCHED


def _do_without(db: orm.Session, session: Session, exchange: Exchange) -> None:
    if exchange.purpose is Purpose.LANDMARKS:
        session.knows_landmarks = True
    elif exchange.purpose is Purpose.DELETIONS and exchange.about_id is not None:
        landmarks.without_deletions(session, db.get_one(Exchange, exchange.about_id))
    elif exchange.purpose is Purpose.CHECK and exchange.about_id is not None:
        db.get_one(Exchange, exchange.about_id).doubt = Doubt.ABSENT
