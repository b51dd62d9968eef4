"""Suggestions on the pages: shown with their reasons, used by a click, reviewed as a list; and the invoice fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import Sentence
from portal.models import Offer, Organization, Role
from portal.services import mappings
from portal.services.invoice_fields import get_invoice_fields, set_invoice_fields
from portal.services.suggestions import Used
from portal.web import suggestions
from qbwc.models import ListObject

OFFERS, ORGANIZATIONS = "/connections/1/offers", "/connections/1/organizations"
_USE = re.compile(r'name="use" value="(\d+:[^"]+)"( checked)?')
_EMPTY = {"po_number": "", "class_list_id": "", "terms_list_id": "", "tax_code_list_id": "", "other1": "", "other2": ""}


@pytest.fixture
def unmapped(month: Any) -> Any:
    """The sample month with nothing mapped."""
    with month.portal.database.write() as db:
        db.execute(sa.update(Offer).values(item_list_id=None))
        db.execute(sa.update(Organization).values(customer_list_id=None, is_synchronized=True))
    return month


def offer(month: Any, key: str) -> mappings.OfferRow:
    return next(row for row in mappings.list_offers(month.portal, 1).rows if row.key == key)


def organization(month: Any, name: str) -> mappings.OrganizationRow:
    return next(row for row in mappings.list_organizations(month.portal, 1).rows if row.name == name)


def in_french(who: Any) -> Any:
    who.post("/language", {"language": "fr", "next": "/"})
    return who


def row_of(text: str, row: str) -> str:
    """The table row as a person reads it."""
    cells = text.split(f'<tr id="{row}">')[1].split("</tr>")[0]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cells)))


def test_a_sure_suggestion_stands_under_its_row_with_the_reason(admin: Any, unmapped: Any) -> None:
    text = admin.get(OFFERS).text
    said = row_of(text, f"offer-{offer(unmapped, 'VIS-P2').id}")
    assert "Suggestion: Licences:Visio P2 Use it A similar name. In both: Visio, Plan 2 = P2, Microsoft." in said
    assert "(89 of 100)" in said
    assert "For 13 rows on this page there is a sure suggestion." in text
    same = row_of(text, f"offer-{offer(unmapped, 'O365-E3').id}")
    assert "The same name. (100 of 100)" in same
    assert text.count('<tr id="offer-') == 16


def test_what_is_not_sure_is_a_question(admin: Any, unmapped: Any) -> None:
    text = admin.get(OFFERS).text
    azure = row_of(text, f"offer-{offer(unmapped, 'AZ-USG').id}")
    assert "Look: Infonuagique:Azure?" in azure
    assert "Only in the offer: Plan, Virtual machines. Only in the item: heure." in azure
    clients = admin.get(ORGANIZATIONS).text
    clinic = row_of(clients, f"organization-{organization(unmapped, 'Clinique dentaire Saint-Rémi').id}")
    assert "Look: Clinique St-Rémi, Clinique St-Rémi:Siège social or Clinique St-Rémi:Succursale Laval?" in clinic
    assert clinic.count("Use it") == 3
    assert "Its company name is just this: “Clinique dentaire Saint-Rémi”." in clinic
    assert "Also suggested for Clinique dentaire Saint-Rémi - Laval." in clinic


def test_a_mapped_table_shows_no_suggestions(admin: Any) -> None:
    for path in (OFFERS, ORGANIZATIONS):
        text = admin.get(path).text
        assert "Use it" not in text
        assert "Review all" not in text


def test_use_it_maps_just_that_row_and_comes_back_to_it(admin: Any, unmapped: Any) -> None:
    row = offer(unmapped, "VIS-P2")
    text = admin.get(f"{OFFERS}?only=unmapped").text
    (value,) = [value for value, _ in _USE.findall(text) if value.startswith(f"{row.id}:")]
    answer = admin.post(f"{OFFERS}/suggestions?only=unmapped", {"use": value})
    assert (answer.status_code, answer.location) == (303, f"{OFFERS}?only=unmapped#offer-{row.id}")
    assert "1 offer saved." in admin.get(OFFERS).text
    assert offer(unmapped, "VIS-P2").item_name == "Licences:Visio P2"
    assert mappings.list_offers(unmapped.portal, 1).unmapped == 15


def test_enter_in_a_field_saves_and_uses_no_suggestion(admin: Any, unmapped: Any) -> None:
    """The first button of a form is what Enter presses."""
    for path in (OFFERS, ORGANIZATIONS):
        table = admin.get(path).text.split('<form method="post" action="' + path)[1]
        first = re.findall(r"<button[^>]*>", table)[0]
        assert "name=" not in first
        assert "formaction" not in first


def test_use_it_keeps_what_was_typed_in_other_rows(admin: Any, unmapped: Any) -> None:
    row, other = offer(unmapped, "VIS-P2"), offer(unmapped, "SEC-EDR")
    text = admin.get(OFFERS).text
    (value,) = [value for value, _ in _USE.findall(text) if value.startswith(f"{row.id}:")]
    form = {
        "use": value,
        f"was-{row.id}": "|on",
        f"name-{row.id}": "",
        f"sync-{row.id}": "on",
        f"was-{other.id}": "|on",
        f"name-{other.id}": "soutien",
        f"sync-{other.id}": "on",
    }
    answer = admin.post(f"{OFFERS}/suggestions", form)
    assert answer.status_code == 200
    assert "1 offer saved." in answer.text
    assert 'value="soutien"' in answer.text
    assert f'name="was-{other.id}" value="|on"' in answer.text, "it counts as changed and not saved"
    assert offer(unmapped, "VIS-P2").item_name == "Licences:Visio P2"
    assert offer(unmapped, "SEC-EDR").item_name is None


def test_a_choice_that_is_not_allowed_is_told_by_name(admin: Any, unmapped: Any) -> None:
    row = offer(unmapped, "VIS-P2")
    with unmapped.portal.database.read() as db:
        subtotal = db.scalars(sa.select(ListObject.list_id).filter_by(full_name="Sous-total")).one()
    admin.post(f"{OFFERS}/suggestions", {"use": f"{row.id}:{subtotal}"})
    text = admin.get(OFFERS).text
    assert "Visio Plan 2: This kind of item cannot be billed by quantity." in text
    assert offer(unmapped, "VIS-P2").item_list_id is None


@pytest.mark.parametrize("use", ["", "x:1", "7", "7:", "٧:1", f"{2**70}:1"])
def test_what_no_page_sends_changes_nothing(admin: Any, unmapped: Any, use: str) -> None:
    assert admin.post(f"{OFFERS}/suggestions", {"use": use}).status_code == 303
    assert mappings.list_offers(unmapped.portal, 1).unmapped == 16


def test_the_review_lists_what_is_sure_and_applies_only_what_is_ticked(admin: Any, unmapped: Any) -> None:
    text = admin.get(f"{OFFERS}/suggestions").text
    ticked = [value for value, is_ticked in _USE.findall(text) if is_ticked]
    assert len(ticked) == 13
    assert "Infonuagique:Azure" not in text, "what is ambiguous is decided in the table"
    answer = admin.client.post(
        f"{OFFERS}/suggestions", data={"csrf_token": admin.token, "from": "review", "use": ticked[:5]}
    )
    assert (answer.status_code, answer.location) == (303, f"{OFFERS}/suggestions")
    after = admin.get(f"{OFFERS}/suggestions").text
    assert "5 offers saved." in after
    assert len(_USE.findall(after)) == 8
    assert mappings.list_offers(unmapped.portal, 1).unmapped == 11


def test_a_customer_that_is_taken_is_listed_but_not_ticked(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.add(Organization(connection_id=1, key="22", name="Groupe Océan Bleu"))
    text = admin.get(f"{ORGANIZATIONS}/suggestions").text
    ((_, is_ticked),) = _USE.findall(text)
    assert not is_ticked
    assert "Already used by Groupe Océan Bleu inc." in text
    assert "There are suggestions on this page, none of them sure." in admin.get(ORGANIZATIONS).text


def test_organizations_are_reviewed_alike(admin: Any, unmapped: Any) -> None:
    text = admin.get(f"{ORGANIZATIONS}/suggestions").text
    ticked = [value for value, is_ticked in _USE.findall(text) if is_ticked]
    form = {"csrf_token": admin.token, "from": "review", "use": ticked}
    assert admin.client.post(f"{ORGANIZATIONS}/suggestions", data=form).status_code == 303
    left = admin.get(f"{ORGANIZATIONS}/suggestions").text
    assert "12 organizations saved." in left
    assert "Nothing to review" in left
    assert mappings.list_organizations(unmapped.portal, 1).unmapped == 1


@pytest.mark.parametrize("path", [OFFERS, ORGANIZATIONS, f"{OFFERS}/suggestions", f"{ORGANIZATIONS}/suggestions"])
def test_every_page_of_suggestions_speaks_french(admin: Any, unmapped: Any, path: str) -> None:
    text = in_french(admin).get(path).text
    assert '<html lang="fr-CA">' in text
    assert len(_USE.findall(text)) >= 12


def test_the_question_is_asked_as_the_language_does(admin: Any, unmapped: Any) -> None:
    clinic = organization(unmapped, "Clinique dentaire Saint-Rémi")
    text = in_french(admin).get(ORGANIZATIONS).text
    assert "Clinique St-Rémi, Clinique St-Rémi:Siège social ou Clinique" in row_of(text, f"organization-{clinic.id}")


def test_readers_see_neither_suggestions_nor_buttons(person: Callable[..., Any], unmapped: Any) -> None:
    reader = person(Role.READ_ONLY)
    for path in (OFFERS, ORGANIZATIONS):
        assert "Use it" not in reader.get(path).text
        assert reader.get(f"{path}/suggestions").status_code == 403
        assert reader.post(f"{path}/suggestions", {"use": "1:1"}).status_code == 403


def test_without_the_pages_token_nothing_is_used_or_saved(admin: Any, unmapped: Any) -> None:
    value = _USE.findall(admin.get(OFFERS).text)[0][0]
    client = organization(unmapped, "Studio Lumière")
    for path, form in (
        (f"{OFFERS}/suggestions", {"use": value}),
        (f"{ORGANIZATIONS}/{client.id}", {"po_number": "1"}),
    ):
        assert admin.client.post(path, data=form).status_code == 400
    assert mappings.list_offers(unmapped.portal, 1).unmapped == 16
    assert not organization(unmapped, "Studio Lumière").has_fields


def test_many_refusals_are_told_in_few_words(admin: Any, site: Any) -> None:
    with site.test_request_context("/"):
        suggestions.tell(Used(applied=0, refused=tuple((f"Row {number}", Sentence("Why.")) for number in range(9))))
        from flask import get_flashed_messages

        assert get_flashed_messages() == ["Row 0: Why.", "Row 1: Why.", "Row 2: Why.", "6 more rows were not saved."]


class TestInvoiceFields:
    def path(self, month: Any) -> str:
        return f"{ORGANIZATIONS}/{organization(month, 'Studio Lumière').id}"

    def list_id(self, month: Any, kind: str, name: str) -> str:
        with month.portal.database.read() as db:
            return db.scalars(sa.select(ListObject.list_id).filter_by(kind=kind, full_name=name)).one()

    def test_the_page_offers_what_quickbooks_has_and_saves_it(self, admin: Any, month: Any) -> None:
        assert "Invoice fields" in admin.get(ORGANIZATIONS).text
        page = unescape(admin.get(self.path(month)).text)
        assert "Services:Sur place" in page
        assert "S (Taxable (TPS/TVQ 14,975 %))" in page
        assert "Ancien secteur" not in page
        assert "<code>{sku}</code>" in page
        number = self.list_id(month, "terms", "Net 15")
        form = {**_EMPTY, "po_number": " PO 4471 ", "terms_list_id": number, "other1": "{sku}"}
        answer = admin.post(self.path(month), form)
        row = organization(month, "Studio Lumière")
        assert (answer.status_code, answer.location) == (303, f"{ORGANIZATIONS}?row={row.id}")
        assert "Studio Lumière was saved." in admin.get(ORGANIZATIONS).text
        kept = get_invoice_fields(month.portal, 1, row.id)
        assert (kept.po_number, kept.terms_list_id, kept.class_list_id, kept.other1) == ("PO 4471", number, "", "{sku}")
        assert 'value="PO 4471"' in admin.get(self.path(month)).text

    def test_a_refusal_comes_back_with_the_reason_and_what_was_typed(self, admin: Any, month: Any) -> None:
        answer = admin.post(self.path(month), {**_EMPTY, "po_number": "77", "other2": "{nope}"})
        text = unescape(answer.text)
        assert answer.status_code == 400
        assert "The custom column cannot be filled in: {nope} is no placeholder." in text
        assert 'value="77"' in text
        assert 'value="{nope}"' in text
        assert not organization(month, "Studio Lumière").has_fields

    def test_what_is_gone_is_shown_and_not_saved_again(self, admin: Any, month: Any) -> None:
        row = organization(month, "Studio Lumière")
        old = self.list_id(month, "class", "Téléphonie")
        set_invoice_fields(month.portal, 1, row.id, **{**_EMPTY, "class_list_id": old})
        with month.portal.database.write() as db:
            db.execute(sa.delete(ListObject).filter_by(list_id=old))
        assert "The class is no longer in QuickBooks." in row_of(
            admin.get(ORGANIZATIONS).text, f"organization-{row.id}"
        )
        page = admin.get(self.path(month)).text
        assert f'<option value="{old}" selected>no longer in QuickBooks</option>' in page
        assert admin.post(self.path(month), {**_EMPTY, "class_list_id": old}).status_code == 400
        assert admin.post(self.path(month), _EMPTY).status_code == 303

    def test_a_reader_sees_them_and_cannot_save(self, person: Callable[..., Any], month: Any) -> None:
        reader = person(Role.READ_ONLY)
        page = reader.get(self.path(month))
        assert page.status_code == 200
        assert "disabled>" in page.text
        assert ">Save<" not in page.text
        assert reader.post(self.path(month), _EMPTY).status_code == 403

    def test_both_languages_and_no_strangers(self, admin: Any, month: Any) -> None:
        assert admin.get(f"{ORGANIZATIONS}/99999").status_code == 404
        assert admin.post(f"{ORGANIZATIONS}/{2**40}", _EMPTY).status_code in (404, 405)
        assert '<html lang="fr-CA">' in in_french(admin).get(self.path(month)).text
