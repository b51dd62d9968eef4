"""The endpoint under any order of calls: a state machine that plays two connectors, their QuickBooks and their people.

Whatever is random here is what happens to real visits: a connector that dies, repeats itself or brings nonsense, a
server that restarts, a backup that is put back, a file that is moved. What is not: a connector that lies about what
QuickBooks did, or two programs that feed one company file at once. After every step the promises of the endpoint are
checked, and at the end calm visits must bring everything home.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from lxml import etree

from qbwc import company_file, queue
from qbwc.database import Database
from qbwc.endpoint import Endpoint, hash_secret
from qbwc.errors import QueueError
from qbwc.identity import Verdict
from qbwc.models import Base, Connection, Doubt, Exchange, ExchangeState, Job, JobState, Request, RequestState, Session
from qbwc.qbxml.status import judge_hresult
from qbwc.session import State

STEPS, EXAMPLES = 30, 16
HRESULTS = (
    "0x80040400",
    "0x80040402",
    "0x80040408",
    "0x8004040A",
    "0x80040414",
    "0x8004041A",
    "0x80070005",
    "nonsense",
)
GARBAGE = ("", "   ", "not qbXML", "<QBXML/>", "<QBXML><QBXMLMsgsRs/></QBXML>", "<?xml version='1.0'?><a><b></a>")
MOST_CALM_VISITS = 60

which = st.integers(0, 1)
any_number = st.integers(0, 50)


@dataclass
class Visiting:
    """One ticket, and what its connector knows."""

    ticket: str
    side: Side
    document: str = ""
    answer: str | None = None  # QuickBooks' answer to the document, once it worked
    delivered: list[str] = field(default_factory=list)
    figures: list[int] = field(default_factory=list)
    file: tuple[Any, ...] | None = None  # what was open when its session with QuickBooks began
    is_first: bool = True


@dataclass
class Side:
    """One connection: its company file, its connector, its people."""

    letter: str
    user: str
    connection_id: int
    file_id: str
    books: Any
    home: tuple[str, str]
    open_elsewhere: Any = None  # another company's file, when that is open
    restored: int = 0
    alive: Visiting | None = None  # the visit that QuickBooks is open for
    must_be_confirmed: bool = False
    given_up: set[str] = field(default_factory=set)  # invoices that a restored backup took away
    count: int = 0

    @property
    def open(self) -> Any:
        return self.open_elsewhere or self.books

    def file(self) -> tuple[Any, ...]:
        return id(self.open), self.open.name, self.open.path, self.open.file_id, self.restored


class Machine(RuleBasedStateMachine):
    """Two connections over one database file; `words` are those of the conversation in conftest."""

    words: Any
    clock_kind: Any
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.path = self.folder / "machine.db"
        for old in self.folder.glob("machine.db*"):
            old.unlink()
        shutil.copy(self.folder / "empty.db", self.path)
        self.clock = self.clock_kind()
        self.world = self.words.World(_open(self.path), self.clock)
        second = "{1D8D2A6B-3C4E-4F60-9BAC-1D2E3F4A5B6C}"
        other = self.world.connect("deuxieme", second)
        self.sides = [
            self._side("A", self.words.USER, self.world.connection_id, self.words.FILE_ID, self.world.books),
            self._side("B", "deuxieme", other, second, self.words.Books(name="Deux", path="C:\\d.qbw", file_id=second)),
        ]
        self.visits: list[Visiting] = []

    def _side(self, letter: str, user: str, connection_id: int, file_id: str, books: Any) -> Side:
        books.hresult = lambda document: "0x80040400" if "poison" in document else None
        side = Side(letter, user, connection_id, file_id, books, home=(books.name, books.path))
        plain = books._answer

        def answer(request: etree._Element) -> str:
            assert not str(request.tag).startswith("InvoiceAdd") or side.books.file_id in (side.file_id, None)
            memo = request.findtext(".//Memo") or ""
            if request.tag == "InvoiceAddRq":
                assert memo.startswith(letter), "an invoice in another company's file"
            if "refused" in memo:
                return str(self.words.error("InvoiceAdd", request.get("requestID", ""), 3140))
            return str(plain(request))

        books._answer = answer
        return side

    def teardown(self) -> None:
        try:
            for side in self.sides:
                self._come_home(side)
            self._check_home()
        finally:
            self.world.database.close()

    # -- the person and the server

    @initialize()
    def begin(self) -> None:
        for side in self.sides:
            self._put(side, 1, "")

    @rule(at=which, count=st.integers(1, 7), kind=st.sampled_from(["", "", "", "", "", "", " poison", " refused"]))
    def put(self, at: int, count: int, kind: str) -> None:
        self._put(self.sides[at], count, kind)

    def _put(self, side: Side, count: int, kind: str) -> None:
        with self.world.database.write() as db:
            for n in range(count):
                side.count += 1
                memo = f"{side.letter}{side.count:03}{kind if n == 0 else ''}"
                queue.put(
                    db,
                    self.world.registry,
                    connection_id=side.connection_id,
                    kind="add-invoice",
                    key=memo,
                    messages=[("add", self.world.invoice(memo))],
                    now=self.clock(),
                )

    def retry(self, at: int) -> None:
        with self.world.database.write() as db:
            stopped = [JobState.PARKED, JobState.CANCELLED]
            jobs = db.scalars(sa.select(Job).where(Job.state.in_(stopped)).order_by(Job.id)).all()
            if jobs:
                self._retry(db, jobs[at % len(jobs)])

    def _retry(self, db: Any, job: Job) -> None:
        queue.retry(db, self.world.registry, job, [("add", self.world.invoice(job.key))], now=self.clock())

    def cancel(self, at: int) -> None:
        with self.world.database.write() as db:
            jobs = db.scalars(sa.select(Job).where(Job.state != JobState.DONE).order_by(Job.id)).all()
            if jobs:
                with suppress(QueueError):
                    queue.cancel(db, jobs[at % len(jobs)], now=self.clock())

    def confirm(self, at: int) -> None:
        side = self.sides[at]
        if side.open_elsewhere is None:
            self._confirm(side)

    def _confirm(self, side: Side) -> None:
        with self.world.database.write() as db:
            connection = db.get_one(Connection, side.connection_id)
            names = {side.books.name, side.home[0]}
            if connection.verdict is None or not connection.verdict.may_be_confirmed:
                return
            if connection.seen_company_name not in names:
                return  # the person knows that this is not the company
            if connection.verdict is Verdict.STALE:
                side.must_be_confirmed = False
            company_file.confirm(db, connection)

    def restart(self) -> None:
        self.world.database.close()
        self.world.database = _open(self.path)
        self.world.endpoint = self._endpoint()

    def _endpoint(self) -> Endpoint:
        return Endpoint(
            self.world.database,
            self.world.registry,
            interactive_page=(lambda _connection: "https://portal.example/decide") if self._interactive else None,
            now=self.clock,
        )

    _interactive = False

    def toggle_interactive(self) -> None:
        self._interactive = not self._interactive
        self.world.endpoint = self._endpoint()

    def wait(self, seconds: int) -> None:
        self.clock.tick(seconds)

    def prepare(self, at: int, minutes: int) -> None:
        with self.world.database.write() as db:
            if minutes:
                queue.prepare(db, self.sides[at].connection_id, self.clock.at + timedelta(minutes=minutes))
            else:
                queue.prepared(db, self.sides[at].connection_id)

    @rule(
        what=st.sampled_from(["retry", "cancel", "confirm", "restart", "toggle", "wait", "prepare"]),
        at=any_number,
        seconds=st.sampled_from([0, 30, 100, 700, 4000, 90_000]),
    )
    def do_something_beside(self, what: str, at: int, seconds: int) -> None:
        """What people and the server do between calls: one rule, so that it does not crowd out the visits."""
        match what:
            case "retry":
                self.retry(at)
            case "cancel":
                self.cancel(at)
            case "confirm":
                self.confirm(at % 2)
            case "restart":
                self.restart()
            case "toggle":
                self.toggle_interactive()
            case "prepare":
                self.prepare(at % 2, seconds // 60)
        self.wait(seconds)

    # -- the company file

    @rule(at=which, lost=st.integers(0, 4))
    def restore(self, at: int, lost: int) -> None:
        """A backup without the last `lost` invoices; with all of them, only the stored answers are gone."""
        side = self.sides[at]
        kept = max(0, len(side.books.invoices) - lost)
        gone = set(side.books.invoices[kept:])
        with self.world.database.read() as db:
            done = set(db.scalars(sa.select(Job.key).where(Job.key.in_(gone), Job.state == JobState.DONE)))
        side.given_up |= done
        side.must_be_confirmed = side.must_be_confirmed or bool(done)
        side.books.restore(kept)
        side.restored += 1
        self._hang_up(side)

    @rule(
        at=which,
        what=st.sampled_from(["home", "move", "move", "rename", "rename", "unmark", "other", "blank"]),
        visits=st.sampled_from([True, True, False]),
    )
    def open_file(self, at: int, what: str, visits: bool) -> None:
        self._open_file(self.sides[at], what)
        if visits:
            self.clock.tick(700)
            self._put(self.sides[at], 1, "")
            if visit := self._log_in(self.sides[at]):
                self._go_on(visit, 5)

    def _open_file(self, side: Side, what: str) -> None:
        self._hang_up(side)
        if what == "move":
            side.books.path = f"D:\\{side.letter}{self.clock.at:%H%M%S}.qbw"
        elif what == "rename":
            side.books.name = f"{side.home[0]} {self.clock.at:%H%M%S}"
        elif what == "unmark":
            side.books.file_id = None
        elif what == "other":
            side.open_elsewhere = self._other(side).books
        elif what == "blank":
            side.open_elsewhere = self.words.Books(name="Blank", path="C:\\blank.qbw", file_id=None)
        else:
            self._go_home(side)

    def _go_home(self, side: Side) -> None:
        side.open_elsewhere = None
        side.books.name, side.books.path = side.home
        side.books.file_id = side.file_id

    def _hang_up(self, side: Side) -> None:
        """QuickBooks closes the file: whatever was on its way from there is gone."""
        side.alive = None
        for visit in self.visits:
            if visit.side is side:
                visit.answer = None

    # -- the connector

    @rule(at=which, right=st.sampled_from([True, True, True, False]), address=st.sampled_from(["", "a", "a", "b"]))
    def authenticate(self, at: int, right: bool, address: str) -> None:
        self._log_in(self.sides[at], address, self.words.PASSWORD if right else "wrong")

    def _log_in(self, side: Side, address: str = "a", password: str | None = None) -> Visiting | None:
        told = self.world.endpoint.authenticate(side.user, password or self.words.PASSWORD, address)
        assert 2 <= len(told) <= 4, told
        assert all(isinstance(one, str) for one in told), told
        ticket, what, *rest = told
        assert all(one == "" or one.isdigit() for one in rest), told
        if password == "wrong":
            assert told == ["", "nvu"]
        if what in ("nvu", "busy", "none"):
            return None
        assert ticket not in {visit.ticket for visit in self.visits}, "a ticket twice"
        visit = Visiting(ticket, side)
        self.visits.append(visit)
        self._hang_up(side)
        side.alive = visit
        return visit

    def _pick(self, at: int) -> Visiting | None:
        """Mostly the newest visits, now and then one that is long over."""
        if not self.visits:
            return None
        return self.visits[-1 - (at % min(len(self.visits), 3 if at < 40 else 50))]

    @rule(at=any_number, greets=st.sampled_from(["yes", "yes", "no", "again", "foreign", "garbage"]))
    def send(self, at: int, greets: str) -> None:
        if visit := self._pick(at):
            self._send(visit, greets)

    def _send(self, visit: Visiting, greets: str = "yes") -> str:
        side, open_file = visit.side, visit.side.open
        greeting = {"no": "", "garbage": "<a", "foreign": self._other(side).books.greeting()}.get(greets)
        if greeting is None:
            greeting = open_file.greeting() if visit.is_first or greets == "again" else ""
        if visit.is_first:
            visit.file = side.file()
            if greets != "foreign":
                visit.is_first = False
        document = self.world.endpoint.send_request(visit.ticket, greeting, open_file.path)
        visit.is_first = False
        if document:
            self._check_document(visit, document)
            if document != visit.document:
                visit.document, visit.answer = document, None
        return str(document)

    def _other(self, side: Side) -> Side:
        return self.sides[1 - self.sides.index(side)]

    def _check_document(self, visit: Visiting, document: str) -> None:
        root = etree.fromstring(document.encode())
        memos = [element.text or "" for element in root.iter("Memo")]
        assert all(memo.startswith(visit.side.letter) for memo in memos), "another connection's invoice"
        if memos and document != visit.document:
            with self.world.database.read() as db:
                connection = db.get_one(Connection, visit.side.connection_id)
                assert connection.verdict is Verdict.GO, connection.verdict
            assert not visit.side.must_be_confirmed, "written into a file that lacks what was written"

    def _work(self, visit: Visiting) -> str | None:
        """QuickBooks' answer to the document of this visit; None when it is not open for it, or refuses."""
        side = visit.side
        if side.alive is not visit or visit.file != side.file() or not visit.document:
            return None
        if visit.answer is None:
            try:
                visit.answer = side.open.process(visit.document)
            except self.words.HresultError:
                return None
        return visit.answer

    @rule(at=any_number, then=st.sampled_from(["deliver", "deliver", "deliver", "lose", "truncate", "twice", "pieces"]))
    def answer(self, at: int, then: str) -> None:
        visit = self._pick(at)
        if visit is None:
            return
        answer = self._work(visit)
        if answer is None:
            if visit.side.alive is visit and "poison" in visit.document:
                self._receive(visit, "", "0x80040400")
            return
        if then in ("deliver", "twice"):
            figure = self._receive(visit, answer)
            visit.delivered.append(answer)
            if then == "twice":
                assert self._receive(visit, answer, repeats=True) == figure
        elif then == "truncate":
            self._receive(visit, answer[: len(answer) * 2 // 3])

    def answer_of_another_set(self, at: int, of: int) -> None:
        visit, other = self._pick(at), self._pick(of)
        if visit is not None and other is not None and other.delivered and other.side is not visit.side:
            self._receive(visit, other.delivered[of % len(other.delivered)])

    def answer_from_before(self, at: int, back: int) -> None:
        """An answer that this visit brought already, to a set of the queue."""
        visit = self._pick(at)
        if visit is not None and visit.delivered and "<InvoiceAddRq" in visit.document:
            self._receive(visit, visit.delivered[back % len(visit.delivered)])

    def garbage(self, at: int, garbage: str) -> None:
        visit = self._pick(at)
        if visit is not None and ("<InvoiceAddRq" in visit.document or "<" not in garbage or "a>" in garbage):
            self._receive(visit, garbage)

    @rule(at=any_number, code=st.sampled_from(HRESULTS), executed=st.booleans())
    def refuse(self, at: int, code: str, executed: bool) -> None:
        """QuickBooks fails; where the code leaves it open, it may have worked all the same."""
        visit = self._pick(at)
        if visit is None or (visit.answer is not None and judge_hresult(code).written is False):
            return
        if executed and judge_hresult(code).written is None:
            self._work(visit)
        self._receive(visit, "", code)

    def _receive(self, visit: Visiting, answer: str, hresult: str = "", *, repeats: bool = False) -> int:
        figure = self.world.endpoint.receive_response(visit.ticket, answer, hresult, "said so" if hresult else "")
        assert -1 <= figure <= 100, figure
        if figure >= 0:
            assert figure >= max(visit.figures, default=0), (visit.figures, figure)
            visit.figures.append(figure)
        if figure == 100:
            self._check_all_done(visit)
        return int(figure)

    def _check_all_done(self, visit: Visiting) -> None:
        """Told 100 for the first time, nothing is due or lost for this visit."""
        if visit.figures.count(100) > 1:
            return
        with self.world.database.read() as db:
            session = db.scalars(sa.select(Session).filter_by(ticket_hash=hash_secret(visit.ticket))).one()
            mine = sa.and_(
                sa.or_(Request.not_in_session_id.is_(None), Request.not_in_session_id != session.id),
                sa.or_(Request.only_in_session_id.is_(None), Request.only_in_session_id == session.id),
            )
            waiting = {"connection_id": session.connection_id, "state": RequestState.QUEUED}
            assert not db.scalars(sa.select(Request).filter_by(**waiting).where(mine)).all()
            lost = sa.select(Exchange).filter_by(connection_id=session.connection_id, state=ExchangeState.SENT)
            assert not [one for one in db.scalars(lost) if one.doubt is not Doubt.HELD]
            assert session.last_error is None

    def ask_error(self, at: int) -> None:
        if visit := self._pick(at):
            assert self.world.endpoint.get_last_error(visit.ticket)

    def close(self, at: int) -> None:
        if visit := self._pick(at):
            assert self.world.endpoint.close_connection(visit.ticket)

    def fail_to_connect(self, at: int, code: str) -> None:
        if visit := self._pick(at):
            told = self.world.endpoint.connection_error(visit.ticket, code, "no")
            paths = {"", "done"} | {self.world.connection().company_path or "", self._path_of(visit.side)}
            assert told in paths, told

    def _path_of(self, side: Side) -> str:
        with self.world.database.read() as db:
            return db.get_one(Connection, side.connection_id).company_path or ""

    def interact(self, at: int, what: str) -> None:
        visit = self._pick(at)
        if visit is None:
            return
        if what == "url":
            assert self.world.endpoint.interactive_url(visit.ticket) in ("", "https://portal.example/decide")
        elif what == "done":
            assert self.world.endpoint.interactive_done(visit.ticket) in ("", "Done")
        else:
            assert self.world.endpoint.interactive_rejected(visit.ticket, "no")

    def use_no_ticket(self, ticket: str) -> None:
        end = self.world.endpoint
        assert end.send_request(ticket, self.sides[0].books.greeting(), "") == ""
        assert end.receive_response(ticket, "<QBXML/>", "", "") < 0
        assert end.get_last_error(ticket)
        assert end.close_connection(ticket)
        assert end.connection_error(ticket, "0x80040408", "") == "done"

    @rule(
        what=st.sampled_from(["error", "close", "connect", "interact", "no ticket", "other set", "before", "garbage"]),
        at=any_number,
        of=any_number,
        code=st.sampled_from(HRESULTS),
    )
    def call_out_of_turn(self, what: str, at: int, of: int, code: str) -> None:
        """Calls that no connector would make now; one rule, so that they do not crowd out the visits."""
        match what:
            case "error":
                self.ask_error(at)
            case "close":
                self.close(at)
            case "connect":
                self.fail_to_connect(at, code)
            case "interact":
                self.interact(at, ("url", "done", "rejected")[of % 3])
            case "no ticket":
                self.use_no_ticket(("", "0" * 32, "é\x00", "none")[of % 4])
            case "other set":
                self.answer_of_another_set(at, of)
            case "before":
                self.answer_from_before(at, of)
            case _:
                self.garbage(at, GARBAGE[of % len(GARBAGE)])

    @rule(at=which, turns=st.integers(1, 12))
    def go_on(self, at: int, turns: int) -> None:
        """The connector does what is right, for a while."""
        side = self.sides[at]
        visit = side.alive or self._log_in(side)
        if visit is not None:
            self._go_on(visit, turns)

    def _go_on(self, visit: Visiting, turns: int) -> None:
        for _ in range(turns):
            if not self._send(visit):
                said = self.world.endpoint.get_last_error(visit.ticket)
                assert said
                if said != "NoOp":
                    self._hang_up(visit.side)
                    assert self.world.endpoint.close_connection(visit.ticket)
                    return
                continue
            answer = self._work(visit)
            hresult = "0x80040400" if "poison" in visit.document else "0x80040402"
            figure = self._receive(visit, answer) if answer is not None else self._receive(visit, "", hresult)
            visit.delivered.append(answer or "")
            if not 0 <= figure < 100:
                assert self.world.endpoint.get_last_error(visit.ticket)
                self._hang_up(visit.side)
                assert self.world.endpoint.close_connection(visit.ticket)
                return

    @rule(
        at=which,
        executed=st.booleans(),
        lost=st.sampled_from([None, None, 0, 0, 2, 9]),
        hours=st.sampled_from([0, 0.01, 1]),
    )
    def lose(self, at: int, executed: bool, lost: int | None, hours: float) -> None:
        """A visit to the right file that dies over a set that writes; then perhaps a backup without `lost` invoices."""
        side = self.sides[at]
        if side.open_elsewhere is not None or (side.books.name, side.books.path) != side.home:
            self._hang_up(side)
            self._go_home(side)
        self._put(side, 2, "")
        visit = side.alive or self._log_in(side)
        if visit is None:
            return
        for _ in range(6):
            document = self._send(visit)
            if not document or "<InvoiceAddRq" in document:
                break
            if (answer := self._work(visit)) is not None:
                self._receive(visit, answer)
        if executed:
            self._work(visit)
        self._hang_up(side)
        if lost is not None:
            self.restore(at, lost)
        self.clock.tick(hours * 3600)

    @rule(at=which)
    def have_a_calm_hour(self, at: int) -> None:
        """The right file, a person who confirms, and a whole visit."""
        side = self.sides[at]
        self._hang_up(side)
        self._go_home(side)
        self.clock.tick(3600)
        self._confirm(side)
        if visit := self._log_in(side):
            self._go_on(visit, 15)

    # -- what must always hold

    @invariant()
    def every_invoice_is_there_once_at_most(self) -> None:
        for side in self.sides:
            assert len(side.books.invoices) == len(set(side.books.invoices)), side.books.invoices

    @invariant()
    def what_is_under_way_belongs_to_a_job_that_is(self) -> None:
        with self.world.database.read() as db:
            open_states = [RequestState.QUEUED, RequestState.SENT]
            query = sa.select(Request.id, Request.state, Job.key, Job.state).join(Job, Job.id == Request.job_id)
            ended = query.where(Request.state.in_(open_states), Job.state.not_in([JobState.WAITING, JobState.PARKED]))
            assert not db.execute(ended).all()
            parked = query.where(Request.state == RequestState.QUEUED, Job.state == JobState.PARKED)
            assert not db.execute(parked).all()
            homeless = sa.select(Request.id).filter_by(state=RequestState.SENT, exchange_id=None)
            assert not db.execute(homeless).all()
            waits = sa.select(Session.connection_id, sa.func.count()).where(Session.state != State.CLOSED)
            assert all(count == 1 for _, count in db.execute(waits.group_by(Session.connection_id)))

    # -- the end

    def _come_home(self, side: Side) -> None:
        """Calm visits to the right file, with a person who confirms and begins again what was left to them."""
        self._go_home(side)
        self._hang_up(side)
        for is_last in (False, True):
            self._drain(side)
            with self.world.database.write() as db:
                parked = db.scalars(sa.select(Job).filter_by(connection_id=side.connection_id, state=JobState.PARKED))
                for job in parked.all() if not is_last else []:
                    self._retry(db, job)

    def _drain(self, side: Side) -> None:
        for _ in range(MOST_CALM_VISITS):
            self.clock.tick(3600)
            visit = self._log_in(side)
            if visit is not None:
                self._go_on(visit, 100)
            self._confirm(side)
            if visit is None:
                break
        with self.world.database.read() as db:
            still = sa.select(Job.key).filter_by(connection_id=side.connection_id, state=JobState.WAITING)
            assert not db.scalars(still).all(), "never done"

    def _check_home(self) -> None:
        with self.world.database.read() as db:
            jobs = {job.key: job for job in db.scalars(sa.select(Job))}
            unsure = {
                key for (key,) in db.execute(sa.select(Job.key).join(Request).where(Request.state == RequestState.SENT))
            }
        there = set(self.sides[0].books.invoices) | set(self.sides[1].books.invoices)
        given_up = self.sides[0].given_up | self.sides[1].given_up
        note(f"jobs {[(key, str(job.state), job.status_code) for key, job in jobs.items()]}")
        for key, job in jobs.items():
            if job.state is JobState.DONE:
                assert key in there or key in given_up, f"{key} is done, and not there"
            else:
                assert key not in there, f"{key} is {job.state}, and there"
            if "poison" not in key and "refused" not in key and job.state is not JobState.CANCELLED:
                assert job.state is JobState.DONE, f"{key}: {job.state} {job.status_code} {job.status_message}"
        assert not unsure


def _open(path: Path) -> Database:
    database = Database(f"sqlite:///{path}")
    sa.event.listen(database.engine, "connect", lambda raw, _record: raw.execute("PRAGMA synchronous=OFF").close())
    return database


@pytest.fixture
def machine(speak: Any, clock: Any, tmp_path: Path) -> type[Machine]:
    """The machine, over a folder with an empty database to begin from."""
    empty = _open(tmp_path / "empty.db")
    Base.metadata.create_all(empty.engine)
    empty.close()

    class Ours(Machine):
        words, clock_kind, folder = speak, type(clock), tmp_path

    return Ours


def test_nothing_is_lost_doubled_or_mixed_up_whatever_comes_in_whatever_order(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
