"""Many connectors at once, in threads and in processes: nothing twice, nothing mixed, and everything gets done.

Each worker has an endpoint of its own over the one database, as several server processes have. QuickBooks is a table:
what it executed, by ExternalGUID, and the answers that it keeps by message-set id (same id and content, same answer).
"""

from __future__ import annotations

import multiprocessing
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from lxml import etree

from qbwc import queue
from qbwc.database import Database
from qbwc.endpoint import Endpoint, hash_secret
from qbwc.errors import QueueError
from qbwc.jobs import JobKind, Registry, Visit
from qbwc.models import Connection, Exchange, Job, JobState, Request, RequestState, Session
from qbwc.qbxml import Answer
from qbwc.qbxml.transactions import InvoiceAdd, InvoiceAddRq, InvoiceLineAdd
from qbwc.qbxml.types import Ref

WORKERS, PATIENCE = 8, 60.0
OWNER = "{57F3B9B6-86F1-4FCC-B1FF-966DE1813D20}"


class Bill(JobKind):
    """Adds an invoice, and notes each time that it was told so."""

    kind = "bill"

    def answered(self, visit: Visit, answer: Answer) -> None:
        told = [one.txn_id for one in answer.objects]
        visit.job.payload = {"told": [*visit.job.payload.get("told", []), *told]}
        visit.finish()


def _endpoint(database: Database) -> Endpoint:
    return Endpoint(database, Registry(Bill()))


def _invoice(memo: str) -> InvoiceAddRq:
    line = InvoiceLineAdd(item_ref=Ref(list_id="80000009-1"), quantity=Decimal(1))
    customer = Ref(list_id="80000001-1")
    return InvoiceAddRq(
        invoice_add=InvoiceAdd(customer_ref=customer, txn_date=date(2026, 10, 31), memo=memo, lines=(line,))
    )


def _connect(database: Database, *users: str) -> None:
    with database.write() as db:
        for number, user in enumerate(users):
            db.add(
                Connection(
                    user_name=user,
                    secret_hash=hash_secret(user),
                    owner_id=OWNER,
                    file_id=f"{{{number:08}-2B3D-4E5F-8A9B-0C1D2E3F4A5B}}",
                    created_at=datetime.now(UTC),
                )
            )


def _put(database: Database, user: str, memos: list[str]) -> None:
    with database.write() as db:
        connection = db.scalars(sa.select(Connection).filter_by(user_name=user)).one()
        for memo in memos:
            queue.put(
                db,
                Registry(Bill()),
                connection_id=connection.id,
                kind="bill",
                key=memo,
                messages=[("add", _invoice(memo))],
                now=datetime.now(UTC),
            )


# -- QuickBooks, safe to use from anywhere


