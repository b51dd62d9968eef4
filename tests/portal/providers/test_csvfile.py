"""CSV with a saved profile: tables read safely, profiles guessed and never silently decided, charges to the cent."""

from __future__ import annotations

import csv
import io
import json
import time
import tracemalloc
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.providers import MAX_BYTES, Delivery, ProviderError, csvfile, table
from portal.providers.csvfile import DateFormat, DecimalMark, Profile, Source, Thousands

SAMPLES = Path(__file__).parents[3] / "samples" / "csv"

PROFILE = Profile(
    organization="Client",
    offer_key="SKU",
    offer_name="Product",
    quantity="Qty",
    unit_cost="Price",
    amount="Total",
    start="From",
    end="To",
    kind="Type",
    cycle="Cycle",
    fixed_currency="CAD",
    tags=("Site",),
)
ROW = {
    "Client": "Studio Lumière",
    "SKU": "BKP",
    "Product": "Cloud backup",
    "Qty": "2",
    "Price": "4.25",
    "Total": "8.50",
    "From": "2026-10-01",
    "To": "2026-10-31",
    "Type": "Recurring",
    "Cycle": "Monthly",
    "Site": "Laval",
}


def make_file(*rows: dict[str, str], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    headings = list(dict.fromkeys([*ROW, *(name for row in rows for name in row)]))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, headings, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROW | row for row in rows)
    return out.getvalue().encode(encoding)


def read_rows(*rows: dict[str, str], profile: Profile = PROFILE) -> tuple[Charge, ...]:
    return csvfile.read(make_file(*rows), "october.csv", profile).charges


def read_row(profile: Profile = PROFILE, **changes: str) -> Charge:
    return read_rows(changes, profile=profile)[0]


def refuse(data: bytes, profile: Profile = PROFILE) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        csvfile.read(data, "october.csv", profile)
    return caught.value


# The table


def open_rows(data: bytes, **choices: str) -> list[tuple[int, tuple[str, ...]]]:
    found = table.open_table(data, "f.csv", **choices)
    return [(row.number, tuple(row.cells.values())) for row in found.rows()]


def refuse_table(data: bytes, **choices: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        open_rows(data, **choices)
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("delimiter", table.DELIMITERS)
def test_encoding_and_delimiter_are_found_and_told(encoding: str, told: str, delimiter: str) -> None:
    text = f'Client{delimiter}Qté\r\n"“Élan”, inc"{delimiter}3\r\n'
    found = table.open_table(text.encode(encoding), "f.csv")
    assert (found.encoding, found.delimiter, found.headings) == (told, delimiter, ("Client", "Qté"))
    assert [row.cells for row in found.rows()] == [{"Client": "“Élan”, inc", "Qté": "3"}]


def test_a_big_endian_mark_wins_over_the_encoding_that_is_asked_for() -> None:
    data = b"\xfe\xff" + "a,b\n1,é\n".encode("utf-16-be")
    assert open_rows(data, encoding="cp1252") == [(2, ("1", "é"))]


def test_rows_have_the_numbers_that_a_spreadsheet_shows() -> None:
    data = b'a,b\n"one\ncell","with ""quotes"", too"\n\n,\n3,4\n'
    assert open_rows(data) == [(2, ("one\ncell", 'with "quotes", too')), (5, ("3", "4"))]


def test_excels_own_first_line_names_the_delimiter() -> None:
    assert open_rows(b"sep=;\r\na;b\r\n1,5;2\r\n") == [(2, ("1,5", "2"))]


def test_decimal_commas_do_not_make_a_comma_the_delimiter() -> None:
    assert open_rows(b"a;b;c\n1,5;2,25;3,1\n") == [(2, ("1,5", "2,25", "3,1"))]


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "=HYPERLINK(A1)"])
def test_a_formula_is_a_text(cell: str) -> None:
    assert open_rows(f"a,b\n{cell},2\n".encode()) == [(2, (cell, "2"))]
    assert read_row(Client=cell).organization == cell


def test_a_column_without_heading_is_called_by_its_place() -> None:
    headings = ["x"] + [""] * 27
    assert table.open_table((",".join(headings) + "\n").encode(), "f").headings[-3:] == ("[Z]", "[AA]", "[AB]")


