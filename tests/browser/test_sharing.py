"""Sharing, seen by two browsers: an administrator invites, an accountant joins with the file and sees their view."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "four words between accountants"


def test_an_invited_stranger_joins_in_another_browser_and_sees_the_accountants_view(
    open_page: Any, open_browser: Any, reads: Any, tmp_path: Path
) -> None:
    host = open_page()
    host.goto("/connections/2")
    assert "Private" in host.locator(".switcher").inner_text()
    host.goto("/connections/2/members")
    host.check("input[name=role][value=accountant]")
    host.get_by_role("button", name="Make the invitation").click()
    reads(host, "The invitation is made")
    with host.expect_download() as started:
        host.get_by_role("button", name="Download the invitation file").click()
    file = tmp_path / started.value.suggested_filename
    started.value.save_as(file)
    assert file.suffix == ".qbinvite"

    guest = open_browser("fr", java_script_enabled=False)
    guest.goto("/join")
    guest.set_input_files("#file", str(file))
    guest.get_by_role("button", name="Ouvrir l'invitation").click()
    reads(guest, "demo@example.com vous invite à vous joindre à cette connexion")
    assert guest.url.endswith("/join"), "no address holds the secret"
    guest.fill("#email", "zoe@cabinet.example")
    guest.fill("#new_password", PASSWORD)
    guest.fill("#once_more", PASSWORD)
    guest.get_by_role("button", name="Créer le compte et s'abonner").click()
    guest.wait_for_url("**/connections/2")
    reads(guest, "Bienvenue. Vous voyez désormais cette connexion.")
    reads(guest, "Partagée", guest.locator(".switcher"))
    for path, words in (("charges", "Frais"), ("offers", "Offres"), ("log", "S'est joint à la connexion")):
        guest.goto(f"/connections/2/{path}")
        reads(guest, words)
        assert guest.get_by_role("button", name=re.compile("Enregistrer|Importer")).count() == 0
    answer = guest.goto("/connections/2/members")
    assert answer.status == 200
    assert guest.locator("#invite").count() == 0, "an accountant invites nobody"
    guest.goto("/")
    assert "QuickBooks Nordet Ontario" in guest.locator("main").inner_text()
    assert guest.locator("main a[href='/connections/1']").count() == 0

    host.goto("/connections/2/members")
    reads(host, "zoe@cabinet.example")
    reads(host, "Shared", host.locator(".switcher"))
    host.locator("main summary", has_text="Remove").first.click()
    host.get_by_role("button", name="Remove zoe@cabinet.example").click()
    reads(host, "zoe@cabinet.example no longer sees this connection.")
    guest.goto("/connections/2")
    assert guest.url.split("?")[0].endswith("/login"), "the account went with its last connection"


def test_a_link_leaves_no_secret_in_the_address_bar_and_is_told_to_nobody(open_page: Any, open_browser: Any) -> None:
    host = open_page()
    host.goto("/connections/2/members")
    host.check("input[name=role][value=read-only]")
    host.get_by_role("button", name="Make the invitation").click()
    link = host.locator("#link").input_value()
    guest = open_browser()
    seen: list[Any] = []
    guest.on("request", lambda one: seen.append(one))
    guest.goto(link)
    assert guest.url.endswith("/join")
    secret = link.rpartition("/")[2]
    assert all(secret not in (one.headers.get("referer") or "") for one in seen)
    assert sum(secret in one.url for one in seen) == 1
    assert "invites you to join this connection" in guest.locator("main").inner_text()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_switcher_leads_to_the_same_screen_of_another_connection(open_page: Any, width: int) -> None:
    page = open_page(width=width)
    page.goto("/connections/1/offers")
    page.locator(".switcher summary").click()
    page.locator(".switcher nav a").first.click()
    page.wait_for_url("**/connections/2/offers")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
