"""Memory as a ratio: what a call adds to the process over the size of the qbXML answer that it carries.

Measured in a process of its own, from the bytes of the HTTP body to the last object, because the parser's memory is
not Python's. The body waits in a file, as a web server keeps it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import wsgiref.util
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import pytest

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="resident memory is read from Linux's /proc"),
]

MB = 1024 * 1024
CUSTOMER = (
    "<CustomerRet>\n<ListID>8000{n:06X}-1</ListID>\n<TimeCreated>2026-10-01T05:00:00-05:00</TimeCreated>\n<TimeModified>"
    "2026-11-01T05:00:00-05:00</TimeModified>\n<EditSequence>1793520000</EditSequence>\n<Name>{name} {n}</Name>\n"
    "<FullName>{name} {n}</FullName>\n<IsActive>true</IsActive>\n<Sublevel>0</Sublevel>\n<CompanyName>{name} &amp; fils"
    "</CompanyName>\n<BillAddress>\n<Addr1>{n} rue du Port</Addr1>\n<City>Montr\u00e9al</City>\n<State>QC</State>\n"
    "<PostalCode>H2X 1Y4</PostalCode>\n</BillAddress>\n<Email>c{n}@example.test</Email>\n<Balance>12.00</Balance>\n"
    "<TotalBalance>12.00</TotalBalance>\n</CustomerRet>\n"
)
FIRST = (
    '<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs>\n<CustomerQueryRs requestID="1" statusCode="0" '
    'statusSeverity="Info" statusMessage="Status OK">\n'
)
LAST = "</CustomerQueryRs>\n</QBXMLMsgsRs>\n</QBXML>\n"
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Body><receiveResponseXML xmlns="http://developer.intuit.com/"><ticket>t</ticket><response>{}</response>'
    "<hresult /><message /></receiveResponseXML></soap:Body></soap:Envelope>"
)
BEFORE, AFTER = ENVELOPE.split("{}")
# One curved quotation mark makes Python keep the whole text in two bytes a character; a picture, in four.
NAMES = {"Latin": "Caf\u00e9", "typographic": "L\u2019\u00c9toile", "beyond": "Caf\u00e9 \U0001f600"}


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _write_customers(target: BinaryIO, size: int, name: str) -> None:
    target.write((BEFORE + _escape(FIRST)).encode())
    written = number = 0
    while written < size:
        text = CUSTOMER.format(n=number, name=name)
        written, number = written + len(text.encode()), number + 1
        target.write(_escape(text).encode())
    target.write((_escape(LAST) + AFTER).encode())


HOSTILE = {
    "attributes": lambda: "<ticket" + "".join(f" a{n}=''" for n in range(1_000_000)) + "/>",
    "one long attribute": lambda: f"<ticket a='{'x' * 20 * MB}'/>",
    "elements": lambda: "<a/>" * 5_000_000,
    "comments": lambda: "<!---->" * 3_000_000,
    "sections": lambda: "<message>" + "<![CDATA[x]]>" * 990 + "</message>",
    "references": lambda: "<message>" + "&#0;" * 5_000_000 + "</message>",
    "characters": lambda: "<message>" + "&#233;" * 3_000_000 + "</message>",
    "depth": lambda: "<a>" * 5_000_000,
    "answer of attributes": lambda: _answer("<CustomerRet" + "".join(f" a{n}=''" for n in range(1_500_000)) + "/>"),
    "answer of elements": lambda: _answer("<CustomerRet>" + "<a/>" * 5_000_000 + "</CustomerRet>"),
    "answer of strangers": lambda: _answer("<a><b/></a>" * 2_000_000),
    "answer of comments": lambda: _answer("<!---->" * 3_000_000),
    "answer without an end": lambda: _answer("<a>" * 5_000_000),
}


def _answer(body: str) -> str:
    return f"<response>{_escape(FIRST + body + LAST)}</response>"


def _resident(what: str) -> int:
    """Bytes of this process in memory: VmRSS now, VmHWM at most."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


