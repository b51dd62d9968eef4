"""The codec against a bare parse, a whole visit against a service that does nothing, --help against importing Flask."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from werkzeug.test import Client

from qbwc import mirror
from qbwc._spyne import Application, Integer32, ServiceBase, Soap11, Unicode, WsgiApplication, rpc
from qbwc.database import Database
from qbwc.endpoint import Endpoint, hash_secret
from qbwc.jobs import Registry
from qbwc.models import Base, Connection
from qbwc.qbxml import read_answers
from qbwc.service import ArrayOfString
from qbwc.wsgi import build_wsgi

pytestmark = pytest.mark.bench

NAMESPACE = "http://developer.intuit.com/"
OWNER, FILE = "{90a44fb5-33d9-4815-ac85-bc87a7e7d1eb}", "{57f3b9b6-86f1-4fcc-b1ee-566de1813d20}"
LINE = (
    "<InvoiceLineRet><TxnLineID>{n}-{i}</TxnLineID><ItemRef><ListID>80000001-{i}</ListID><FullName>Licences:Item {i}"
    "</FullName></ItemRef><Desc>Microsoft 365 (2026-10-01 - 2026-10-31)</Desc><Quantity>12</Quantity><Rate>15.20</Rate>"
    "<Amount>182.40</Amount><ServiceDate>2026-10-01</ServiceDate></InvoiceLineRet>"
)
INVOICE = (
    "<InvoiceRet><TxnID>{n}-1</TxnID><TimeCreated>2026-11-01T05:00:00-05:00</TimeCreated><TimeModified>2026-11-01T05:00:00"
    "-05:00</TimeModified><EditSequence>1793520000</EditSequence><CustomerRef><ListID>80000001-{n}</ListID><FullName>"
    "Client {n}</FullName></CustomerRef><TxnDate>2026-11-01</TxnDate><RefNumber>{n}</RefNumber><IsPending>false"
    "</IsPending><Subtotal>912.00</Subtotal><BalanceRemaining>1048.57</BalanceRemaining><IsPaid>false</IsPaid>{lines}"
    "</InvoiceRet>"
)
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Body><{op} xmlns="http://developer.intuit.com/">{inner}</{op}></soap:Body></soap:Envelope>'
)


def _rs(kind: str, request_id: str, body: str = "") -> str:
    return (
        f'<{kind}Rs requestID="{request_id}" statusCode="0" statusSeverity="Info" statusMessage="ok">{body}</{kind}Rs>'
    )


def _qbxml(body: str) -> str:
    return f'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs>{body}</QBXMLMsgsRs></QBXML>'


def test_reading_invoices_stays_near_a_bare_parse(ratios: Any) -> None:
    lines = "".join(LINE.format(n=1, i=i) for i in range(5))
    text = _qbxml(_rs("InvoiceQuery", "1", "".join(INVOICE.format(n=n, lines=lines) for n in range(1000))))

    def ours() -> int:
        return sum(1 for answer in read_answers(text) for _ in answer.objects)

    assert ours() == 1000
    ratio = ratios.measure(
        "codec, 1,000 invoices of 5 lines, over a bare lxml parse", ours, lambda: etree.fromstring(text.encode())
    )
    assert ratio < 40


class _Idle(ServiceBase):  # type: ignore[misc]
    """The same operations, doing nothing."""

    @rpc(Unicode, _returns=Unicode)
    def serverVersion(ctx: Any, strVersion: str) -> str:
        return ""

    @rpc(Unicode, _returns=Unicode)
    def clientVersion(ctx: Any, strVersion: str) -> str:
        return ""

    @rpc(Unicode, Unicode, _returns=ArrayOfString)
    def authenticate(ctx: Any, strUserName: str, strPassword: str) -> ArrayOfString:
        return ArrayOfString(string=["x", ""])

    @rpc(Unicode, Unicode, Unicode, Unicode, Integer32, Integer32, _returns=Unicode)
    def sendRequestXML(
        ctx: Any, ticket: str, strHCPResponse: str, strCompanyFileName: str, c: str, a: int, b: int
    ) -> str:
        return ""

    @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Integer32)
    def receiveResponseXML(ctx: Any, ticket: str, response: str, hresult: str, message: str) -> int:
        return 100

    @rpc(Unicode, _returns=Unicode)
    def closeConnection(ctx: Any, ticket: str) -> str:
        return "ok"


def _call(client: Client, operation: str, **values: str) -> str:
    inner = "".join(f"<{name}>{_escape(value)}</{name}>" for name, value in values.items())
    headers = {"SOAPAction": f'"{NAMESPACE}{operation}"', "Content-Type": "text/xml; charset=utf-8"}
    return client.post("/qbwc", data=ENVELOPE.format(op=operation, inner=inner).encode(), headers=headers).text


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


HOST = (
    "<HostRet><ProductName>QuickBooks</ProductName><MajorVersion>34</MajorVersion><MinorVersion>0</MinorVersion>"
    "<SupportedQBXMLVersion>13.0</SupportedQBXMLVersion></HostRet>"
)
COMPANY = (
    f"<CompanyRet><CompanyName>A</CompanyName><DataExtRet><OwnerID>{OWNER}</OwnerID><DataExtName>FileID</DataExtName>"
    f"<DataExtType>STR255TYPE</DataExtType><DataExtValue>{FILE}</DataExtValue></DataExtRet></CompanyRet>"
)
GREETING = _qbxml(
    _rs("HostQuery", "0", HOST) + _rs("CompanyQuery", "1", COMPANY) + _rs("PreferencesQuery", "2", "<PreferencesRet/>")
)
KINDS = ("CustomerQuery", "ItemQuery", "AccountQuery", "TermsQuery", "ClassQuery", "SalesTaxCodeQuery", "TemplateQuery")


def _visit(client: Client) -> None:
    _call(client, "serverVersion")
    _call(client, "clientVersion", strVersion="34.0.0.1")
    ticket = re.search(r"string>(\w+)<", _call(client, "authenticate", strUserName="u", strPassword="p"))
    assert ticket
    sent = _call(
        client,
        "sendRequestXML",
        ticket=ticket[1],
        strHCPResponse=GREETING,
        strCompanyFileName="C:\\a.qbw",
        qbXMLCountry="US",
        qbXMLMajorVers="13",
        qbXMLMinorVers="0",
    )
    ids = re.findall(r"(\w+)Rq requestID=\"(\d+)\"", sent) or [(kind, "1") for kind in KINDS]
    answer = _qbxml("".join(_rs(kind, request_id) for kind, request_id in ids))
    _call(client, "receiveResponseXML", ticket=ticket[1], response=answer, hresult="", message="")
    _call(client, "closeConnection", ticket=ticket[1])


def test_a_whole_visit_stays_near_a_service_that_does_nothing(ratios: Any, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'bench.sqlite3'}")
    Base.metadata.create_all(database.engine)
    registry = Registry(mirror.PullList())
    with database.write() as db:
        db.add(
            Connection(
                user_name="u", secret_hash=hash_secret("p"), owner_id=OWNER, file_id=FILE, created_at=datetime.now(UTC)
            )
        )
    endpoint = Endpoint(
        database,
        registry,
        before_visit=[lambda db, connection, now: mirror.refresh(db, registry, connection, now, full=True) and None],
    )
    ours = Client(build_wsgi(endpoint))
    idle = Client(
        WsgiApplication(Application([_Idle], NAMESPACE, name="Idle", in_protocol=Soap11(), out_protocol=Soap11()))
    )
    _visit(ours)
    _visit(idle)
    ratio = ratios.measure(
        "a visit that pulls seven lists, over a spyne service that does nothing",
        lambda: _visit(ours),
        lambda: _visit(idle),
        rounds=10,
    )
    database.close()
    assert ratio < 400  # three commits that reach the disk, over none


def test_help_is_quicker_than_three_imports_of_flask(ratios: Any) -> None:
    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    run("-c", "import flask")
    ratio = ratios.measure(
        "portal --help, over a bare import of flask",
        lambda: run("-m", "portal.cli", "--help"),
        lambda: run("-c", "import flask"),
        rounds=3,
    )
    assert ratio <= 3
