"""Changes of mappings: typed rows, many at once, and the log of each."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import Conflict, Refused
from portal.models import AuditEntry, InvoiceMode, Offer, Organization
from portal.services import mappings, suggestions
from portal.services.csv_cells import ENGLISH, FRENCH
from portal.services.decisions import history
from portal.services.mapping_bulk import Action, Selection, actions_of, apply_bulk, plan_bulk
from portal.services.mapping_sides import OFFERS, ORGANIZATIONS
from portal.services.mappings import Edit
from portal.services.paging import Wanted
from qbwc.models import ListObject

WHO = "a@nordet.example"
ALL = Selection(wanted=Wanted())


def offer(month: Any, key: str) -> mappings.OfferRow:
    rows = mappings.list_offers(month.portal, month.connection_id).rows
    return next(row for row in rows if row.key == key)


def organization(month: Any, name: str) -> mappings.OrganizationRow:
    rows = mappings.list_organizations(month.portal, month.connection_id).rows
    return next(row for row in rows if row.name == name)


def edit(row: Any, name: str, **changed: Any) -> Edit:
    given = {"is_synchronized": True, "mode": getattr(row, "mode", ""), "seen": row.shown, **changed}
    return Edit(id=row.id, name=name, **given)


def log_of(month: Any, subject: str) -> list[tuple[str, dict[str, Any]]]:
    return [(one.who, one.detail) for one in history(month.portal, month.connection_id, subject)]


def audit_count(month: Any) -> int:
    with month.portal.database.read() as db:
        return db.scalar(sa.select(sa.func.count()).select_from(AuditEntry).filter_by(action="map"))


class TestTyped:
    def save(self, month: Any, *edits: Edit) -> mappings.Saved:
        return mappings.save_offers(month.portal, month.connection_id, edits, who=WHO)

    def test_each_row_is_saved_or_says_why(self, any_month: Any) -> None:
        edr, mail = offer(any_month, "SEC-EDR"), offer(any_month, "SEC-MAIL")
        saved = self.save(any_month, edit(edr, "soutien tèchnique", is_synchronized=False), edit(mail, "securite m365"))
        assert saved.count == 1
        assert str(saved.refused[mail.id]).startswith("QuickBooks has no item “securite m365” that can be billed. Did ")
        after = offer(any_month, "SEC-EDR")
        assert (after.item_name, after.is_synchronized) == ("Soutien technique", False)
        assert offer(any_month, "SEC-MAIL") == mail

    def test_near_names_are_told_by_any_word(self, month: Any) -> None:
        row = offer(month, "SEC-EDR")
        saved = self.save(month, edit(row, "Azure stack"))
        assert "Did you mean Infonuagique:Azure?" in str(saved.refused[row.id])
        saved = self.save(month, edit(row, "qqq"))
        assert "Choose one from the list." in str(saved.refused[row.id])

    def test_a_colleagues_change_is_not_overwritten_unseen(self, month: Any) -> None:
        row = offer(month, "SEC-EDR")
        mappings.map_offer(month.portal, 1, row.id, item_list_id=None, is_synchronized=True)
        saved = self.save(month, edit(row, "Soutien technique"))
        assert "Somebody changed this row after you opened the page." in str(saved.refused[row.id])
        assert offer(month, "SEC-EDR").item_name is None
        assert self.save(month, edit(offer(month, "SEC-EDR"), "Soutien technique")).count == 1

    def test_an_inactive_item_stays_where_it_is_and_is_not_chosen_anew(self, month: Any) -> None:
        row, other = offer(month, "SEC-EDR"), offer(month, "SEC-MAIL")
        with month.portal.database.write() as db:
            db.execute(sa.update(ListObject).filter_by(full_name="Sécurité:EDR").values(is_active=False))
        assert self.save(month, edit(row, "Sécurité:EDR", is_synchronized=False)).count == 1
        assert offer(month, "SEC-EDR").item_name == "Sécurité:EDR"
        assert self.save(month, edit(other, "Sécurité:EDR")).count == 0

    def test_rows_of_others_are_passed_over(self, month: Any) -> None:
        for row_id in (99999, 0, -1, 2**40):
            saved = self.save(month, Edit(id=row_id, name="", is_synchronized=True))
            assert saved == mappings.Saved(count=0, refused={})

    def test_an_organization_needs_a_mode(self, month: Any) -> None:
        row = organization(month, "Studio Lumière")
        saved = mappings.save_organizations(month.portal, 1, [edit(row, "", mode="guess")], who=WHO)
        assert "Choose whether" in str(saved.refused[row.id])
        saved = mappings.save_organizations(month.portal, 1, [edit(row, "Coop des Cantons", mode="update")], who=WHO)
        assert saved.count == 1
        assert organization(month, "Studio Lumière").mode == "update"


class TestLog:
    """Who, what stood before, what after: whichever way a mapping is changed."""

    def test_by_hand(self, any_month: Any) -> None:
        row = offer(any_month, "SEC-EDR")
        mappings.save_offers(any_month.portal, any_month.connection_id, [edit(row, "", is_synchronized=False)], who=WHO)
        (who, detail), (_, first) = log_of(any_month, f"offer:{row.id}")
        assert (first["how"], first["before"]) == ("file", {"item_list_id": None, "item": None})
        assert who == WHO
        assert detail == {
            "how": "page",
            "name": row.name,
            "before": {"item_list_id": row.item_list_id, "item": "Sécurité:EDR", "is_synchronized": True},
            "after": {"item_list_id": None, "item": None, "is_synchronized": False},
        }
        same = offer(any_month, "SEC-EDR")
        mappings.map_offer(
            any_month.portal, any_month.connection_id, row.id, item_list_id=None, is_synchronized=False, who=WHO
        )
        assert offer(any_month, "SEC-EDR") == same
        assert len(log_of(any_month, f"offer:{row.id}")) == 2, "what changes nothing is not written down"

    def test_by_a_suggestion_in_bulk_and_by_file(self, month: Any) -> None:
        row = organization(month, "Studio Lumière")
        mappings.map_organization(
            month.portal, 1, row.id, customer_list_id=None, mode=InvoiceMode.CREATE, is_synchronized=True
        )
        suggestions.use_customers(month.portal, 1, {row.id: row.customer_list_id}, who=WHO)
        one = Selection(wanted=Wanted(), ids=(row.id,))
        token = plan_bulk(month.portal, 1, ORGANIZATIONS, "update", one).token
        apply_bulk(month.portal, 1, ORGANIZATIONS, "update", one, token=token, who=WHO)
        head = ",".join(mappings.COLUMNS)
        lines = "organization,Studio Lumière,,?,no,update\noffer,Neu,NEU,,no,\n"
        mappings.apply_csv(month.portal, 1, f"{head}\n{lines}".encode(), "m.csv", who=WHO)
        told = log_of(month, f"organization:{row.id}")
        assert [(who, detail["how"]) for who, detail in told] == [
            (WHO, "file"),
            (WHO, "bulk"),
            (WHO, "suggestion"),
            ("", "page"),
            ("", "file"),
        ]
        assert told[1][1]["before"] == {"mode": "create"}
        assert told[0][1]["after"] == {"is_synchronized": False}
        ((_, made),) = log_of(month, f"offer:{offer(month, 'NEU').id}")
        assert made["before"] == {}
        assert made["after"]["is_synchronized"] is False


class TestBulk:
    def do(self, month: Any, side: Any, action: str, selection: Selection = ALL) -> int:
        plan = plan_bulk(month.portal, month.connection_id, side, action, selection)
        done = apply_bulk(month.portal, month.connection_id, side, action, selection, token=plan.token, who=WHO)
        assert done == plan.count
        return done

    def test_every_action_on_all_rows(self, any_month: Any) -> None:
        portal, connection = any_month.portal, any_month.connection_id
        assert self.do(any_month, OFFERS, Action.SYNC_OFF) == 16
        assert self.do(any_month, OFFERS, Action.SYNC_OFF) == 0
        assert self.do(any_month, OFFERS, Action.SYNC_ON) == 16
        assert self.do(any_month, OFFERS, Action.CLEAR) == 16
        exact = self.do(any_month, OFFERS, Action.EXACT)
        assert 0 < exact < 16
        assert mappings.list_offers(portal, connection).unmapped == 16 - exact
        updated = self.do(any_month, ORGANIZATIONS, Action.UPDATE)
        assert self.do(any_month, ORGANIZATIONS, Action.CREATE) == 13 >= updated > 0
        assert audit_count(any_month) == 16 * 3 + exact + updated + 13 + self.setup_entries(any_month)

    def setup_entries(self, month: Any) -> int:
        """Those of the sample's mapping file."""
        with month.portal.database.read() as db:
            entries = db.scalars(sa.select(AuditEntry).filter_by(action="map")).all()
            return sum(1 for one in entries if one.detail["how"] == "file")

    def test_exact_means_the_same_name_and_a_customer_of_nobody_else(self, month: Any) -> None:
        with month.portal.database.write() as db:
            db.execute(sa.update(Organization).values(customer_list_id=None, is_synchronized=True))
            db.execute(sa.update(Offer).values(item_list_id=None))
        for side, advise in ((OFFERS, suggestions.advise_offers), (ORGANIZATIONS, suggestions.advise_organizations)):
            advised = advise(month.portal, 1).rows.values()
            expected = {
                one.id: one.answer.suggestion.list_id
                for one in advised
                if one.is_sure and one.answer.suggestion.reason == "exact"
            }
            assert expected
            self.do(month, side, Action.EXACT)
            with month.portal.database.read() as db:
                rows = db.scalars(sa.select(side.table).where(side.list_id.is_not(None))).all()
            assert {row.id: getattr(row, side.field) for row in rows} == expected

    def test_only_what_is_ticked_or_matches(self, month: Any) -> None:
        ids = (offer(month, "SEC-EDR").id, offer(month, "SEC-MAIL").id, 99999, 2**40)
        plan = plan_bulk(month.portal, 1, OFFERS, "sync-off", Selection(wanted=Wanted(), ids=ids))
        assert (plan.selected, plan.count) == (2, 2)
        assert [(one.key, one.before, one.after) for one in plan.first] == [
            ("SEC-MAIL", True, False),
            ("SEC-EDR", True, False),
        ]
        found = Selection(wanted=Wanted(search="microsoft 365"))
        plan = plan_bulk(month.portal, 1, OFFERS, "clear", found)
        assert plan.count == 4
        assert plan.first[0].before == "Licences:M365 Basic"
        assert plan.first[0].after is None

    def test_what_cannot_be_is_refused(self, month: Any) -> None:
        for action in ("", "nonsense", "create"):
            with pytest.raises(Refused, match="Choose what to do"):
                plan_bulk(month.portal, 1, OFFERS, action, ALL)
        with pytest.raises(Refused, match="Tick at least one row"):
            plan_bulk(month.portal, 1, OFFERS, "clear", Selection(wanted=Wanted(), ids=()))
        assert Action.UPDATE in actions_of(ORGANIZATIONS)

    def test_nothing_is_done_when_a_row_changed_after_the_look(self, month: Any) -> None:
        plan = plan_bulk(month.portal, 1, OFFERS, "sync-off", ALL)
        row = offer(month, "SEC-EDR")
        mappings.map_offer(month.portal, 1, row.id, item_list_id=row.item_list_id, is_synchronized=False)
        with pytest.raises(Conflict, match="not what they were when you looked"):
            apply_bulk(month.portal, 1, OFFERS, "sync-off", ALL, token=plan.token, who=WHO)
        assert mappings.load_offers(month.portal, 1, Wanted()).counts.off == 1


