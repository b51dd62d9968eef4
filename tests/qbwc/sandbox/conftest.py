"""A small company for every test, a clock that stands still, and Intuit's schema where it can be found."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from qbwc.sandbox import Company, Session, Visit, parse_fault, process, read_manifest, visit

QBXML = (
    '<?xml version="1.0" encoding="utf-8"?><?qbxml version="{version}"?>'
    "<QBXML><QBXMLMsgsRq {attributes}>{body}</QBXMLMsgsRq></QBXML>"
)


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 10, 20, 14, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def tick(self, seconds: int = 60) -> None:
        self.at += timedelta(seconds=seconds)


def seed(country: str = "CA") -> dict[str, Any]:
    """A company as a person would write it."""
    accounts = [
        {"Name": "Comptes clients", "AccountType": "AccountsReceivable"},
        {"Name": "Ventes", "AccountType": "Income"},
        {"Name": "Achats", "AccountType": "CostOfGoodsSold"},
    ]
    both = {"IncomeAccountRef": "Ventes", "ExpenseAccountRef": "Achats"}
    return {
        "file": {
            "Path": "C:\\QB\\Nordet.qbw",
            "CompanyName": "Nordet Infogérance inc.",
            "Country": country,
            "ClosingDate": "2026-10-05",
            "IsUsingClassTracking": True,
            "SalesTaxOn": True,
            "DefaultTaxCode": "S" if country == "CA" else "Tax",
            "NonTaxableCode": "E" if country == "CA" else "Non",
        },
        "lists": {
            "Account": accounts,
            "Class": [{"Name": "Est"}, {"Name": "Ouest"}],
            "StandardTerms": [{"Name": "Net 30", "StdDueDays": 30}],
            "DateDrivenTerms": [{"Name": "Le 15", "DayOfMonthDue": 15, "DueNextMonthDays": 5}],
            "ItemSalesTax": [
                {"Name": "TPS", "TaxRate": "5"},
                {"Name": "TVQ", "TaxRate": "9.975"},
                {"Name": "Exonéré", "TaxRate": "0"},
            ],
            "ItemSalesTaxGroup": [{"Name": "TPS/TVQ", "ItemSalesTaxRef": ["TPS", "TVQ"]}],
            "SalesTaxCode": [
                {"Name": "S", "IsTaxable": True, "ItemSalesTaxRef": "TPS/TVQ"},
                {"Name": "E", "IsTaxable": False, "ItemSalesTaxRef": "Exonéré"},
            ]
            if country == "CA"
            else [{"Name": "Tax", "IsTaxable": True}, {"Name": "Non", "IsTaxable": False}],
            "Template": [
                {"Name": "Facture", "TemplateType": "Invoice"},
                {"Name": "Note de crédit", "TemplateType": "CreditMemo"},
            ],
            "Customer": [
                {
                    "Name": "Océan Bleu",
                    "Email": "bleu@example.test",
                    "TermsRef": "Net 30",
                    "BillAddress": {"Addr1": "Océan Bleu", "City": "Gaspé", "State": "QC"},
                },
                {"Name": "Clinique St-Rémi"},
                {"Name": "Siège social", "ParentRef": "Clinique St-Rémi"},
                {"Name": "Fermé", "IsActive": False},
                {"Name": "Quinze", "TermsRef": "Le 15"},
            ],
            "ItemService": [
                {"Name": "Licences", "SalesOrPurchase": {"AccountRef": "Ventes"}},
                {
                    "Name": "M365",
                    "ParentRef": "Licences",
                    "SalesAndPurchase": {"SalesDesc": "Suite M365", "SalesPrice": "12.5", "PurchaseCost": "9", **both},
                },
                {"Name": "Soutien", "SalesOrPurchase": {"Desc": "Soutien", "Price": "95", "AccountRef": "Ventes"}},
            ],
            "ItemNonInventory": [
                {"Name": "E3", "ParentRef": "Licences", "SalesAndPurchase": {"SalesPrice": "30", **both}}
            ],
            "ItemOtherCharge": [
                {"Name": "Mise en service", "SalesAndPurchase": {"SalesPrice": "150", **both}},
                {"Name": "Frais 10 %", "SalesOrPurchase": {"PricePercent": "10", "AccountRef": "Ventes"}},
            ],
            "ItemSubtotal": [{"Name": "Sous-total", "ItemDesc": "Sous-total"}],
            "ItemDiscount": [{"Name": "Rabais", "DiscountRatePercent": "5", "AccountRef": "Ventes"}],
            "ItemPayment": [{"Name": "Acompte"}],
            "ItemGroup": [
                {
                    "Name": "Trousse",
                    "ItemDesc": "Trousse de démarrage",
                    "ItemGroupLine": [
                        {"ItemRef": "Soutien", "Quantity": 2},
                        {"ItemRef": "Licences:M365", "Quantity": 1},
                    ],
                }
            ],
        },
        "transactions": {
            "Invoice": [
                {
                    "CustomerRef": "Océan Bleu",
                    "TxnDate": "2026-10-15",
                    "RefNumber": "2001",
                    "Memo": "À la main",
                    "PONumber": "PO-7",
                    "lines": [
                        {"ItemRef": "Soutien", "Quantity": 3},
                        {"Desc": "Merci"},
                        {"ItemRef": "Sous-total"},
                        {"ItemRef": "Rabais"},
                        {"ItemRef": "Licences:M365", "Quantity": 4},
                    ],
                },
                {
                    "CustomerRef": "Océan Bleu",
                    "TxnDate": "2026-10-18",
                    "IsPaid": True,
                    "lines": [{"ItemRef": "Soutien", "Quantity": 1}],
                },
                {
                    "CustomerRef": "Clinique St-Rémi:Siège social",
                    "TxnDate": "2026-10-02",
                    "lines": [{"ItemRef": "Licences:E3", "Quantity": 2}],
                },
            ]
        },
    }


class Desk:
    """QuickBooks on a desk: ask it something, get the answer as an element; every answer is checked by `schema`."""

    def __init__(self, company: Company, clock: Clock, schema: etree.XMLSchema | None) -> None:
        self.company, self.clock, self.schema = company, clock, schema
        self.session = Session(application="tests")
        self.trimmed = False

    def send(
        self, body: str, *, version: str = "13.0", attributes: str = 'onError="continueOnError"'
    ) -> etree._Element:
        text = process(self.company, QBXML.format(version=version, attributes=attributes, body=body), self.session)
        root = etree.fromstring(text)
        if self.schema is not None:
            self.schema.assertValid(etree.ElementTree(root))
        return root[0]

    def ask(self, body: str, **options: str) -> etree._Element:
        return self.send(body, **options)[0]

    def invoice(
        self, lines: str, *, customer: str = "Quinze", head: str = "<TxnDate>2026-10-20</TxnDate>"
    ) -> etree._Element:
        return self.ask(
            f"<InvoiceAddRq><InvoiceAdd><CustomerRef><FullName>{customer}</FullName></CustomerRef>{head}{lines}"
            "</InvoiceAdd></InvoiceAddRq>"
        )

    def mod(self, ret: etree._Element, inner: str) -> etree._Element:
        return self.ask(
            f"<InvoiceModRq><InvoiceMod><TxnID>{ret.findtext('TxnID')}</TxnID>"
            f"<EditSequence>{ret.findtext('EditSequence')}</EditSequence>{inner}</InvoiceMod></InvoiceModRq>"
        )

    def query(self, ref_number: str) -> etree._Element:
        answer = self.ask(
            f"<InvoiceQueryRq><RefNumber>{ref_number}</RefNumber><IncludeLineItems>true</IncludeLineItems>"
            "<OwnerID>0</OwnerID></InvoiceQueryRq>"
        )
        return answer[0]


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema | None:
    """Intuit's qbXML 13.0 schema, or None where it is not at hand."""
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "intuit"
    folder = Path(os.environ.get("QBXML_SCHEMA_DIR") or beside)
    entry = folder / "qbxmlops130.xsd"
    return etree.XMLSchema(etree.parse(str(entry))) if entry.exists() else None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def company(clock: Clock) -> Company:
    return Company(seed(), clock=clock)