@pytest.mark.parametrize(
    ("data", "key", "sentence"),
    [
        (b"", "table.empty", "f.csv is empty."),
        (b" \r\n,,\r\n", "table.empty", "f.csv is empty."),
        (b"\xef\xbb\xbf", "table.empty", "f.csv is empty."),
        (b"a,A\n1,2\n", "table.same_heading", "row 1, column a: two columns have this heading."),
        (b"a,b\n1\n", "table.row_width", "row 2: it has 1 cells, and the headings are 2."),
        (b"a,b\n1,2\n1,2,3\n", "table.row_width", "row 3: it has 3 cells, and the headings are 2."),
        (b"a\tb\n1\t2\t\n", "table.row_width", "a cell with “Tab” in it needs quotes"),
        (b'a,b\n1,"2\n', "table.quotes", "row 2: a quote is opened and not closed"),
        (b'a,b\n1,2\n"x"y,2\n', "table.quotes", "row 3: a quote is opened"),
        (b"a,b\n1,2\n\x00,2\n", "table.nul", "row 3: it holds a NUL character"),
        (b"a,b\n1," + b"x" * 32_768 + b"\n", "table.long_cell", "row 2, column b: the cell has more than 32767"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "table.huge_cell", "row 2: a cell is far too long"),
        (b"x" * 32_768 + b",b\n", "table.long_cell", "row 1, column xxx"),
        (b"a,b\n" + b"x," * 3_000_000, "table.long_row", "row 2: it has more than 4194304 characters."),
        (b"PK\x03\x04...", "table.not_csv", "f.csv is a workbook, an archive or a PDF, not CSV."),
        (b"a,\x81\n", "table.not_text", "f.csv is not text in cp1252 (byte 2 does not fit)."),
        (b"\xff\xfea\x00,", "table.not_text", "is not text in utf-16-le (byte 4 does not fit)."),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(data: bytes, key: str, sentence: str) -> None:
    error = refuse_table(data)
    assert error.key == key
    assert sentence in str(error)
    assert "Nothing was imported: " in str(error)


def test_an_encoding_that_was_asked_for_must_fit() -> None:
    assert "is not text in utf-8 (byte 1048579 does not fit)" in str(
        refuse_table(b"a,b\n" + b"x,y\n" * 262_143 + b"xyz\xe9,y\n", encoding="utf-8")
    )


def test_a_file_over_the_limit_is_refused_unread() -> None:
    error = refuse_table(b" " * (MAX_BYTES + 1))
    assert str(error) == "f.csv has 65 MB, and 64 MB is the most that is read. Export one billing period at a time."


def test_ten_thousand_columns_are_refused_at_once() -> None:
    data = b",".join(b"c%d" % number for number in range(10_000)) + b"\n" + b"x\n" * 100_000
    begun = time.perf_counter()
    error = refuse_table(data)
    assert time.perf_counter() - begun < 5
    assert (error.key, error.values["row"], error.values["count"]) == ("table.too_many_columns", "1", "10000")


def test_a_quote_that_is_never_closed_costs_little() -> None:
    tracemalloc.start()
    error = refuse_table(b'a,b\n"' + b"x\n" * 4_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.key == "table.huge_cell"
    assert peak < 40 * 1024**2


def test_rows_come_one_at_a_time() -> None:
    data = b"a,b\n" + b"some text,some more text\n" * 50_000
    tracemalloc.start()
    assert sum(1 for _ in table.open_table(data, "f").rows()) == 50_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(data) + 4 * 1024**2


# Numbers and dates


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "number"),
    [
        ("12.50", DecimalMark.POINT, Thousands.NONE, "12.50"),
        ("12,50", DecimalMark.COMMA, Thousands.NONE, "12.50"),
        ("1.234", DecimalMark.COMMA, Thousands.POINT, "1234"),
        ("1.234,5", DecimalMark.COMMA, Thousands.POINT, "1234.5"),
        ("1.234", DecimalMark.POINT, Thousands.COMMA, "1.234"),
        ("1,234,567.89", DecimalMark.POINT, Thousands.COMMA, "1234567.89"),
        ("1 234,50", DecimalMark.COMMA, Thousands.SPACE, "1234.50"),
        ("1\u202f234,50\u00a0$", DecimalMark.COMMA, Thousands.SPACE, "1234.50"),
        ("1'234.5", DecimalMark.POINT, Thousands.APOSTROPHE, "1234.5"),
        ("1’234.5", DecimalMark.POINT, Thousands.APOSTROPHE, "1234.5"),
        ("(12.50)", DecimalMark.POINT, Thousands.NONE, "-12.50"),
        ("12.50-", DecimalMark.POINT, Thousands.NONE, "-12.50"),
        ("−12.50", DecimalMark.POINT, Thousands.NONE, "-12.50"),
        ("+12.50", DecimalMark.POINT, Thousands.NONE, "12.50"),
        ("$12.50", DecimalMark.POINT, Thousands.NONE, "12.50"),
        ("-$12.50", DecimalMark.POINT, Thousands.NONE, "-12.50"),
        ("$-12.50", DecimalMark.POINT, Thousands.NONE, "-12.50"),
        ("($12.50)", DecimalMark.POINT, Thousands.NONE, "-12.50"),
        ("CA$ 12.50", DecimalMark.POINT, Thousands.NONE, "12.50"),
        ("12,50 $ CA", DecimalMark.COMMA, Thousands.NONE, "12.50"),
        ("(12,50 $)", DecimalMark.COMMA, Thousands.NONE, "-12.50"),
        ("12.50 CAD", DecimalMark.POINT, Thousands.NONE, "12.50"),
        ("EUR 12.50", DecimalMark.POINT, Thousands.NONE, "12.50"),
        (".5", DecimalMark.POINT, Thousands.NONE, "0.5"),
        ("5E-05", DecimalMark.POINT, Thousands.NONE, "0.00005"),
        ("-0", DecimalMark.POINT, Thousands.NONE, "0"),
        ("1.234", DecimalMark.COMMA, Thousands.NONE, None),
        ("1,23,456", DecimalMark.POINT, Thousands.COMMA, None),
        ("12,34", DecimalMark.POINT, Thousands.COMMA, None),
        ("1234,567.00", DecimalMark.POINT, Thousands.COMMA, None),
        ("12 %", DecimalMark.POINT, Thousands.SPACE, None),
        ("(-12)", DecimalMark.POINT, Thousands.NONE, None),
        ("--12", DecimalMark.POINT, Thousands.NONE, None),
        ("=1+1", DecimalMark.POINT, Thousands.NONE, None),
        ("NaN", DecimalMark.POINT, Thousands.NONE, None),
        ("١٢", DecimalMark.POINT, Thousands.NONE, None),
        ("$", DecimalMark.POINT, Thousands.NONE, None),
        ("9" * 41, DecimalMark.POINT, Thousands.NONE, None),
    ],
)
def test_numbers_are_read_as_people_write_them(
    text: str, decimal: DecimalMark, thousands: Thousands, number: str | None
) -> None:
    found = csvfile.parse_number(text, decimal, thousands)
    assert found == (None if number is None else Decimal(number))
    assert str(found) != "-0"


@pytest.mark.parametrize(
    ("text", "date_format"),
    [
        ("2026-10-05", DateFormat.ISO),
        ("2026-10-05T00:00:00Z", DateFormat.ISO),
        ("05/10/2026", DateFormat.DAY_FIRST),
        ("5-10-2026 23:59", DateFormat.DAY_FIRST),
        ("10/05/2026", DateFormat.MONTH_FIRST),
        ("10/5/2026 11:59:59 PM", DateFormat.MONTH_FIRST),
        ("05.10.2026", DateFormat.DOTTED),
        ("20261005", DateFormat.COMPACT),
    ],
)
def test_dates_are_read_in_their_format_only(text: str, date_format: DateFormat) -> None:
    assert csvfile.parse_day(text, date_format) == date(2026, 10, 5)
    others = {one: csvfile.parse_day(text, one) for one in DateFormat if one is not date_format}
    assert date(2026, 10, 5) not in others.values()


@pytest.mark.parametrize(
    "text",
    ["", "2026-02-30", "9999-12-31", "0001-01-05", "1999-12-31", "2200-01-01", "2026-10", "26-10-05", "2026-10-05x"],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert csvfile.parse_day(text, DateFormat.ISO) is None


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("2026-10", (date(2026, 10, 1), date(2026, 10, 31))),
        ("02/2028", (date(2028, 2, 1), date(2028, 2, 29))),
        ("2026-10-15 - 2026-11-14", (date(2026, 10, 15), date(2026, 11, 14))),
        ("2026-10-15 au 2026-11-14", (date(2026, 10, 15), date(2026, 11, 14))),
        ("2026-10-15 to 2026-11-14", (date(2026, 10, 15), date(2026, 11, 14))),
        ("2026-13", None),
        ("October", None),
        ("2026-10-15 - later", None),
    ],
)
def test_one_column_may_hold_a_period(text: str, period: tuple[date, date] | None) -> None:
    assert csvfile.parse_period(text, DateFormat.ISO) == period


