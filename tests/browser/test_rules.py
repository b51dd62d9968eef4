"""The export rule in a real browser: rows are searched and ticked, counts follow; what is kept back is not billed."""

from __future__ import annotations

import re
from typing import Any

import pytest

RULE, LIST = "/connections/1/rule", "/connections/1/charges/list"
CLIENT = "Northwind Logistics Ltd."
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def kept_back(page: Any) -> int:
    """How many Canadian charges the rule that is shown keeps back."""
    row = page.locator("#effect tr", has_text="CAD").last
    found = re.search(r"([\d,]+) charges?", row.inner_text())
    assert found
    return int(found[1].replace(",", ""))


def save_everything(page: Any, reads: Any) -> None:
    page.goto(RULE)
    page.get_by_label("All organizations", exact=True).check()
    page.get_by_role("button", name="Save the rule").click()
    reads(page, "Every charge may leave.")


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_client_is_kept_back_and_let_leave_again(open_page: Any, reads: Any, has_scripts: bool) -> None:
    page = open_page(java_script_enabled=has_scripts)
    page.goto(RULE)
    assert kept_back(page) == 0
    page.get_by_label("All but the ticked organizations").check()
    page.get_by_label("Search the organizations").fill("northwind")
    if not has_scripts:
        page.locator("fieldset", has_text="Organizations").first.get_by_role("button", name="Search").click()
    reads(page, "1 found", page.locator("#organizations-list"))
    page.locator("#organizations-list").get_by_label(CLIENT).check()
    if not has_scripts:
        page.get_by_role("button", name="Show what it does").last.click()
    reads(page, f"Only charges of every organization but {CLIENT}.", page.locator("#effect"))
    reads(page, "Not saved yet", page.locator("#effect"))
    dropped = kept_back(page)
    assert dropped > 0
    page.get_by_role("button", name="Save the rule").click()
    reads(page, "is saved. It takes effect at the next synchronization")
    page.goto(f"{LIST}?state=excluded")
    rows = page.locator(".charges-list tbody tr")
    assert rows.count() == dropped
    assert all(CLIENT in text for text in rows.all_inner_texts())
    page.goto("/connections/1/preview")
    reads(page, "The export rule keeps these charges back.")
    page.get_by_role("link", name="See the rule").first.click()
    reads(page, "in force")
    save_everything(page, reads)
    page.goto(f"{LIST}?state=excluded")
    reads(page, "No charge matches")


def test_what_was_kept_back_is_billed_once_the_rule_lets_it(open_page: Any, reads: Any) -> None:
    page = open_page()
    page.goto(f"{LIST}?state=waiting")
    client = page.locator(".charges-list tbody tr").first.locator("td[data-label=Organization]").inner_text()
    page.goto(RULE)
    page.get_by_label("All but the ticked organizations").check()
    page.get_by_label("Search the organizations").fill(client)
    page.locator("#organizations-list").get_by_label(client).first.check()
    reads(page, "of every organization but", page.locator("#effect"))
    page.get_by_role("button", name="Save the rule").click()
    reads(page, "is saved.")
    page.goto("/connections/1/preview")
    assert page.locator("form details strong", has_text=client).count() == 0
    save_everything(page, reads)
    page.goto("/connections/1/preview")
    reads(page, client, page.locator("form[action$=bill]"))


def test_in_french_on_a_phone_it_fits_and_says_what_is_wrong(open_page: Any, reads: Any) -> None:
    page = open_page("fr", 360)
    page.goto(RULE)
    page.get_by_label("Entre deux jours").check()
    page.get_by_label("Premier jour").last.fill("2026-11-02")
    page.get_by_label("Dernier jour, compris").fill("2026-11-01")
    page.get_by_role("button", name="Enregistrer la règle").click()
    reads(page, "Cela ne peut pas encore être une règle")
    assert page.get_by_label("Dernier jour, compris").input_value() == "2026-11-01"
    assert page.evaluate(OVERFLOW) <= 0
    page.goto(LIST)
    reads(page, "importés")
    page.locator("summary", has_text="Choisir les colonnes").click()
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_label("Numéro de la ligne de frais", exact=True).check()
    page.get_by_role("button", name="Afficher ces colonnes").click()
    reads(page, "Liste des frais", page.locator("h1"))
    assert page.locator("td[data-label='Numéro de la ligne de frais']").count() > 0


def test_columns_sums_and_filters_are_reached_by_the_keyboard(open_page: Any, reads: Any) -> None:
    page = open_page()
    page.goto(LIST)
    page.locator(".equation a.term", has_text="Rejected").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**state=rejected**")
    assert page.locator(".equation a.term.active").count() >= 1
    page.get_by_role("link", name="Show all").first.click()
    reads(page, "=")
