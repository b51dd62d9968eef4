"""The pages in a real browser: every screen in both languages and on both widths, and the loop by hand.

It drives the demonstration, whose QuickBooks is the sandbox. Screenshots are kept in pytest's temporary folder.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SCREENS = {
    "connections": "/",
    "connection-new": "/connections/new",
    "connection": "/connections/1",
    "charges": "/connections/1/charges",
    "offers": "/connections/1/offers",
    "organizations": "/connections/1/organizations",
    "preview": "/connections/1/preview",
    "runs": "/connections/1/runs",
    "run": "/connections/1/runs/1",
    "status": "/connections/1/status",
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The demonstration in a process of its own: its address, and who may log in."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from portal.cli import main; main()", "demo", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**environment, "PORTAL_DATA": str(folder / "data")},
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "}\n":
                break
        try:
            assert lines, (folder / "log").read_text(encoding="utf-8")
            yield json.loads("".join(lines))
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
def open_page(chromium: Any, demo: dict[str, Any]) -> Iterator[Any]:
    """Opens a page that is logged in; at the end, nothing may have gone wrong in its console."""
    contexts, complaints = [], []

    def open_one(language: str = "en", width: int = 1280, **given: Any) -> Any:
        context = chromium.new_context(
            base_url=demo["address"], viewport={"width": width, "height": 900}, locale=f"{language}-CA", **given
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/login")
        page.fill("#email", demo["email"])
        page.fill("#password", demo["password"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        other = page.locator(f"button[name=language][value={language}]")
        if other.count():
            other.click()
        return page

    yield open_one
    for context in contexts:
        context.close()
    # A form that comes back with its reasons has status 400, which Chromium tells the console.
    assert [text for text in complaints if "status of 400" not in text] == []


def reads(page: Any, words: str, place: Any = None) -> None:
    """The page says these words, or will once the browser has read all of it."""
    from playwright.sync_api import expect

    expect(place or page.locator("main")).to_contain_text(words)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_screen_fits_and_is_in_one_language(open_page: Any, tmp_path: Path, language: str, width: int) -> None:
    page = open_page(language, width, color_scheme="dark" if language == "fr" else "light")
    for name, path in SCREENS.items():
        assert page.goto(path).status == 200, name
        assert page.locator("html").get_attribute("lang") == f"{language}-CA", name
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert page.evaluate(OVERFLOW) <= 0, f"{name} is wider than the screen"
        assert page.locator("h1").count() == 1, name
    scheme = page.locator("html").get_attribute("data-bs-theme")
    assert scheme == ("dark" if language == "fr" else "light")


def test_an_offer_is_unmapped_and_mapped_again_by_hand(open_page: Any) -> None:
    page = open_page()
    page.goto("/connections/1/offers?q=EDR")
    field = page.get_by_label("QuickBooks item for Endpoint Detection & Response")
    assert field.input_value() == "Sécurité:EDR"
    field.fill("no such item")
    page.get_by_role("button", name="Save").click()
    reads(page, "QuickBooks has no item “no such item”")
    assert field.input_value() == "no such item"
    field.fill("")
    page.get_by_role("button", name="Save").click()
    reads(page, "1 offer saved.")
    page.goto("/connections/1/status")
    reads(page, "Ready to invoice: no")
    page.get_by_role("link", name="Fix the offer").first.click()
    field.fill("Sécurité:EDR")
    page.get_by_role("button", name="Save").click()
    page.goto("/connections/1/status")
    reads(page, "Ready to invoice: yes")


def test_the_loop_by_hand_without_scripts(open_page: Any) -> None:
    """Switch an organization on, bill it, click Update Selected, and read its invoice's number."""
    page = open_page(java_script_enabled=False)
    page.goto("/connections/1/preview?on=2026-11-01")
    page.get_by_role("link", name="Fix the organization").first.click()
    page.get_by_label("Synchronize Atelier Ébène").check()
    page.get_by_role("button", name="Save").click()
    page.goto("/connections/1/preview?on=2026-11-01")
    reads(page, "1 invoice to send")
    page.get_by_role("button", name="Bill what is ticked, dated November 1, 2026").click()
    reads(page, "Waiting for the Web Connector")
    page.get_by_role("button", name="Update Selected").click()
    reads(page, "The visit went well.")
    page.get_by_role("link", name="See the invoices").click()
    page.get_by_role("link", name="November 1, 2026").click()
    reads(page, "In QuickBooks, verified", page.locator("details", has_text="Atelier Ébène"))
    reads(page, "No. ", page.locator("details", has_text="Atelier Ébène"))


def test_the_password_is_copied_with_a_click(open_page: Any) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/connections/1")
    page.get_by_text("New password", exact=True).click()
    page.get_by_role("button", name="Make a new password").click()
    password = page.locator("#password").input_value()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == password
