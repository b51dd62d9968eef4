"""The file of charges: out and in without loss, looked at first, and what it may not do."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.period import BillingMode
from portal.errors import Conflict, Refused
from portal.models import Charge as Row
from portal.services import charge_file, charge_list, charge_states, connections
from portal.services.charge_cells import COLUMNS, armed, read_file, tell
from portal.services.csv_cells import ENGLISH, FRENCH, Dialect, arm, join, revive
from portal.services.paging import Wanted

CHARGES = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"
ALL = Wanted(sort="date", is_descending=True)
NEW = {
    "key": "by-hand-1",
    "organization": "Client Neuf inc.",
    "offer_key": "SETUP",
    "description": "Mise en service",
    "kind": "one-time",
    "cycle": "one-time",
    "quantity": "1",
    "first_day": "2026-10-05",
    "last_day": "2026-10-05",
    "unit_cost": "250",
    "amount": "250.00",
    "currency": "CAD",
}


def written(month: Any, dialect: Dialect = ENGLISH) -> str:
    return "".join(charge_file.write_csv(month.portal, month.connection_id, ALL, dialect))


def rows_of(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter))


def file_of(*rows: dict[str, str], delimiter: str = ",") -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return join(columns, *([row.get(name, "") for name in columns] for row in rows), delimiter=delimiter).encode()


def planned(month: Any, data: bytes) -> Any:
    return charge_file.plan_csv(month.portal, month.connection_id, data, "charges.csv")


def applied(month: Any, data: bytes, token: str | None = None) -> charge_file.ChargeFileResult:
    return charge_file.apply_csv(month.portal, month.connection_id, data, "charges.csv", who="a@b.example", token=token)


def changed(month: Any, organization: str, **cells: str) -> tuple[dict[str, str], bytes]:
    """The first recurring charge of an organization as the file has it, and a file with it changed."""
    rows = rows_of(written(month))
    row = next(one for one in rows if one["organization"] == organization and one["kind"] == "recurring")
    return row, file_of({**row, **cells})


def _is_of(said: dict[str, Any], row: dict[str, str]) -> bool:
    names = [tag["value"] for tag in said["tags"]]
    return said["sku"] == row["offer_key"] and said["chargeType"] == "Recurring" and row["organization"] in names


def ledger(month: Any) -> list[Row]:
    with month.portal.database.read() as db:
        return list(db.query(Row).order_by(Row.id))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
NAMES = TEXT.filter(lambda text: bool(text.strip()))
TAGS = st.lists(st.tuples(TEXT | st.just(""), TEXT | st.just("")), max_size=4).map(tuple)
NUMBERS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=6) | st.just(
    Decimal("7.6666666666666666666666666667")
)


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    start = draw(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
    return Charge(
        key=draw(NAMES),
        organization=draw(NAMES),
        offer_key=draw(
            NAMES
            | st.sampled_from(
                [
                    "0012",
                    "1-2",
                    "12E5",
                    "=1+1",
                    "'=x",
                    "'0012",
                    "-1",
                    "@a",
                    "3/4",
                    "TRUE",
                    "mar-26",
                    "5 mars",
                    "5%",
                    ".5",
                ]
            )
        ),
        offer_name=draw(NAMES),
        kind=draw(st.sampled_from(ChargeKind)),
        cycle=draw(st.sampled_from(BillingCycle)),
        quantity=draw(NUMBERS),
        start=start,
        end=start + timedelta(days=draw(st.integers(1, 400))),
        unit_cost=draw(NUMBERS),
        unit_cost_prorated=draw(NUMBERS),
        amount=draw(st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=2)),
        currency=draw(st.sampled_from(["CAD", "USD"])),
        is_proratable=draw(st.booleans()),
        tags=draw(TAGS),
    )


@given(charge=charges(), dialect=st.sampled_from([ENGLISH, FRENCH]))
def test_what_goes_out_comes_back_whatever_the_texts_are(charge: Charge, dialect: Dialect) -> None:
    text = join(COLUMNS, armed(tell(charge, dialect)), delimiter=dialect.delimiter)
    (told,), faults = read_file(text.encode(), "charges.csv")
    assert not faults
    assert Charge(key=told.key, **told.values) == charge


@pytest.mark.parametrize("dialect", [ENGLISH, FRENCH])
def test_a_file_that_was_only_downloaded_changes_nothing(any_month: Any, dialect: Dialect) -> None:
    data = written(any_month, dialect).encode()
    plan = planned(any_month, data)
    before = [(row.id, row.raw) for row in ledger(any_month)]
    assert plan.rows == plan.unchanged == len(before) > 70
    assert (plan.differences, plan.faults, plan.added) == ((), (), {})
    done = applied(any_month, data, plan.token)
    assert (done.import_id, done.new, done.changed) == (None, 0, 0)
    assert [(row.id, row.raw) for row in ledger(any_month)] == before


def test_another_connection_takes_the_same_charges(month: Any) -> None:
    data = written(month).encode()
    given: dict[str, Any] = {"billing_mode": BillingMode.IN_ARREARS, "invoice_day": 1}
    partner = "Nordet Infogérance inc."
    other_connection = connections.add_connection(month.portal, "Ontario", partner=partner, **given).id
    done = charge_file.apply_csv(month.portal, other_connection, data, "charges.csv")
    text = "".join(charge_file.write_csv(month.portal, other_connection, ALL))
    assert done.new == done.rows == len(rows_of(text))
    assert sorted(text.splitlines()) == sorted(written(month).splitlines())


def test_a_look_lists_what_is_new_and_what_changes_and_writes_nothing(month: Any) -> None:
    before = written(month)
    row, data = changed(month, "Boulangerie Aux Trois Blés", quantity="12")
    plan = planned(month, data)
    (one,) = plan.differences
    assert next((cell.column, cell.before, cell.after) for cell in one.cells()) == ("quantity", row["quantity"], "12")
    assert not one.is_new
    assert not one.is_corrected
    assert written(month) == before


def test_a_new_charge_makes_its_organization_and_its_offer(month: Any) -> None:
    plan = planned(month, file_of(NEW))
    assert (plan.new_organizations, plan.new_offers) == (("Client Neuf inc.",), ("SETUP",))
    assert plan.added == {"CAD": Decimal("250.00")}
    done = applied(month, file_of(NEW), plan.token)
    assert (done.new, done.changed) == (1, 0)
    (kept,) = [row for row in ledger(month) if row.key == "by-hand-1"]
    assert (kept.quantity, kept.amount, kept.start, kept.end) == (1, 250, date(2026, 10, 5), date(2026, 10, 6))
    assert kept.unit_cost_prorated == 250
    assert not kept.is_proratable
    assert applied(month, file_of(NEW)).import_id is None


def test_a_charge_that_was_billed_is_given_back_and_billed_anew(month: Any) -> None:
    month.bill()
    row, data = changed(month, "Boulangerie Aux Trois Blés", quantity="12", amount="300.00")
    (one,) = planned(month, data).differences
    assert one.is_corrected
    done = applied(month, data)
    assert done.corrected == 1
    entries = [entry for entry in ledger(month) if entry.key == row["key"]]
    assert [(entry.is_billed, entry.reverses_id is not None) for entry in entries] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert charge_states.tally(month.portal, month.connection_id).adds_up
    # What stands now is what the file has next: the entries of the ledger's own are not in it.
    (stands,) = [one for one in rows_of(written(month)) if one["key"] == row["key"]]
    assert stands["quantity"] == "12"
    assert planned(month, written(month).encode()).differences == ()


def test_a_charge_changed_by_hand_is_still_withdrawn_by_its_supplier(month: Any) -> None:
    row, data = changed(month, "Boulangerie Aux Trois Blés", quantity="12")
    applied(month, data)
    said = json.loads(CHARGES.read_bytes())
    gone = next(one for one in said["charges"] if _is_of(one, row))
    kept = [one for one in said["charges"] if one is not gone]
    result = month.import_charges(json.dumps({**said, "charges": kept}).encode(), "october-again.json")
    assert result.withdrawn == 1
    assert not [entry for entry in ledger(month) if entry.key == row["key"]]


def test_what_changed_after_the_look_is_not_overwritten(month: Any) -> None:
    _row, data = changed(month, "Boulangerie Aux Trois Blés", quantity="12")
    token = planned(month, data).token
    applied(month, changed(month, "Boulangerie Aux Trois Blés", quantity="13")[1])
    with pytest.raises(Conflict, match="Look again"):
        applied(month, data, token)


def test_a_missing_column_leaves_what_is_known(month: Any) -> None:
    row, _data = changed(month, "Boulangerie Aux Trois Blés")
    short = {name: row[name] for name in COLUMNS if name not in ("tags", "unit_cost", "proratable", "description")}
    assert planned(month, file_of(short)).differences == ()


def test_filters_choose_what_goes_out(month: Any) -> None:
    wanted = Wanted(search="boulangerie", sort="date", is_descending=True)
    text = "".join(charge_file.write_csv(month.portal, month.connection_id, wanted))
    assert {row["organization"] for row in rows_of(text)} == {"Boulangerie Aux Trois Blés"}


def test_days_and_numbers_come_back_as_excel_saves_them(month: Any) -> None:
    us = {**NEW, "first_day": "10/13/2026", "last_day": "10/14/2026"}
    french = {**NEW, "first_day": "13.10.2026", "last_day": "14.10.2026", "amount": "250,00", "unit_cost": "250,5"}
    for data in (file_of(us), file_of(french, delimiter=";")):
        (one,) = planned(month, data).differences
        assert (one.charge.start, one.charge.end) == (date(2026, 10, 13), date(2026, 10, 15))
        assert one.charge.amount == 250


@pytest.mark.parametrize(
    ("cells", "column", "said"),
    [
        ({"key": " "}, "key", "key is empty"),
        ({"key": "k" * 81}, "key", "more than 80 characters"),
        ({"organization": ""}, "organization", "organization is empty"),
        ({"kind": "gift"}, "kind", "Write one of recurring, prorated, usage, one-time, credit"),
        ({"cycle": "weekly"}, "cycle", "Write one of one-time, monthly, yearly"),
        ({"quantity": "many"}, "quantity", "not a number such as 1234.56"),
        ({"quantity": "1,5"}, "quantity", "not a number such as 1234.56"),
        ({"amount": "1e14"}, "amount", "more than can be kept"),
        ({"amount": "1.005"}, "amount", "not whole cents"),
        ({"currency": "$"}, "currency", "not three letters such as CAD"),
        ({"first_day": "04/05/2026"}, "first_day", "cannot tell the day"),
        ({"first_day": "2026-10-06"}, "last_day", "before its start"),
        ({"proratable": "perhaps"}, "proratable", "write yes or no"),
        ({"tags": "Department"}, "tags", "is not a tag"),
        ({"amount": "-1"}, "kind", "kind must be credit"),
        ({"kind": "credit"}, "amount", "neither quantity nor amount is negative"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_line(month: Any, cells: dict[str, str], column: str, said: str) -> None:
    data = file_of({**NEW, "key": "fine"}, {**NEW, **cells})
    (fault,) = planned(month, data).faults
    assert (fault.line, fault.column) == (3, column)
    assert said in str(fault.what)
    assert "charges.csv, line 3" in str(fault.what)
    before = len(ledger(month))
    with pytest.raises(Refused, match="line 3"):
        applied(month, data)
    assert len(ledger(month)) == before


def test_the_same_key_twice_is_refused(month: Any) -> None:
    (fault,) = planned(month, file_of(NEW, NEW)).faults
    assert "stands on line 2 already" in str(fault.what)


def test_a_file_without_a_needed_column_is_no_file_of_charges(month: Any) -> None:
    with pytest.raises(Refused, match="has no column amount"):
        charge_file.check(file_of({name: value for name, value in NEW.items() if name != "amount"}), "charges.csv")


def test_the_list_of_charges_is_no_file_of_charges_but_may_come_in(month: Any) -> None:
    """The report has other columns besides; what it lacks stays as it is known."""
    text = "".join(charge_list.write_csv(month.portal, month.connection_id, ALL))
    plan = planned(month, text.encode())
    assert (plan.differences, plan.faults) == ((), ())


@pytest.mark.parametrize(
    "text", ["0012", "1-2", "12E5", "3/4", "TRUE", "faux", "mar-26", "10-DEC", "Jan 5", "5 août", "5%"]
)
def test_what_excel_takes_for_something_else_is_kept_a_text(text: str) -> None:
    assert arm(text) == f"'{text}"
    assert revive(arm(text)) == text
    assert arm(f"{text} Licence") == f"{text} Licence"


@pytest.mark.parametrize("text", ["12", "0", "M365-BB", "Marché 5", "Mayfair 12", "May"])
def test_what_excel_leaves_alone_is_written_as_it_is(text: str) -> None:
    assert arm(text) == text


def test_long_numbers_stay_though_excel_shows_fewer_digits(month: Any) -> None:
    exact = {**NEW, "quantity": "744.123456789012", "kind": "usage", "unit_cost": "0.3359652666666666666666666667"}
    applied(month, file_of(exact))
    shown = {**exact, "quantity": "744.1234568", "unit_cost": "0.335965267"}
    assert planned(month, file_of(exact)).differences == ()
    assert planned(month, file_of(shown)).differences == ()
    assert len(planned(month, file_of({**shown, "quantity": "744.2"})).differences) == 1


def test_a_description_of_blanks_is_none(month: Any) -> None:
    (one,) = planned(month, file_of({**NEW, "description": "  "})).differences
    assert one.charge.offer_name == "SETUP"


def test_blanks_around_a_key_make_no_other_charge(month: Any) -> None:
    applied(month, file_of(NEW))
    assert planned(month, file_of({**NEW, "key": " by-hand-1 "})).differences == ()
    (fault,) = planned(month, file_of(NEW, {**NEW, "key": "by-hand-1 "})).faults
    assert "stands on line 2 already" in str(fault.what)


def test_a_comma_between_thousands_is_not_taken_for_a_decimal_one(month: Any) -> None:
    data = file_of({**NEW, "quantity": "1,250", "amount": "1250.00"}, delimiter="\t")
    (fault,) = planned(month, data).faults
    assert (fault.column, "1,250" in str(fault.what)) == ("quantity", True)


def test_a_charge_that_was_withdrawn_comes_back_with_what_was_known(month: Any) -> None:
    row, data = changed(month, "Boulangerie Aux Trois Blés")
    month.bill()
    said = json.loads(CHARGES.read_bytes())
    gone = next(one for one in said["charges"] if _is_of(one, row))
    kept = [one for one in said["charges"] if one is not gone]
    month.import_charges(json.dumps({**said, "charges": kept}).encode(), "october-again.json")
    short = {name: value for name, value in row.items() if name not in ("tags", "unit_cost", "description")}
    (one,) = planned(month, file_of(short)).differences
    assert (one.is_new, one.charge.tags != ()) == (True, True)
    applied(month, data)
    assert planned(month, data).differences == ()


def test_more_charges_than_are_written_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.services.charge_cells.MOST_ROWS", 1)
    with pytest.raises(Refused, match="more than 1 charges"):
        charge_file.check(file_of(NEW, {**NEW, "key": "two"}), "charges.csv")