# Profiles


def test_a_profile_survives_json() -> None:
    changed = replace(
        PROFILE,
        encoding="cp1252",
        delimiter="\t",
        decimal=DecimalMark.COMMA,
        thousands=Thousands.SPACE,
        date_format=None,
        is_last_day_inclusive=False,
        fixed_kind=ChargeKind.USAGE,
        fixed_cycle=BillingCycle.YEARLY,
        kind_words=(("Avoir", "credit"),),
    )
    for profile in (PROFILE, changed, Profile()):
        assert Profile.from_json(profile.to_json()) == profile


@pytest.mark.parametrize(
    ("text", "key", "sentence"),
    [
        ("{", "not_json", "The profile is not JSON: "),
        ("[1]", "not_object", "The profile is not a JSON object."),
        ('{"colour": 1}', "unknown_field", "The profile has colour, which is not known here."),
        ('{"decimal": ";"}', "bad_value", 'The profile cannot have ";" as decimal.'),
        ('{"organization": 5}', "bad_value", "The profile cannot have 5 as organization."),
        ('{"delimiter": "-"}', "bad_value", 'The profile cannot have "-" as delimiter.'),
        ('{"encoding": "ebcdic"}', "bad_value", 'cannot have "ebcdic" as encoding.'),
        ('{"is_last_day_inclusive": "yes"}', "bad_value", 'cannot have "yes" as is_last_day_inclusive.'),
        ('{"kind_words": {"x": "gift"}}', "bad_value", 'cannot have {"x": "gift"} as kind_words.'),
        ('{"kind_words": []}', "bad_value", "cannot have [] as kind_words."),
        ('{"tags": [1]}', "bad_value", "cannot have [1] as tags."),
        ('{"fixed_currency": "$"}', "bad_value", 'cannot have "$" as fixed_currency.'),
        ('{"fixed_kind": []}', "bad_value", "cannot have [] as fixed_kind."),
        ('{"decimal": ",", "thousands": ","}', "same_marks", "has , both before the cents and between thousands."),
    ],
)
def test_a_profile_that_is_not_in_order_says_what(text: str, key: str, sentence: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Profile.from_json(text)
    assert caught.value.key == f"csvfile.profile.{key}"
    assert sentence in str(caught.value)


def test_a_profile_with_an_open_choice_reads_nothing() -> None:
    error = refuse(make_file({}), replace(PROFILE, date_format=None, fixed_currency="", amount="", unit_cost=""))
    assert error.key == "csvfile.profile.open"
    assert error.values["fields"] == "date_format, amount, currency"


# Reading


def test_a_row_becomes_a_charge() -> None:
    charge = read_row()
    assert charge == Charge(
        key=charge.key,
        organization="Studio Lumière",
        offer_key="BKP",
        offer_name="Cloud backup",
        kind=ChargeKind.RECURRING,
        cycle=BillingCycle.MONTHLY,
        quantity=Decimal(2),
        start=date(2026, 10, 1),
        end=date(2026, 11, 1),
        unit_cost=Decimal("4.25"),
        unit_cost_prorated=Decimal("4.25"),
        amount=Decimal("8.50"),
        currency="CAD",
        is_proratable=True,
        tags=(("Site", "Laval"),),
    )


@pytest.mark.parametrize(
    ("changes", "kind", "cycle"),
    [
        ({"Type": "PRORATA"}, ChargeKind.PRORATED, BillingCycle.MONTHLY),
        ({"Type": "Consommation"}, ChargeKind.USAGE, BillingCycle.MONTHLY),
        ({"Type": "one time", "Cycle": ""}, ChargeKind.ONE_TIME, BillingCycle.ONE_TIME),
        ({"Type": "Crédit", "Total": "-8.50"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"Qty": "-2", "Total": "-8.50"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"Qty": "-2", "Total": "0"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"Type": "usage", "Total": "-1"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"Type": "credit", "Total": "0", "Qty": "0"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"Type": ""}, ChargeKind.RECURRING, BillingCycle.MONTHLY),
        ({"Type": "", "Cycle": "", "To": "2027-09-30"}, ChargeKind.RECURRING, BillingCycle.YEARLY),
        ({"Type": "", "Cycle": "Annuel", "To": "2027-03-31"}, ChargeKind.PRORATED, BillingCycle.YEARLY),
        ({"Type": "", "Cycle": "Unique"}, ChargeKind.ONE_TIME, BillingCycle.ONE_TIME),
        ({"Type": "", "To": "2026-10-17", "Total": "4.66"}, ChargeKind.PRORATED, BillingCycle.MONTHLY),
        ({"Type": "", "To": "2026-10-01"}, ChargeKind.ONE_TIME, BillingCycle.MONTHLY),
        ({"Type": "", "To": "2026-10-01", "Total": "0.27"}, ChargeKind.PRORATED, BillingCycle.MONTHLY),
    ],
)
def test_the_kind_and_the_cycle_follow_from_words_sign_and_period(
    changes: dict[str, str], kind: ChargeKind, cycle: BillingCycle
) -> None:
    charge = read_rows({}, changes)[1]
    assert (charge.kind, charge.cycle) == (kind, cycle)


def test_a_kind_and_a_cycle_may_be_fixed() -> None:
    profile = replace(PROFILE, kind="", cycle="", fixed_kind=ChargeKind.USAGE, fixed_cycle=BillingCycle.YEARLY)
    charge = read_row(profile)
    assert (charge.kind, charge.cycle, charge.is_proratable) == (ChargeKind.USAGE, BillingCycle.YEARLY, False)


def test_the_scope_is_the_name_of_the_profile() -> None:
    assert csvfile.read(make_file({}), "f", replace(PROFILE, name="Harbourlight")).scope == "Harbourlight"


def test_the_last_day_may_be_left_out_of_the_period() -> None:
    assert read_row(replace(PROFILE, is_last_day_inclusive=False), To="2026-11-01").end == date(2026, 11, 1)


def test_one_column_gives_the_whole_period() -> None:
    charge = read_row(replace(PROFILE, end="From"), From="2026-10")
    assert (charge.start, charge.end) == (date(2026, 10, 1), date(2026, 11, 1))


def test_of_price_and_amount_one_follows_from_the_other() -> None:
    assert read_row(replace(PROFILE, amount=""), Qty="3", Price="4.255").amount == Decimal("12.77")
    assert read_row(replace(PROFILE, unit_cost=""), Qty="3", Total="10").unit_cost == Decimal("3.3333333333")
    assert read_row(replace(PROFILE, unit_cost=""), Qty="0", Total="10").unit_cost == 0
    assert read_row(Total="").amount == Decimal("8.50")


def test_an_offer_may_be_known_by_its_name_only() -> None:
    charge = read_row(replace(PROFILE, offer_key=""))
    assert (charge.offer_key, charge.offer_name) == ("Cloud backup", "Cloud backup")
    assert read_row(replace(PROFILE, offer_name="")).offer_name == "BKP"


def test_a_column_of_currencies_may_leave_the_usual_one_out() -> None:
    profile = replace(PROFILE, currency="Money")
    assert [c.currency for c in read_rows({"Money": "usd"}, {"Money": ""}, profile=profile)] == ["USD", "CAD"]


def test_the_period_is_the_month_that_most_rows_have() -> None:
    anchored = {"From": "2026-10-15", "To": "2026-11-14"}
    delivery = csvfile.read(make_file(anchored, anchored, {}), "f", PROFILE)
    assert (delivery.period_start, delivery.period_end) == (date(2026, 10, 15), date(2026, 11, 15))
    short = {"From": "2026-09-10", "To": "2026-09-12"}
    delivery = csvfile.read(make_file(short), "f", PROFILE)
    assert (delivery.period_start, delivery.period_end) == (date(2026, 9, 1), date(2026, 10, 1))


@pytest.mark.parametrize(
    ("changes", "key", "column", "sentence"),
    [
        ({"Client": " "}, "no_organization", "Client", "its organization is not known"),
        ({"SKU": "", "Product": ""}, "no_offer", "SKU", "its offer is not known"),
        ({"Qty": ""}, "empty", "Qty", "the cell is empty"),
        ({"Total": "", "Price": ""}, "empty", "Total", "the cell is empty"),
        ({"Qty": "two"}, "not_number", "Qty", "“two” is not a number with “.” before the decimals."),
        ({"Total": "8,50"}, "not_number", "Total", "“8,50” is not a number"),
        ({"Total": "9" * 14}, "too_large", "Total", "“99999999999999” is too large."),
        ({"Total": "", "Qty": "9" * 13}, "too_large", "Price", "is too large."),
        ({"Total": "8.50 USD"}, "other_currency", "Total", "is in another currency than the row, which is in CAD."),
        ({"From": "01/10/2026"}, "not_date", "From", "“01/10/2026” is not a date such as 2026-10-31."),
        ({"To": ""}, "not_date", "To", "“” is not a date such as 2026-10-31."),
        ({"To": "2026-09-30"}, "period_reversed", "To", "ends on 2026-09-30, before its start on 2026-10-01."),
        ({"Type": "gift"}, "unknown_kind", "Type", "“gift” is no kind of charge that is known."),
        ({"Cycle": "weekly"}, "unknown_cycle", "Cycle", "“weekly” is no billing cycle that is known."),
        ({"Type": "credit"}, "positive_credit", "Type", "neither its quantity nor its amount is negative."),
    ],
)
def test_a_row_that_cannot_be_read_refuses_the_file_and_names_row_and_column(
    changes: dict[str, str], key: str, column: str, sentence: str
) -> None:
    error = refuse(make_file({}, changes))
    assert error.key == f"csvfile.row.{key}"
    assert str(error).startswith(f"october.csv, row 3, column {column}: ")
    assert sentence in str(error)
    assert "Nothing was imported: " in str(error)


def test_a_currency_that_is_none_is_named() -> None:
    error = refuse(make_file({"Money": "$"}), replace(PROFILE, currency="Money"))
    assert "column Money: “$” is not a currency of three letters, such as CAD." in str(error)


def test_a_period_that_is_none_is_named() -> None:
    assert "column From: “soon” is not a period such as 2026-10 or 2026-10-31 - 2026-10-31." in str(
        refuse(make_file({"From": "soon"}), replace(PROFILE, end="From"))
    )


def test_a_column_that_is_gone_is_named_with_those_that_are_there() -> None:
    error = refuse(make_file({}), replace(PROFILE, amount="Montant", tags=("Chantier",)))
    assert "october.csv has no column Montant, Chantier." in str(error)
    assert "It has: Client, SKU, Product," in str(error)


def test_headings_without_rows_are_refused() -> None:
    assert refuse(make_file()).key == "csvfile.no_rows"


# Keys


def test_a_corrected_row_keeps_its_key() -> None:
    corrected = read_row(Qty="3", Price="4", Total="12", Product="Backup", Type="Usage")
    assert corrected.key == read_row().key


@pytest.mark.parametrize(
    "changes",
    [
        {"Client": "Atelier Ébène"},
        {"SKU": "X"},
        {"Cycle": "Yearly"},
        {"From": "2026-10-02"},
        {"To": "2026-10-30"},
        {"Site": "Gaspé"},
        {"Total": "-8.50"},
    ],
)
def test_what_identifies_a_row_changes_its_key(changes: dict[str, str]) -> None:
    assert read_rows(changes)[0].key != read_row().key


def test_repeated_rows_are_numbered_in_file_order() -> None:
    keys = [charge.key for charge in read_rows({}, {"SKU": "X"}, {"Qty": "9"}, {})]
    assert keys[2:] == [keys[0] + "#2", keys[0] + "#3"]


def test_an_id_identifies_a_row_with_its_period() -> None:
    profile = replace(PROFILE, charge_id="Id")
    first = read_row(profile, Id="A-1")
    assert read_row(profile, Id="A-1", Client="Renamed", SKU="other").key == first.key
    assert read_row(profile, Id="A-1", From="2026-11-01", To="2026-11-30").key != first.key
    assert read_row(profile, Id="").key == read_row().key


def test_two_profiles_never_share_a_key() -> None:
    """Two suppliers may number their lines alike: what one delivers is no version of what the other does."""
    for profile in (PROFILE, replace(PROFILE, charge_id="Id")):
        mine, theirs = (read_row(replace(profile, name=name), Id="1") for name in ("Backups", "Telephony"))
        assert mine.key != theirs.key


def test_an_id_that_comes_twice_is_refused_with_both_rows() -> None:
    data = make_file({"Id": "A-1"}, {"Id": "A-2"}, {"Id": "A-1", "Qty": "5"})
    error = refuse(data, replace(PROFILE, charge_id="Id"))
    assert str(error).startswith("october.csv, row 4, column Id: “A-1” stands in row 2 already.")


# Guessing


@pytest.mark.parametrize(("name", "total"), [("harbourlight", "2689.23"), ("teleboreal", "4576.91")])
def test_the_samples_are_guessed_and_read_to_the_cent(name: str, total: str) -> None:
    path = SAMPLES / f"{name}-2026-10.csv"
    guess = csvfile.guess(path.read_bytes(), path.name)
    assert guess.open_choices == ()
    assert not any(finding.is_ambiguous for finding in guess.findings)
    profile = Profile.from_json((SAMPLES / f"{name}.profile.json").read_text(encoding="utf-8"))
    assert profile == guess.profile
    delivery = csvfile.read(path.read_bytes(), path.name, profile)
    assert (delivery.period_start, delivery.period_end) == (date(2026, 10, 1), date(2026, 11, 1))
    assert len(delivery.charges) == 12
    assert delivery.total == Decimal(total)
    assert {charge.kind for charge in delivery.charges} == set(ChargeKind)


def test_the_french_sample_is_what_an_older_excel_writes() -> None:
    path = SAMPLES / "teleboreal-2026-10.csv"
    profile = csvfile.guess(path.read_bytes(), path.name).profile
    assert (profile.encoding, profile.delimiter, profile.decimal) == ("cp1252", ";", DecimalMark.COMMA)
    assert (profile.date_format, profile.fixed_currency) == (DateFormat.DAY_FIRST, "CAD")
    assert (profile.organization, profile.amount, profile.start) == ("Entreprise", "Montant HT", "Du")


def guess_columns(**columns: list[str]) -> csvfile.Guess:
    rows = zip(*columns.values(), strict=True)
    out = io.StringIO(newline="")
    csv.writer(out, delimiter="\t").writerows([list(columns), *rows])
    return csvfile.guess(out.getvalue().encode(), "f.csv")


def find(guess: csvfile.Guess, field: str) -> csvfile.Finding:
    return next(finding for finding in guess.findings if finding.field == field)


def test_days_up_to_twelve_are_ambiguous_and_left_open() -> None:
    guess = guess_columns(Début=["05/04/2026"], Fin=["06/04/2026"])
    finding = find(guess, "date_format")
    assert guess.profile.date_format is None
    assert (finding.is_ambiguous, finding.choices) == (True, ("DD/MM/YYYY", "MM/DD/YYYY"))
    assert finding.examples[0] == ("05/04/2026", "2026-04-05 / 2026-05-04")
    assert "date_format" in guess.open_choices


def test_one_day_over_twelve_decides() -> None:
    assert guess_columns(From=["01/10/2026"], To=["31/10/2026"]).profile.date_format is DateFormat.DAY_FIRST
    assert guess_columns(From=["10/01/2026"], To=["10/31/2026"]).profile.date_format is DateFormat.MONTH_FIRST


@pytest.mark.parametrize(
    ("values", "decimal", "thousands"),
    [
        (["12.50", "3"], DecimalMark.POINT, Thousands.SPACE),
        (["12,50", "3"], DecimalMark.COMMA, Thousands.SPACE),
        (["1,234.50"], DecimalMark.POINT, Thousands.COMMA),
        (["1.234,50"], DecimalMark.COMMA, Thousands.POINT),
        (["1 234,50"], DecimalMark.COMMA, Thousands.SPACE),
        (["1'234.50"], DecimalMark.POINT, Thousands.APOSTROPHE),
        (["1,234", "0.50"], DecimalMark.POINT, Thousands.COMMA),
        (["1,234", "0,50"], DecimalMark.COMMA, Thousands.SPACE),
        (["1,234,567"], DecimalMark.POINT, Thousands.COMMA),
        (["3", "4"], DecimalMark.POINT, Thousands.SPACE),
        (["1,234"], None, Thousands.SPACE),
        (["1.234", "5"], None, Thousands.SPACE),
        (["3", "n/a"], None, Thousands.SPACE),
    ],
)
def test_marks_are_guessed_from_all_numbers(
    values: list[str], decimal: DecimalMark | None, thousands: Thousands
) -> None:
    guess = guess_columns(Total=values, Client=["x"] * len(values))
    assert (guess.profile.decimal, guess.profile.thousands) == (decimal, thousands)
    assert find(guess, "decimal").is_ambiguous is (decimal is None)


def test_an_ambiguous_number_is_shown_in_both_readings() -> None:
    assert find(guess_columns(Total=["1,234"], Client=["x"]), "decimal").examples == (("1,234", "1.234 / 1234"),)


@pytest.mark.parametrize(
    ("ends", "is_inclusive", "source"),
    [
        (["2026-10-31"], True, Source.VALUES),
        (["2026-11-01"], False, Source.VALUES),
        (["2026-10-20"], True, Source.DEFAULT),
        (["2026-10-01"], True, Source.VALUES),
    ],
)
def test_whole_months_tell_whether_the_last_day_counts(ends: list[str], is_inclusive: bool, source: Source) -> None:
    guess = guess_columns(From=["2026-10-01"] * len(ends), To=ends)
    finding = find(guess, "is_last_day_inclusive")
    assert (guess.profile.is_last_day_inclusive, finding.source) == (is_inclusive, source)


def test_whole_months_that_disagree_are_ambiguous() -> None:
    guess = guess_columns(From=["2026-10-01", "2026-10-01"], To=["2026-10-31", "2026-11-01"])
    assert find(guess, "is_last_day_inclusive").is_ambiguous


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Organisation", "organization"),
        ("Nom du client", "organization"),
        ("Customer Name", "organization"),
        ("Produit", "offer_name"),
        ("Article", "offer_name"),
        ("SKU", "offer_key"),
        ("Réf.", "offer_key"),
        ("Quantité", "quantity"),
        ("QTY.", "quantity"),
        ("Coût unitaire", "unit_cost"),
        ("Sous-total", "amount"),
        ("Devise", "currency"),
        ("Date de début", "start"),
        ("Au", "end"),
        ("Type de frais", "kind"),
        ("Fréquence", "cycle"),
        ("Line ID", "charge_id"),
    ],
)
def test_headings_are_known_in_english_and_french(heading: str, field: str) -> None:
    guess = guess_columns(**{heading: [""], "Autre": ["x"]})
    assert getattr(guess.profile, field) == heading
    assert find(guess, field).source is Source.HEADING
    assert guess.profile.tags == ("Autre",)