@dataclass(frozen=True)
class Shelf:
    """The company files of all users in one SQLite file; a set is executed within one transaction."""

    path: Path

    def prepare(self) -> Shelf:
        with closing(self._open()) as raw:
            raw.execute("PRAGMA journal_mode=WAL")
            raw.execute("CREATE TABLE executed (txn INTEGER PRIMARY KEY, user TEXT, guid TEXT, memo TEXT)")
            raw.execute("CREATE TABLE out (user TEXT PRIMARY KEY)")
            raw.execute("CREATE TABLE kept (user TEXT, id TEXT, content TEXT, answer TEXT, PRIMARY KEY (user, id))")
        return self

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        raw.execute("PRAGMA synchronous=OFF")
        return raw

    def process(self, user: str, document: str) -> str:
        with closing(self._open()) as raw:
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("INSERT INTO out VALUES (?)", [user])  # fails when another visit's set is out
            answer = self._process(raw, user, document)
            raw.execute("COMMIT")
            return answer

    def hand_over(self, user: str) -> None:
        """The answer of a set leaves for the endpoint, or is lost: another set may come."""
        with closing(self._open()) as raw:
            raw.execute("DELETE FROM out WHERE user = ?", [user])

    def _process(self, raw: sqlite3.Connection, user: str, document: str) -> str:
        messages = etree.fromstring(document.encode())[0]
        new, old = messages.get("newMessageSetID"), messages.get("oldMessageSetID")
        if old == "ClearAllMessageSets":
            raw.execute("DELETE FROM kept WHERE user = ?", [user])
            return _set("", "0")
        kept = raw.execute("SELECT content, answer FROM kept WHERE user = ? AND id = ?", [user, new]).fetchone()
        if old is not None:
            return kept[1] if kept else _set("", "600")
        if kept is not None:
            assert kept[0] == document, "one id for two different sets"
            return str(kept[1])
        answer = _set("".join(self._answer(raw, user, one) for one in messages), "0" if new else None)
        if new is not None:
            raw.execute("INSERT INTO kept VALUES (?, ?, ?, ?)", [user, new, document, answer])
        return answer

    def _answer(self, raw: sqlite3.Connection, user: str, request: etree._Element) -> str:
        request_id, kind = request.get("requestID", ""), str(request.tag).removesuffix("Rq")
        if kind == "InvoiceAdd":
            values = [user, request.findtext(".//ExternalGUID"), request.findtext(".//Memo")]
            txn = raw.execute("INSERT INTO executed (user, guid, memo) VALUES (?, ?, ?)", values).lastrowid
            rows = [(txn, *values[1:])]
        else:
            rows = raw.execute("SELECT txn, guid, memo FROM executed WHERE user = ?", [user]).fetchall()
            ids = [element.text for element in request.iterchildren("TxnID")]
            rows = [row for row in rows if not ids or f"T-{row[0]}" in ids]
        body = "".join(
            f"<InvoiceRet><TxnID>T-{txn}</TxnID><EditSequence>{txn}</EditSequence><Memo>{memo}</Memo>"
            f"<ExternalGUID>{guid}</ExternalGUID></InvoiceRet>"
            for txn, guid, memo in rows
        )
        code = "0" if rows else "1"
        return (
            f'<{kind}Rs requestID="{request_id}" statusCode="{code}" statusSeverity="Info" statusMessage="">{body}'
            f"</{kind}Rs>"
        )

    def executed(self) -> list[tuple[str, str, str]]:
        with closing(self._open()) as raw:
            return raw.execute("SELECT user, guid, memo FROM executed ORDER BY memo").fetchall()


def _set(body: str, status: str | None) -> str:
    said = f' messageSetStatusCode="{status}"' if status else ""
    return f'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs{said}>{body}</QBXMLMsgsRs></QBXML>'


def _greeting(file_id: str, name: str) -> str:
    host = "<HostRet><ProductName>QB</ProductName><SupportedQBXMLVersion>13.0</SupportedQBXMLVersion></HostRet>"
    private = f"<DataExtRet><OwnerID>{OWNER}</OwnerID><DataExtName>FileID</DataExtName>"
    private += f"<DataExtType>STR255TYPE</DataExtType><DataExtValue>{file_id}</DataExtValue></DataExtRet>"
    company = f"<CompanyRet><CompanyName>{name}</CompanyName>{private}</CompanyRet>"
    status = 'statusCode="0" statusSeverity="Info" statusMessage=""'
    return _set(
        f'<HostQueryRs requestID="0" {status}>{host}</HostQueryRs>'
        f'<CompanyQueryRs requestID="1" {status}>{company}</CompanyQueryRs>',
        None,
    )


# -- a connector


@dataclass
class Connector:
    """One computer's connector for one user; it notes what it was told."""

    endpoint: Endpoint
    shelf: Shelf
    user: str
    file_id: str
    address: str
    told: list[str] = field(default_factory=list)

    def visit(self, dies_after: int | None = None) -> str:
        """A whole visit: "none", "busy", "done" or what went wrong; after that many sets it "died"."""
        ticket, what, *_ = self.endpoint.authenticate(self.user, self.user, self.address)
        assert what != "nvu"
        self.told.append(what)
        if what in ("none", "busy"):
            return what
        greeting, sets, figure = _greeting(self.file_id, self.user), 0, 0
        while document := self.endpoint.send_request(ticket, greeting, f"C:\\{self.user}.qbw"):
            memos = re.findall("<Memo>(.*?)</Memo>", document)
            assert all(memo.startswith(f"{self.user}:") for memo in memos), "another connection's work"
            greeting, sets = "", sets + 1
            answer = self.shelf.process(self.user, document)
            self.shelf.hand_over(self.user)
            if sets == dies_after:
                return "died"
            figure = self.endpoint.receive_response(ticket, answer, "", "")
            if not 0 <= figure < 100:
                break
        said = self.endpoint.close_connection(ticket)
        return "done" if figure == 100 else f"{figure}: {said}"


