"""Visits and exchanges on their pages: in words, as readable qbXML, as files, and never with secrets."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from portal.services import exchanges
from portal.web import qbxml_text
from portal.web.qbxml_text import paint
from qbwc.models import Exchange

VISITS = "/connections/1/visits"


def exchange_with(month: Any, text: str) -> int:
    """The exchange whose request holds this text."""
    with month.portal.database.read() as db:
        rows = db.scalars(sa.select(Exchange).options(sa.orm.undefer("*")))
        return next(row.id for row in rows if row.request_body and text in row.request_body)


def shown_text(page: str) -> list[str]:
    """The qbXML on a page, without its markup."""
    return [
        unescape(re.sub(r"<[^>]+>", "", one)) for one in re.findall(r'<pre class="qbxml[^>]*>(.*?)</pre>', page, re.S)
    ]


def test_the_visits_are_listed_and_lead_to_their_exchanges(admin: Any, billed: Any) -> None:
    text = admin.get(VISITS).text
    assert text.count("Went well") >= 2
    assert "SANDBOX" in text
    assert "Premier" in text
    visit = re.findall(r'href="(/connections/1/visits/\d+)"', text)[0]
    one = admin.get(visit).text
    assert "12 × InvoiceAddRq" in one or "InvoiceAddRq" in one
    assert "/connections/1/exchanges/" in one
    assert "Times are those of America/Toronto" in text


def test_an_exchange_is_told_in_words_and_shown_as_it_was(admin: Any, billed: Any) -> None:
    number = exchange_with(billed, "<InvoiceAdd>")
    page = admin.get(f"/connections/1/exchanges/{number}").text
    assert "Asked QuickBooks to create the invoice of Studio Lumière" in page
    assert re.search(r"Studio Lumière</a>:\s+done", page)
    assert "#draft-" in page
    request, answer = (one for one in shown_text(page) if one.startswith("<"))
    texts = exchanges.read_exchange(billed.portal, 1, number)
    assert texts.request is not None
    assert texts.answer is not None
    assert texts.request.startswith(request.rstrip("\n"))
    assert texts.answer.startswith(answer.rstrip("\n"))
    assert '<span class="x-tag">InvoiceAdd</span>' in page
    assert "<InvoiceAdd>" not in page


def test_the_files_are_the_texts_and_well_formed(admin: Any, billed: Any) -> None:
    number = exchange_with(billed, "<InvoiceAdd>")
    for name in ("request", "answer"):
        answer = admin.get(f"/connections/1/exchanges/{number}/{name}.xml")
        assert answer.mimetype == "application/xml"
        assert f"exchange-{number}-{name}.xml" in answer.headers["Content-Disposition"]
        assert etree.fromstring(answer.data).tag == "QBXML"
    listed = admin.get(f"{VISITS}.csv?result=done")
    assert listed.mimetype == "text/csv"
    assert listed.text.startswith("\ufeffvisit,began,")


def test_no_secret_is_shown_or_given_out(admin: Any, billed: Any) -> None:
    number = exchange_with(billed, "<InvoiceAdd>")
    with billed.portal.database.write() as db:
        row = db.get_one(Exchange, number)
        row.answer_body = "<QBXML><SSN>123-45-6789</SSN><CreditCardNumber>4111</CreditCardNumber></QBXML>"
        row.request_body = "<QBXML><BankAccountNumber>998877</BankAccountNumber></QBXML>"
    for path in ("", "/request.xml", "/answer.xml"):
        text = admin.get(f"/connections/1/exchanges/{number}{path}").text
        for secret in ("123-45-6789", "4111", "998877"):
            assert secret not in text, path
    assert "***" in admin.get(f"/connections/1/exchanges/{number}").text


def test_what_is_forgotten_says_so(admin: Any, billed: Any) -> None:
    number = exchange_with(billed, "<InvoiceAdd>")
    with billed.portal.database.write() as db:
        row = db.get_one(Exchange, number)
        row.answer_body = row.request_body = None
    assert "forgotten by now" in admin.get(f"/connections/1/exchanges/{number}").text
    assert admin.get(f"/connections/1/exchanges/{number}/answer.xml").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "visits/999",
        "visits/99999999999999999999",
        "exchanges/999",
        "exchanges/99999999999999999999",
        "exchanges/0/request.xml",
    ],
)
def test_what_does_not_exist_is_404(admin: Any, path: str) -> None:
    assert admin.get(f"/connections/1/{path}").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["older=x&newer=-1", "result=%00&first=soon", "first=9999-12-31&last=0001-01-01", "older=99999999999999999"],
)
def test_a_strange_address_is_no_failure(admin: Any, query: str) -> None:
    assert admin.get(f"{VISITS}?{query}").status_code == 200
    assert admin.get(f"{VISITS}.csv?{query}").status_code == 200
    assert admin.get(f"{VISITS}/1?after={query[6:]}").status_code == 200


def test_long_texts_are_folded_and_the_longest_cut() -> None:
    text = "<A>\n" + "  <B/>\n" * (qbxml_text.MOST + 50) + "</A>\n"
    seen = paint(text)
    assert seen is not None
    assert seen.shown.count("\n") == qbxml_text.SHOWN - 1
    assert seen.folded_lines == qbxml_text.MOST - qbxml_text.SHOWN
    assert seen.left_out == 52
    short = paint("<A/>\n")
    assert short is not None
    assert (short.folded_lines, short.left_out) == (0, 0)
    assert paint(None) is None


def test_painting_loses_nothing_and_lets_nothing_through() -> None:
    text = "\n".join(
        (
            '<?qbxml version="13.0"?>',
            """<A requestID="1" b='x"y'>""",
            "  <D>a &lt;b&gt; &amp; c</D><script>alert(1)</script>",
            ' not < xml & "quotes"',
            "</A>",
        )
    )
    seen = paint(text)
    assert seen is not None
    markup = str(seen.shown)
    assert unescape(re.sub(r"<[^>]+>", "", markup)) == text
    assert set(re.findall(r"<(\w+)", markup)) == {"span"}