def test_a_column_of_periods_gives_start_and_end() -> None:
    guess = guess_columns(Période=["2026-10", "2026-11"], Client=["x", "y"])
    assert (guess.profile.start, guess.profile.end) == ("Période", "Période")
    assert guess.profile.date_format is DateFormat.ISO


def test_a_type_with_unknown_words_is_not_taken_for_the_kind() -> None:
    guess = guess_columns(Type=["Licence", "recurring"], Client=["x", "y"])
    assert (guess.profile.kind, find(guess, "kind").is_ambiguous) == ("", True)
    assert find(guess, "kind").examples == (("Licence", ""),)
    assert "Type" in guess.profile.tags


def test_ids_that_come_again_are_not_taken_for_ids_of_charges() -> None:
    guess = guess_columns(ID=["7", "7"], Client=["x", "y"])
    assert guess.profile.charge_id == ""
    assert find(guess, "charge_id").examples == (("7", ""),)


@pytest.mark.parametrize(
    ("value", "code"), [("5,00 $ CA", "CAD"), ("US$5", "USD"), ("€5", "EUR"), ("$5", ""), ("5", "")]
)
def test_a_sign_of_money_names_the_currency_only_when_it_is_evident(value: str, code: str) -> None:
    guess = guess_columns(Total=[value], Client=["x"])
    assert guess.profile.fixed_currency == code
    assert find(guess, "currency").is_ambiguous is (code == "")


