"""Suggestions: only for what is unmapped, never applied by themselves, and read once for each pull of a list."""

from __future__ import annotations

import csv
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.suggestion import Candidate, Index, Reason, Subject, index_items
from portal.errors import Refused
from portal.models import Offer, Organization
from portal.services import candidates, connections, mappings, suggestions
from portal.services.candidates import Shelf, Shelved
from qbwc.models import ListObject
from qbwc.sandbox import by_hand

MAPPING = Path(__file__).parents[3] / "samples" / "mapping.csv"


def unmap(month: Any) -> None:
    """As a partner who has just begun: all is to be billed, nothing is mapped."""
    with month.portal.database.write() as db:
        db.execute(sa.update(Offer).values(item_list_id=None, is_synchronized=True))
        db.execute(sa.update(Organization).values(customer_list_id=None, is_synchronized=True))


def said(kind: str) -> dict[str, str]:
    """What the sample mapping file says: name or key to the name in QuickBooks."""
    with MAPPING.open(encoding="utf-8-sig", newline="") as file:
        return {row["key"] or row["name"]: row["quickbooks"] for row in csv.DictReader(file) if row["kind"] == kind}


def ids(month: Any, *names: str) -> list[str]:
    with month.portal.database.read() as db:
        rows = db.execute(sa.select(ListObject.full_name, ListObject.list_id)).all()
        found = {row.full_name: row.list_id for row in rows}
        return [found[name] for name in names]


def by_name(advised: suggestions.Advised) -> dict[str, suggestions.Advice]:
    return {one.name: one for one in advised.rows.values()}


def full_names(advice: suggestions.Advice) -> list[str]:
    return [one.suggestion.full_name for one in advice.proposals]


def test_what_is_sure_in_the_sample_company_is_what_its_mapping_file_says(any_month: Any) -> None:
    unmap(any_month)
    for kind, advise, least in (
        ("offer", suggestions.advise_offers, 13),
        ("organization", suggestions.advise_organizations, 12),
    ):
        advised = advise(any_month.portal, any_month.connection_id)
        sure = {one.key: one.answer.suggestion.full_name for one in advised.rows.values() if one.is_sure}
        assert len(sure) == advised.sure >= least
        expected = said(kind)
        assert sure == {key: expected[key] for key in sure}
        for one in advised.rows.values():
            assert expected[one.key] in full_names(one)


def test_a_suggestion_maps_nothing_by_itself(month: Any) -> None:
    unmap(month)
    suggestions.advise_offers(month.portal, 1)
    suggestions.advise_organizations(month.portal, 1)
    assert mappings.list_offers(month.portal, 1).unmapped == 16
    assert mappings.list_organizations(month.portal, 1).unmapped == 13


def test_only_what_is_unmapped_and_synchronized_is_asked_for(month: Any) -> None:
    assert suggestions.advise_offers(month.portal, 1).rows == {}
    assert suggestions.advise_organizations(month.portal, 1).rows == {}
    with month.portal.database.write() as db:
        db.execute(sa.update(Offer).where(Offer.key.in_(["VIS-P2", "O365-E3"])).values(item_list_id=None))
        db.execute(sa.update(Offer).where(Offer.key == "VIS-P2").values(is_synchronized=False))
    assert list(by_name(suggestions.advise_offers(month.portal, 1))) == ["Office 365 E3"]


def test_what_may_not_be_chosen_is_not_suggested(month: Any) -> None:
    with month.portal.database.write() as db:
        for key, name in (("R", "Rabais fidélité"), ("V", "Visio P2")):
            db.add(Offer(connection_id=1, key=key, name=name))
        visio = db.scalar(sa.select(ListObject).filter_by(full_name="Licences:Visio P2"))
        assert visio is not None
        visio.is_active = False
    assert suggestions.advise_offers(month.portal, 1).rows == {}


def test_an_e_mail_domain_speaks_for_a_client_that_a_provider_names_by_it(month: Any) -> None:
    with month.portal.database.write() as db:
        db.add(Organization(connection_id=1, key="troisbles.example", name="Les Trois Blés, boulangers"))
    (one,) = suggestions.advise_organizations(month.portal, 1).rows.values()
    assert (full_names(one)[0], one.proposals[0].suggestion.reason) == ("Trois Blés (Boulangerie)", Reason.KEY)
    assert one.proposals[0].used_by == ("Boulangerie Aux Trois Blés",)


