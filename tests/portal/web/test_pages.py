"""Every page in both languages, empty and full."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.models import Draft, DraftState
from portal.services import billing, connections, runs
from qbwc.identity import Verdict
from qbwc.models import Connection as Wire
from qbwc.models import Job, JobState

PAGES = {
    "/": ("Connections", "Connexions"),
    "/connections/new": ("New connection", "Nouvelle connexion"),
    "/connections/1": ("Set up the Web Connector", "Installer le Web Connector"),
    "/connections/1/charges": ("Imports so far", "Importations"),
    "/connections/1/offers": ("QuickBooks item", "Article QuickBooks"),
    "/connections/1/organizations": ("QuickBooks customer", "Client QuickBooks"),
    "/connections/1/preview": ("invoices to send", "factures à envoyer"),
    "/connections/1/runs": ("Nothing billed yet", "Rien de facturé"),
    "/connections/1/status": ("Ready to invoice: yes", "Prêt à facturer"),
}


def in_french(who: Any) -> Any:
    who.post("/language", {"language": "fr", "next": "/"})
    return who


@pytest.mark.parametrize("path", PAGES)
def test_every_page_speaks_both_languages(admin: Any, path: str) -> None:
    english = admin.get(path)
    assert english.status_code == 200
    assert PAGES[path][0] in english.text
    french = in_french(admin).get(path)
    assert french.status_code == 200
    assert '<html lang="fr-CA">' in french.text
    assert PAGES[path][1] in french.text


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("screen", ["", "/charges", "/offers", "/organizations", "/preview", "/runs", "/status"])
def test_a_connection_that_is_new_says_what_to_do_next(admin: Any, month: Any, screen: str, language: str) -> None:
    admin.post("/language", {"language": language, "next": "/"})
    made = admin.post("/connections/new", {"name": "Second", "billing_mode": "in-advance", "invoice_day": "15"})
    assert made.status_code == 303
    answer = admin.get(f"/connections/2{screen}")
    assert answer.status_code == 200
    assert answer.text.count("href=") > 8


def test_a_new_connections_password_is_shown_once_and_works(admin: Any, month: Any) -> None:
    admin.post(
        "/connections/new",
        {
            "name": "Second",
            "billing_mode": "in-arrears",
            "invoice_day": "31",
            "prorate": ["additions"],
            "start_date": "",
        },
    )
    page = admin.post("/connections/2/setup/password")
    password = page.text.split('id="password" value="')[1].split('"')[0]
    assert len(password) == 64
    assert page.headers["Cache-Control"] == "no-store"
    assert password not in admin.get("/connections/2").text
    renewed = admin.post("/connections/2/password").text
    assert password not in renewed


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_new_connections_messages_are_in_the_language_of_who_made_it(admin: Any, month: Any, language: str) -> None:
    admin.post("/language", {"language": language, "next": "/"})
    admin.post("/connections/new", {"name": "Second", "billing_mode": "in-advance", "invoice_day": "15"})
    assert connections.find_connection(month.portal, 2).language == language


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "A connection needs a name."),
        ({"name": "QuickBooks Nordet"}, "already has a connection"),
        ({"billing_mode": "sometimes"}, "Choose a billing mode"),
        ({"invoice_day": "32"}, "is not a day of the month"),
        ({"invoice_day": "first"}, "a number from 1 to 31"),
        ({"start_date": "tomorrow"}, "is not a date"),
    ],
)
def test_a_connection_form_comes_back_with_the_reason_and_what_was_typed(
    admin: Any, wrong: dict[str, str], sentence: str
) -> None:
    form = {"name": "Second", "billing_mode": "in-advance", "invoice_day": "15", "start_date": "", **wrong}
    answer = admin.post("/connections/new", form)
    assert answer.status_code in (400, 409)
    assert sentence in answer.text
    assert f'value="{form["name"]}"' in answer.text


def test_the_qwc_file_downloads_under_the_connections_name(admin: Any) -> None:
    answer = admin.get("/connections/1/qwc")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="QuickBooks_Nordet.qwc"'
    assert answer.text.startswith('<?xml version="1.0"?>\n<QBWCXML>')


def test_the_preview_shows_the_arithmetic_and_links_the_row_to_fix(admin: Any) -> None:
    text = admin.get("/connections/1/preview").text
    assert "13 seats × 8 of 31 days = 3.35484" in text
    assert "Mid-cycle changes" in text
    assert "The organization is not synchronized." in text
    assert "/connections/1/organizations?row=" in text
    assert "13 postes × 8 jours sur 31 = 3,35484" in in_french(admin).get("/connections/1/preview").text


def test_a_date_that_is_no_invoice_date_is_said(admin: Any) -> None:
    answer = admin.get("/connections/1/preview?on=2026-11-02")
    assert answer.status_code == 400
    assert "2026-11-01" in answer.text
    assert 'href="/connections/1"' in answer.text
    assert admin.get("/connections/1/preview?on=soon").status_code == 400


def approvals(text: str) -> list[str]:
    """What the boxes of a preview stand for."""
    return re.findall(r'name="approved" value="([^"]+)" checked', text)


def test_billing_leads_to_the_run_and_twice_makes_no_second_invoice(admin: Any, month: Any) -> None:
    form = {"on": "2026-11-01", "approved": approvals(admin.get("/connections/1/preview").text)}
    assert len(form["approved"]) == 12
    billed = admin.post("/connections/1/bill", form)
    assert (billed.status_code, billed.location) == (303, "/connections/1/runs/1")
    assert "Waiting for the Web Connector" in admin.get(billed.location).text
    again = admin.post("/connections/1/bill", form)
    assert (again.status_code, again.location) == (303, "/connections/1/runs/1")
    assert "billed already" in admin.get(again.location).text
    assert len(month.run().drafts) == 12


def test_some_may_be_billed_now_and_the_others_later(admin: Any, month: Any) -> None:
    offered = approvals(admin.get("/connections/1/preview").text)
    admin.post("/connections/1/bill", {"on": "2026-11-01", "approved": offered[:3]})
    assert len(month.run().drafts) == 3
    left = approvals(admin.get("/connections/1/preview?on=2026-11-01").text)
    assert left == offered[3:]
    admin.post("/connections/1/bill", {"on": "2026-11-01", "approved": left})
    assert len(month.run().drafts) == 12


def test_what_was_not_previewed_is_not_sent(admin: Any, month: Any) -> None:
    offered = approvals(admin.get("/connections/1/preview").text)
    month.map("organization,Studio Lumière,,Studio Lumiere enr.,yes,update")
    refused = admin.post("/connections/1/bill", {"on": "2026-11-01", "approved": offered})
    assert (refused.status_code, refused.location) == (303, "/connections/1/preview?on=2026-11-01")
    assert "so nothing was sent" in admin.get(refused.location).text
    assert month.states() == {}
    nothing = admin.post("/connections/1/bill", {"on": "2026-11-01"})
    assert nothing.status_code == 400
    assert "Tick at least one" in nothing.text


def test_a_run_shows_number_lines_subtotal_tax_and_total(admin: Any, month: Any) -> None:
    month.bill()
    assert month.visit().went_well
    draft = month.draft("Avocats Bélanger Côté S.E.N.C.R.L.")
    text = admin.get("/connections/1/runs/1").text
    for shown in ("No. 10416", "1,388.25", "2,015.25", "301.78", "2,317.03", "-12 × 8/31", "In QuickBooks, verified"):
        assert shown in text, shown
    assert draft.ref_number == "10416"
    french = in_french(admin).get("/connections/1/runs/1").text
    for shown in ("No 10416", "2\u202f317,03", "Factures du 1er novembre 2026", "Dans QuickBooks, vérifiée"):
        assert shown in french.replace("\u00a0", "\u202f" if shown.startswith("2") else " "), shown


def test_a_stopped_invoice_is_explained_and_tried_again(admin: Any, month: Any) -> None:
    month.bill()
    with month.portal.database.write() as db:
        draft = db.get_one(Draft, 1)
        draft.state, draft.code, draft.detail = DraftState.PARKED, "invoice-paid", ""
        db.query(Job).filter_by(key="draft:1").one().state = JobState.PARKED
    for path in ("/connections/1/status", "/connections/1/runs/1"):
        text = admin.get(path).text
        assert "is paid, so it is left alone" in text, path
        assert "/connections/1/drafts/1/retry" in text, path
    assert admin.post("/connections/1/drafts/1/retry").status_code == 303
    assert runs.get_run(month.portal, 1, 1).drafts[0].state is DraftState.QUEUED
    again = admin.post("/connections/1/drafts/1/retry")
    assert again.status_code == 400
    assert "cannot be sent again" in again.text


def test_what_quickbooks_said_is_shown_in_the_persons_language(admin: Any, month: Any) -> None:
    month.bill()
    with month.portal.database.write() as db:
        draft = db.get_one(Draft, 1)
        draft.state, draft.code, draft.detail = DraftState.PARKED, "3140", "100% wrong %(reference)s"
    english, french = (
        admin.get("/connections/1/status").text,
        in_french(admin).get("/connections/1/status").text,
    )
    assert "3140" in english
    assert english != french
    assert "Fix" not in french


def test_a_doubtful_company_file_waits_for_an_administrators_word(
    admin: Any, month: Any, person: Callable[..., Any]
) -> None:
    with month.portal.database.write() as db:
        row = db.get_one(Wire, 1)
        row.verdict, row.seen_company_name, row.seen_company_path = Verdict.MOVED, "Nordet", "D:\\Copy\\Nordet.qbw"
    assert "Re-establish" not in admin.get("/").text
    assert "In doubt" in admin.get("/").text
    shown = admin.get("/connections/1").text
    assert "D:\\Copy\\Nordet.qbw" in shown
    assert "re-establish the link" in shown
    assert admin.post("/connections/1/company").status_code == 303
    assert "re-establish the link" not in admin.get("/connections/1").text
    assert admin.post("/connections/1/company").status_code == 400


def test_reading_the_lists_again_is_promised_for_the_next_visit(admin: Any) -> None:
    assert admin.post("/connections/1/lists").location == "/connections/1"
    assert "at the next visit" in admin.get("/connections/1").text


def test_times_are_on_the_connections_clock_and_say_so(admin: Any) -> None:
    assert "Nov. 1, 2026, 7:00\u202fa.m. EST" in admin.get("/connections/1").text.replace("Nov ", "Nov. ").replace(
        " a.m.", "\u202fa.m."
    )
    assert "1er nov. 2026, 07:00 HNE" in in_french(admin).get("/connections/1").text


def test_an_unknown_address_and_a_wrong_method_lead_back(admin: Any) -> None:
    for answer, status in (
        (admin.get("/nowhere"), 404),
        (admin.get("/connections/1/runs/99"), 404),
        (admin.post("/connections/1/status"), 405),
    ):
        assert answer.status_code == status
        assert "Back</a>" in answer.text


def test_a_failure_here_gives_a_page_without_its_details(
    site: Flask, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("portal.services.status.overview", fail)
    answer = admin.get("/connections/1/status")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "written to the log" in answer.text


def test_the_demonstrations_button_plays_a_visit(admin: Any) -> None:
    assert "Update Selected</button>" in admin.get("/connections/1").text
    answer = admin.post("/connections/1/visit")
    assert answer.status_code == 200
    assert "authenticate &lt;ok&gt;" in answer.text


def test_what_comes_from_outside_is_never_markup(admin: Any, month: Any) -> None:
    month.map("offer,<script>alert(1)</script>,X-1,,yes,\norganization,<img src=x onerror=alert(1)>,,,yes,create")
    for screen in ("offers", "organizations", "status"):
        text = admin.get(f"/connections/1/{screen}").text
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_a_long_run_shows_how_far_it_is_and_goes_on_by_itself(
    admin: Any, month: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.services.billing.BATCH", 2)
    monkeypatch.setattr("portal.web.preview.PATIENCE", -1.0)
    left: list[tuple[Any, ...]] = []
    monkeypatch.setattr(billing, "finish_in_background", lambda *given: left.append(given))
    form = {"on": "2026-11-01", "approved": approvals(admin.get("/connections/1/preview").text)}
    there = admin.post("/connections/1/bill", form)
    page = admin.get(there.headers["Location"]).text
    assert "2 of 12" in page
    assert '<meta http-equiv="refresh"' in page
    run_id = month.run().id
    assert left == [(month.portal, 1, run_id)]
    monkeypatch.undo()
    assert admin.post(f"/connections/1/runs/{run_id}/go-on").status_code == 303
    for thread in threading.enumerate():
        if thread.name == f"portal-run-{run_id}":
            thread.join(timeout=60)
    page = admin.get(there.headers["Location"]).text
    assert 'http-equiv="refresh"' not in page
    assert month.states() == {"queued": 12}
