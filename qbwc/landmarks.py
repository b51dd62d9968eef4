"""The newest transactions that we wrote, looked for before anything more is written.

A copy of the company file from before, or a restored backup, carries our FileID under the right name and path: only
what it lacks gives it away. The last few transactions are remembered with their EditSequence; in a file that lacks
one, and where nobody deleted it, or that holds an older state of it, nothing is written until a person says so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc import exchanges, sentences
from qbwc.identity import Known, Seen, Verdict, explain, missing_landmarks
from qbwc.models import Connection, Exchange, ExchangeState, Purpose, Session
from qbwc.models import Request as RequestRow
from qbwc.qbxml import read_answers
from qbwc.qbxml.envelope import Request, render_request
from qbwc.qbxml.reaction import DONE, Reaction, Status
from qbwc.qbxml.status import judge
from qbwc.qbxml.transactions import (
    CreditMemoQueryRq,
    CreditMemoRet,
    InvoiceQueryRq,
    InvoiceRet,
    TxnDeletedQueryRq,
    TxnDeletedRet,
)

KEPT = 5
_SHOWN = ("TxnID", "EditSequence", "ExternalGUID")
_QUERIES: dict[str, type] = {"Invoice": InvoiceQueryRq, "CreditMemo": CreditMemoQueryRq}

# Errors that pass; any other counts as an object that is not there, and a person decides.
_PASSING = frozenset({Reaction.RETRY_LATER, Reaction.RETRY_LOCK, Reaction.REQUEUE, Reaction.STOP})

log = logging.getLogger("qbwc")


def watch(connection: Connection, objects: Iterator[Any], row: RequestRow | None = None) -> Iterator[Any]:
    """The same objects; the transactions among them are remembered as they pass, also with the request `row`."""
    for one in objects:
        if isinstance(one, InvoiceRet | CreditMemoRet):
            if row is not None:
                row.txn_id = one.txn_id
            known = {**(connection.landmarks or {}), _name(one): one.edit_sequence or ""}
            newest = sorted(known.items(), key=lambda item: _age(item[1]))[-KEPT:]
            connection.landmarks = dict(newest)
        yield one


def _name(one: Any) -> str:
    return f"{type(one).__name__.removesuffix('Ret')}:{one.txn_id}"


def _age(sequence: str) -> int:
    return int(sequence) if sequence.isdigit() else 0


def ask(db: orm.Session, session: Session, now: datetime) -> Exchange | None:
    """The set that looks for them, then the one that asks what was deleted; None when all is known in this session."""
    known = session.connection.landmarks
    if session.knows_landmarks:
        return None
    if not known:
        session.knows_landmarks = True  # what this session writes itself is there
        return None
    looked = sa.select(Exchange).filter_by(
        session_id=session.id, purpose=Purpose.LANDMARKS, state=ExchangeState.ANSWERED
    )
    about = db.scalar(looked.order_by(Exchange.id.desc()).limit(1))
    requests: list[Request] = []
    if about is not None:
        requests.append(TxnDeletedQueryRq(txn_del_type=tuple(kind for kind in _QUERIES if _ids(known, kind))))
    else:
        for kind, query in _QUERIES.items():
            if _ids(known, kind):
                requests.append(query(txn_id=_ids(known, kind), include_ret_element=_SHOWN))
    rendered = [render_request(request, str(number)) for number, request in enumerate(requests)]
    purpose = Purpose.LANDMARKS if about is None else Purpose.DELETIONS
    return exchanges.leave(db, session, rendered, now, purpose=purpose, about=about)


def _ids(known: dict[str, str], kind: str) -> tuple[str, ...]:
    return tuple(name.partition(":")[2] for name in known if name.startswith(f"{kind}:"))


def found(session: Session, response: str) -> None:
    """Compare what the file holds with what we wrote. Raises DecodeError."""
    answers = _read(session, response)
    if answers is None:
        return
    shown = (one for answer in answers for one in answer.objects)
    session.connection.shows_stamps |= any(getattr(one, "external_guid", None) for one in shown)
    seen = _seen(answers)
    missing = missing_landmarks(session.connection.landmarks or {}, seen)
    if not missing:
        _drop(session, set())
    elif any(name in seen for name in missing):
        _doubt(session)


def _read(session: Session, response: str) -> list[_Answered] | None:
    """The answers; None when QuickBooks cannot answer now: then nothing is written, and nobody is asked to decide."""
    answers = _answers(response)
    for answer in answers:
        if answer.status.reaction in _PASSING:
            session.may_write, session.last_error = False, sentences.refused(answer.status)
            return None
    return answers


@dataclass(frozen=True, slots=True)
class _Answered:
    status: Status
    objects: list[Any]


def _answers(response: str) -> list[_Answered]:
    return [
        _Answered(judge(answer.status_code, answer.severity, answer.message), list(answer.objects))
        for answer in read_answers(response)
    ]


def deleted(session: Session, looked: Exchange, response: str) -> None:
    """Whether somebody deleted what is not there; `looked` is the set that looked for it. Raises DecodeError."""
    answers = _read(session, response)
    if answers is None:
        return
    shown = [one for answer in answers for one in answer.objects]
    gone = {f"{one.txn_del_type}:{one.txn_id}" for one in shown if isinstance(one, TxnDeletedRet)}
    if not all(answer.status.reaction in DONE for answer in answers):
        without_deletions(session, looked)
    elif missing_landmarks(session.connection.landmarks or {}, _seen_before(looked), gone):
        _doubt(session)
    else:
        _drop(session, gone)


def without_deletions(session: Session, looked: Exchange) -> None:
    """QuickBooks does not say what was deleted: a file that lacks them all is an older copy, one with some is not."""
    known = session.connection.landmarks or {}
    missing = missing_landmarks(known, _seen_before(looked))
    if len(missing) == len(known):
        _doubt(session)
    else:
        _drop(session, set(missing))


def _drop(session: Session, gone: set[str]) -> None:
    connection = session.connection
    known = connection.landmarks or {}
    session.knows_landmarks = True
    connection.landmarks = {name: known[name] for name in known if name not in gone}
    if connection.verdict is Verdict.STALE:
        connection.verdict = Verdict.GO  # the newest file is open again


def _seen_before(looked: Exchange) -> dict[str, str]:
    return _seen(_answers(looked.answer_body or ""))


def _seen(answers: list[_Answered]) -> dict[str, str]:
    """The transactions in the answers, each with its EditSequence."""
    shown = (one for answer in answers for one in answer.objects)
    return {_name(one): one.edit_sequence or "" for one in shown if isinstance(one, InvoiceRet | CreditMemoRet)}


def _doubt(session: Session) -> None:
    """Nothing is written to this file until a person confirms it."""
    connection = session.connection
    log.warning("company file of connection %s lacks what was written to it", connection.id)
    session.knows_landmarks, session.may_write = True, False
    connection.verdict = Verdict.STALE
    name, path = session.company_name or "", session.company_path or ""
    seen = Seen(file_id=connection.file_id, name=name, path=path)
    session.last_error = explain(Verdict.STALE, Known(file_id=connection.file_id, name=name, path=path), seen)
