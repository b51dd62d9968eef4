"""The Web Connector's window: its language, the page it opens, and a person's word on a company file in doubt."""

from __future__ import annotations

from typing import Any

import pytest

from portal.errors import Refused
from portal.services import connections, connector
from portal.wsgi import build_wsgi
from qbwc.sandbox import Company, Outcome, parse_fault, read_manifest, visit


def call(month: Any, *faults: str, **given: Any) -> Any:
    return visit(
        read_manifest(month.folder / "month.qwc"),
        Company.load(month.company_file, clock=month.clock),
        month.password,
        faults=[parse_fault(fault) for fault in faults],
        transport=build_wsgi(month.portal),
        pause=lambda _seconds: None,
        **given,
    )


def test_the_window_speaks_the_chosen_language(month: Any) -> None:
    month.bill()
    connector.choose_window(month.portal, month.connection_id, language="fr", opens_page=False)
    ended = call(month, "renamed-company")
    assert ended.outcome is Outcome.STOPPED
    assert "Rien n'est écrit" in ended.messages[-1]


def test_another_language_is_refused(month: Any) -> None:
    with pytest.raises(Refused, match="en or fr"):
        connector.choose_window(month.portal, month.connection_id, language="de", opens_page=True)


def test_a_renamed_company_is_confirmed_on_the_page_and_the_visit_goes_on(month: Any) -> None:
    month.bill()
    connector.choose_window(month.portal, month.connection_id, language="en", opens_page=True)
    opened: list[str] = []

    def confirm(address: str) -> bool:
        opened.append(address)
        connections.confirm_company(month.portal, month.connection_id)
        return True

    ended = call(month, "renamed-company", interact=confirm)
    assert opened == [f"http://localhost:8080/connections/{month.connection_id}"]
    assert ended.outcome is Outcome.DONE
    assert month.states() == {"reconciled": 12}


def test_a_file_that_is_refused_on_the_page_ends_the_visit_with_nothing_written(month: Any) -> None:
    before = month.company()
    month.bill()
    connector.choose_window(month.portal, month.connection_id, language="en", opens_page=True)

    def refuse(_address: str) -> bool:
        connector.keep_refusing(month.portal, month.connection_id)
        return True

    ended = call(month, "renamed-company", interact=refuse)
    assert ended.outcome is Outcome.STOPPED
    assert month.company()["transactions"] == before["transactions"]
    assert month.states() == {"queued": 12}


def test_without_the_box_no_page_is_opened(month: Any) -> None:
    month.bill()
    opened: list[str] = []
    ended = call(month, "renamed-company", interact=lambda address: bool(opened.append(address)))
    assert ended.outcome is Outcome.STOPPED
    assert opened == []


def test_a_wrong_password_is_told_until_the_right_one_comes(month: Any) -> None:
    month.clock.at = month.clock.at.replace(hour=13)
    right, month.password = month.password, "wrong"
    assert call(month).outcome is Outcome.REFUSED
    assert month.problems() == {"Password of the Web Connector": "wrong-password"}
    month.clock.at = month.clock.at.replace(hour=14)
    month.password = right
    assert call(month).went_well
    assert month.problems() == {}