class Reader:
    """An endpoint that reads what it receives, keeps it as a database would, and notes memory while it reads."""

    def __init__(self, keeps: bool) -> None:
        self.keeps, self.count, self.kept, self.marks = keeps, 0, b"", [0]

    def receive_response(self, _ticket: str, response: str, _hresult: str, _message: str) -> int:
        from qbwc.qbxml import read_answers

        if self.keeps:
            self.kept = zlib.compress(response.encode("utf-8", "surrogatepass"), 6)
        for said in read_answers(response):
            for _ in said.objects:
                self.count += 1
                if self.count % 2000 == 0:
                    self.marks.append(_resident("VmRSS"))
        return 100


def _post(app: Any, body: BinaryIO, length: int) -> str:
    started: list[str] = []
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(length), "wsgi.input": body}
    wsgiref.util.setup_testing_defaults(environ)
    assert b"".join(app(environ, lambda status, _headers, _error=None: started.append(status)))
    return started[0]


def main(path: str, keeps: str) -> None:
    """In a process of its own: one call with the body in a file; says what it took."""
    from qbwc.wsgi import build_wsgi

    reader = Reader(keeps == "keeps")
    app = build_wsgi(reader)  # type: ignore[arg-type]
    with tempfile.TemporaryFile() as small:
        _write_customers(small, 1, "a")
        length = small.tell()
        small.seek(0)
        _post(app, small, length)  # what is imported and prepared at the first call is not the answer's
    reader.count, reader.marks = 0, []
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _resident("VmRSS")
    with Path(path).open("rb") as body:
        status = _post(app, body, os.path.getsize(path))
    peak = _resident("VmHWM") - before
    print(json.dumps({"status": status, "peak": peak, "count": reader.count, "marks": reader.marks}))


def _measure(path: Path, keeps: bool = False) -> dict[str, Any]:
    command = [sys.executable, __file__, str(path), "keeps" if keeps else "reads"]
    run = subprocess.run(command, capture_output=True, check=True, text=True, env={**os.environ, "PYTHONPATH": ROOT})
    return dict(json.loads(run.stdout.splitlines()[-1]))


ROOT = str(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize(("kind", "keeps"), [("Latin", False), ("typographic", True)])
def test_an_answer_of_50_mb_takes_less_than_eight_times_its_size(
    ratios: Any, tmp_path: Path, kind: str, keeps: bool
) -> None:
    path = tmp_path / "body.xml"
    with path.open("wb") as target:
        _write_customers(target, 50 * MB, NAMES[kind])
    found = _measure(path, keeps)
    path.unlink()
    ratio = found["peak"] / (50 * MB)
    what = f"memory for an answer of 50 MB, {kind} text{', kept compressed' if keeps else ''}"
    ratios.properties.append(("ratio", f"{what}: {ratio:.2f} times ({found['peak'] / MB:.0f} MB / 50 MB)"))
    assert found["status"] == "200 OK"
    assert found["count"] > 70_000
    assert ratio < 8
    # While tens of thousands of objects are read, memory stands still.
    assert max(found["marks"]) - found["marks"][0] < 4 * MB


def test_even_text_of_four_bytes_a_character_stays_below(ratios: Any, tmp_path: Path) -> None:
    path = tmp_path / "body.xml"
    with path.open("wb") as target:
        _write_customers(target, 8 * MB, NAMES["beyond"])
    found = _measure(path, True)
    ratio = found["peak"] / (8 * MB)
    ratios.properties.append(("ratio", f"memory for an answer of 8 MB with a picture in it: {ratio:.2f} times"))
    assert found["status"] == "200 OK"
    assert ratio < 8


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_stranger_makes_up_takes_no_more(ratios: Any, tmp_path: Path, what: str) -> None:
    path = tmp_path / "body.xml"
    text = BEFORE.replace("<ticket>t</ticket><response>", "") + HOSTILE[what]()
    path.write_text(text + "</receiveResponseXML></soap:Body></soap:Envelope>", encoding="utf-8")
    size = path.stat().st_size
    found = _measure(path)
    ratio = found["peak"] / size
    figure = f"memory for {what}: {ratio:.1f} times ({found['peak'] / MB:.0f} MB / {size / MB:.1f} MB)"
    ratios.properties.append(("ratio", figure))
    assert found["peak"] < 8 * size + 32 * MB


if __name__ == "__main__":
    main(*sys.argv[1:])
