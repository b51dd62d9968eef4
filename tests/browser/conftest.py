"""What the browser tests share: the demonstration in a process of its own, Chromium, and people who are logged in."""

from __future__ import annotations

import gc
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from lxml import html

from portal.demo import EMAIL, PASSWORD
from tests.conftest import ROOT, environment

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser."""
    missing = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(missing)


@pytest.fixture(scope="module")
def demo(played_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The demonstration in a process of its own: its address and folder, and who may log in."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(played_demo, folder / "data")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.demonstration", "serve", str(folder / "data")],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(),
            cwd=ROOT,
            text=True,
        )
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, (folder / "log").read_text(encoding="utf-8")
            yield {"address": address, "email": EMAIL, "password": PASSWORD, "folder": folder / "data"}
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()
    with warnings.catch_warnings():
        # Playwright leaves its driver's pipes to the collector, which would complain in the middle of another test.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def open_browser(chromium: Any, demo: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """Opens a page of somebody who is not logged in; at the end, nothing may have gone wrong in its console."""
    contexts, complaints = [], []

    def open_one(language: str = "en", width: int = 1280, **given: Any) -> Any:
        context = chromium.new_context(
            base_url=demo["address"], viewport={"width": width, "height": 900}, locale=f"{language}-CA", **given
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    # A form that comes back with its reasons has status 400, which Chromium tells the console.
    assert [text for text in complaints if "status of 400" not in text] == []


@pytest.fixture
def open_page(open_browser: Callable[..., Any], demo: dict[str, Any]) -> Callable[..., Any]:
    """Opens a page that is logged in."""

    def open_one(language: str = "en", width: int = 1280, email: str = "", **given: Any) -> Any:
        page = open_browser(language, width, **given)
        page.goto("/login")
        page.fill("#email", email or demo["email"])
        page.fill("#password", demo["password"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        other = page.locator(f"button[name=language][value={language}]")
        if other.count():
            other.click()
            # Not a function in the page: while the next page comes, the document may have no element at all.
            page.wait_for_selector(f"html[lang^={language}]")
        return page

    return open_one


@pytest.fixture(scope="module")
def addresses(chromium: Any, demo: dict[str, Any]) -> dict[str, str]:
    """Every page that can be reached by links, by its name; of pages that differ only in a number, the first."""
    context = chromium.new_context(base_url=demo["address"], locale="en-CA")
    page = context.new_page()
    page.goto("/login")
    page.fill("#email", demo["email"])
    page.fill("#password", demo["password"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    found: dict[str, str] = {}
    waiting = ["/"]
    seen = set(waiting)
    while waiting:
        path = waiting.pop(0)
        answer = context.request.get(path)
        assert answer.status == 200, f"a link leads to {path}, which answers {answer.status}"
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        found[name_of(path)] = path
        for link in html.fromstring(answer.text()).xpath("//a[@href and not(@download)]/@href"):
            there = urlsplit(urljoin(path, str(link)))
            if there.netloc or there.scheme or name_of(there.path) in seen or there.path in seen:
                continue
            seen |= {there.path, name_of(there.path)}
            waiting.append(there.path)
    context.close()
    return found


@pytest.fixture(scope="session")
def begin_setup() -> Callable[..., str]:
    """Saves the first step of the set-up; returns the address of the connection that it makes."""

    def begin(page: Any, name: str, billing_mode: str) -> str:
        page.goto("/connections/new")
        page.fill("#name", name)
        page.locator(f"input[name=billing_mode][value={billing_mode}]").check()
        page.get_by_role("button", name="Save and continue").click()
        page.wait_for_url("**/setup/connection")
        return str(page.url).removesuffix("/setup/connection")

    return begin


@pytest.fixture(scope="session")
def reads() -> Callable[..., None]:
    """Checks that a page says some words, or will once the browser has read all of it."""
    expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
    expect.set_options(timeout=20_000)  # a busy machine

    def check(page: Any, words: str, place: Any = None) -> None:
        expect(place or page.locator("main")).to_contain_text(words)

    return check


def name_of(path: str) -> str:
    """What a page is called in the folder of pictures: its address, whatever its numbers are."""
    words = ["n" if word.isdigit() else word for word in re.split(r"\W+", path) if word]
    return "-".join(words) or "start"
