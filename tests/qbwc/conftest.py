"""A conversation in miniature: a connection, a QuickBooks of canned answers, a connector that can lose them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import sqlalchemy as sa
from lxml import etree
from sqlalchemy import orm

from qbwc import mirror, queue
from qbwc.database import Database
from qbwc.endpoint import BeforeVisit, Endpoint, hash_secret
from qbwc.jobs import JobKind, Registry, Visit
from qbwc.models import Connection, Job, Request
from qbwc.qbxml import Answer
from qbwc.qbxml.reaction import Status
from qbwc.qbxml.transactions import InvoiceAdd, InvoiceAddRq, InvoiceLineAdd, InvoiceMod, InvoiceModRq, InvoiceQueryRq
from qbwc.qbxml.types import Ref

USER, PASSWORD = "nordet", "correct horse battery staple"
OWNER_ID = "{57F3B9B6-86F1-4FCC-B1FF-966DE1813D20}"
FILE_ID = "{0C7C1F5A-2B3D-4E5F-8A9B-0C1D2E3F4A5B}"
NAME, PATH = "Nordet Infogérance inc.", r"C:\QB\Nordet.qbw"

Say = Callable[[etree._Element], str]


class HresultError(Exception):
    """QuickBooks refuses a set as a whole."""

    def __init__(self, hresult: str, message: str = "QuickBooks says no") -> None:
        super().__init__(hresult)
        self.hresult, self.message = hresult, message


class Lost(Exception):
    """The connection broke."""


def error(tag: str, request_id: str, code: int, body: str = "", severity: str = "Error") -> str:
    return (
        f'<{tag}Rs requestID="{request_id}" statusCode="{code}" statusSeverity="{severity}" '
        f'statusMessage="said {code}">{body}</{tag}Rs>'
    )


def done(tag: str, request_id: str, body: str = "", more: str = "") -> str:
    return (
        f'<{tag}Rs requestID="{request_id}" statusCode="0" statusSeverity="Info" statusMessage="Status OK"{more}>'
        f"{body}</{tag}Rs>"
    )


@dataclass
class Books:
    """A QuickBooks with one company file: it executes what it is sent, and keeps the answers of sets with an id."""

    name: str = NAME
    path: str = PATH
    file_id: str | None = FILE_ID
    versions: tuple[str, ...] = ("1.0", "12.0", "13.0", "16.0")
    invoices: list[str] = field(default_factory=list)
    kept: list[dict[str, str]] = field(default_factory=list)
    shows_stamps: bool = True
    machine: str = "BUREAU-2"
    absent: str = "600"
    gone: list[str] = field(default_factory=list)
    serial: int = 0
    sent: list[str] = field(default_factory=list)
    executed: Counter[str] = field(default_factory=Counter)
    stored: dict[str, tuple[str, str]] = field(default_factory=dict)
    says: dict[str, Say] = field(default_factory=dict)
    hresult: Callable[[str], str | None] = lambda _document: None

    def process(self, document: str) -> str:
        self.sent.append(document)
        code = self.hresult(document)
        if code:
            raise HresultError(code)
        messages = etree.fromstring(document.encode())[0]
        set_id, old_id = messages.get("newMessageSetID"), messages.get("oldMessageSetID")
        if len(messages) == 0 and old_id is not None:
            return self._recover(set_id, old_id)
        if set_id in self.stored:
            known, answer = self.stored[set_id]
            assert known == document, "one id for two different sets"
            return answer
        body = "".join(self._answer(request) for request in messages)
        answer = self._set(body, "0" if set_id else None)
        if set_id:
            self.stored[set_id] = (document, answer)
        return answer

    def _recover(self, set_id: str | None, old_id: str) -> str:
        """A status check gives the stored answer; a clearing forgets one, or all."""
        if set_id is not None:
            return self.stored[old_id][1] if old_id in self.stored else self._set("", self.absent)
        if old_id == "ClearAllMessageSets":
            self.stored.clear()
            return self._set("", "0")
        return self._set("", "0" if self.stored.pop(old_id, None) else "9002")

    def _set(self, body: str, status: str | None) -> str:
        said = f' messageSetStatusCode="{status}"' if status else ""
        return f'<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs{said}>\n{body}\n</QBXMLMsgsRs>\n</QBXML>\n'

    def restore(self, count: int) -> None:
        """Put a backup back that holds the first `count` invoices; a backup has no stored answers."""
        del self.invoices[count:], self.kept[count:]
        self.stored.clear()

    def delete(self, *txn_ids: str) -> None:
        """Somebody deletes these invoices by hand."""
        self.kept = [one for one in self.kept if one["TxnID"] not in txn_ids]
        self.gone += txn_ids

    def work(self) -> list[str]:
        """What was sent, without what only looks after lost or old things."""
        return [one for one in self.sent if is_work(one)]

    def _answer(self, request: etree._Element) -> str:
        tag, request_id = str(request.tag).removesuffix("Rq"), request.get("requestID", "")
        self.executed[tag] += 1
        if tag in self.says:
            return self.says[tag](request)
        if tag == "InvoiceAdd":
            memo = request.findtext(".//Memo") or ""
            self.invoices.append(memo)
            add = request[0]
            self.serial += 1  # a TxnID never comes back, not even after a backup was restored
            invoice = {
                "TxnID": f"T-{self.serial}",
                "EditSequence": str(self.serial),
                "CustomerRef": add.findtext("CustomerRef/ListID") or "",
                "TxnDate": add.findtext("TxnDate") or "",
                "Memo": memo,
                "ExternalGUID": add.findtext("ExternalGUID") or "",
            }
            self.kept.append(invoice)
            return done(tag, request_id, self._invoice(invoice))
        if tag == "InvoiceQuery":
            return self._query(request_id, request)
        if tag == "TxnDeletedQuery" and self.gone:
            deleted = "<TxnDeletedRet><TxnDelType>Invoice</TxnDelType><TxnID>{}</TxnID></TxnDeletedRet>"
            return done(tag, request_id, "".join(map(deleted.format, self.gone)))
        if tag in ("HostQuery", "CompanyQuery", "PreferencesQuery"):
            return done(tag, request_id, getattr(self, f"_{tag.removesuffix('Query').lower()}")())
        return error(tag, request_id, 1, severity="Info")

    def _invoice(self, invoice: dict[str, str]) -> str:
        body = "".join(
            f"<{name}><ListID>{value}</ListID></{name}>"
            if name == "CustomerRef"
            else f"<{name}>{escape(value)}</{name}>"
            for name, value in invoice.items()
            if name != "ExternalGUID" or self.shows_stamps
        )
        line = (
            "<InvoiceLineRet><TxnLineID>L-1</TxnLineID><ItemRef><ListID>80000009-1</ListID></ItemRef>"
            "<Quantity>1</Quantity></InvoiceLineRet>"
        )
        return f"<InvoiceRet>{body}{line}</InvoiceRet>"

    def _query(self, request_id: str, request: etree._Element) -> str:
        ids = {element.text for element in request.iterchildren("TxnID")}
        dates = request.findtext("TxnDateRangeFilter/FromTxnDate"), request.findtext("TxnDateRangeFilter/ToTxnDate")
        customer = request.findtext("EntityFilter/ListID")
        found = [
            one
            for one in self.kept
            if (one["TxnID"] in ids if ids else True)
            and (dates[0] is None or dates[0] <= one["TxnDate"] <= (dates[1] or "9999"))
            and customer in (None, one["CustomerRef"])
        ]
        if not found:
            return error("InvoiceQuery", request_id, 1, severity="Info")
        return done("InvoiceQuery", request_id, "".join(map(self._invoice, found)))

    def greeting(self) -> str:
        body = (
            done("HostQuery", "0", self._host())
            + done("CompanyQuery", "1", self._company())
            + done("PreferencesQuery", "2", self._preferences())
        )
        return f'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs>{body}</QBXMLMsgsRs></QBXML>'

    def _host(self) -> str:
        versions = "".join(f"<SupportedQBXMLVersion>{one}</SupportedQBXMLVersion>" for one in self.versions)
        return (
            "<HostRet><ProductName>QuickBooks Pro</ProductName><MajorVersion>33</MajorVersion>"
            f"<MinorVersion>0</MinorVersion><Country>CA</Country>{versions}</HostRet>"
        )

    def _company(self) -> str:
        private = ""
        if self.file_id is not None:
            private = "".join(
                f"<DataExtRet><OwnerID>{OWNER_ID}</OwnerID><DataExtName>{name}</DataExtName>"
                f"<DataExtType>STR255TYPE</DataExtType><DataExtValue>{value}</DataExtValue></DataExtRet>"
                for name, value in (("AppLock", f"LOCKED:{self.machine}:638600000000000000"), ("FileID", self.file_id))
            )
        return f"<CompanyRet><CompanyName>{escape(self.name)}</CompanyName>{private}</CompanyRet>"

    def _preferences(self) -> str:
        return (
            "<PreferencesRet><AccountingPreferences><IsUsingClassTracking>true</IsUsingClassTracking>"
            "<ClosingDate>2026-09-30</ClosingDate></AccountingPreferences></PreferencesRet>"
        )


@dataclass
class Visited:
    """What one visit of the connector came to."""

    told: list[str]
    figures: list[int] = field(default_factory=list)
    raw: list[int] = field(default_factory=list)
    error: str | None = None
    closed: str | None = None


class AddInvoice(JobKind):
    """Creates an invoice, and counts how often it was told so."""

    kind = "add-invoice"

    def __init__(self) -> None:
        self.parkings: list[Status] = []
        self.fails: Callable[[Answer], None] = lambda _said: None

    def answered(self, visit: Visit, answer: Answer) -> None:
        self.fails(answer)
        for invoice in answer.objects:
            told = [*visit.job.payload.get("told", []), invoice.txn_id]
            visit.job.payload = {**visit.job.payload, "told": told}
        visit.finish()

    def parked(self, visit: Visit, status: Status) -> None:
        self.parkings.append(status)


class ChangeInvoice(JobKind):
    """Reads an invoice and changes its memo; a newer one is changed in its turn, once."""

    kind = "change-invoice"

    def answered(self, visit: Visit, answer: Answer) -> None:
        for invoice in answer.objects:
            if visit.request.step == "read":
                visit.ask(self.change(invoice), "write")
                return
        visit.finish()

    def stale(self, visit: Visit, answer: Answer) -> bool:
        for invoice in answer.objects:
            visit.ask(self.change(invoice), "write")
            return True
        return False

    def change(self, invoice: Any) -> InvoiceModRq:
        mod = InvoiceMod(txn_id=invoice.txn_id, edit_sequence=invoice.edit_sequence, memo="changed")
        return InvoiceModRq(invoice_mod=mod)


@dataclass
class World:
    """The endpoint over a database, a QuickBooks, and the connector between them."""

    database: Database
    clock: Any
    books: Books = field(default_factory=Books)
    add: AddInvoice = field(default_factory=AddInvoice)
    plans: list[BeforeVisit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = Registry(self.add, ChangeInvoice(), mirror.PullList())
        self.endpoint = Endpoint(self.database, self.registry, before_visit=self.plans, now=self.clock)
        self.connection_id = self.connect(USER, FILE_ID)

    def connect(self, user: str, file_id: str) -> int:
        with self.database.write() as db:
            row = Connection(
                user_name=user,
                secret_hash=hash_secret(PASSWORD),
                owner_id=OWNER_ID,
                file_id=file_id,
                created_at=self.clock(),
            )
            db.add(row)
            db.flush()
            return row.id

    # -- the queue

    def invoice(self, memo: str) -> InvoiceAddRq:
        line = InvoiceLineAdd(item_ref=Ref(list_id="80000009-1"), quantity=Decimal(1))
        return InvoiceAddRq(
            invoice_add=InvoiceAdd(
                customer_ref=Ref(list_id="80000001-1"), txn_date=date(2026, 10, 31), memo=memo, lines=(line,)
            )
        )

    def put(self, *memos: str) -> None:
        with self.database.write() as db:
            for memo in memos:
                self._put(db, "add-invoice", memo, [("add", self.invoice(memo))])

    def put_change(self, key: str = "c") -> None:
        with self.database.write() as db:
            self._put(db, "change-invoice", key, [("read", InvoiceQueryRq(txn_id=("T-1",)))])

    def _put(self, db: orm.Session, kind: str, key: str, messages: list[tuple[str, Any]]) -> Job:
        return queue.put(
            db,
            self.registry,
            connection_id=self.connection_id,
            kind=kind,
            key=key,
            messages=messages,
            now=self.clock(),
        )

    def refresh(self, *, full: bool = False) -> None:
        with self.database.write() as db:
            mirror.refresh(db, self.registry, self.connection_of(db), self.clock(), full=full)

    def retry(self, memo: str) -> None:
        with self.database.write() as db:
            queue.retry(db, self.registry, self.job_of(db, memo), [("add", self.invoice(memo))], now=self.clock())

    # -- looking

    def connection_of(self, db: orm.Session) -> Connection:
        return db.get_one(Connection, self.connection_id)

    def job_of(self, db: orm.Session, key: str) -> Job:
        return db.scalars(sa.select(Job).filter_by(key=key)).one()

    def job(self, key: str) -> Job:
        with self.database.read() as db:
            return self.job_of(db, key)

    def jobs(self) -> dict[str, str]:
        with self.database.read() as db:
            return {job.key: str(job.state) for job in db.scalars(sa.select(Job).order_by(Job.id))}

    def rows(self, table: type) -> list[Any]:
        with self.database.read() as db:
            return list(db.scalars(sa.select(table).order_by(*sa.inspect(table).primary_key)))

    def requests(self, key: str) -> list[Request]:
        with self.database.read() as db:
            job = self.job_of(db, key)
            return list(db.scalars(sa.select(Request).filter_by(job_id=job.id).order_by(Request.id)))

    def connection(self) -> Connection:
        with self.database.read() as db:
            return self.connection_of(db)

    def amend(self, **values: Any) -> None:
        with self.database.write() as db:
            row = self.connection_of(db)
            for name, value in values.items():
                setattr(row, name, value)

    # -- the connector

    def log_in(self, user: str = USER, password: str = PASSWORD, address: str = "") -> list[str]:
        return self.endpoint.authenticate(user, password, address)

    def ticket(self, address: str = "") -> str:
        ticket, what, *_ = self.log_in(address=address)
        assert what not in ("nvu", "busy", "none")
        return ticket

    def ask(self, ticket: str, *, first: bool = False) -> str:
        return self.endpoint.send_request(ticket, self.books.greeting() if first else "", self.books.path)

    def give(self, ticket: str, document: str) -> int:
        """QuickBooks works, and its answer is handed in."""
        try:
            answer = self.books.process(document)
        except HresultError as refused:
            return self.endpoint.receive_response(ticket, "", refused.hresult, refused.message)
        return self.endpoint.receive_response(ticket, answer, "", "")

    def visit(self, *, brings_greeting: bool = True, most: int = 60) -> Visited:
        """A whole visit, as the connector does it."""
        ticket, what, *_ = self.log_in()
        seen = Visited(told=[ticket, what])
        if what in ("nvu", "busy", "none"):
            return seen
        for turn in range(most):
            document = self.ask(ticket, first=turn == 0 and brings_greeting)
            if not document:
                seen.error = self.endpoint.get_last_error(ticket)
                break
            figure = self.give(ticket, document)
            seen.raw.append(figure)
            # What only looks after old or lost things is told apart, but for the figure that ends the visit.
            if is_work(document):
                seen.figures.append(figure)
            elif seen.figures and figure in (-1, 100):
                seen.figures[-1] = figure
            if figure < 0:
                seen.error = self.endpoint.get_last_error(ticket)
            if figure < 0 or figure >= 100:
                break
        else:
            raise AssertionError("the visit never ends")
        seen.closed = self.endpoint.close_connection(ticket)
        self.clock.tick(300)
        return seen

    def visit_and_lose(self, *, executed: bool = True, sets: int = 1) -> str:
        """A visit whose answer to the last of `sets` sets never comes; returns that set."""
        ticket = self.ticket()
        document = self.ask(ticket, first=True)
        for _ in range(sets - 1):
            self.give(ticket, document)
            document = self.ask(ticket)
        if executed:
            self.books.process(document)
        self.clock.tick(3600)
        return document


def set_id(document: str) -> str | None:
    found = re.search(r'newMessageSetID="([^"]+)"', document)
    return found[1] if found else None


def is_work(document: str) -> bool:
    """Whether a set carries requests of the queue: no check, look-up, landmark or clearing."""
    asked = set(tags(document))
    looks = asked <= {"InvoiceQueryRq", "CreditMemoQueryRq"} and ("<Include" in document)
    return bool(asked) and not looks and asked != {"TxnDeletedQueryRq"}


def steps(documents: list[str]) -> list[str]:
    """What each of these sets is for, in a word."""
    return [_step(document) for document in documents]


def _step(document: str) -> str:
    if is_work(document):
        return "write" if set_id(document) else "read"
    if "ClearAllMessageSets" in document:
        return "clear"
    if "TxnDeletedQueryRq" in document:
        return "deletions"
    if "IncludeRetElement" in document:
        return "landmarks"
    return "look-up" if tags(document) else "check"


def tags(document: str) -> list[str]:
    return [str(child.tag) for child in etree.fromstring(document.encode())[0]] if document else []


@pytest.fixture
def world(any_database: Database, clock: Any) -> World:
    return World(any_database, clock)


@pytest.fixture
def speak() -> Any:
    """The words of the conversation, for tests that make answers themselves."""

    class Words:
        NAME, PATH, FILE_ID, OWNER_ID, USER, PASSWORD = NAME, PATH, FILE_ID, OWNER_ID, USER, PASSWORD
        Books, World, HresultError = Books, World, HresultError
        done, error, set_id, tags = staticmethod(done), staticmethod(error), staticmethod(set_id), staticmethod(tags)
        is_work, steps, serve_pages = staticmethod(is_work), staticmethod(steps), staticmethod(serve_pages)

    return Words


@pytest.fixture
def pages() -> Callable[[Books, int, int], list[etree._Element]]:
    """Gives a QuickBooks customers that come in pages."""
    return serve_pages


def serve_pages(books: Books, count: int, page: int) -> list[etree._Element]:
    """`count` customers in pages of `page`; returns the requests that were made, as they come."""
    asked: list[etree._Element] = []
    iterators: dict[str, int] = {}

    def say(request: etree._Element) -> str:
        asked.append(request)
        request_id = request.get("requestID", "")
        at = 0
        if request.get("iterator") == "Continue":
            at = iterators.get(request.get("iteratorID", ""), -1)
            if at < 0:
                return error("CustomerQuery", request_id, 3391)
        rows = range(at, min(count, at + page))
        iterator = f"{{it-{len(asked)}}}" if at == 0 else request.get("iteratorID", "")
        iterators[iterator] = at + page
        left = max(0, count - at - page)
        body = "".join(
            f"<CustomerRet><ListID>C-{n}</ListID><TimeModified>2026-10-01T10:{n % 60:02d}:00-05:00</TimeModified>"
            f"<EditSequence>{n}</EditSequence><Name>N{n}</Name><FullName>N{n}</FullName><IsActive>true</IsActive>"
            "</CustomerRet>"
            for n in rows
        )
        more = f' retCount="{len(rows)}" iteratorRemainingCount="{left}" iteratorID="{iterator}"'
        return done("CustomerQuery", request_id, body, more)

    books.says["CustomerQuery"] = say
    asked_iterators = iterators
    books.__dict__["iterators"] = asked_iterators
    return asked


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of either kind without any table."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'old.db'}")
        yield made
        made.close()
        return
    server = Database(request.getfixturevalue("postgres_server")).url
    name = f"old_{tmp_path.name.lower().replace('-', '_')[-40:]}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    made = Database(server.set(database=name).render_as_string(hide_password=False))
    yield made
    made.close()
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name}"))
    admin.dispose()