class TestFile:
    HEAD = ",".join(mappings.COLUMNS)

    def test_a_plan_tells_every_difference_and_every_fault(self, any_month: Any) -> None:
        lines = [
            "offer,EDR,SEC-EDR,Soutien technique,no,",
            "offer,New,NEW-1,,yes,",
            "organization,Studio Lumière,,?,yes,create",
            "offer,EDR,SEC-MAIL,Nothing,yes,",
            "offer,,,,yes,",
            "offer,Twice,SEC-EDR,,yes,",
        ]
        data = "\n".join([self.HEAD, *lines]).encode()
        plan = mappings.plan_csv(any_month.portal, any_month.connection_id, data, "m.csv")
        assert [(row.line, row.key, row.is_new) for row in plan.changes] == [(2, "SEC-EDR", False), (3, "NEW-1", True)]
        assert [(cell.column, cell.before, cell.after) for cell in plan.changes[0].cells] == [
            ("quickbooks", "Sécurité:EDR", "Soutien technique"),
            ("sync", "yes", "no"),
        ]
        assert [(one.line, one.column) for one in plan.faults] == [(5, "quickbooks"), (6, "key"), (7, "key")]
        assert offer(any_month, "SEC-EDR").item_name == "Sécurité:EDR"
        with pytest.raises(Refused, match=r"m\.csv, line 5: QuickBooks has no item “Nothing”"):
            mappings.apply_csv(any_month.portal, any_month.connection_id, data, "m.csv")

    def test_a_plan_is_applied_only_as_it_was(self, month: Any) -> None:
        data = f"{self.HEAD}\noffer,EDR,SEC-EDR,,yes,\n".encode()
        plan = mappings.plan_csv(month.portal, 1, data, "m.csv")
        row = offer(month, "SEC-EDR")
        mappings.map_offer(month.portal, 1, row.id, item_list_id=row.item_list_id, is_synchronized=False)
        with pytest.raises(Conflict, match="Nothing was changed"):
            mappings.apply_csv(month.portal, 1, data, "m.csv", token=plan.token)
        again = mappings.plan_csv(month.portal, 1, data, "m.csv")
        assert mappings.apply_csv(month.portal, 1, data, "m.csv", token=again.token).changed == 1

    @pytest.mark.parametrize(
        "encode",
        [
            lambda text: text.replace(",", ";").encode("cp1252"),
            lambda text: text.replace(",", "\t").encode("utf-16"),
            lambda text: ("sep=;\r\n" + text.replace(",", ";")).encode("utf-8-sig"),
            lambda text: text.replace("yes", "OUI").encode(),
            lambda text: text.replace("yes", "VRAI").encode("utf-8-sig"),
        ],
    )
    def test_what_excel_saves_is_read(self, month: Any, encode: Any) -> None:
        text = f"{self.HEAD}\r\noffer,EDR,SEC-EDR,Sécurité:EDR,yes,\r\norganization,Studio Lumière,,,yes,create\r\n"
        plan = mappings.plan_csv(month.portal, 1, encode(text), "m.csv")
        assert plan.faults == ()
        assert [row.name for row in plan.changes] == ["Studio Lumière"]

    def test_both_kinds_of_excel_open_the_download(self, month: Any) -> None:
        for dialect in (ENGLISH, FRENCH):
            text = mappings.write_csv(month.portal, 1, dialect=dialect)
            assert text.startswith(f"\ufeffkind{dialect.delimiter}name{dialect.delimiter}key")
            assert mappings.plan_csv(month.portal, 1, text.encode(), "m.csv").changes == ()
