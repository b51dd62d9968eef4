"""Notices in a real browser: a company file that is copied, swapped, renamed, restored, before two people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qbwc.sandbox import Company

ACCOUNTANT = "comptable@example.com"
INVOICE_DATE = "2026-11-01"
LIST = "/connections/1/notices"


@dataclass
class File:
    """The company file that QuickBooks has open, as the person at that computer may replace it."""

    path: Path

    def read(self) -> Any:
        return json.loads(self.path.read_text(encoding="utf-8"))

    def put(self, data: Any) -> None:
        self.path.write_text(json.dumps(data), encoding="utf-8")

    def edit(self, change: Callable[[Company], object]) -> None:
        company = Company.load(self.path)
        change(company)
        company.save()

    def written(self) -> list[str]:
        """The ids of all forms."""
        kinds = self.read()["transactions"]
        return sorted(one["TxnID"] for kind in ("Invoice", "CreditMemo") for one in kinds.get(kind, []))


@pytest.fixture
def file(demo: dict[str, Any]) -> File:
    return File(demo["folder"] / "company.json")


def visit(page: Any, reads: Any, *, went_well: bool) -> None:
    """What the button of the demonstration does: the Web Connector's Update Selected."""
    page.goto("/connections/1")
    wanted = page.get_by_role("button", name="Read the lists at the next visit")
    wanted.click()
    reads(page, "The lists will be read at the next visit")
    page.get_by_role("button", name="Update Selected").click()
    reads(page, "The visit went well." if went_well else "The visit ended with an error.")


def is_foreign(company: Company) -> None:
    for value in company.state["CompanyDataExt"]:
        if value["DataExtName"] == "FileID":
            value["DataExtValue"] = "{11111111-2222-3333-4444-555555555555}"


def test_nothing_is_written_to_a_file_in_doubt_and_all_that_waited_once_it_is_confirmed(
    open_page: Callable[..., Any], file: File, reads: Any
) -> None:
    owner, accountant = open_page("en"), open_page("fr", email=ACCOUNTANT)
    owner.goto("/connections/1/organizations?q=Atelier")
    owner.get_by_label("Synchronize Atelier Ébène").check()
    owner.get_by_role("button", name="Save", exact=True).click()
    reads(owner, "1 organization saved.")
    owner.goto(f"/connections/1/preview?on={INVOICE_DATE}")
    owner.get_by_role("button", name="Bill what is ticked, dated November 1, 2026").click()
    reads(owner, "Waiting for the Web Connector")
    run = owner.url
    waiting = owner.locator("details", has_text="Waiting for the Web Connector").count()
    right, before = file.read(), file.written()

    # A copy in another folder is open: QuickBooks is not let open it instead of the known one.
    file.edit(lambda company: company.file.update(Path="D:\\Copies\\Nordet.qbw"))
    visit(owner, reads, went_well=False)
    owner.goto(LIST)
    doubt = owner.locator("#company-file")
    reads(owner, "The company file is not where it was", doubt)
    assert file.written() == before

    # A person wants it looked at: what differs stands side by side, and nothing is written to it.
    doubt.get_by_role("button", name="Look at the open file").click()
    reads(owner, "The company file is being looked for")
    visit(owner, reads, went_well=False)
    owner.goto(LIST)
    reads(owner, "D:\\Copies\\Nordet.qbw", doubt)
    assert file.written() == before

    # Another company of ours: it carries another mark, and cannot be confirmed.
    file.put(right)
    file.edit(is_foreign)
    visit(owner, reads, went_well=False)
    owner.goto(LIST)
    reads(owner, "belongs to another connection", owner.locator("#company-file"))
    assert owner.get_by_role("button", name="re-establish").count() == 0
    assert file.written() == before

    # The same file under another name: the accountant is told, and only the administrator decides.
    file.put(right)
    file.edit(lambda company: company.file.update(CompanyName="Nordet 2027 inc."))
    visit(owner, reads, went_well=False)
    assert file.written() == before
    accountant.goto("/connections/1/preview")
    banner = accountant.locator("#live-notices .banner").first
    reads(accountant, "Fichier de société", banner)
    reads(accountant, "Un administrateur peut le faire.", banner)
    assert banner.get_by_role("link").count() == 0
    assert re.match(r"\(\d+\) ", accountant.title())
    owner.goto(LIST)
    doubt = owner.locator("#company-file")
    reads(owner, "differs", doubt)
    doubt.get_by_role("button", name="keep refusing").click()
    reads(owner, "Nothing is written to this file.")
    visit(owner, reads, went_well=False)
    assert file.written() == before
    owner.goto(LIST)
    assert owner.locator("section#company-file").count() == 0, "put away for who refused it"
    owner.locator("summary", has_text="dismissed").click()
    owner.get_by_role("button", name="Bring back").click()
    doubt.get_by_role("button", name="re-establish the link").click()
    reads(owner, "The link is re-established.")
    visit(owner, reads, went_well=True)
    after = file.written()
    assert set(before) < set(after)
    assert len(after) - len(before) <= waiting, "what waited is written once, some of it into an invoice that was there"
    accountant.goto(run)
    reads(accountant, "Dans QuickBooks, vérifiée", accountant.locator("details", has_text="Atelier Ébène").first)
    assert accountant.locator("details", has_text="En attente du Web Connector").count() == 0

    # An older copy is restored: it lacks that invoice. The newest file ends the doubt by itself.
    newest = file.read()
    file.put(right)
    file.edit(lambda company: company.file.update(CompanyName="Nordet 2027 inc."))
    visit(owner, reads, went_well=False)
    owner.goto(LIST)
    reads(owner, "a backup was restored", doubt)
    assert file.written() == before
    file.put(newest)
    visit(owner, reads, went_well=True)
    owner.goto(LIST)
    assert owner.locator("section#company-file").count() == 0
    assert file.read()["transactions"] == newest["transactions"], "nothing is written twice"


