"""The tables of offers and organizations, the mapping file, and the import of charges."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.app import LARGEST_FORM
from portal.models import Role
from portal.services import catalog, mappings
from portal.services.paging import SIZE

OFFERS = "/connections/1/offers"
ORGANIZATIONS = "/connections/1/organizations"
_FIELD = re.compile(r'<input (?:class="[^"]*"|type="hidden") name="([a-z]+(?:-\d+)?)" value="([^"]*)"')


def offer(month: Any, key: str) -> mappings.OfferRow:
    return next(row for row in mappings.list_offers(month.portal, 1).rows if row.key == key)


def organization(month: Any, name: str) -> mappings.OrganizationRow:
    return next(row for row in mappings.list_organizations(month.portal, 1).rows if row.name == name)


def row_form(row: Any, name: str, is_on: bool = True, mode: str | None = None) -> dict[str, Any]:
    """What the browser sends for one row that a person has changed."""
    before = row.item_name if hasattr(row, "item_name") else row.customer_name
    middle = f"{row.mode}|" if mode else ""
    form = {
        "row": str(row.id),
        f"was-{row.id}": f"{before or ''}|{middle}{'on' if row.is_synchronized else 'off'}",
        f"name-{row.id}": name,
    }
    if mode:
        form[f"mode-{row.id}"] = mode
    return {**form, f"sync-{row.id}": "on"} if is_on else form


def test_an_offer_is_mapped_by_its_items_name(admin: Any, month: Any) -> None:
    row = offer(month, "SEC-EDR")
    answer = admin.post(OFFERS, row_form(row, "soutien TECHNIQUE", is_on=False))
    assert answer.status_code == 303
    assert "1 offer saved." in admin.get(OFFERS).text
    saved = offer(month, "SEC-EDR")
    assert (saved.item_name, saved.is_synchronized) == ("Soutien technique", False)


def test_an_empty_name_unmaps_and_the_counter_says_so(admin: Any, month: Any) -> None:
    assert "Everything is mapped" in admin.get(OFFERS).text
    admin.post(OFFERS, row_form(offer(month, "SEC-EDR"), ""))
    text = admin.get(OFFERS).text
    assert "1 offer without item" in text
    assert "The offer has no QuickBooks item. Choose one." in text
    assert text.count('<tr id="offer-') == 16
    assert admin.get(f"{OFFERS}?only=unmapped").text.count('<tr id="offer-') == 1


def test_a_name_that_quickbooks_does_not_have_comes_back_with_near_ones(admin: Any, month: Any) -> None:
    edr, mail = offer(month, "SEC-EDR"), offer(month, "SEC-MAIL")
    form = {**row_form(edr, "M365"), **row_form(mail, "Soutien technique")}
    answer = admin.client.post(OFFERS, data={"csrf_token": admin.token, **form, "row": [str(edr.id), str(mail.id)]})
    assert answer.status_code == 400
    text = unescape(answer.text)
    assert "QuickBooks has no item “M365” that can be billed. Did you mean Licences:M365 Basic" in text
    assert 'value="M365"' in text, "what was typed stays"
    assert "1 offer saved." in text, "the other row is saved"
    assert offer(month, "SEC-EDR").item_name == "Sécurité:EDR"
    assert offer(month, "SEC-MAIL").item_name == "Soutien technique"


def test_a_row_that_was_not_touched_does_not_undo_a_colleagues_work(admin: Any, month: Any) -> None:
    shown = row_form(offer(month, "SEC-EDR"), "Sécurité:EDR")
    mappings.map_offer(month.portal, 1, offer(month, "SEC-EDR").id, item_list_id=None, is_synchronized=False)
    assert admin.post(OFFERS, shown).status_code == 303
    assert offer(month, "SEC-EDR").item_name is None


def test_the_page_sends_back_exactly_what_it_shows(admin: Any, month: Any) -> None:
    """The hidden state of a row and its fields agree, or every Save would touch every row."""
    for path in (OFFERS, ORGANIZATIONS):
        text = unescape(admin.get(path).text)
        fields = dict(_FIELD.findall(text))
        for name, value in fields.items():
            if name.startswith("was-"):
                assert value.split("|")[0] == fields[name.replace("was-", "name-")]


def test_an_organization_gets_its_customer_mode_and_switch(admin: Any, month: Any) -> None:
    row = organization(month, "Atelier Ébène")
    assert not row.is_synchronized
    assert admin.post(ORGANIZATIONS, row_form(row, "Coop des Cantons", mode="update")).status_code == 303
    saved = organization(month, "Atelier Ébène")
    assert (saved.customer_name, saved.mode, saved.is_synchronized) == ("Coop des Cantons", "update", True)


@pytest.mark.parametrize(
    ("name", "mode", "sentence"),
    [
        ("Nobody at all", "create", "QuickBooks has no active customer “Nobody at all”."),
        ("Coop des Cantons", "guess", "Choose whether a separate invoice is created"),
    ],
)
def test_an_organization_that_cannot_be_saved_says_why(
    admin: Any, month: Any, name: str, mode: str, sentence: str
) -> None:
    answer = admin.post(ORGANIZATIONS, row_form(organization(month, "Atelier Ébène"), name, mode=mode))
    assert answer.status_code == 400
    assert sentence in unescape(answer.text)


def test_another_partners_row_in_the_form_is_passed_over(admin: Any) -> None:
    answer = admin.post(OFFERS, {"row": "99999", "was-99999": "|off", "name-99999": "Soutien technique"})
    assert answer.status_code == 303


def test_a_table_is_searched_and_cut_into_pages(admin: Any, month: Any) -> None:
    month.map("\n".join(f"offer,Extra {number:03},X-{number:03},,no," for number in range(SIZE)))
    first = admin.get(OFFERS).text
    assert first.count('<tr id="offer-') == SIZE
    assert "1 to 50 of 66" in first
    assert admin.get(f"{OFFERS}?page=2").text.count('<tr id="offer-') == 16
    assert admin.get(f"{OFFERS}?page=99").text.count('<tr id="offer-') == 16
    assert admin.get(f"{OFFERS}?q=EXTRA+007").text.count('<tr id="offer-') == 1
    assert "Nothing matches" in admin.get(f"{OFFERS}?q=zebra").text
    assert admin.get(f"{OFFERS}?row={offer(month, 'X-003').id}").text.count('<tr id="offer-') == 1


def upload(who: Any, content: bytes, name: str = "m.csv", screen: str = "offers") -> Any:
    """Bring a mapping file, and look at what it would change."""
    form = {"file": (io.BytesIO(content), name), "from": screen}
    answer = who.post("/connections/1/mapping.csv", form)
    return who.get(answer.location) if answer.status_code == 303 else answer


def token_of(text: str) -> str:
    return re.search(r'name="token" value="(\w+)"', text)[1]


def test_the_mapping_file_goes_out_and_changes_nothing_when_it_comes_back(admin: Any) -> None:
    out = admin.get("/connections/1/mapping.csv")
    assert out.mimetype == "text/csv"
    assert 'filename="QuickBooks_Nordet-mapping.csv"' in out.headers["Content-Disposition"]
    looked = upload(admin, out.data, "back.csv", "organizations")
    assert "back.csv was read (offers: 16, organizations: 13)." in looked.text
    assert "The file changes nothing" in looked.text
    assert f'href="{ORGANIZATIONS}"' in looked.text


def test_a_mapping_file_is_looked_at_before_it_is_applied(admin: Any, month: Any) -> None:
    out = admin.get("/connections/1/mapping.csv").data.decode("utf-8-sig")
    changed = out.replace("Sécurité:EDR,yes", "Soutien technique,no").replace("Studio Lumiere enr.", "")
    # As Excel saves it on a French computer: semicolons, and Windows' letters.
    kept = [line for line in changed.splitlines() if "ễ" not in line]
    excel = "\n".join(kept).replace(",", ";").encode("cp1252")
    looked = upload(admin, excel, "excel.csv", "organizations")
    text = unescape(looked.text)
    assert "2 rows change" in text
    cells = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    assert "quickbooks Sécurité:EDR Soutien technique" in cells
    assert "sync yes no" in cells
    assert "quickbooks Studio Lumiere enr. –" in cells
    assert offer(month, "SEC-EDR").is_synchronized, "nothing is changed by looking"
    address = looked.request.full_path
    answer = admin.post(address, {"token": token_of(text)})
    assert (answer.status_code, answer.location) == (303, ORGANIZATIONS)
    assert "16 offers and 12 organizations read, 2 changed" in admin.get(ORGANIZATIONS).text
    assert (offer(month, "SEC-EDR").item_name, offer(month, "SEC-EDR").is_synchronized) == ("Soutien technique", False)
    assert organization(month, "Studio Lumière").customer_name is None
    assert admin.get(address).status_code == 404, "a file is applied once"


def test_a_file_is_not_applied_when_somebody_changed_the_same_row_meanwhile(admin: Any, month: Any) -> None:
    content = b"kind,name,key,quickbooks,sync,mode\noffer,EDR,SEC-EDR,,yes,\n"
    looked = upload(admin, content)
    row = offer(month, "SEC-EDR")
    mappings.map_offer(month.portal, 1, row.id, item_list_id=row.item_list_id, is_synchronized=False)
    answer = admin.post(looked.request.full_path, {"token": token_of(looked.text)})
    assert answer.status_code == 409
    assert "Nothing was changed: somebody changed mappings" in answer.text
    assert offer(month, "SEC-EDR").item_name == "Sécurité:EDR"
    assert admin.post(looked.request.full_path, {"token": token_of(answer.text)}).status_code == 303
    assert offer(month, "SEC-EDR").item_name is None


def test_a_broken_mapping_file_shows_all_its_errors_with_line_and_column_in_both_languages(admin: Any) -> None:
    rows = b"offer,X,X-1,,maybe,\norganization,Studio Lumi\xc3\xa8re,,?,yes,sometimes\noffer,EDR,SEC-EDR,,yes,\n"
    looked = upload(admin, b"kind,name,key,quickbooks,sync,mode\n" + rows, "bad.csv")
    text = unescape(looked.text)
    assert "2 rows cannot be taken, so none is." in text
    assert "bad.csv, line 2: sync is “maybe”" in text
    assert "<code>mode</code>" in text
    assert "bad.csv, line 3: mode is “sometimes”" in text
    assert "Change 1 row" not in text, "a file with an error cannot be applied"
    assert admin.post(looked.request.full_path, {"token": "x"}).status_code == 400
    admin.post("/language", {"language": "fr", "next": "/"})
    french = admin.get(looked.request.full_path)
    assert "bad.csv, ligne 2 : sync vaut" in unescape(french.text).replace("\u00a0", " ")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x00\x01"])
def test_what_is_no_mapping_file_is_refused_at_once(admin: Any, content: bytes) -> None:
    assert upload(admin, content).status_code == 400
    assert admin.post("/connections/1/mapping.csv", {}).status_code == 400


def test_a_file_that_waits_is_for_the_person_who_brought_it(admin: Any, person: Any) -> None:
    looked = upload(admin, b"kind,name,key,quickbooks,sync,mode\noffer,EDR,SEC-EDR,,yes,\n")
    other = person(Role.BILLING)
    assert other.get(looked.request.full_path).status_code == 404
    assert other.post(looked.request.full_path, {"token": token_of(looked.text)}).status_code == 404


def test_charges_are_imported_once_and_counted(admin: Any, month: Any) -> None:
    assert len(catalog.list_imports(month.portal, 1)) == 1
    content = month_charges()
    again = admin.post("/connections/1/charges", {"provider": "sherweb", "file": (io.BytesIO(content), "again.json")})
    assert again.status_code == 200
    assert "This file was imported before" in again.text
    assert "72 as before" in again.text
    corrected = content.replace(b'"quantity": 12', b'"quantity": 13', 1)
    changed = admin.post(
        "/connections/1/charges", {"provider": "sherweb", "file": (io.BytesIO(corrected), "fixed.json")}
    )
    assert changed.status_code == 200
    assert "fixed.json" in changed.text


def month_charges() -> bytes:
    return (Path(__file__).parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json").read_bytes()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "Choose a file of charges first."),
        ({"provider": "sherweb", "file": (b"", "empty.json")}, "empty.json is empty."),
        ({"provider": "sherweb", "file": (b"[1, 2]", "list.json")}, "it is a list of 2 values"),
        ({"provider": "nobody", "file": (b"{}", "x.json")}, "There is no provider nobody"),
    ],
)
def test_an_import_that_cannot_be_says_why(admin: Any, form: dict[str, Any], sentence: str) -> None:
    if "file" in form:
        form = {**form, "file": (io.BytesIO(form["file"][0]), form["file"][1])}
    answer = admin.post("/connections/1/charges", form)
    assert answer.status_code == 400
    assert sentence in unescape(answer.text)


def test_a_broken_import_is_said_in_french(admin: Any) -> None:
    admin.post("/language", {"language": "fr", "next": "/"})
    answer = admin.post("/connections/1/charges", {"provider": "sherweb", "file": (io.BytesIO(b"[]"), "liste.json")})
    assert "liste.json ne contient pas de liste de frais" in unescape(answer.text)


def test_an_upload_beyond_the_limit_is_refused_with_the_limit(admin: Any, site: Flask) -> None:
    assert site.config["MAX_CONTENT_LENGTH"] == LARGEST_FORM
    site.config["MAX_CONTENT_LENGTH"] = 10_000
    content = b"x" * 20_000
    answer = admin.post("/connections/1/mapping.csv", {"file": (io.BytesIO(content), "large.csv")})
    assert answer.status_code == 413
    assert "16 MB" in answer.text
    form = {"provider": "sherweb", "file": (io.BytesIO(content), "large.json")}
    charges = admin.post("/connections/1/charges", form)
    assert charges.status_code == 400, "charges have a limit of their own"
    assert "large.json is not JSON" in charges.text
