"""Webhooks in a browser: added, tested, failed, and sent again once the receiver is back; in both languages."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

WORDS = {
    "en": {
        "add": "Add the webhook",
        "copied": "I have copied it; send a test",
        "copy": ("Copy", "Copied"),
        "test": "Send a test",
        "refused": "The receiver did not take the test. The answer: it answered with an error (500).",
        "again": "Send it again",
        "delivered": "Delivered",
        "remove": ("Remove this webhook", "Remove the webhook"),
        "removed": "The webhook is removed.",
        "no_mail": "No letters leave: the portal has no mail server.",
        "saved": "Saved for 2 connections.",
        "everywhere": "Save for all my 2 connections",
    },
    "fr": {
        "add": "Ajouter le webhook",
        "copied": "Je l'ai copié; envoyer un essai",
        "copy": ("Copier", "Copié"),
        "test": "Envoyer un essai",
        "refused": "Le destinataire n'a pas pris l'essai. La réponse : il a répondu par une erreur (500).",
        "again": "Le renvoyer",
        "delivered": "Livré",
        "remove": ("Supprimer ce webhook", "Supprimer le webhook"),
        "removed": "Le webhook est supprimé.",
        "no_mail": "Aucun courriel ne part : le portail n'a pas de serveur de courriel.",
        "saved": "Enregistré pour 2 connexions.",
        "everywhere": "Enregistrer pour mes 2 connexions",
    },
}


@pytest.fixture
def http_receiver() -> Iterator[Callable[..., Any]]:
    """Starts receivers of webhooks on this machine."""
    path = Path(__file__).parents[1] / "portal" / "channels" / "http_receiver.py"
    spec = importlib.util.spec_from_file_location("receiver_of_browser_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    running = []

    def start(**given: Any) -> Any:
        running.append(module.Receiver(**given).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def check_axe() -> Callable[[Any], None]:
    """Checks that axe finds nothing on a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

    def check(page: Any) -> None:
        found = axe.Axe().run(page).response["violations"]
        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == [], page.url

    return check


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_webhook_fails_its_test_and_gets_the_message_again_when_it_is_back(
    open_page: Any, reads: Any, http_receiver: Callable[..., Any], check_axe: Callable[[Any], None], language: str
) -> None:
    said, receiver = WORDS[language], http_receiver(status=500)
    page = open_page(language)
    page.goto("/connections/1/webhooks")
    check_axe(page)
    page.fill("#url", receiver.url)
    page.get_by_role("button", name=str(said["add"]), exact=True).click()
    secret = page.locator("#secret").input_value()
    assert secret.startswith("whsec_")
    page.get_by_role("button", name=said["copy"][0], exact=True).click()
    check_axe(page)
    page.get_by_role("link", name=str(said["copied"])).click()
    page.get_by_role("button", name=str(said["test"])).click()
    reads(page, str(said["refused"]))
    check_axe(page)
    page.locator("td.when a").first.click()
    page.wait_for_url("**/messages/*")
    check_axe(page)
    assert page.get_by_role("button", name=str(said["again"])).is_visible()
    receiver.status = 204
    page.get_by_role("button", name=str(said["again"])).click()
    reads(page, str(said["delivered"]))
    assert len(receiver.received) == 2
    assert all(got.is_signed_by(secret) for got in receiver.received)
    assert len({got.message_id for got in receiver.received}) == 1
    page.goto("/connections/1/messages?channel=webhook&state=delivered")
    reads(page, receiver.url)
    check_axe(page)
    page.get_by_role("row", name=receiver.url).locator("td.when a").first.click()
    page.get_by_role("link", name=receiver.url).click()
    page.locator("summary", has_text=said["remove"][0]).click()
    page.get_by_role("button", name=said["remove"][1], exact=True).click()
    reads(page, str(said["removed"]))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("width", [360, 1400])
def test_the_choice_of_letters_is_kept_and_fits_the_screen(
    open_page: Any, reads: Any, check_axe: Callable[[Any], None], language: str, width: int
) -> None:
    said = WORDS[language]
    page = open_page(language, width=width)
    for path in ("webhooks", "webhooks/1", "messages", "messages/1", "notices/telling"):
        page.goto(f"/connections/1/{path}")
        spill = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert spill <= 0, path
    reads(page, str(said["no_mail"]))
    check_axe(page)
    page.locator("input[name=cadence][value=daily]").check()
    page.select_option("#preview", "3")
    page.get_by_role("button", name=str(said["everywhere"])).click()
    reads(page, str(said["saved"]))
    assert page.locator("input[name=cadence][value=daily]").is_checked()
    assert page.locator("#preview").input_value() == "3"
    page.goto("/connections/2/notices/telling")
    assert page.locator("input[name=cadence][value=daily]").is_checked()
