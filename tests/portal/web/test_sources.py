"""The Charges screen: every source of charges, the columns of a CSV file chosen step by step, errors as sentences."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.models import Role
from portal.providers import ProviderError
from portal.services import audit, sources

SAMPLES = Path(__file__).parents[3] / "samples"
CSV = SAMPLES / "csv" / "teleboreal-2026-10.csv"
MICROSOFT = SAMPLES / "microsoft" / "reconciliation-2026-10.csv"
CHARGES = "/connections/1/charges"
COLUMNS = "/connections/1/columns"
ADMINISTRATOR = "administrator@nordet.example"
AMBIGUOUS = (
    b"Customer,SKU,Qty,Total,From,To,Type,Line ID\n"
    b'Northwind,BKP,2,"2,500",05/04/2026,06/04/2026,Base plan,1\n'
    b'<b>Atelier,BKP,1,"1,250",05/04/2026,06/04/2026,Add-on,1\n'
)


def send(who: Any, data: bytes | Path, source: str, name: str = "october.csv", **more: str) -> Any:
    """Import a file as the form does."""
    content = data.read_bytes() if isinstance(data, Path) else data
    return who.post(CHARGES, {"provider": source, "file": (io.BytesIO(content), name), **more})


def form_of(text: str) -> dict[str, Any]:
    """What a browser would send of the page of columns, untouched."""
    body = text.split(f'action="{COLUMNS}"')[1]
    form: dict[str, Any] = {}
    for name, options in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        first = re.search(r'<option value="([^"]*)"', options)
        form[unescape(name)] = chosen[1] if chosen else first[1] if first else ""
    for tag in re.findall(r"<input[^>]*>", body):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrf_token" and ('type="checkbox"' not in tag or " checked" in tag):
            told = unescape(value[1]) if value else ""
            if name[1] == "tag":
                form.setdefault("tag", []).append(told)
            else:
                form[unescape(name[1])] = told
    return form


def said(answer: Any) -> str:
    found = re.search(r'role="alert">(.*?)</div>\s*(?:</div>)?', answer.text, re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", found[1]).split())) if found else ""


def log(month: Any, subject: str) -> list[tuple[str, str]]:
    """Who did what with a subject, newest first."""
    with month.portal.database.read() as db:
        return [(one.who, one.action) for one in audit.entries(db, 1, [subject])[subject]]


def test_a_microsoft_file_is_imported(admin: Any) -> None:
    answer = send(admin, MICROSOFT, "microsoft")
    assert answer.status_code == 200
    assert "The charges were imported" in answer.text
    assert "Microsoft, " in admin.get(CHARGES).text


def test_a_csv_file_is_guessed_saved_and_imported(admin: Any, month: Any) -> None:
    answer = send(admin, CSV, "csv")
    assert answer.status_code == 303
    page = admin.get(answer.location)
    assert page.status_code == 200
    for shown in (
        "Columns of october.csv",
        "18,50 $ CA",
        "18.5",
        "October 31, 2026",
        "Au prorata",
        "Prorated",
        "CP1252",
    ):
        assert shown in page.text, shown
    form = form_of(page.text)
    assert "Give these columns a name" in said(admin.post(COLUMNS, form))
    done = admin.post(COLUMNS, form | {"name": "Téléboréal"})
    assert done.status_code == 200
    assert "12 added" in done.text
    assert [one.name for one in sources.list_profiles(month.portal, 1)] == ["Téléboréal"]
    assert "Choose it again" in admin.post(COLUMNS, form | {"name": "Again"}).text, "the file is not kept any longer"
    shown = admin.get(CHARGES).text
    assert "CSV, Téléboréal" in shown
    assert '<option value="csv:1" selected>' in shown
    again = send(admin, CSV, "csv:1")
    assert "This file was imported before" in again.text


def test_what_is_open_must_be_answered_first(admin: Any, month: Any) -> None:
    page = admin.get(send(admin, AMBIGUOUS, "csv").location)
    assert page.text.count("Answer this.") == 5
    assert "2,500 → 2.500 / 2500" in page.text
    assert "2026-04-05 / 2026-05-04" in page.text
    assert "“Type” looks like it" in page.text
    form = form_of(page.text) | {"name": "Backups"}
    refused = admin.post(COLUMNS, form)
    assert refused.status_code == 400
    assert "still open" in said(refused)
    form |= {"decimal": ".", "thousands": "comma", "date_format": "DD/MM/YYYY", "fixed_currency": "CAD"}
    form |= {"kind": "6", "charge_id": "none"}
    asked = admin.post(COLUMNS, form)
    assert asked.status_code == 400
    assert "What the words in “Type” mean" in asked.text
    form = form_of(asked.text) | {"word:kind:Base plan": "recurring", "word:kind:Add-on": "prorated"}
    assert form["decimal"] == "."
    done = admin.post(COLUMNS, form)
    assert "2 added" in done.text
    kept = sources.find_profile(month.portal, 1, "Backups")
    assert ("Base plan", "recurring") in kept.kind_words


def test_a_word_that_was_answered_is_not_asked_again(admin: Any) -> None:
    page = admin.get(send(admin, AMBIGUOUS, "csv").location)
    form = form_of(page.text) | {"kind": "6", "word:kind:Base plan": "recurring"}
    again = admin.post(COLUMNS, form).text
    assert form_of(again)["word:kind:Base plan"] == "recurring"
    assert 'name="word:kind:Base plan"><option' not in again


def test_a_cell_that_cannot_be_read_is_said_on_the_page_of_columns(admin: Any, month: Any) -> None:
    data = CSV.read_bytes().replace(b"18,50 $ CA;222", b"18,50 $ US;222", 1)
    form = form_of(admin.get(send(admin, data, "csv").location).text) | {"name": "Téléboréal", "fixed_currency": "CAD"}
    answer = admin.post(COLUMNS, form)
    assert answer.status_code == 400
    assert "october.csv, row 3, column Prix unitaire: “18,50 $ US” is in another currency" in said(answer)
    assert form_of(answer.text)["name"] == "Téléboréal"
    assert sources.list_profiles(month.portal, 1) == ()


def test_saved_columns_that_do_not_fit_lead_to_where_they_are_changed(admin: Any, month: Any) -> None:
    form = form_of(admin.get(send(admin, CSV, "csv").location).text)
    admin.post(COLUMNS, form | {"name": "Téléboréal"})
    later = CSV.read_bytes().replace(b"Entreprise", b"Nom du client", 1)
    later = later.replace(b"31/10/2026", b"30/11/2026").replace(b"/10/2026", b"/11/2026")
    answer = send(admin, later, "csv:1")
    assert answer.status_code == 400
    assert "has no column Entreprise" in said(answer)
    link = unescape(re.search(rf'href="({COLUMNS}\?[^"]*)"', answer.text)[1])  # type: ignore[index]
    page = admin.get(link)
    assert page.text.count("Answer this.") == 1
    form = form_of(page.text)
    assert (form["name"], "replaces" in form, form["organization"]) == ("Téléboréal", True, "")
    done = admin.post(COLUMNS, form | {"organization": "0"})
    assert done.status_code == 200
    assert sources.find_profile(month.portal, 1, 1).organization == "Nom du client"
    assert send(admin, CSV, "csv:1", look="on").location.startswith(COLUMNS)


def test_a_taken_name_is_asked_about_before_anything_is_imported(admin: Any, month: Any) -> None:
    form = form_of(admin.get(send(admin, CSV, "csv").location).text)
    admin.post(COLUMNS, form | {"name": "Téléboréal"})
    other = (SAMPLES / "csv" / "harbourlight-2026-10.csv").read_bytes()
    form = form_of(admin.get(send(admin, other, "csv").location).text) | {"name": "Téléboréal"}
    answer = admin.post(COLUMNS, form)
    assert answer.status_code == 409
    assert "already columns called Téléboréal" in said(answer)
    assert "2 added" not in answer.text


def test_columns_are_deleted(admin: Any, month: Any) -> None:
    form = form_of(admin.get(send(admin, CSV, "csv").location).text)
    admin.post(COLUMNS, form | {"name": "Téléboréal"})
    assert admin.post(f"{COLUMNS}/delete", {"profile": "1"}).status_code == 303
    assert sources.list_profiles(month.portal, 1) == ()
    assert log(month, "columns:1") == [(ADMINISTRATOR, "delete-columns"), (ADMINISTRATOR, "save-columns")]
    for wrong in ("1", "", "x", "9" * 30):
        assert admin.post(f"{COLUMNS}/delete", {"profile": wrong}).status_code == 404


def test_a_waiting_file_is_nobody_elses(admin: Any, person: Callable[..., Any]) -> None:
    address = send(admin, CSV, "csv").location
    assert person(Role.BILLING).get(address).status_code == 404
    assert person("charlie@elsewhere.example").get(address).status_code == 404
    assert admin.get(address).status_code == 200
    assert admin.get(COLUMNS).status_code == 404


@pytest.mark.parametrize(
    ("data", "source", "sentence"),
    [
        (b"", "sherweb", "october.csv is empty"),
        (b"{}", "sherweb", "has no list of charges"),
        (b"a,b\n1,2\n", "microsoft", "has no column"),
        (b"PK\x03\x04", "csv", "is a workbook"),
        (b"x", "csv:1", "no such columns"),
        (b"x", "csv:no", "do not exist any more"),
        (b"x", "acme", "There is no provider acme"),
        (b"x", "", "There is no provider"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_where_it_was_chosen(
    admin: Any, data: bytes, source: str, sentence: str
) -> None:
    answer = send(admin, data, source)
    assert answer.status_code in (400, 404)
    assert sentence in said(answer)
    assert 'id="provider"' in answer.text


def test_no_file_and_a_file_that_is_too_large(admin: Any, site: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Choose a file" in said(admin.post(CHARGES, {"provider": "csv"}))
    monkeypatch.setattr("portal.app.LARGEST_CHARGES", 1000)
    monkeypatch.setattr("portal.app.LARGEST_FORM", 1600)
    answer = send(admin, b"x" * 2000, "csv")
    assert answer.status_code == 413
    assert "larger than is accepted" in answer.text


def test_what_a_file_says_is_never_markup(admin: Any) -> None:
    text = admin.get(send(admin, AMBIGUOUS, "csv", "<i>.csv").location).text
    assert "<b>Atelier" not in text
    assert "<i>.csv" not in text
    assert "&lt;b&gt;Atelier" in text


class TestSherweb:
    GIVEN = {"client_id": "partner", "client_secret": "s3cr3t-of-mine", "subscription_key": "key-of-mine"}
    PATH = "/connections/1/sherweb"

    def test_credentials_are_kept_and_never_shown(self, admin: Any, month: Any) -> None:
        assert ">Test the log-in<" not in admin.get(CHARGES).text
        assert admin.post(self.PATH, self.GIVEN).status_code == 303
        text = admin.get(CHARGES).text
        assert 'value="partner"' in text
        assert ">Test the log-in<" in text
        assert 'value="2026-10-31"' in text
        assert "of-mine" not in text
        assert admin.post(self.PATH, {"client_id": "other"}).status_code == 303, "what is left empty stays"
        assert admin.post(f"{self.PATH}/delete").status_code == 303
        assert ">Test the log-in<" not in admin.get(CHARGES).text
        deeds = ("forget-credentials", "save-credentials", "save-credentials")
        assert log(month, "sherweb:1") == [(ADMINISTRATOR, deed) for deed in deeds]

    def test_only_an_administrator_enters_them(self, admin: Any, person: Callable[..., Any]) -> None:
        billing = person(Role.BILLING)
        assert "Ask an administrator" in billing.get(CHARGES).text
        assert billing.post(self.PATH, self.GIVEN).status_code == 403

    def test_what_cannot_be_sent_is_refused(self, admin: Any) -> None:
        answer = admin.post(self.PATH, self.GIVEN | {"client_secret": "two words"})
        assert answer.status_code == 400
        assert "client secret" in said(answer)
        assert "two words" not in answer.text

    def test_the_addresses_cannot_be_changed_from_a_page(self, admin: Any, month: Any) -> None:
        admin.post(self.PATH, self.GIVEN | {"distributor_url": "https://elsewhere.example/"})
        seen = sources.sherweb_access(month.portal, 1)
        assert seen is not None
        assert seen.distributor_url == "https://api.sherweb.com/distributor/v1"

    def test_the_log_in_and_the_fetch_say_how_they_went(
        self, admin: Any, month: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        admin.post(self.PATH, self.GIVEN)
        monkeypatch.setattr("portal.providers.sherweb_api.check", lambda *_, **__: None)
        assert admin.post(f"{self.PATH}/check").status_code == 303
        assert "Sherweb accepted the log-in" in admin.get(CHARGES).text

        def fail(*_: Any, **__: Any) -> None:
            raise ProviderError("sherweb_api.slow", "{host} did not answer in time.", host="api.sherweb.com")

        monkeypatch.setattr("portal.providers.sherweb_api.fetch", fail)
        answer = admin.post(f"{self.PATH}/fetch", {"day": "2026-10-15"})
        assert answer.status_code == 400
        assert "api.sherweb.com did not answer in time." in said(answer)
        assert "Last try" in admin.get(CHARGES).text
        assert "is not a date" in said(admin.post(f"{self.PATH}/fetch", {"day": "soon"}))

    def test_without_credentials_nothing_is_asked(self, admin: Any) -> None:
        for action in ("check", "fetch"):
            assert "Enter them first" in said(admin.post(f"{self.PATH}/{action}", {"day": "2026-10-15"}))
