"""The first administrator, from the link to the first page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from portal import settings as configuration
from portal.app import create_app
from portal.services import Portal, accounts, build_portal

FORM = {
    "partner": "Nordet",
    "email": "anne@nordet.example",
    "new_password": "correct horse battery",
    "once_more": "correct horse battery",
    "language": "fr",
}


def text_of(answer: Any) -> str:
    return " ".join(html.fromstring(answer.text).text_content().split())


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Portal]:
    """A portal in which nobody can log in."""
    made = build_portal(configuration.load({}, data=tmp_path / "empty"))
    yield made
    made.database.close()


@pytest.fixture
def newcomer(empty: Portal, new_person: Callable[..., Any]) -> Any:
    return new_person(create_app(empty))


def test_the_link_leads_to_the_first_page(empty: Portal, newcomer: Any) -> None:
    link = str(accounts.setup_link(empty)).removeprefix("http://localhost:8080")
    assert "first administrator" in text_of(newcomer.get(link))
    done = newcomer.post(link, FORM)
    assert (done.status_code, done.location) == (303, "/")
    first = newcomer.get("/")
    assert first.status_code == 200
    assert '<html lang="fr-CA">' in first.text
    assert newcomer.get("/people").status_code == 200
    assert newcomer.get(link).status_code == 404
    assert newcomer.post(link, {**FORM, "email": "b@nordet.example"}).status_code == 404


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"partner": " "}, "needs a name"),
        ({"email": "nobody"}, "is not an e-mail address"),
        ({"once_more": "x"}, "differ"),
        ({"new_password": "short", "once_more": "short"}, "at least 10"),
        ({"language": "de"}, "not available"),
    ],
)
def test_what_is_refused_comes_back_filled_in(empty: Portal, newcomer: Any, changed: dict[str, str], said: str) -> None:
    link = str(accounts.setup_link(empty)).removeprefix("http://localhost:8080")
    newcomer.get(link)
    answer = newcomer.post(link, {**FORM, **changed})
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert 'value="anne@nordet.example"' in answer.text or "email" in changed
    assert "correct horse" not in answer.text
    assert newcomer.post(link, FORM).status_code == 303


def test_a_wrong_link_is_none(empty: Portal, newcomer: Any) -> None:
    accounts.setup_link(empty)
    newcomer.get("/login")
    for path in ("/setup/x", "/setup/%00", "/setup/" + "x" * 43):
        assert newcomer.get(path).status_code == 404
        assert newcomer.post(path, FORM).status_code == 404