class TestSharedCustomers:
    def test_a_customer_that_another_organization_uses_is_named_and_not_sure(self, month: Any) -> None:
        with month.portal.database.write() as db:
            db.add(Organization(connection_id=1, key="22", name="Groupe Océan Bleu"))
        (one,) = suggestions.advise_organizations(month.portal, 1).rows.values()
        assert one.answer is not None
        assert one.answer.used_by == ("Groupe Océan Bleu inc.",)
        assert not one.is_sure
        assert suggestions.advise_organizations(month.portal, 1).sure == 0

    def test_two_that_may_be_one_customer_are_named_to_each_other(self, month: Any) -> None:
        with month.portal.database.write() as db:
            wanted = sa.update(Organization).where(Organization.name == "Groupe Océan Bleu inc.")
            db.execute(wanted.values(customer_list_id=None))
            db.add_all(Organization(connection_id=1, key=key, name="Groupe Océan Bleu") for key in ("22", "23"))
        advised = suggestions.advise_organizations(month.portal, 1)
        also = [one.answer.also_for for one in advised.rows.values() if one.answer]
        assert sorted(also) == [
            ("Groupe Océan Bleu", "Groupe Océan Bleu"),
            ("Groupe Océan Bleu", "Groupe Océan Bleu inc."),
            ("Groupe Océan Bleu", "Groupe Océan Bleu inc."),
        ]
        assert advised.sure == 0

    def test_an_item_may_serve_several_offers(self, month: Any) -> None:
        with month.portal.database.write() as db:
            db.add_all(Offer(connection_id=1, key=f"E3-{term}", name="Office 365 E3") for term in "AB")
        assert suggestions.advise_offers(month.portal, 1).sure == 2


class TestTaking:
    def test_what_was_picked_is_mapped_and_nothing_else(self, any_month: Any) -> None:
        portal, connection_id = any_month.portal, any_month.connection_id
        unmap(any_month)
        rows = by_name(suggestions.advise_offers(portal, connection_id))
        e3, item = rows["Office 365 E3"].id, rows["Office 365 E3"].proposals[0].suggestion.list_id
        assert suggestions.use_items(portal, connection_id, {e3: item}) == suggestions.Used(applied=1, refused=())
        assert mappings.list_offers(portal, connection_id, only_id=e3).rows[0].item_list_id == item
        assert mappings.list_offers(portal, connection_id).unmapped == 15
        clients = by_name(suggestions.advise_organizations(portal, connection_id))
        studio = clients["Studio Lumière"]
        chosen = {studio.id: studio.proposals[0].suggestion.list_id}
        assert suggestions.use_customers(portal, connection_id, chosen).applied == 1
        assert suggestions.use_customers(portal, connection_id, chosen) == suggestions.Used(applied=0, refused=())
        assert mappings.list_organizations(portal, connection_id).unmapped == 12

    def test_a_row_that_a_colleague_mapped_meanwhile_stays(self, month: Any) -> None:
        (visio,) = mappings.list_offers(month.portal, 1, search="visio").rows
        (other,) = ids(month, "Infonuagique:Azure")
        used = suggestions.use_items(month.portal, 1, {visio.id: other})
        assert used.applied == 0
        ((name, why),) = used.refused
        assert (name, "mapped in the meantime" in str(why)) == ("Visio Plan 2", True)
        assert mappings.list_offers(month.portal, 1, search="visio").rows[0] == visio

    @pytest.mark.parametrize(
        ("name", "reason"),
        [("Sous-total", "cannot be billed by quantity"), ("Licences:Visio P2", "inactive"), ("Océan Bleu", "no such")],
    )
    def test_the_rules_are_those_of_a_choice_by_hand(self, month: Any, name: str, reason: str) -> None:
        with month.portal.database.write() as db:
            db.execute(sa.update(ListObject).filter_by(full_name="Licences:Visio P2").values(is_active=False))
            db.execute(sa.update(Offer).where(Offer.key.in_(["VIS-P2", "O365-E3"])).values(item_list_id=None))
        visio, e3 = (mappings.list_offers(month.portal, 1, search=text).rows[0].id for text in ("visio", "E3"))
        wrong, right = ids(month, name, "Licences:Office 365 E3")
        used = suggestions.use_items(month.portal, 1, {visio: wrong, e3: right})
        assert (used.applied, [row for row, _ in used.refused]) == (1, ["Visio Plan 2"])
        assert reason in str(used.refused[0][1])
        with pytest.raises(Refused, match=reason):
            mappings.map_offer(month.portal, 1, visio, item_list_id=wrong, is_synchronized=True)

    def test_another_partners_rows_are_passed_over(self, month: Any) -> None:
        made = connections.add_connection(
            month.portal, "Other", partner="Nordet Infogérance inc.", billing_mode="in-arrears", invoice_day=1
        )
        (visio,) = mappings.list_offers(month.portal, 1, search="visio").rows
        (item,) = ids(month, "Infonuagique:Azure")
        used = suggestions.use_items(month.portal, made.id, {visio.id: item, 2**40: item, 0: item})
        assert used == suggestions.Used(applied=0, refused=())


