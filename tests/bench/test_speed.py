"""What a poll, a long queue and a long list cost, as ratios: over a service that does nothing, over a short queue, and
over a bare parse and a bare insert.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree
from werkzeug.test import Client

from qbwc import mirror
from qbwc._spyne import Application, ServiceBase, Soap11, Unicode, WsgiApplication, rpc
from qbwc.database import Database
from qbwc.endpoint import Endpoint, hash_secret
from qbwc.jobs import JobKind, Registry, Visit
from qbwc.models import Base, Connection, Job, JobState, ListObject, Request, RequestState
from qbwc.qbxml import Answer
from qbwc.service import ArrayOfString
from qbwc.wsgi import build_wsgi
from tests.whole import WHOLE

pytestmark = pytest.mark.bench

NAMESPACE = "http://developer.intuit.com/"
OWNER, FILE = "{90a44fb5-33d9-4815-ac85-bc87a7e7d1eb}", "{57f3b9b6-86f1-4fcc-b1ee-566de1813d20}"
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Body><{op} xmlns="http://developer.intuit.com/">{inner}</{op}></soap:Body></soap:Envelope>'
)
STATUS = 'statusCode="0" statusSeverity="Info" statusMessage="Status OK"'
PAGE, PAGES = 500, 200 if WHOLE else 60
QUEUED = 100_000 if WHOLE else 30_000


class _Idle(ServiceBase):  # type: ignore[misc]
    """What a poll without work calls, doing nothing."""

    @rpc(Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
    def serverVersion(ctx: Any, strVersion: str) -> str:
        return ""

    @rpc(Unicode, _returns=Unicode)  # type: ignore[untyped-decorator]
    def clientVersion(ctx: Any, strVersion: str) -> str:
        return ""

    @rpc(Unicode, Unicode, _returns=ArrayOfString)  # type: ignore[untyped-decorator]
    def authenticate(ctx: Any, strUserName: str, strPassword: str) -> ArrayOfString:
        return ArrayOfString(string=["0123456789abcdef0123456789abcdef", "none"])


class Acknowledge(JobKind):
    """Is done with the first answer."""

    kind = "acknowledge"

    def answered(self, visit: Visit, answer: Answer) -> None:
        visit.finish()


def _database(folder: Path, name: str) -> Database:
    """As the product configures it, with one connection."""
    database = Database(f"sqlite:///{folder / name}")
    Base.metadata.create_all(database.engine)
    with database.write() as db:
        now = datetime.now(UTC)
        secret = hash_secret("p")
        db.add(Connection(user_name="u", secret_hash=secret, owner_id=OWNER, file_id=FILE, created_at=now))
    return database


def _set(body: str, more: str = "") -> str:
    return f'<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs{more}>\n{body}</QBXMLMsgsRs>\n</QBXML>\n'


GREETING = _set(
    f'<HostQueryRs requestID="0" {STATUS}><HostRet><ProductName>QuickBooks</ProductName><MajorVersion>34</MajorVersion>'
    "<MinorVersion>0</MinorVersion><SupportedQBXMLVersion>13.0</SupportedQBXMLVersion></HostRet></HostQueryRs>"
    f'<CompanyQueryRs requestID="1" {STATUS}><CompanyRet><CompanyName>A</CompanyName><DataExtRet><OwnerID>{OWNER}'
    "</OwnerID><DataExtName>FileID</DataExtName><DataExtType>STR255TYPE</DataExtType>"
    f"<DataExtValue>{FILE}</DataExtValue></DataExtRet></CompanyRet></CompanyQueryRs>"
)


# -- a poll


def _poll(client: Client) -> str:
    text = ""
    for operation, inner in (
        ("serverVersion", ""),
        ("clientVersion", "<strVersion>34.0.0.1</strVersion>"),
        ("authenticate", "<strUserName>u</strUserName><strPassword>p</strPassword>"),
    ):
        headers = {"SOAPAction": f'"{NAMESPACE}{operation}"', "Content-Type": "text/xml; charset=utf-8"}
        text = client.post("/qbwc", data=ENVELOPE.format(op=operation, inner=inner).encode(), headers=headers).text
    return text


def test_a_poll_without_work_costs_at_most_twice_a_service_that_does_nothing(ratios: Any, tmp_path: Path) -> None:
    database = _database(tmp_path, "poll.db")
    ours = Client(build_wsgi(Endpoint(database, Registry(Acknowledge()))))
    idle = Client(
        WsgiApplication(Application([_Idle], NAMESPACE, name="Idle", in_protocol=Soap11(), out_protocol=Soap11()))
    )
    assert "none" in _poll(ours)
    assert "none" in _poll(idle)
    ratio = ratios.measure(
        "5 polls without work, over a spyne service that does nothing",
        lambda: [_poll(ours) for _ in range(5)],
        lambda: [_poll(idle) for _ in range(5)],
        rounds=60,
        clock=time.process_time,  # all of it is done in this process, whatever else the machine does
    )
    database.close()
    assert ratio <= 2


# -- a long queue


def _queue(database: Database, count: int) -> None:
    """That many invoices to add, one job each."""
    now = datetime.now(UTC)
    with database.write() as db:
        connection_id = db.scalars(sa.select(Connection.id)).one()
        every = {"connection_id": connection_id, "created_at": now}
        job = {**every, "kind": "acknowledge", "payload": {}, "state": JobState.WAITING}
        request = {**every, "step": "add", "tag": "InvoiceAddRq", "is_write": True, "priority": 50}
        body = '<InvoiceAddRq requestID="{n}"><InvoiceAdd><Memo>' + "x" * 600 + "</Memo></InvoiceAdd></InvoiceAddRq>"
        for at in range(1, count + 1, 5000):
            some = range(at, min(count + 1, at + 5000))
            db.execute(sa.insert(Job), [{**job, "id": n, "key": f"{n}"} for n in some])
            rows = [{**request, "id": n, "job_id": n, "request_id": f"{n}", "body": body.format(n=n)} for n in some]
            db.execute(sa.insert(Request), [{**row, "state": RequestState.QUEUED} for row in rows])


def _answer(document: str) -> str:
    messages = etree.fromstring(document.encode())[0]
    return _set("".join(f'<{str(one.tag)[:-2]}Rs requestID="{one.get("requestID")}" {STATUS}/>' for one in messages))


def _visit(endpoint: Endpoint, best: dict[str, float]) -> None:
    """The first set of a visit; what each call took is kept when it is the best so far."""
    document = answer = ""
    ticket = ""
    for name in ("authenticate", "sendRequestXML", "receiveResponseXML"):
        begun = time.perf_counter()
        if name == "authenticate":
            ticket = endpoint.authenticate("u", "p")[0]
        elif name == "sendRequestXML":
            document = endpoint.send_request(ticket, GREETING, "C:\\a.qbw")
        else:
            assert endpoint.receive_response(ticket, answer, "", "") >= 0
        best[name] = min(best.get(name, 60.0), time.perf_counter() - begun)
        if name == "sendRequestXML":
            answer = _answer(document)
    assert document.count("<InvoiceAdd>") > 50
    endpoint.close_connection(ticket)


def test_very_many_queued_requests_cost_no_more_than_a_thousand(ratios: Any, tmp_path: Path) -> None:
    times: dict[int, dict[str, float]] = {1000: {}, QUEUED: {}}
    databases = {count: _database(tmp_path, f"{count}.db") for count in times}
    endpoints = {count: Endpoint(database, Registry(Acknowledge())) for count, database in databases.items()}
    for count, database in databases.items():
        _queue(database, count)
        with database.write() as db:  # so that the visits compare nothing but what they send
            db.execute(sa.update(Connection).values(company_name="A", company_path="C:\\a.qbw"))
    for _ in range(8):
        for count, endpoint in endpoints.items():
            _visit(endpoint, times[count])
    found = {}
    for name, short in times[1000].items():
        long = times[QUEUED][name]
        found[name] = long / short
        figure = f"{long / short:.2f} times ({long * 1000:.1f} ms / {short * 1000:.1f} ms)"
        ratios.properties.append(("ratio", f"{name}, {QUEUED:,} queued over 1,000: {figure}"))
    for database in databases.values():
        database.close()
    assert found["sendRequestXML"] <= 1.3
    assert found["receiveResponseXML"] <= 1.3
    assert found["authenticate"] <= 2


# -- a long list


def _customers(page: int) -> str:
    return "".join(
        f"<CustomerRet>\n<ListID>80000{n:05}-1793520000</ListID>\n<TimeModified>2026-10-01T10:{n % 60:02}:00-05:00"
        f"</TimeModified>\n<EditSequence>1793520000</EditSequence>\n<Name>Client number {n}</Name>\n<FullName>Client "
        f"number {n}</FullName>\n<IsActive>true</IsActive>\n<Sublevel>0</Sublevel>\n<CompanyName>Client number {n} inc."
        f"</CompanyName>\n<Email>client{n}@example.com</Email>\n<TermsRef>\n<ListID>80000001-1</ListID>\n<FullName>Net"
        " 30</FullName>\n</TermsRef>\n<SalesTaxCodeRef>\n<ListID>80000002-1</ListID>\n<FullName>S</FullName>\n"
        "</SalesTaxCodeRef>\n</CustomerRet>\n"
        for n in range(page * PAGE, (page + 1) * PAGE)
    )


def _pages(document: str) -> Iterator[str]:
    request_id = etree.fromstring(document.encode())[0][0].get("requestID")
    for page in range(PAGES):
        left = PAGE * (PAGES - 1 - page)
        more = f'retCount="{PAGE}" iteratorRemainingCount="{left}" iteratorID="{{it-1}}"'
        tag = f'CustomerQueryRs requestID="{request_id}" {STATUS} {more}'
        yield _set(f"<{tag}>\n{_customers(page)}</CustomerQueryRs>\n")


def _store_barely(raw: sqlite3.Connection, text: str) -> None:
    """The least that would do: parse the text as a whole, insert the same rows."""
    rows = []
    for one in etree.fromstring(text.encode()).iter("CustomerRet"):
        facts = {child.tag: child.text or [grandchild.text for grandchild in child] for child in one}
        names = ("ListID", "FullName", "IsActive", "EditSequence")
        rows.append((1, "customer", "Customer", *map(one.findtext, names), json.dumps(facts), 1, "2026-10-20 14:00:00"))
    raw.execute("BEGIN IMMEDIATE")
    raw.executemany(
        "INSERT INTO qbwc_list_object (connection_id, kind, type, list_id, full_name, is_active, edit_sequence, data,"
        " pull, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    raw.execute("COMMIT")


def _memory() -> int:
    """The resident memory in bytes."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_very_many_customers_stay_near_a_bare_parse_and_insert(ratios: Any, tmp_path: Path) -> None:
    database, bare = _database(tmp_path, "ours.db"), _database(tmp_path, "bare.db")
    registry = Registry(mirror.PullList())
    endpoint = Endpoint(database, registry)
    with database.write() as db:
        connection = db.scalars(sa.select(Connection)).one()
        mirror._plan(db, registry, connection, "customer", datetime.now(UTC), full=True, asked_by="")
    ticket = endpoint.authenticate("u", "p")[0]
    document = endpoint.send_request(ticket, GREETING, "C:\\a.qbw")
    ours = theirs = 0.0
    memory = []
    with closing(sqlite3.connect(tmp_path / "bare.db", isolation_level=None)) as raw:
        raw.execute("PRAGMA synchronous=FULL")
        for number, text in enumerate(_pages(document)):
            begun = time.perf_counter()
            _store_barely(raw, text)
            between = time.perf_counter()
            figure = endpoint.receive_response(ticket, text, "", "")
            if 0 <= figure < 100:
                endpoint.send_request(ticket, "", "C:\\a.qbw")
            ours, theirs = ours + time.perf_counter() - between, theirs + between - begun
            assert figure >= 0
            if number in (PAGES // 10, PAGES - 1):
                memory.append(_memory())
    assert figure == 100
    with database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(ListObject)) == PAGE * PAGES
    database.close()
    bare.close()
    ratio, grown = ours / theirs, (memory[1] - memory[0]) / 1e6
    times = f"{ratio:.2f} times ({ours:.1f} s / {theirs:.1f} s)"
    ratios.properties += [
        ("ratio", f"{PAGE * PAGES:,} customers pulled, over a bare parse and insert: {times}"),
        ("ratio", f"memory between page {PAGES // 10} and {PAGES}: {grown:+.1f} MB of {memory[0] / 1e6:.0f} MB"),
    ]
    assert ratio <= 6
    assert grown < 20
