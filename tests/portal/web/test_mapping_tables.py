"""The tables of mappings as pages: filters, choices, many rows at once, what is not saved, late suggestions."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from portal.models import Connection, Offer, Organization, Role
from portal.services import candidates, mappings
from qbwc.models import ListObject

OFFERS, ORGANIZATIONS = "/connections/1/offers", "/connections/1/organizations"
_ROW = re.compile(r'<tr id="[a-z]+-(\d+)"')


def offer(month: Any, key: str) -> mappings.OfferRow:
    return next(row for row in mappings.list_offers(month.portal, 1).rows if row.key == key)


def plain(text: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def token_of(text: str) -> str:
    return re.search(r'name="token" value="(\w+)"', text)[1]


def post(who: Any, path: str, **form: Any) -> Any:
    return who.client.post(path, data={"csrf_token": who.token, **form})


@pytest.mark.parametrize("path", [OFFERS, ORGANIZATIONS])
def test_filters_show_how_many_rows_they_have(admin: Any, month: Any, path: str) -> None:
    with month.portal.database.write() as db:
        first = sa.select(Offer.id).order_by(Offer.id).limit(2)
        db.execute(sa.update(Offer).where(Offer.id.in_(first)).values(item_list_id=None))
    text = admin.get(path).text
    told = "All 16 To map 2 With a problem 2 Mapped 14 Not billed 0"
    if path == ORGANIZATIONS:
        told = "All 13 To map 0 With a problem 0 Mapped 12 Not billed 1"
    assert told in plain(text)
    for only, count in zip(
        ("unmapped", "problem", "mapped", "off"), map(int, re.findall(r"\d+", told)[1:]), strict=True
    ):
        assert len(_ROW.findall(admin.get(f"{path}?only={only}").text)) == count
    assert len(_ROW.findall(admin.get(f"{path}?only=nonsense&sort=nonsense&page=x").text)) == len(_ROW.findall(text))


def test_the_tabs_of_every_screen_count_what_is_to_be_mapped(admin: Any, month: Any) -> None:
    assert "to map" not in plain(admin.get("/connections/1/status").text)
    with month.portal.database.write() as db:
        db.execute(sa.update(Offer).values(item_list_id=None))
    assert "Offers 16 to map Organizations" in plain(admin.get("/connections/1/status").text)


def test_every_row_that_cannot_be_billed_says_why(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.delete(ListObject).filter_by(full_name="Sécurité:EDR"))
        db.execute(sa.update(ListObject).filter_by(full_name="Licences:Visio P2").values(is_active=False))
        db.execute(sa.update(Offer).filter_by(key="SEC-MAIL").values(is_synchronized=False))
    text = admin.get(OFFERS).text
    said = plain(text)
    assert 'placeholder="No longer in QuickBooks"' in text
    assert "The mapped item is no longer in QuickBooks. Choose another one." in said
    assert 'value="Licences:Visio P2"' in text, "an inactive item stays visible"
    assert "The mapped item is inactive in QuickBooks." in said
    assert said.count("Not billed ") >= 2
    with month.portal.database.write() as db:
        db.execute(sa.delete(ListObject))
    for path, count in ((OFFERS, 16), (ORGANIZATIONS, 13)):
        text = admin.get(path).text
        assert "have not arrived yet" in text
        assert len(_ROW.findall(text)) == count


def test_tables_without_rows_lead_on(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("DELETE FROM charge"))
        db.execute(sa.delete(Offer))
        db.execute(sa.delete(Organization))
    for path in (OFFERS, ORGANIZATIONS):
        assert "Import charges" in admin.get(path).text


class TestChoices:
    def test_words_find_items_with_what_tells_them_apart(self, admin: Any) -> None:
        answer = admin.get("/connections/1/choices/item?q=basic+licences")
        assert answer.json == {
            "choices": [{"name": "Licences:M365 Basic", "detail": "Service · price 9.50 · cost 7.30"}],
            "more": False,
        }
        customers = admin.get("/connections/1/choices/customer?q=ocean").json["choices"]
        assert {"name": "Océan Bleu", "detail": "payables@oceanbleu.example"} in customers

    def test_only_the_first_are_told_and_that_there_are_more(self, admin: Any, month: Any) -> None:
        with month.portal.database.write() as db:
            at = sa.text("CURRENT_TIMESTAMP")
            given = {"connection_id": 1, "kind": "item", "type": "ItemService", "data": {}, "pull": 1}
            for number in range(60):
                name = f"Pièce {number:02}"
                db.execute(sa.insert(ListObject).values(list_id=name, full_name=name, seen_at=at, **given))
        answer = admin.get("/connections/1/choices/item?q=PIECE").json
        assert (len(answer["choices"]), answer["more"]) == (50, True)
        assert admin.get("/connections/1/choices/item").json["more"]

    def test_they_are_for_those_who_map(self, person: Callable[..., Any]) -> None:
        assert person(Role.READ_ONLY).get("/connections/1/choices/item").status_code == 403


class TestManyAtOnce:
    def test_what_would_change_is_shown_and_then_done(self, admin: Any, month: Any) -> None:
        admin.get(OFFERS)
        ids = [offer(month, "SEC-EDR").id, offer(month, "SEC-MAIL").id]
        looked = post(admin, f"{OFFERS}/bulk", action="sync-off", scope="ticked", pick=ids)
        said = plain(looked.text)
        assert "Turn Sync off: not billed" in said
        assert "2 rows change. Nothing has been changed yet." in said
        assert "Endpoint Detection & Response SEC-EDR Billed Not billed" in said
        assert offer(month, "SEC-EDR").is_synchronized
        form = {"action": "sync-off", "scope": "ticked", "pick": ids, "token": token_of(looked.text)}
        done = post(admin, f"{OFFERS}/bulk/apply", **form)
        assert (done.status_code, done.location) == (303, OFFERS)
        assert "2 rows changed. It counts from the next run." in admin.get(OFFERS).text
        assert not offer(month, "SEC-EDR").is_synchronized
        again = post(admin, f"{OFFERS}/bulk/apply", **form)
        assert again.status_code == 409
        assert "not what they were when you looked" in again.text
        assert "Nothing to change" in again.text

    def test_all_rows_that_match_are_changed_on_all_pages(self, admin: Any, month: Any) -> None:
        admin.get(ORGANIZATIONS)
        looked = post(admin, f"{ORGANIZATIONS}/bulk?only=mapped&q=e", action="clear", scope="matching")
        assert "and " in plain(looked.text)
        count = int(re.search(r"(\d+) rows change\.", plain(looked.text))[1])
        address = unescape(re.search(r'action="([^"]+bulk/apply[^"]*)"', looked.text)[1])
        done = post(admin, address, action="clear", scope="matching", token=token_of(looked.text))
        assert done.location == f"{ORGANIZATIONS}?q=e&only=mapped"
        assert mappings.list_organizations(month.portal, 1).unmapped == count > 10

    def test_what_is_typed_and_not_saved_comes_first(self, admin: Any, month: Any) -> None:
        row = offer(month, "SEC-EDR")
        admin.get(OFFERS)
        form = {f"was-{row.id}": row.shown, f"name-{row.id}": "typed", f"sync-{row.id}": "on"}
        answer = post(admin, f"{OFFERS}/bulk", action="clear", scope="matching", **form)
        assert answer.status_code == 400
        assert "Save the rows that you changed first" in answer.text
        assert 'value="typed"' in answer.text
        assert mappings.list_offers(month.portal, 1).unmapped == 0

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            ({}, "Choose what to do with the rows."),
            ({"action": "create"}, "Choose what to do with the rows."),
            ({"action": "clear"}, "Tick at least one row"),
        ],
    )
    def test_what_is_missing_is_asked_for(self, admin: Any, form: dict[str, str], sentence: str) -> None:
        admin.get(OFFERS)
        answer = post(admin, f"{OFFERS}/bulk", **form)
        assert answer.status_code == 400
        assert sentence in answer.text
        assert post(admin, f"{OFFERS}/bulk/apply", **form).status_code == 400

    def test_nothing_to_change_is_said(self, admin: Any) -> None:
        admin.get(OFFERS)
        assert post(admin, f"{OFFERS}/bulk", action="sync-on", scope="matching").status_code == 303
        assert "Nothing to change" in admin.get(OFFERS).text


def test_save_and_synchronize_asks_for_the_lists_and_says_who_can_start(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.update(Connection).values(lists_wanted=False))
    admin.get(ORGANIZATIONS)
    answer = post(admin, ORGANIZATIONS, synchronize="1")
    assert answer.status_code == 303
    text = admin.get(ORGANIZATIONS).text
    assert "Only the Web Connector can start it" in text
    assert '<a class="alert-link" href="/connections/1">' in text
    with month.portal.database.read() as db:
        assert db.scalar(sa.select(Connection.lists_wanted))


def test_saving_says_when_it_counts_and_when_nothing_was_changed(admin: Any, month: Any) -> None:
    row = offer(month, "SEC-EDR")
    admin.get(OFFERS)
    post(admin, OFFERS, **{f"was-{row.id}": row.shown, f"name-{row.id}": "Soutien technique"})
    assert "1 offer saved. It counts from the next run." in admin.get(OFFERS).text
    post(admin, OFFERS)
    assert "Nothing was changed, so nothing was saved." in admin.get(OFFERS).text


def test_suggestions_from_a_long_list_come_after_the_page(
    admin: Any, month: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.update(Offer).values(item_list_id=None))
    monkeypatch.setattr(candidates, "FEW", 0)
    text = admin.get(OFFERS).text
    row = offer(month, "VIS-P2")
    assert "Use it" not in text
    assert f'<div id="advice-{row.id}"></div>' in text
    address = unescape(re.search(r'hx-get="([^"]+/advice[^"]*)"', text)[1])
    part = admin.get(address).text
    assert f'<div id="advice-{row.id}" hx-swap-oob="true">' in part
    assert "Suggestion: Licences:Visio P2 Use it" in plain(part)
    assert "<html" not in part
    assert "Use it" in admin.get(OFFERS).text, "what was asked once is there at once"
    monkeypatch.undo()
    assert "Use it" in admin.get(f"{OFFERS}?suggest=1").text
