"""Several people at once, each in a browser of their own: colleagues of one partner, and two partners."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal import settings as configuration
from portal.models import Role
from portal.services import accounts, build_portal

ACCOUNTANT = "comptable@example.com"
OTHER, OTHER_EMAIL = "Another reseller", "owner@other.example"
INVOICE_DATE = "2026-11-01"


@pytest.fixture(scope="module")
def other_partner(demo: dict[str, Any]) -> None:
    """A second partner on the same server, without a connection."""
    portal = build_portal(configuration.load({}, data=demo["folder"], url=demo["address"]))
    accounts.add_partner(portal, OTHER)
    accounts.add_user(portal, OTHER_EMAIL, partner=OTHER, role=Role.ADMINISTRATOR, password=demo["password"])
    portal.database.close()


def test_the_accountant_watches_a_run_that_the_administrator_makes(open_page: Callable[..., Any], reads: Any) -> None:
    """What one person does appears before the other, in the other's language, without a click."""
    owner, accountant = open_page("en"), open_page("fr", email=ACCOUNTANT)
    owner.goto("/connections/1/organizations?q=Atelier")
    owner.get_by_label("Synchronize Atelier Ébène").check()
    owner.get_by_role("button", name="Save", exact=True).click()
    reads(owner, "1 organization saved.")
    owner.goto(f"/connections/1/preview?on={INVOICE_DATE}")
    owner.get_by_role("button", name="Bill what is ticked, dated November 1, 2026").click()
    reads(owner, "Waiting for the Web Connector")
    run = owner.url

    accountant.goto(run)
    reads(accountant, "En attente du Web Connector")
    assert accountant.get_by_role("button", name="Update Selected").count() == 0, (
        "an accountant looks, and starts nothing"
    )
    owner.get_by_role("button", name="Update Selected").click()
    reads(owner, "The visit went well.")
    reads(accountant, "Dans QuickBooks, vérifiée", accountant.locator("details", has_text="Atelier Ébène").first)
    assert accountant.url == run


def test_two_partners_see_nothing_of_each_other(open_page: Callable[..., Any], other_partner: None, reads: Any) -> None:
    own, other = open_page(), open_page(email=OTHER_EMAIL)
    reads(own, "QuickBooks Nordet")
    assert "Nordet" not in other.locator("body").inner_text()
    for path in ("/connections/1", "/connections/1/runs/1", "/connections/1/exchanges/1", "/connections/1/runs/1.csv"):
        assert own.request.get(path).status == 200, path
        assert other.request.get(path).status == 404, path

    other.goto("/connections/new")
    other.fill("#name", "QuickBooks Nordet")
    other.locator("input[name=billing_mode][value=in-advance]").check()
    other.get_by_role("button", name="Save and continue").click()
    other.wait_for_url("**/setup/connection")
    home = other.url.removesuffix("/setup/connection")
    assert own.request.get(home).status == 404, "the same name, another partner's"
    own.goto("/")
    assert own.get_by_role("link", name="QuickBooks Nordet", exact=True).count() == 1


def test_a_mapping_file_goes_out_and_comes_in(open_page: Callable[..., Any], tmp_path: Path, reads: Any) -> None:
    """What was written changes nothing; one cell changed is one row changed, and is undone by the first file."""
    page = open_page()
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"

    def bring(file: Path) -> None:
        page.goto("/connections/1/offers")
        page.locator("details:has(#csv) > summary").click()
        page.set_input_files("#csv", file)
        page.locator("form:has(#csv) button").click()

    page.goto("/connections/1/offers")
    page.locator("details:has(#csv) > summary").click()
    with page.expect_download() as download:
        page.locator("a[href*='mapping.csv']").first.click()
    download.value.save_as(first)
    bring(first)
    reads(page, "changes nothing")

    text = first.read_text(encoding="utf-8-sig")
    line = next(one for one in text.splitlines() if one.startswith("offer,") and ",yes" in one)
    second.write_text("\ufeff" + text.replace(line, line.replace(",yes", ",no", 1)), encoding="utf-8")
    for file in (second, first):
        bring(file)
        page.get_by_role("button", name="Change 1 row").click()
        reads(page, "1 row")
    with page.expect_download() as download:
        page.locator("details:has(#csv) > summary").click()
        page.locator("a[href*='mapping.csv']").first.click()
    assert Path(download.value.path()).read_bytes() == first.read_bytes()