@pytest.fixture
def desk(company: Company, clock: Clock, schema: etree.XMLSchema | None) -> Desk:
    return Desk(company, clock, schema)


@pytest.fixture
def make_desk(clock: Clock, schema: etree.XMLSchema | None) -> Callable[..., Desk]:
    """Another company: pass changes to the file section, or a whole seed."""

    def make(country: str = "CA", **file: Any) -> Desk:
        data = seed(country)
        data["file"] |= file
        return Desk(Company(data, clock=clock), clock, schema)

    return make


@pytest.fixture
def make_seed() -> Callable[..., dict[str, Any]]:
    return seed


ANSWERS = {
    "serverVersion": "1.0",
    "clientVersion": "",
    "connectionError": "done",
    "getLastError": "",
    "closeConnection": "OK",
}
INTUIT = "http://developer.intuit.com/"


class Server:
    """A hand-written endpoint: a queue of documents to send, and everything that was received.

    `answers` replaces what an operation answers; a value may be a function of the parameters. `raw` replaces whole
    SOAP bodies (or a status with a body). `torn` holds the beginnings of requests that broke off. It can be called
    over a socket or as a WSGI application.
    """

    def __init__(self) -> None:
        self.documents: list[str] = []
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.heads: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.torn: list[bytes] = []
        self.answers: dict[str, Any] = {}
        self.raw: dict[str, tuple[int, str, str]] = {}
        self.url = ""

    def received(self, operation: str) -> list[dict[str, str]]:
        return [parameters for name, parameters in self.calls if name == operation]

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            status, content_type, text = self.raw.get("GET", (200, "text/html", "<p>endpoint</p>"))
        else:
            length = int(environ["CONTENT_LENGTH"])
            body = environ["wsgi.input"].read(length)
            if len(body) < length:
                self.torn.append(body)
                raise ConnectionError("the request broke off")
            self.bodies.append(body)
            status, content_type, text = self.answer(body)
        start_response(f"{status} Said", [("Content-Type", content_type)])
        return [text.encode()]

    def answer(self, body: bytes) -> tuple[int, str, str]:
        call = etree.fromstring(body)[0][0]
        operation = etree.QName(call).localname
        parameters = {etree.QName(one).localname: one.text or "" for one in call}
        self.calls.append((operation, parameters))
        if operation in self.raw:
            return self.raw[operation]
        value = self.answers.get(operation, ANSWERS.get(operation, ""))
        if callable(value):
            value = value(parameters)
        elif operation not in self.answers and operation == "authenticate":
            value = ["ticket", "" if self.documents else "none"]
        elif operation not in self.answers and operation == "sendRequestXML":
            value = self.documents[0] if self.documents else ""
        elif operation not in self.answers and operation == "receiveResponseXML":
            self.documents.pop(0)
            value = 50 if self.documents else 100
        return 200, "text/xml; charset=utf-8", soap(operation, value)


