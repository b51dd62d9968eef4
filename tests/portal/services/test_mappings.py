"""Mappings: out to a CSV file and back without loss, by hand one by one, and never to what is not there."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.errors import NotFound, Refused
from portal.models import InvoiceMode, Offer, Organization
from portal.services import mappings
from qbwc.models import ListObject

# Names as providers and QuickBooks give them: no control characters, nothing blank at either end.
NAMES = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\u2028\u2029"), min_size=1, max_size=40
).map(str.strip).filter(bool) | st.sampled_from(
    [
        "a,b",
        'say "so"',
        "a;b;c",
        "Noël, été; « œuf »",
        "'quoted'",
        '"',
        '""',
        ",",
        ";",
        "\t tab",
        "=1+1",
        "naïve\u00a0x",
    ]
).map(str.strip)


FIELDS = (
    Organization.po_number,
    Organization.class_list_id,
    Organization.terms_list_id,
    Organization.tax_code_list_id,
    Organization.other1,
    Organization.other2,
)


def snapshot(month: Any) -> dict[str, list[tuple[Any, ...]]]:
    with month.portal.database.read() as db:
        return {
            "offer": [
                tuple(row)
                for row in db.execute(
                    sa.select(Offer.key, Offer.name, Offer.item_list_id, Offer.is_synchronized).order_by(Offer.key)
                )
            ],
            "organization": [
                tuple(row)
                for row in db.execute(
                    sa.select(
                        Organization.key,
                        Organization.name,
                        Organization.customer_list_id,
                        Organization.is_synchronized,
                        Organization.mode,
                        *FIELDS,
                    ).order_by(Organization.key)
                )
            ],
        }


def test_the_samples_come_out_as_they_went_in(month: Any) -> None:
    before = snapshot(month)
    text = mappings.write_csv(month.portal, 1)
    assert text.startswith("\ufeffkind,name,key,quickbooks,sync,mode,po,class,terms,tax,other1,other2\r\n")
    with month.portal.database.write() as db:
        db.execute(sa.update(Offer).values(item_list_id=None, is_synchronized=False))
        db.execute(
            sa.update(Organization).values(customer_list_id=None, is_synchronized=False, mode=InvoiceMode.CREATE)
        )
    assert mappings.apply_csv(month.portal, 1, text.encode(), "mapping.csv").changed == 29
    assert snapshot(month) == before
    assert mappings.apply_csv(month.portal, 1, text.encode(), "mapping.csv").changed == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offers=st.lists(st.tuples(NAMES, NAMES, st.booleans(), st.booleans()), max_size=4, unique_by=lambda one: one[0]),
    organizations=st.lists(
        st.tuples(NAMES, st.booleans(), st.booleans(), st.sampled_from(InvoiceMode)),
        max_size=4,
        unique_by=lambda one: one[0],
    ),
    targets=st.tuples(NAMES, NAMES),
)
def test_any_mapping_goes_out_and_comes_back(
    month: Any,
    offers: list[tuple[str, str, bool, bool]],
    organizations: list[tuple[str, bool, bool, InvoiceMode]],
    targets: tuple[str, str],
) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("DELETE FROM charge"))
        for table in (Offer, Organization):
            db.execute(sa.delete(table))
        db.execute(
            sa.update(ListObject).where(ListObject.list_id == "80000055-1759305100").values(full_name=targets[0])
        )
        customer = db.scalar(sa.select(ListObject).filter_by(kind="customer").order_by(ListObject.id).limit(1))
        customer.full_name = targets[1]
        for key, name, is_mapped, is_on in offers:
            item = "80000055-1759305100" if is_mapped else None
            db.add(Offer(connection_id=1, key=key, name=name, item_list_id=item, is_synchronized=is_on))
        for name, is_mapped, is_on, mode in organizations:
            list_id = customer.list_id if is_mapped else None
            db.add(
                Organization(
                    connection_id=1, key=name, name=name, customer_list_id=list_id, is_synchronized=is_on, mode=mode
                )
            )
    before = snapshot(month)
    text = mappings.write_csv(month.portal, 1)
    assert mappings.apply_csv(month.portal, 1, text.encode(), "mapping.csv").changed == 0
    assert snapshot(month) == before
    with month.portal.database.write() as db:
        db.execute(sa.delete(Offer))
        db.execute(sa.delete(Organization))
    result = mappings.apply_csv(month.portal, 1, text.encode(), "mapping.csv")
    assert (result.offers, result.organizations) == (len(offers), len(organizations))
    assert snapshot(month) == before


def test_a_spreadsheet_that_reorders_and_adds_columns_is_read(month: Any) -> None:
    rows = list(csv.reader(io.StringIO(mappings.write_csv(month.portal, 1).removeprefix("\ufeff"))))
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows([[*reversed(row), "a note"] for row in rows])
    text = out.getvalue().replace("kind", " KIND ", 1) + ";;;;;;\r\n"
    assert mappings.apply_csv(month.portal, 1, text.encode("utf-8-sig"), "m.csv").changed == 0


def test_a_name_in_quickbooks_is_found_whatever_its_case(month: Any) -> None:
    head = ",".join(mappings.COLUMNS)
    file = f"{head}\norganization,École Les Érables,,COMMISSION SCOLAIRE:ÉCOLE LES ÉRABLES,YES,Update\n"
    assert mappings.apply_csv(month.portal, 1, file.encode(), "m.csv").changed == 0


def test_a_row_that_stands_twice_is_refused_with_both_lines(month: Any) -> None:
    before = snapshot(month)
    rows = ["offer,M365,M365-BB,,no,", "organization,Studio Lumière,,,no,", "offer,M365,M365-BB,,yes,"]
    file = "\n".join([",".join(mappings.COLUMNS), *rows]) + "\n"
    with pytest.raises(Refused, match="line 4: “M365-BB” stands on line 2 already"):
        mappings.apply_csv(month.portal, 1, file.encode(), "m.csv")
    assert snapshot(month) == before


class TestByHand:
    def test_an_offer_is_mapped_and_unmapped(self, month: Any) -> None:
        row = mappings.list_offers(month.portal, 1, search="azure").rows[0]
        assert row.problem is None
        gone = mappings.map_offer(month.portal, 1, row.id, item_list_id=None, is_synchronized=True)
        assert gone.item_name is None
        assert "no QuickBooks item" in str(gone.problem)
        page = mappings.list_offers(month.portal, 1, only_unmapped=True)
        assert ([one.id for one in page.rows], page.unmapped, page.total) == ([row.id], 1, 16)
        off = mappings.map_offer(month.portal, 1, row.id, item_list_id="", is_synchronized=False)
        assert (off.item_list_id, off.problem) == (None, None)
        assert mappings.list_offers(month.portal, 1).unmapped == 0
        back = mappings.map_offer(month.portal, 1, row.id, item_list_id=row.item_list_id, is_synchronized=True)
        assert back == row

    def test_only_to_what_is_in_quickbooks(self, month: Any) -> None:
        offer = mappings.list_offers(month.portal, 1).rows[0]
        organization = mappings.list_organizations(month.portal, 1).rows[0]
        with pytest.raises(Refused, match="no such item"):
            mappings.map_offer(
                month.portal, 1, offer.id, item_list_id=organization.customer_list_id, is_synchronized=True
            )
        with pytest.raises(Refused, match="no such customer"):
            mappings.map_organization(
                month.portal,
                1,
                organization.id,
                customer_list_id=offer.item_list_id,
                mode=InvoiceMode.CREATE,
                is_synchronized=True,
            )
        with pytest.raises(NotFound):
            mappings.map_offer(month.portal, 1, 999, item_list_id=None, is_synchronized=True)

    def test_choices_are_active_billable_and_searched_by_letters(self, month: Any) -> None:
        items = mappings.item_choices(month.portal, 1, limit=100)
        names = [choice.name for choice in items]
        assert "Licences:M365 Basic" in names
        assert not {"Sous-total", "Rabais fidélité"} & set(names)
        assert [choice.name for choice in mappings.item_choices(month.portal, 1, "azure")] == ["Infonuagique:Azure"]
        assert mappings.item_choices(month.portal, 1, "100%_") == ()
        assert len(mappings.customer_choices(month.portal, 1, limit=3)) == 3

    def test_counts_of_waiting_charges_fall_when_they_are_billed(self, month: Any) -> None:
        assert sum(row.charges for row in mappings.list_offers(month.portal, 1).rows) == 72
        month.bill()
        rows = mappings.list_organizations(month.portal, 1).rows
        assert {row.name: row.charges for row in rows if row.charges} == {"Atelier Ébène": 3}


def test_names_that_a_spreadsheet_would_run_are_disarmed_and_come_back(month: Any) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(1)", "'=1", " =1", "'quoted'", "plain"]
    with month.portal.database.write() as db:
        db.add_all(Offer(connection_id=1, key=name, name=name) for name in names)
    before = snapshot(month)
    text = mappings.write_csv(month.portal, 1)
    cells = [cell for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert mappings.apply_csv(month.portal, 1, text.encode(), "m.csv").changed == 0
    assert snapshot(month) == before


def list_id(month: Any, kind: str, name: str) -> str:
    with month.portal.database.read() as db:
        return db.scalars(sa.select(ListObject.list_id).filter_by(kind=kind, full_name=name)).one()


def set_fields(month: Any, name: str, **fields: str | None) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.update(Organization).filter_by(name=name).values(**fields))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


class TestFieldColumns:
    """po, class, terms, tax, other1 and other2, which a file may lack."""

    STUDIO = "Studio Lumière"

    @pytest.fixture
    def dressed(self, any_month: Any) -> Any:
        set_fields(
            any_month,
            self.STUDIO,
            po_number="-7 BC",
            class_list_id=list_id(any_month, "class", "Services:Sur place"),
            terms_list_id=list_id(any_month, "terms", "Net 15"),
            tax_code_list_id=list_id(any_month, "tax-code", "E"),
            other1="{sku}",
            other2="+1, {po}",
        )
        set_fields(any_month, "Northwind Logistics Ltd.", po_number="?", other1="?")
        return any_month

    def apply(self, month: Any, text: str) -> mappings.MappingResult:
        return mappings.apply_csv(month.portal, month.connection_id, text.encode(), "m.csv")

    def test_they_go_out_and_come_back(self, dressed: Any) -> None:
        before = snapshot(dressed)
        text = mappings.write_csv(dressed.portal, dressed.connection_id)
        (studio,) = (row for row in rows_of(text) if row["name"] == self.STUDIO)
        assert [studio[name] for name in ("po", "class", "terms", "tax", "other1", "other2")] == [
            "'-7 BC",
            "Services:Sur place",
            "Net 15",
            "E",
            "{sku}",
            "'+1, {po}",
        ]
        assert self.apply(dressed, text).changed == 0
        nothing = {field.key: None for field in FIELDS}
        set_fields(dressed, self.STUDIO, **nothing)
        set_fields(dressed, "Northwind Logistics Ltd.", **nothing)
        assert self.apply(dressed, text).changed == 2
        assert snapshot(dressed) == before

    def test_a_file_without_them_keeps_what_is_set(self, dressed: Any) -> None:
        before = snapshot(dressed)
        lines = mappings.write_csv(dressed.portal, dressed.connection_id).splitlines()
        short = [",".join(row[:6]) for row in csv.reader(lines) if "," not in "".join(row[:6])]
        assert self.apply(dressed, "\n".join(short)).changed == 0
        assert snapshot(dressed) == before

    def test_a_cell_is_emptied_changed_or_left(self, dressed: Any) -> None:
        head = ",".join([*mappings.COLUMNS, "po", "class", "terms", "tax"])
        row = f"organization,{self.STUDIO},,?,yes,create,,téléphonie,?,?"
        assert self.apply(dressed, f"{head}\n{row}\n").changed == 1
        (after,) = (one for one in snapshot(dressed)["organization"] if one[1] == self.STUDIO)
        expected = (
            None,
            list_id(dressed, "class", "Téléphonie"),
            list_id(dressed, "terms", "Net 15"),
            list_id(dressed, "tax-code", "E"),
        )
        assert (after[2], after[5:9]) == (list_id(dressed, "customer", "Studio Lumiere enr."), expected)

    def test_a_template_is_emptied_changed_or_left(self, dressed: Any) -> None:
        head = ",".join([*mappings.COLUMNS, "other1", "other2"])
        for cells, expected in (
            ("?,{first}  {last}", ("{sku}", "{first} {last}")),
            (f",{'é' * 200}", (None, "é" * 200)),
            ("'?,", ("?", None)),
        ):
            row = f"organization,{self.STUDIO},,?,yes,create,{cells}"
            assert self.apply(dressed, f"{head}\n{row}\n").changed == 1
            (after,) = (one for one in snapshot(dressed)["organization"] if one[1] == self.STUDIO)
            assert (after[5], after[9:]) == ("-7 BC", expected)

    @pytest.mark.parametrize(
        ("column", "cell", "reason"),
        [
            ("other1", "x" * 201, "line 2, column other1: “x+” cannot be a template: 200 characters at most"),
            ("other2", "{sku", "line 2, column other2: “{sku” cannot be a template"),
            ("other2", "{price}", r"no placeholders but {offer} {sku} .*{po}\."),
        ],
    )
    def test_a_template_that_cannot_be_is_refused_with_its_line(
        self, month: Any, column: str, cell: str, reason: str
    ) -> None:
        before = snapshot(month)
        head = ",".join([*mappings.COLUMNS, column])
        with pytest.raises(Refused, match=reason):
            self.apply(month, f"{head}\norganization,{self.STUDIO},,?,yes,create,{cell}\n")
        with pytest.raises(Refused, match=f"column {column} is for organizations"):
            self.apply(month, f"{head}\noffer,Visio,VIS-P2,?,yes,,{cell}\n")
        assert snapshot(month) == before

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            ("organization,Studio Lumière,,?,yes,create,,Nowhere,,", "line 2, column class: QuickBooks has no active"),
            ("organization,Studio Lumière,,?,yes,create,,Ancien secteur,,", "no active “Ancien secteur”"),
            ("organization,Studio Lumière,,?,yes,create,,,,Net 15", "column tax: QuickBooks has no active “Net 15”"),
            (f"organization,Studio Lumière,,?,yes,create,{'9' * 26},,,", "line 2: “9+” cannot be a PO number"),
            ("organization,Studio Lumière,,?,yes,create,no №,,,", "“no №” cannot be a PO number"),
            ("offer,Visio,VIS-P2,?,yes,,PO 1,,,", "line 2: column po is for organizations"),
        ],
    )
    def test_what_quickbooks_would_refuse_is_refused_with_its_line(self, month: Any, row: str, reason: str) -> None:
        before = snapshot(month)
        head = ",".join([*mappings.COLUMNS, "po", "class", "terms", "tax"])
        with pytest.raises(Refused, match=reason):
            self.apply(month, f"{head}\n{row}\n")
        assert snapshot(month) == before

    def test_a_class_that_became_inactive_does_not_stop_a_file_that_leaves_it(self, month: Any) -> None:
        set_fields(month, self.STUDIO, class_list_id=list_id(month, "class", "Ancien secteur"))
        assert self.apply(month, mappings.write_csv(month.portal, 1)).changed == 0


def test_what_quickbooks_no_longer_has_goes_out_as_a_question_mark_and_stays_mapped(month: Any) -> None:
    with month.portal.database.write() as db:
        for name in ("Licences:Visio P2", "Océan Bleu"):
            db.execute(sa.delete(ListObject).filter_by(full_name=name))
        db.execute(sa.update(Organization).filter_by(name="Studio Lumière").values(class_list_id="80000000-1"))
    before = snapshot(month)
    text = mappings.write_csv(month.portal, 1)
    assert [row["name"] for row in rows_of(text) if "?" in (row["quickbooks"], row["class"])] == [
        "Visio Plan 2",
        "Groupe Océan Bleu inc.",
        "Studio Lumière",
    ]
    assert mappings.apply_csv(month.portal, 1, text.encode(), "m.csv").changed == 0
    assert snapshot(month) == before
    off = text.replace("Visio Plan 2,VIS-P2,?,yes", "Visio Plan 2,VIS-P2,?,no")
    assert mappings.apply_csv(month.portal, 1, off.encode(), "m.csv").changed == 1


def test_something_that_is_called_a_question_mark_is_told_from_one_that_is_gone(month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.update(ListObject).filter_by(full_name="Licences:Visio P2").values(full_name="?"))
        db.add(Organization(connection_id=1, key="?", name="?"))
    before = snapshot(month)
    text = mappings.write_csv(month.portal, 1)
    with month.portal.database.write() as db:
        db.execute(sa.update(Offer).values(item_list_id=None))
        db.execute(sa.delete(Organization).filter_by(key="?"))
    mappings.apply_csv(month.portal, 1, text.encode(), "m.csv")
    assert snapshot(month) == before