# Properties

names = st.text(
    st.characters(codec="cp1252", categories=["L", "N", "P", "S"], exclude_characters="\x7f"), min_size=1, max_size=12
)
money = st.integers(1, 10**9).map(lambda cents: Decimal(cents) / 100)


@st.composite
def charges(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(st.dates(date(2020, 1, 1), date(2035, 1, 1)))
    kind = draw(st.sampled_from(ChargeKind))
    amount, quantity = draw(money), draw(st.integers(1, 10**6)) / Decimal(draw(st.sampled_from([1, 10, 100])))
    if kind is ChargeKind.CREDIT:
        amount, quantity = draw(st.sampled_from([(-amount, quantity), (-amount, -quantity)]))
    return {
        "organization": draw(names),
        "offer_key": draw(names),
        "offer_name": draw(names),
        "kind": kind,
        "cycle": draw(st.sampled_from(BillingCycle)),
        "quantity": quantity,
        "start": start,
        "end": start + timedelta(days=draw(st.integers(1, 400))),
        "unit_cost": draw(money),
        "amount": amount,
        "currency": draw(st.sampled_from(["CAD", "USD", "XAF"])),
        "tags": draw(st.sampled_from([(), (("Site", "Laval"),)])),
    }


MARKS = [(d, t) for d in DecimalMark for t in Thousands if d.value != t.value]
STRFTIME = {
    DateFormat.ISO: "%Y-%m-%d",
    DateFormat.DAY_FIRST: "%d/%m/%Y",
    DateFormat.MONTH_FIRST: "%m/%d/%Y",
    DateFormat.DOTTED: "%d.%m.%Y",
    DateFormat.COMPACT: "%Y%m%d",
}


def write_number(number: Decimal, decimal: DecimalMark, thousands: Thousands, style: str) -> str:
    whole, _, cents = f"{abs(number):f}".partition(".")
    grouped = f"{int(whole):,}".replace(",", thousands.value) + (decimal.value + cents if cents else "")
    if number >= 0:
        return grouped
    return {"minus": f"-{grouped}", "after": f"{grouped}-", "parentheses": f"({grouped})"}[style]


def write_csv(rows: list[dict[str, Any]], profile: Profile, style: str) -> bytes:
    assert profile.decimal
    assert profile.date_format
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=profile.delimiter or ",")
    columns = {field: heading for field, heading in profile.columns().items() if field != "charge_id"}
    writer.writerow([*columns.values(), "Site"])
    for row in rows:
        cells = []
        for field in columns:
            value = row[field]
            if isinstance(value, Decimal):
                cells.append(write_number(value, profile.decimal, profile.thousands, style))
            elif isinstance(value, date):
                day = value - timedelta(days=field == "end" and profile.is_last_day_inclusive)
                cells.append(day.strftime(STRFTIME[profile.date_format]))
            else:
                cells.append(str(value))
        writer.writerow([*cells, *(value for _, value in row["tags"]), *([""] if not row["tags"] else [])])
    return out.getvalue().encode(profile.encoding or "utf-8")