def test_an_open_page_counts_what_is_new_in_its_title(open_page: Callable[..., Any], reads: Any) -> None:
    page, other = open_page(), open_page()
    page.goto("/connections/1/insight")
    counted = re.match(r"\((\d+)\) Insight", page.title())
    assert counted
    other.goto(LIST)
    other.get_by_role("button", name="Dismiss: ").first.click()
    reads(other, "1 dismissed notice")
    page.evaluate(
        "htmx.ajax('GET', document.querySelector('#live-notices').getAttribute('hx-get'), "
        "{target: '#live-notices', swap: 'outerHTML'})"
    )
    fewer = int(counted[1]) - 1
    page.wait_for_function(
        "title => document.title.startsWith(title)", arg=f"({fewer}) Insight" if fewer else "Insight"
    )
    assert page.locator("#notice-badge").inner_text().strip().startswith(str(fewer) if fewer else "")


def test_an_open_start_page_shows_within_seconds_what_a_visit_brought(
    open_page: Callable[..., Any], file: File, reads: Any
) -> None:
    owner, accountant = open_page("en"), open_page("fr", email=ACCOUNTANT)
    accountant.goto("/")
    accountant.evaluate("window.isSameDocument = true")
    right = file.read()
    file.edit(lambda company: company.file.update(CompanyName="Nordet 2028 inc."))
    visit(owner, reads, went_well=False)
    reads(accountant, "La société s'appelle maintenant Nordet 2028 inc.", accountant.locator("#connections"))
    assert re.match(r"\(\d+\) ", accountant.title())
    file.put(right)
    visit(owner, reads, went_well=True)
    place = accountant.locator("#connections tr", has_text="QuickBooks Nordet").first
    place.filter(has_not_text="Nordet 2028 inc.").wait_for(timeout=20_000)
    assert accountant.evaluate("window.isSameDocument"), "nobody loaded it"


def test_a_banner_is_dismissed_without_scripts(open_page: Callable[..., Any]) -> None:
    page = open_page(java_script_enabled=False, width=360)
    page.goto("/connections/1/charges")
    banners = page.locator("#live-notices .banner")
    count = banners.count()
    assert count
    title = page.title()
    banners.first.get_by_role("button", name="Dismiss: ").click()
    assert page.url.endswith("/connections/1/charges")
    assert page.title() != title
