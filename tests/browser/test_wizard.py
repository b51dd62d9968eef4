"""The set-up in a real browser, from the first step to the first reconciled invoice, in both languages.

The sandbox is the Web Connector on the QuickBooks computer: it calls with the .qwc and the password from the page.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qbwc.sandbox import Company, Visit, parse_fault, read_manifest, visit

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CHARGES = SAMPLES / "sherweb" / "payable-charges-2026-10.json"
INVOICE_DATE = "2026-11-01"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

WORDS = {
    "en": {
        "configuration": "Configuration",
        "integrations": "Billing integrations",
        "another": "Set up another company file",
        "lock": "the billing mode cannot be changed once this step is saved",
        "covers": "In arrears, it covers",
        "save": "Save and continue",
        "show": "Show the password",
        "nobody": "Nobody has called yet",
        "old": "Use QuickBooks 2015 or newer",
        "well": "It went well",
        "next": "Next step",
        "first": "Import charges first",
        "go_on": "Go on with the offers",
        "being": "Continue the set-up of {name}",
        "before": "Until you click Start, nothing is billed by itself.",
        "start": "Start",
        "finished": "The set-up is finished.",
        "verified": "In QuickBooks, verified",
    },
    "fr": {
        "configuration": "Configuration",
        "integrations": "Intégrations de facturation",
        "another": "Configurer un autre fichier de société",
        "lock": "le mode de facturation n'est plus modifiable une fois cette étape enregistrée",
        "covers": "À terme échu, elle couvre",
        "save": "Sauvegarder et continuer",
        "show": "Afficher le mot de passe",
        "nobody": "Personne n'a encore appelé",
        "old": "Utilisez QuickBooks 2015 ou une version plus récente",
        "well": "Elle s'est bien passée",
        "next": "Suivant",
        "first": "Importez d'abord des frais",
        "go_on": "Continuer avec les offres",
        "being": "Continuer la configuration de {name}",
        "before": "Tant que vous n'avez pas cliqué sur Commencer, rien n'est facturé automatiquement.",
        "start": "Commencer",
        "finished": "La configuration est terminée.",
        "verified": "Dans QuickBooks, vérifiée",
    },
}


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., Visit]:
    """Has the Web Connector of a QuickBooks computer visit, with what was brought there from the page."""
    shutil.copyfile(SAMPLES / "sandbox" / "company.json", tmp_path / "company.json")

    def play(qwc: str, password: str, *faults: str) -> Visit:
        (tmp_path / "portal.qwc").write_text(qwc, encoding="utf-8")
        return visit(
            read_manifest(tmp_path / "portal.qwc"),
            Company.load(tmp_path / "company.json"),
            password,
            faults=[parse_fault(fault) for fault in faults],
            pause=lambda _seconds: None,
        )

    return play


def look(page: Any) -> str:
    """What the page says; it fits, and axe finds nothing on it."""
    page.wait_for_load_state()
    assert page.evaluate(OVERFLOW) <= 0, f"{page.url} is wider than the screen"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in axe.Axe().run(page).response["violations"]]
    assert found == [], page.url
    return str(page.locator("main").inner_text())


@pytest.mark.parametrize(("language", "width", "scheme"), [("fr", 1280, "dark"), ("en", 1280, "light")])
def test_from_the_first_step_to_the_first_reconciled_invoice(
    open_page: Any, call: Callable[..., Visit], reads: Any, language: str, width: int, scheme: str
) -> None:
    say, name = WORDS[language], f"Livres {language}"
    page = open_page(language, width, color_scheme=scheme, reduced_motion="reduce")

    # Configuration, Billing integrations, the tile
    page.get_by_role("link", name=say["configuration"]).first.click()
    assert say["integrations"] in look(page)
    page.get_by_role("link", name=say["another"]).click()

    # Options: the lock is announced, and the dates follow what is typed
    assert say["lock"] in look(page)
    assert say["covers"] in page.locator("#dates").inner_text().replace(say["covers"].upper(), say["covers"])
    page.fill("#name", name)
    page.locator("input[name=billing_mode][value=in-arrears]").check()
    page.get_by_text("2026").first.wait_for()
    page.locator("input[name=prorate]").first.check()
    page.fill("#invoice_day", "31")
    page.locator("#dates").get_by_text(re.compile("31|30")).first.wait_for()
    page.fill("#invoice_day", "1")
    look(page)
    page.get_by_role("button", name=say["save"]).click()
    page.wait_for_url("**/setup/connection")
    home = page.url.removesuffix("/setup/connection")

    # Connection: the .qwc, the password, a visit that fails and one that goes well, followed live
    assert say["nobody"] in look(page)
    next_step = page.get_by_role("button", name=say["next"], exact=True)
    assert next_step.is_disabled()
    page.get_by_role("button", name=say["show"]).click()
    password = page.locator("#password").input_value()
    with page.expect_download() as download:
        page.locator("a[href$='/qwc']").click()
    qwc = Path(download.value.path()).read_text(encoding="utf-8")
    assert not call(qwc, password, "older-quickbooks=2013").went_well
    page.get_by_text(say["old"]).wait_for()
    look(page)
    assert next_step.is_disabled()
    assert call(qwc, password).went_well
    page.get_by_text(say["well"]).wait_for()
    look(page)
    assert page.locator("#password").input_value() == password, "what was shown once stays until the page is left"

    # It is left, and gone on with
    page.goto("/")
    page.get_by_role("link", name=say["being"].format(name=name)).click()
    page.wait_for_url("**/setup/connection")
    page.get_by_role("button", name=say["next"], exact=True).click()
    page.wait_for_url("**/offers")

    # Offers: charges first, then back, the mapping by file, and on
    page.get_by_role("link", name=say["first"]).click()
    page.set_input_files("#file", CHARGES)
    page.locator("form[enctype] button.btn-primary").first.click()
    page.get_by_role("link", name=say["go_on"]).click()
    page.locator("details:has(#csv) > summary").click()
    page.set_input_files("#csv", SAMPLES / "mapping.csv")
    page.locator("form:has(#csv) button").click()
    page.locator("main form .btn-primary[data-busy]").click()
    page.get_by_role("button", name=say["next"], exact=True).click()
    page.wait_for_url("**/organizations")
    page.get_by_role("button", name=say["next"], exact=True).click()

    # Start: what will happen, and the end of the set-up
    page.wait_for_url("**/setup/start")
    assert say["before"] in look(page)
    page.get_by_role("button", name=say["start"], exact=True).click()
    page.wait_for_url(home)
    assert say["finished"] in look(page)

    # The first invoices: previewed, billed, written, reconciled
    page.goto(f"{home}/preview?on={INVOICE_DATE}")
    page.locator("form[action$='/bill'] button.btn-primary").first.click()
    page.wait_for_url(re.compile(r"/runs/\d+"))
    assert call(qwc, password).went_well
    page.reload()
    reads(page, say["verified"])


def test_the_first_two_steps_without_scripts_on_a_phone(open_page: Any, call: Callable[..., Visit], reads: Any) -> None:
    page = open_page("en", 360, java_script_enabled=False)
    page.goto("/connections/new")
    page.fill("#name", "Without scripts")
    page.locator("input[name=billing_mode][value=in-advance]").check()
    page.fill("#invoice_day", "31")
    page.get_by_role("button", name="Show dates").click()
    assert "Days that it covers" in page.content()
    assert page.locator("#name").input_value() == "Without scripts"
    page.get_by_role("button", name="Save and continue").click()
    page.wait_for_url("**/setup/connection")
    page.get_by_role("button", name="Show the password").click()
    password = page.locator("#password").input_value()
    qwc = page.request.get(page.url.replace("/setup/password", "/qwc").split("#")[0]).text()
    assert call(qwc, password).went_well
    page.get_by_role("link", name="Check again").click()
    reads(page, "It went well")
    page.get_by_role("button", name="Next step").click()
    page.wait_for_url("**/offers")


def test_two_administrators_at_the_same_step(open_page: Any, call: Callable[..., Visit], reads: Any) -> None:
    alice, bob = open_page(), open_page()
    alice.goto("/connections/new")
    alice.fill("#name", "Of two")
    alice.locator("input[name=billing_mode][value=in-arrears]").check()
    alice.get_by_role("button", name="Save and continue").click()
    alice.wait_for_url("**/setup/connection")
    home = alice.url.removesuffix("/setup/connection")
    alice.get_by_role("button", name="Show the password").click()
    password = alice.locator("#password").input_value()
    qwc = alice.request.get(f"{home}/qwc").text()
    assert call(qwc, password).went_well
    bob.goto(f"{home}/setup")
    for page in (alice, bob):
        page.get_by_role("button", name="Next step").click()
        page.wait_for_url("**/offers")
    for path in ("offers", "organizations"):
        bob.goto(f"{home}/{path}")
        bob.get_by_role("button", name="Next step").click()
    bob.get_by_role("button", name="Start", exact=True).click()
    bob.wait_for_url(home)
    alice.get_by_role("button", name="Next step").click()
    alice.wait_for_url(home)
    reads(alice, "has finished the set-up. Nothing is lost.")