def _is_over(database: Database, user: str) -> bool:
    with database.read() as db:
        waiting = sa.select(Job.id).join(Connection).where(Connection.user_name == user, Job.state == JobState.WAITING)
        return db.scalar(waiting.limit(1)) is None


def _drive(database: Database, connector: Connector, dies: int = 0) -> None:
    """Visit until all jobs of the connection are over; the first `dies` visits with work die."""
    give_up = time.monotonic() + PATIENCE
    while not _is_over(database, connector.user):
        assert time.monotonic() < give_up, f"never over: {connector.told[-5:]}"
        how = connector.visit(dies_after=1 + dies % 2 if dies else None)
        assert how in ("none", "busy", "done", "died"), how
        dies = max(0, dies - (how == "died"))
        if how in ("busy", "none"):
            time.sleep(0.01)


def _together(calls: list[Callable[[], None]]) -> None:
    """Run all of them at once, and raise the first error of any."""
    errors: list[BaseException] = []
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], None]) -> None:
        gate.wait()
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _connectors(database: Database, shelf: Shelf, users: list[str]) -> list[Connector]:
    with database.read() as db:
        file_ids = {row.user_name: row.file_id for row in db.scalars(sa.select(Connection))}
    return [
        Connector(_endpoint(database), shelf, user, file_ids[user], address=f"10.0.0.{number}")
        for number, user in enumerate(users)
    ]


def _check(database: Database, shelf: Shelf, memos: list[str]) -> None:
    """Every invoice was executed once, and every job was told of its own, once."""
    executed = shelf.executed()
    assert [memo for _, _, memo in executed] == sorted(memos)
    assert all(memo.startswith(f"{user}:") for user, _, memo in executed)
    assert len({guid for _, guid, _ in executed}) == len(memos)
    with database.read() as db:
        jobs = db.scalars(sa.select(Job)).all()
        assert {job.state for job in jobs} == {JobState.DONE}
        told = [txn for job in jobs for txn in job.payload["told"]]
        assert len(told) == len(set(told)) == len(memos)
        left = sa.select(Request.id).where(Request.state.in_([RequestState.QUEUED, RequestState.SENT]))
        assert not db.scalars(left).all()
        mixed = sa.select(Exchange.id).join(Session, Session.id == Exchange.session_id)
        assert not db.scalars(mixed.where(Exchange.connection_id != Session.connection_id)).all()
        strange = sa.select(Request.id).join(Exchange, Exchange.id == Request.exchange_id)
        assert not db.scalars(strange.where(Exchange.connection_id != Request.connection_id)).all()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf.db").prepare()


def test_eight_computers_of_one_connection_take_turns(any_database: Database, shelf: Shelf) -> None:
    _connect(any_database, "solo")
    memos = [f"solo:{n:03}" for n in range(250)]
    _put(any_database, "solo", memos)
    first, *others = connectors = _connectors(any_database, shelf, ["solo"] * WORKERS)
    tickets = [""] * WORKERS

    def knock(number: int) -> None:
        one = connectors[number]
        tickets[number] = one.endpoint.authenticate(one.user, one.user, one.address)[0]

    _together([partial(knock, n) for n in range(WORKERS)])
    (inside,) = filter(None, tickets)
    assert [one.visit() for one in (first, *others)] == ["busy"] * WORKERS
    first.endpoint.close_connection(inside)
    _together([partial(_drive, any_database, one) for one in connectors])
    _check(any_database, shelf, memos)


def test_eight_threads_of_eight_connections_do_not_mix(any_database: Database, shelf: Shelf) -> None:
    users = [f"user{n}" for n in range(WORKERS)]
    _connect(any_database, *users)
    memos = [f"{user}:{n:03}" for user in users for n in range(30)]
    for user in users:
        _put(any_database, user, [memo for memo in memos if memo.startswith(user)])
    connectors = _connectors(any_database, shelf, users)
    _together([partial(_drive, any_database, one, dies=2) for one in connectors])
    _check(any_database, shelf, memos)


