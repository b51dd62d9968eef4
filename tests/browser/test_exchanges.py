"""Exchanges seen by two browsers: the partner sends, and the accountant's view, in French, follows by itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

SCREEN = "/connections/1/exchanges"
AT_FIRM = "cpa@example.org"


def send(page: Any, *, is_shared: bool) -> None:
    """Queue what the screen shows, with the box as wanted."""
    box = page.locator("input[name=is_shared]")
    assert box.is_checked(), "an accountant has joined the demonstration"
    box.set_checked(is_shared)
    page.get_by_role("button", name=re.compile("Queue")).click()


def test_the_accountant_sees_what_the_partner_sent_within_seconds_of_the_visit(open_page: Any, reads: Any) -> None:
    host = open_page()
    guest = open_page("fr", email=AT_FIRM)
    guest.goto(SCREEN)
    reads(guest, "Historique dans les deux sens")
    assert guest.get_by_role("button", name=re.compile("Mettre")).count() == 0, "an accountant queues nothing"
    assert "12 × InvoiceAddRq" not in guest.locator("#entries").inner_text()
    guest.select_option("#period", index=1)  # what is chosen meanwhile stays as it is
    chosen = guest.locator("#period").input_value()
    before = guest.locator("#entries tbody tr").first.inner_text()

    host.goto(SCREEN)
    send(host, is_shared=True)
    reads(host, "Waiting to leave:")
    reads(guest, "En attente de départ :")
    host.get_by_role("button", name="Update Selected").click()
    host.get_by_text("See the status").wait_for()
    reads(guest, "Quelque chose vient d'arriver ou de partir")
    reads(guest, "demo@example.com", guest.locator("#entries"))
    reads(guest, "Réussi", guest.locator("#entries"))
    assert guest.locator("#entries tbody tr").first.inner_text() != before
    assert guest.locator("#period").input_value() == chosen
    guest.locator("#entries tbody tr", has_text="vers QuickBooks").first.locator("a").first.click()
    guest.wait_for_url("**/exchanges/*")
    reads(guest, "Réponse de QuickBooks")


@pytest.mark.parametrize("width", [360, 1400])
def test_what_is_kept_from_the_accountant_appears_once_it_is_shared(open_page: Any, reads: Any, width: int) -> None:
    host = open_page(width=width)
    guest = open_page("fr", width=width, email=AT_FIRM)
    host.goto("/connections/1/runs")
    run = host.locator("main table a").first.get_attribute("href")
    for is_shared, status in ((False, 404), (True, 200)):
        host.goto(run)
        name = "Share with your accountant" if is_shared else "Keep them from your accountant"
        host.get_by_role("button", name=name).click()
        host.wait_for_load_state()
        assert guest.request.get(run).status == status
    guest.goto(f"{SCREEN}/history")
    assert guest.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    host.goto(SCREEN)
    assert host.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