@settings(max_examples=150)
@given(
    rows=st.lists(charges(), min_size=1, max_size=5),
    marks=st.sampled_from(MARKS),
    delimiter=st.sampled_from(table.DELIMITERS),
    encoding=st.sampled_from(table.ENCODINGS),
    date_format=st.sampled_from(DateFormat),
    is_inclusive=st.booleans(),
    style=st.sampled_from(["minus", "after", "parentheses"]),
)
def test_any_delivery_written_by_a_profile_reads_back_the_same(
    rows: list[dict[str, Any]],
    marks: tuple[DecimalMark, Thousands],
    delimiter: str,
    encoding: str,
    date_format: DateFormat,
    is_inclusive: bool,
    style: str,
) -> None:
    words = tuple((kind.value, kind.value) for kind in ChargeKind)
    profile = replace(
        PROFILE,
        encoding=encoding,
        delimiter=delimiter,
        decimal=marks[0],
        thousands=marks[1],
        date_format=date_format,
        is_last_day_inclusive=is_inclusive,
        currency="Currency",
        kind_words=words,
    )
    data = write_csv(rows, profile, style)
    delivery = csvfile.read(data, "f.csv", Profile.from_json(profile.to_json()))
    for charge, row in zip(delivery.charges, rows, strict=True):
        assert {field: getattr(charge, field) for field in row} == row
    assert delivery.total == sum((row["amount"] for row in rows), Decimal(0))
    assert delivery == csvfile.read(data, "again.csv", profile)
    assert len({charge.key for charge in delivery.charges}) == len(rows)