def test_connectors_that_die_and_call_again_at_once_write_nothing_twice(any_database: Database, shelf: Shelf) -> None:
    """All from one address, as one computer whose connector is started over and over: each takes over the one before.

    QuickBooks works on one thing at a time, so what the dead connector began is over when the next is let in.
    """
    _connect(any_database, "solo")
    memos = [f"solo:{n:03}" for n in range(250)]
    _put(any_database, "solo", memos)
    connectors = _connectors(any_database, shelf, ["solo"] * WORKERS)
    turn, deaths = threading.Lock(), {0: (1, 2), 3: (2,), 6: (1,)}  # fewer than make a set be given up

    def drive(one: Connector, *dies: int) -> None:
        one.address = "10.0.0.1"
        for dies_after in dies:
            with turn:
                one.visit(dies_after)
        with turn:
            _drive(any_database, one)

    _together([partial(drive, one, *deaths.get(number, ())) for number, one in enumerate(connectors)])
    _check(any_database, shelf, memos)


def test_people_who_cancel_and_begin_again_meanwhile_never_double_a_write(any_database: Database, shelf: Shelf) -> None:
    users = ["eins", "zwei"]
    _connect(any_database, *users)
    memos = [f"{user}:{n:03}" for user in users for n in range(60)]
    for user in users:
        _put(any_database, user, [memo for memo in memos if memo.startswith(user)])
    connectors = _connectors(any_database, shelf, users)

    def meddle(offset: int) -> None:
        """Take every third job back, and begin it again."""
        for memo in memos[offset::3]:
            with suppress(QueueError), any_database.write() as db:
                queue.cancel(db, db.scalars(sa.select(Job).filter_by(key=memo)).one(), now=datetime.now(UTC))
            with suppress(QueueError), any_database.write() as db:
                job = db.scalars(sa.select(Job).filter_by(key=memo)).one()
                queue.retry(db, Registry(Bill()), job, [("add", _invoice(memo))], now=datetime.now(UTC))

    people: list[Callable[[], None]] = [partial(meddle, n % 3) for n in range(6)]
    _together([*people, *(partial(_drive, any_database, one, dies=1) for one in connectors)])
    for one in connectors:
        _drive(any_database, one)
    _check(any_database, shelf, memos)


def _work_in_a_process(url: str, path: str, callers: list[tuple[str, str, str]]) -> None:
    database = Database(url)
    try:
        endpoint, shelf = _endpoint(database), Shelf(Path(path))
        connectors = [Connector(endpoint, shelf, *caller) for caller in callers]
        _together([partial(_drive, database, one, dies) for dies, one in enumerate(connectors)])
    finally:
        database.close()


def test_two_processes_serve_a_connection_of_both_and_one_of_their_own(any_database: Database, shelf: Shelf) -> None:
    users = ["both", "eins", "zwei"]
    _connect(any_database, *users)
    memos = [f"{user}:{n:03}" for user in users for n in range(150)]
    for user in users:
        _put(any_database, user, [memo for memo in memos if memo.startswith(user)])
    url = any_database.url.render_as_string(hide_password=False)
    callers = {one.user: one for one in _connectors(any_database, shelf, users)}
    spawn = multiprocessing.get_context("spawn")
    workers = []
    for own, address in (("eins", "10.0.1.1"), ("zwei", "10.0.1.2")):
        mine = [(user, callers[user].file_id, address) for user in ("both", own)]
        workers.append(spawn.Process(target=_work_in_a_process, args=(url, str(shelf.path), mine)))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)
    assert [worker.exitcode for worker in workers] == [0, 0]
    _check(any_database, shelf, memos)


def test_a_thousand_invoices_take_at_most_25_round_trips(database: Database, shelf: Shelf) -> None:
    _connect(database, "solo")
    memos = [f"solo:{n:04}" for n in range(1000)]
    _put(database, "solo", memos)
    (connector,) = _connectors(database, shelf, ["solo"])
    assert connector.visit() == "done"
    _check(database, shelf, memos)
    with database.read() as db:
        trips = db.scalar(sa.select(sa.func.count()).select_from(Exchange).where(Exchange.request_size > 0))
    assert trips is not None
    assert trips <= 25
