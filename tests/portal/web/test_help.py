"""Help is complete: every screen has its page in both languages, every page is reached, and no link leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from lxml import html

import portal as package
from portal.models import Role
from portal.web import access
from portal.web.help import SCREENS, TOPICS, topic_of
from portal.web.language import LANGUAGES

PAGES = Path(package.__file__).parent / "templates" / "help"
WITHOUT_PAGES = {"health", "help", None}
"""Blueprints that render nothing which needs an explanation; None are static files."""


def screens(app: Flask) -> Iterator[tuple[str | None, str]]:
    """Every blueprint that answers somebody who looks at it, with one of its endpoints."""
    for rule in app.url_map.iter_rules():
        screen = rule.endpoint.rpartition(".")[0] or None
        if screen not in WITHOUT_PAGES:
            yield screen, rule.endpoint


def test_every_screen_has_a_page_of_help(site: Flask) -> None:
    lacking = {screen for screen, endpoint in screens(site) if topic_of(screen, endpoint) not in TOPICS}
    assert not lacking, f"name their page in portal.web.help.SCREENS, and write it: {sorted(lacking)}"


def test_the_table_names_no_screen_and_no_page_that_does_not_exist(site: Flask) -> None:
    assert set(SCREENS) <= {screen for screen, _ in screens(site)}
    assert set(TOPICS) == {*SCREENS.values(), "connections", "connection"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_written_in_both_languages(language: str) -> None:
    assert {path.stem for path in (PAGES / language).iterdir()} == set(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_both_languages_say_as_much(topic: str) -> None:
    """The same headings, list entries and links, in the same order."""
    shapes = []
    for language in LANGUAGES:
        text = (PAGES / language / f"{topic}.html").read_text(encoding="utf-8")
        shapes.append(re.findall(r"<(h2|p|ul|ol|li)>|screen='(\w+)'", text))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_opens_for_everybody_and_its_links_too(
    site: Flask, person: Callable[[Role], Any], language: str
) -> None:
    reader = person(Role.READ_ONLY)
    reader.post("/language", {"language": language, "next": "/"})
    for topic in ("", *TOPICS):
        answer = reader.get(f"/help/{topic}".rstrip("/"))
        assert answer.status_code == 200, topic
        tree = html.fromstring(answer.text)
        assert len(tree.findall(".//h1")) == 1
        for link in {one.get("href") for one in tree.findall(".//article//a[@href]")}:
            assert reader.get(link).status_code == 200, f"{topic}: {link}"


def test_every_screen_leads_to_its_own_help(admin: Any) -> None:
    for path, topic in (
        ("/", "connections"),
        ("/connections/1", "connection"),
        ("/connections/1/offers", "offers"),
        ("/connections/1/runs", "invoices"),
        ("/connections/1/status", "status"),
    ):
        tree = html.fromstring(admin.get(path).text)
        assert [one.get("href") for one in tree.findall(".//a") if "/help" in one.get("href", "")] == [f"/help/{topic}"]


def test_help_is_for_people_who_are_logged_in_and_unknown_pages_are_not_found(stranger: Any, admin: Any) -> None:
    assert stranger.get("/help").status_code == 303
    assert stranger.get("/help/status").status_code == 303
    assert admin.get("/help/nothing").status_code == 404
    assert admin.get("/help/..%2f..%2fbase").status_code == 404
    assert set(access.EVERYONE) == set(Role)
