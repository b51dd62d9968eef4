"""What notices cost a page: its banners, and counting them anew, over the demonstration's data."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from portal import settings as configuration
from portal.app import create_app
from portal.models import Role
from portal.services import Portal, accounts, build_portal, notices

pytestmark = pytest.mark.bench

PAGES = ("/connections/1", "/connections/1/charges", "/connections/1/status", "/connections/1/preview")
PARTNER, PASSWORD = "Nordet Infogérance inc.", "demonstration"
MOST, MOST_ANEW = 1.2, 1.35


@pytest.fixture(scope="module")
def portal(played_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The demonstration's data, in which notices of several kinds stand open."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    shutil.copytree(played_demo, folder)
    made = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"))
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def app(portal: Portal) -> Flask:
    return create_app(portal)


def log_in(app: Flask, portal: Portal, email: str) -> tuple[int, FlaskClient]:
    """A new administrator, and their browser."""
    user = accounts.add_user(portal, email, partner=PARTNER, role=Role.ADMINISTRATOR, password=PASSWORD)
    client = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token
    says = {"csrf_token": token[1], "email": email, "password": PASSWORD}
    assert client.post("/login", data=says).status_code == 303
    return user.id, client


def loads(client: FlaskClient, path: str) -> Callable[[], str]:
    def load() -> str:
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200
        return answer.text

    return load


def test_a_page_with_banners_costs_little_more_than_without(ratios: Any, app: Flask, portal: Portal) -> None:
    _, ours = log_in(app, portal, "with@example.com")
    user_id, bare = log_in(app, portal, "without@example.com")
    for view in notices.list_notices(portal, 1):
        notices.dismiss(portal, 1, user_id, view.notice.key)
    slow = {}
    for path in PAGES:
        with_banners, without = loads(ours, path), loads(bare, path)
        assert 'class="alert' in with_banners()
        assert without().count("banner-text") == 0
        name = f"{path} with banners, over without"
        ratio = ratios.measure_until(MOST, name, with_banners, without, rounds=40, clock=process_time)
        if ratio > MOST:
            slow[path] = ratio
    assert slow == {}


def test_counting_notices_anew_costs_less_than_the_page(ratios: Any, app: Flask, portal: Portal) -> None:
    """After somebody committed, notices are read again by the first page that is opened; the commit is counted too."""
    _, client = log_in(app, portal, "anew@example.com")
    page = loads(client, PAGES[0])

    def commit_and_load() -> None:
        with portal.database.note() as db:
            db.execute(sa.text("UPDATE connection SET name = name WHERE id = 2"))
        page()

    name = "a page after a commit, over the same one again"
    ratio = ratios.measure_until(MOST_ANEW, name, commit_and_load, page, rounds=30, clock=process_time)
    assert ratio < MOST_ANEW


def test_a_page_that_looks_again_costs_a_fraction_of_the_page(ratios: Any, app: Flask, portal: Portal) -> None:
    _, client = log_in(app, portal, "again@example.com")
    found = re.search(r'id="live-notices"[^>]* hx-get="([^"]+)"', loads(client, PAGES[0])())
    assert found
    path = found[1].replace("&amp;", "&")

    def look() -> None:
        assert client.get(path, headers={"HX-Request": "true"}).status_code == 204

    ratio = ratios.measure("looking again, over the page", look, loads(client, PAGES[0]), 15, clock=process_time)
    assert ratio < 0.7
