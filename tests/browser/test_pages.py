"""The pages in a real browser: every page in both languages and on two widths, and the loop by hand.

Pictures of every page are kept in the folder that SCREENSHOTS names, where it is set; those of the README are among
them, in the folder `readme`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
KEEPS_PICTURES = bool(os.environ.get("SCREENSHOTS"))
OF_README = {"status": "/connections/1/status", "insight": "/connections/1/insight"}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures are kept."""
    folder = Path(os.environ["SCREENSHOTS"] if KEEPS_PICTURES else tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1400, "light"), ("fr", 360, "dark")])
def test_every_page_fits_is_in_one_language_and_axe_finds_nothing(
    open_page: Any, addresses: dict[str, str], pictures: Path, language: str, width: int, scheme: str
) -> None:
    """Each language, width and look once: what is seen here does not come from two of them together."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = open_page(language, width, reduced_motion="reduce", color_scheme=scheme)  # or colours would be read half-way
    found: dict[str, list[str]] = {}
    for name, path in addresses.items():
        assert page.goto(path).status == 200, name
        page.locator(f"html[data-bs-theme={scheme}][lang={language}-CA]").wait_for()
        assert page.locator("h1").count() == 1, name
        if KEEPS_PICTURES:
            page.screenshot(path=pictures / f"{name}-{language}-{width}.png", full_page=True)
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
        if page.evaluate(OVERFLOW) > 0:
            found[name] = ["too wide"]
        for one in axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]:
            place = one["nodes"][0]
            found.setdefault(name, []).append(
                f"{one['id']} ({len(one['nodes'])}): {place['html'][:160]} {place['failureSummary'][:300]}"
            )
    assert found == {}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pictures_of_the_readme_are_small(open_page: Any, pictures: Path, language: str) -> None:
    page = open_page(language, 1100)
    page.set_viewport_size({"width": 1100, "height": 760})
    (pictures / "readme").mkdir(exist_ok=True)
    for name, path in OF_README.items():
        picture = pictures / "readme" / f"{name}-{language}.png"
        page.goto(path)
        page.screenshot(path=picture)
        assert picture.stat().st_size < 120_000


def test_an_offer_is_unmapped_and_mapped_again_by_hand(open_page: Any, reads: Any) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/connections/1/offers?q=EDR")
    item = "QuickBooks item for Endpoint Detection & Response"
    assert page.get_by_label(item).input_value() == "Sécurité:EDR"

    page.get_by_label(item).fill("no such item")
    page.get_by_role("button", name="Save", exact=True).click()
    reads(page, "QuickBooks has no item “no such item”")
    assert page.get_by_label(item).input_value() == "no such item"
    page.get_by_label(item).fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    reads(page, "1 offer saved.")
    page.goto("/connections/1/status?kind=offers")
    reads(page, "Endpoint Detection & Response")
    page.locator("tr, li, .list-group-item", has_text="Endpoint Detection").get_by_role("link").last.click()
    page.get_by_label(item).fill("securite:edr")
    page.get_by_role("button", name="Save", exact=True).click()
    reads(page, "1 offer saved.")
    assert page.get_by_label(item).input_value() == "Sécurité:EDR"
    page.goto("/connections/1/status?kind=offers")
    reads(page, "Power BI Pro")
    assert "Endpoint Detection" not in page.locator("main").inner_text()


def test_what_is_typed_and_not_saved_is_not_lost_unseen(open_page: Any, reads: Any) -> None:
    page = open_page()
    page.goto("/connections/1/offers")
    page.get_by_label("QuickBooks item for Visio Plan 2").click()
    page.keyboard.type("visio, or the like")
    page.get_by_label("Synchronize Office 365 E3").click()
    bar = page.locator("[data-changed]")
    reads(page, "2 rows changed, not saved", bar)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Charges").click()
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    assert "/offers" in page.url
    page.get_by_label("Synchronize Office 365 E3").click()
    reads(page, "1 row changed, not saved", bar)
    page.get_by_role("button", name="Save", exact=True).click()
    assert page.get_by_label("QuickBooks item for Visio Plan 2").input_value() == "visio, or the like"
    page.get_by_label("QuickBooks item for Visio Plan 2").click()
    page.keyboard.press("Backspace")
    page.keyboard.type("visio p2")
    page.locator(".ts-dropdown .option.active", has_text="Licences:Visio P2").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('[data-changed]').innerText === ''")
    page.goto("/connections/1/charges")


def test_the_loop_by_hand_without_scripts(open_page: Any, reads: Any) -> None:
    """Switch an organization on, bill it, click Update Selected, and read its invoice's number."""
    page = open_page(java_script_enabled=False)
    page.goto("/connections/1/organizations?q=Atelier")
    page.get_by_label("Synchronize Atelier Ébène").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/connections/1/preview?on=2026-11-01")
    reads(page, "Atelier Ébène")
    page.get_by_role("button", name="Bill what is ticked, dated November 1, 2026").click()
    reads(page, "Waiting for the Web Connector")
    page.get_by_role("button", name="Update Selected").click()
    reads(page, "The visit went well.")
    page.goto("/connections/1/runs/2")
    invoice = page.locator("details", has_text="Atelier Ébène").first
    reads(page, "In QuickBooks, verified", invoice)
    reads(page, "No. ", invoice)


def test_the_password_is_copied_with_a_click(open_page: Any) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/connections/1")
    page.get_by_text("New password", exact=True).click()
    page.get_by_role("button", name="Make a new password").click()
    password = page.locator("#password").input_value()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == password
