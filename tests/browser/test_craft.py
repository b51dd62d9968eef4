"""Craft, seen by a browser: the keyboard reaches everything, light and dark can be chosen, the log-in passes axe."""

from __future__ import annotations

from typing import Any

import pytest

CONTRAST = "getComputedStyle(document.body).backgroundColor"
FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
  const place = one.getBoundingClientRect();
  const isInside = place.width > 0 && place.right > 0 && place.left < innerWidth;
  return {tag: one.tagName, text: (one.innerText || one.ariaLabel || one.name || "").trim(), shown, isInside};
}"""


def test_axe_finds_nothing_before_the_log_in(open_browser: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    for language in ("en", "fr"):
        for width in (360, 1400):
            page = open_browser(language, width, reduced_motion="reduce")
            page.goto("/login")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.locator(f"html[data-bs-theme={scheme}]").wait_for()
                assert axe.Axe().run(page).response["violations"] == []


def test_the_log_in_is_reached_by_the_keyboard_in_the_order_of_reading(open_browser: Any) -> None:
    page = open_browser()
    page.goto("/login")
    assert page.evaluate("document.activeElement.id") == "email"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "password"
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.tagName") == "A":
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('form').action").endswith("/login")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"


def test_the_first_tab_skips_to_the_content(open_page: Any) -> None:
    page = open_page()
    page.goto("/connections/1/offers")
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("one => one === document.activeElement")
    assert skip.bounding_box()["x"] >= 0, "it is seen while it has the focus"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("path", ["/connections/1/offers", "/connections/1/insight", "/connections/1/runs/1"])
def test_every_stop_of_the_tab_key_can_be_seen(open_page: Any, path: str) -> None:
    page = open_page()
    page.goto(path)
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop["tag"] == "BODY":
            break
        if not (stop["shown"] and stop["isInside"]):
            unseen.append(f"{stop['tag']} {stop['text'][:40]}")
    assert unseen == []


def test_a_table_is_walked_row_by_row(open_page: Any) -> None:
    """The stops in a table come in the order of its rows, each once."""
    page = open_page()
    page.goto("/connections/1/organizations")
    page.locator("table").first.locator("input, select, a, button").first.focus()
    rows = []
    for _ in range(30):
        row = page.evaluate("document.activeElement.closest('tr')?.rowIndex ?? null")
        if row is None:
            break
        rows.append(row)
        page.keyboard.press("Tab")
    assert rows == sorted(rows)
    assert len(set(rows)) > 2


def test_light_and_dark_are_chosen_and_kept(open_page: Any) -> None:
    page = open_page(color_scheme="light")
    field = page.locator("#theme")
    light = page.evaluate(CONTRAST)
    field.select_option("dark")
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    assert page.evaluate(CONTRAST) != light
    page.goto("/connections/1/status")
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    assert field.input_value() == "dark"
    field.select_option("auto")
    page.emulate_media(color_scheme="dark")
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.emulate_media(color_scheme="light")
    page.locator("html[data-bs-theme=light]").wait_for()


def test_without_scripts_there_is_no_switch_and_pages_are_light(open_page: Any) -> None:
    page = open_page(java_script_enabled=False, color_scheme="dark")
    assert page.locator("#theme").is_hidden()
    assert page.locator("html").get_attribute("data-bs-theme") is None


def test_a_chart_tells_its_figures_where_the_mouse_rests_and_fits_a_phone(open_page: Any) -> None:
    page = open_page(width=360)
    page.goto("/connections/1/insight")
    frame = page.locator(".chart-frame").first
    assert frame.evaluate("one => one.scrollWidth > one.clientWidth"), "it is scrolled, not shrunk"
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert "7,427.47" in page.locator("#months-CAD rect title").nth(2).text_content()