def soap(operation: str, value: object, namespace: str = INTUIT) -> str:
    """A SOAP answer as a correct endpoint writes it."""
    result = etree.Element("r")
    if isinstance(value, list):
        inside = "".join(f"<string>{item}</string>" for item in value)
    else:
        result.text = str(value)
        inside = etree.tostring(result, encoding="unicode")[3:-4] if value != "" else ""
    return (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{inside}</{operation}Result>'
        f"</{operation}Response></soap:Body></soap:Envelope>"
    )


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply(*state.raw.get("GET", (200, "text/html", "<p>endpoint</p>")))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                state.torn.append(body)
                self.close_connection = True
                return
            state.heads.append(dict(self.headers))
            state.bodies.append(body)
            self.reply(*state.answer(body))

        def reply(self, status: int, content_type: str, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        state.url = f"http://127.0.0.1:{http.server_port}/qbwc"
        yield state
        http.shutdown()
        thread.join()


OWNER = "{AAAAAAAA-0000-0000-0000-000000000001}"
FILE = "{BBBBBBBB-0000-0000-0000-000000000001}"


@pytest.fixture
def qwc(server: Server, tmp_path: Path) -> Path:
    path = tmp_path / "app.qwc"
    path.write_text(
        f"""<?xml version="1.0"?>
<QBWCXML><AppName>Test</AppName><AppID></AppID><AppURL>{server.url}</AppURL><AppDescription>d</AppDescription>
<AppSupport>{server.url}</AppSupport><UserName>alice</UserName><OwnerID>{OWNER}</OwnerID><FileID>{FILE}</FileID>
<QBType>QBFS</QBType><Scheduler><RunEveryNMinutes>15</RunEveryNMinutes></Scheduler></QBWCXML>"""
    )
    return path


@pytest.fixture
def call(server: Server, qwc: Path, company: Company, tmp_path: Path) -> Callable[..., Visit]:
    """Make a visit with the company kept in a file, which is made on the first visit and read again each time."""
    path = tmp_path / "company.json"
    company.save(path)

    def make(*faults: str, **options: Any) -> Visit:
        opened = Company.load(path, clock=company.clock)
        options = {"pause": lambda _seconds: None, "wait": lambda _seconds: None, **options}
        made = visit(read_manifest(qwc), opened, "secret", faults=map(parse_fault, faults), **options)
        make.company = Company.load(path, clock=company.clock)  # type: ignore[attr-defined]
        return made

    make.path = path  # type: ignore[attr-defined]
    return make


@pytest.fixture
def document() -> Callable[..., str]:
    """A request document as an endpoint sends it."""

    def make(body: str, **attributes: str) -> str:
        rest = "".join(f' {key}="{value}"' for key, value in attributes.items())
        return QBXML.format(version="13.0", attributes=f'onError="continueOnError"{rest}', body=body)

    return make


@pytest.fixture
def soap_answer() -> Callable[..., str]:
    return soap
