"""Whatever is sent to any address, by anybody: an answer, and never an error of ours."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from werkzeug.routing import IntegerConverter

from portal.models import Role

EXAMPLES = 120
NAMES = ("q", "page", "sort", "only", "row", "from", "to", "on", "import", "next", "tab", "state", "kind", "day", "id")
FIELDS = (
    *("row", "name", "email", "password", "language", "next", "billing_mode", "invoice_day", "prorate", "start_date"),
    *("use", "date", "approved", "draft", "provider", "profile", "token", "code", "role", "mode-1", "was-1", "sync-1"),
    *("name-1", "customer-1", "item-1", "description", "client_id", "client_secret", "subscription_key", "confirm"),
)
ODD = st.sampled_from(
    (
        *("", " ", "0", "-1", "1", "999999999999999999999", "1e309", "NaN", "١", "½", "true", "on", "1:2:3", "a|b|c"),
        *(
            "2026-13-45",
            "0001-01-01",
            "9999-12-31",
            "\0",
            "\U0001f600",
            "%00",
            "%s%(x)s{}",
            "<script>",
            "' OR 1=1 --",
            "0" * 5000,
            "1" * 5000,
            "0" * 20 + "9" * 30,
        ),
        *(
            "../../etc/passwd",
            "//evil.example",
            "\r\nX: y",
            "x" * 5000,
            "0" * 5000,
            "1" * 5000,
            "0" * 20 + "9" * 30,
            "-name",
            "=1+1",
            "é" * 300,
            "\u202e",
            "\uffff",
        ),
    )
)
TEXT = ODD | st.text(max_size=40)
NUMBERS = st.sampled_from((0, 1, 2, 3, 16, 99, 2**31, 2**63 - 1, 2**63, 10**30))
FILES = st.binary(max_size=200) | st.sampled_from(
    (
        *(
            b"",
            b"{}",
            b"[]",
            b'{"charges": []}',
            b'{"charges": [{}]}',
            b'{"charges": [null], "periodFrom": 1}',
            b"\xff\xfe",
        ),
        *(
            b"kind,name\n",
            b"kind,name,key,quickbooks,sync,mode\noffer,,,,,\n",
            b"a;b\n1;2\n",
            b'"',
            b"\0" * 100,
            b"PK\3\4",
        ),
        b"PartnerId,CustomerId\n1,2\n",
    )
)


def values(draw: Any, converters: Any) -> dict[str, Any]:
    """A value for each part of an address: of its kind, but not of its range."""
    return {
        name: draw(NUMBERS)
        if isinstance(kind, IntegerConverter)
        else draw(st.text("aZ0-._~é ", min_size=1, max_size=40))
        for name, kind in converters.items()
    }


@pytest.mark.parametrize("who", [*Role, None], ids=lambda who: who.value if who else "stranger")
def test_no_request_makes_an_error_of_ours(
    site: Flask, person: Callable[[Role], Any], stranger: Any, month: Any, who: Role | None
) -> None:
    site.config["WTF_CSRF_ENABLED"] = False  # or every form would end at its token
    rules = sorted((one for one in site.url_map.iter_rules() if one.endpoint != "static"), key=lambda one: one.rule)
    adapter = site.url_map.bind("localhost")
    client = stranger.client if who is None else person(who).client
    log_in = None if who is None else client.get_cookie("portal_session")
    broken: list[str] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # what is broken is named whole below: nothing is to be gained from making it smaller
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        if log_in is not None:  # a request may have logged the person out
            client.set_cookie(log_in.key, log_in.value, domain=log_in.domain, path=log_in.path)
        rule = data.draw(st.sampled_from(rules))
        method = data.draw(st.sampled_from(sorted((rule.methods or {"GET"}) - {"OPTIONS", "HEAD"})))
        path = adapter.build(rule.endpoint, values(data.draw, rule._converters), method=method)
        query = data.draw(st.lists(st.tuples(st.sampled_from(NAMES), TEXT), max_size=4))
        given_form: dict[str, Any] = {}
        if method == "POST":
            given_form = data.draw(st.dictionaries(st.sampled_from(FIELDS), TEXT, max_size=8))
            if data.draw(st.booleans()):
                name = data.draw(st.sampled_from(("charges.json", "a.csv", "", "é.json", "../x")))
                given_form["file"] = (io.BytesIO(data.draw(FILES)), name)
        answer = client.open(
            path,
            method=method,
            query_string=[(name, text.encode("utf-8", "replace")) for name, text in query],
            data=given_form,
            buffered=True,
        )
        if answer.status_code >= 500:
            broken.append(f"{method} {path} {query} {given_form}")

    send()
    assert broken == []


@pytest.mark.parametrize(
    "path", ["/%ff", "/connections/1/../../x", "/connections/1%00", "//", "/help/%f0%9f", "/" + "a" * 9000]
)
def test_no_address_does(admin: Any, path: str) -> None:
    assert admin.client.get(path, buffered=True).status_code < 500