class TestKeeping:
    def test_an_index_is_built_once_for_each_pull(self, month: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        built: list[int] = []

        def build(found: list[Candidate]) -> Index:
            built.append(len(found))
            return index_items(found)

        monkeypatch.setitem(candidates._INDEXES, "item", build)
        unmap(month)
        first = suggestions.advise_offers(month.portal, 1)
        assert suggestions.advise_offers(month.portal, 1) == first
        assert len(built) == 1
        month.edit(lambda company: by_hand.delete(company, "ItemService", "Licences:Visio P2"))
        month.clock.at = month.clock.at.replace(day=2)
        assert month.visit().went_well
        assert "Visio Plan 2" in by_name(first)
        assert "Visio Plan 2" not in by_name(suggestions.advise_offers(month.portal, 1))
        assert built[1:] == [built[0] - 1]

    def test_each_connection_has_its_own(self, month: Any) -> None:
        unmap(month)
        suggestions.advise_offers(month.portal, 1)
        made = connections.add_connection(
            month.portal, "Other", partner="Nordet Infogérance inc.", billing_mode="in-arrears", invoice_day=1
        )
        with month.portal.database.write() as db:
            db.add(Offer(connection_id=made.id, key="V", name="Visio Plan 2"))
        assert suggestions.advise_offers(month.portal, made.id).rows == {}

    def test_threads_that_ask_at_once_wait_for_one_build(self) -> None:
        shelf, built, taken = Shelf(), [], []

        def build() -> Shelved:
            built.append(1)
            time.sleep(0.05)
            return Shelved(index=index_items([]), size=0)

        threads = [
            threading.Thread(target=lambda: taken.append(shelf.take((1, "item"), None, build))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(built) == 1
        assert len({id(one) for one in taken}) == 1

    def test_what_was_asked_longest_ago_goes_first(self) -> None:
        shelf, built = Shelf(), []

        def take(connection_id: int, size: int = 1) -> None:
            def build() -> Shelved:
                built.append(connection_id)
                return Shelved(index=index_items([]), size=size)

            shelf.take((connection_id, "item"), None, build)

        for connection_id in range(1, candidates.MOST_INDEXES + 2):
            take(connection_id)
        take(2)
        take(1)
        assert built == [*range(1, candidates.MOST_INDEXES + 2), 1]
        take(99, size=candidates.MOST_CANDIDATES + 1)
        take(99)
        assert built.count(99) == 1, "the one in use stays, however large"

    def test_answers_are_kept_up_to_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(candidates, "MOST_ASKED", 2)
        shelved = Shelved(index=index_items([Candidate(list_id="1", full_name="Visio P2")]), size=1)
        for name in ("Visio Plan 2", "Azure", "Visio P2"):
            subject = Subject(key="", name=name)
            assert shelved.ask(subject) is shelved.ask(subject)
        assert len(shelved.asked) == 1