@settings(max_examples=100)
@given(data=st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_whatever_comes_is_guessed_or_refused_with_a_sentence(data: bytes) -> None:
    try:
        guess = csvfile.guess(data, "x.csv")
    except ProviderError as error:
        assert str(error)  # noqa: PT017 -- either is right
    else:
        assert Profile.from_json(guess.profile.to_json()) == guess.profile


@settings(max_examples=150)
@given(field=st.sampled_from(sorted(ROW)), value=st.text(max_size=20))
def test_whatever_stands_in_a_cell_is_read_or_refused_with_a_sentence(field: str, value: str) -> None:
    read: Delivery | str
    try:
        read = csvfile.read(make_file({field: value}), "x.csv", PROFILE)
    except ProviderError as error:
        read = str(error)
    if isinstance(read, Delivery):
        assert len(read.charges) == 1
    else:
        assert read.startswith("x.csv, row 2")


@settings(max_examples=150)
@given(st.text(max_size=12) | st.decimals(allow_nan=False, allow_infinity=False).map(str))
def test_a_number_is_none_or_finite(text: str) -> None:
    for decimal, thousands in MARKS:
        number = csvfile.parse_number(text, decimal, thousands)
        assert number is None or number.is_finite()


def test_a_raw_row_is_canonical_json_with_the_cells_that_came() -> None:
    raw = csvfile.read(make_file({"Total": "8.5000", "Site": ""}), "f", PROFILE).raw[0]
    assert json.loads(raw) == {name: cell for name, cell in (ROW | {"Total": "8.5000"}).items() if name != "Site"}
    assert raw.startswith('{"Client":"Studio Lumière","Cycle":"Monthly",')


def test_a_large_file_needs_a_few_times_its_size() -> None:
    data = make_file(*({"SKU": f"SKU-{number}"} for number in range(5_000)))
    tracemalloc.start()
    delivery = csvfile.read(data, "large.csv", PROFILE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(delivery.charges) == 5_000
    assert peak < 20 * len(data)
