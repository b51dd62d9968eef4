"""Microsoft's reconciliation file: the invoice to the cent, changes of seats in pairs, or a sentence that says why."""

from __future__ import annotations

import csv
import io
import json
import time
import tracemalloc
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.proration import rebilled
from portal.providers import Delivery, ProviderError, microsoft

SAMPLES = Path(__file__).parents[3] / "samples" / "microsoft"

ROW = {
    "CustomerId": "c0ffee00-0000-4000-8000-000000000001",
    "CustomerName": "Studio Lumière",
    "CustomerDomainName": "studiolumiere.example",
    "InvoiceNumber": "G100000001",
    "OrderId": "0f1e2d3c4b5a",
    "OrderDate": "10/18/2026",
    "ProductId": "CFQ7TTC0LDPB",
    "SkuId": "0001",
    "SkuName": "Microsoft 365 Business Standard",
    "ProductName": "Microsoft 365 Business Standard",
    "ChargeType": "cycleCharge",
    "UnitPrice": "10.08",
    "Quantity": "10",
    "Subtotal": "100.8",
    "Total": "115.89",
    "Currency": "CAD",
    "SubscriptionId": "284b0ff0-0000-4000-8000-000000000002",
    "ChargeStartDate": "10/18/2026",
    "ChargeEndDate": "11/17/2026",
    "TermAndBillingCycle": "One-Year commitment for monthly/yearly billing",
    "EffectiveUnitPrice": "10.08",
    "UnitType": "",
    "BillableQuantity": "10",
    "BillingFrequency": "Monthly",
    "PricingCurrency": "CAD",
    "PCToBCExchangeRate": "1",
    "MeterDescription": "",
    "SubscriptionDescription": "",
    "SubscriptionStartDate": "6/18/2026",
    "SubscriptionEndDate": "6/17/2027",
    "ReferenceId": "7d71c595-0000-4000-8000-000000000003",
    "ProductQualifiers": "",
}
METERED = {
    "ChargeType": "new",
    "TermAndBillingCycle": "1 Cache Instance Hour",
    "BillingFrequency": "",
    "UnitType": "1 Hour",
    "MeterDescription": "Cache",
    "SubscriptionDescription": "Azure plan",
    "SubscriptionStartDate": "",
    "SubscriptionEndDate": "",
    "ChargeStartDate": "10/1/2026",
    "ChargeEndDate": "10/31/2026",
    "EffectiveUnitPrice": "0.0624",
    "UnitPrice": "0.0624",
    "BillableQuantity": "731.5",
    "Subtotal": "45.64",
}
CREDIT = {"ChargeType": "addQuantity", "ChargeStartDate": "10/20/2026", "ReferenceId": "r-2", "BillableQuantity": "10"}
CREDIT |= {"EffectiveUnitPrice": "-9.4296774", "Subtotal": "-94.20"}
REBILL = CREDIT | {"BillableQuantity": "12", "EffectiveUnitPrice": "9.4296774", "Subtotal": "113.04"}


def make_file(*rows: dict[str, str], drop: tuple[str, ...] = ()) -> bytes:
    headings = [name for name in dict.fromkeys([*ROW, *(name for row in rows for name in row)]) if name not in drop]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, headings, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(ROW | row for row in rows)
    return out.getvalue().encode()


def read_rows(*rows: dict[str, str]) -> tuple[Charge, ...]:
    return microsoft.read(make_file(*rows), "october.csv").charges


def read_row(**changes: str) -> Charge:
    return read_rows(changes)[0]


def refuse(data: bytes) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        microsoft.read(data, "october.csv")
    return caught.value


def tag(charge: Charge, name: str) -> str | None:
    return dict(charge.tags).get(name)


# The samples


@pytest.fixture(scope="module")
def samples() -> dict[str, Delivery]:
    return {path.stem[-7:]: microsoft.read(path.read_bytes(), path.name) for path in SAMPLES.glob("*.csv")}


@pytest.mark.parametrize(
    ("month", "rows", "total", "start", "end"),
    [
        ("2026-10", 20, "12989.93", date(2026, 10, 1), date(2026, 11, 1)),
        ("2026-11", 10, "1387.12", date(2026, 11, 1), date(2026, 12, 1)),
        ("2021-06", 6, "4386.08", date(2021, 6, 1), date(2021, 7, 1)),
    ],
)
def test_the_samples_are_read_whole_and_to_the_cent(
    samples: dict[str, Delivery], month: str, rows: int, total: str, start: date, end: date
) -> None:
    delivery = samples[month]
    assert (delivery.provider, delivery.period_start, delivery.period_end) == ("microsoft", start, end)
    assert len(delivery.charges) == len(delivery.raw) == len({charge.key for charge in delivery.charges}) == rows
    assert delivery.total == Decimal(total)


def test_the_samples_have_every_kind(samples: dict[str, Delivery]) -> None:
    assert {charge.kind for delivery in samples.values() for charge in delivery.charges} == set(ChargeKind)


def test_the_sample_total_is_that_of_an_independent_reading(samples: dict[str, Delivery]) -> None:
    text = (SAMPLES / "reconciliation-2026-10.csv").read_text(encoding="utf-8-sig")
    cents = sum(round(float(row["Subtotal"]) * 100) for row in csv.DictReader(io.StringIO(text)))
    assert samples["2026-10"].total == Decimal(cents) / 100


def test_every_change_of_seats_of_the_samples_is_a_pair(samples: dict[str, Delivery]) -> None:
    for delivery in samples.values():
        pairs: dict[str, list[Charge]] = {}
        for charge in delivery.charges:
            if shared := tag(charge, "pair"):
                pairs.setdefault(shared, []).append(charge)
        assert pairs
        for both in pairs.values():
            assert sorted(charge.kind for charge in both) == [ChargeKind.CREDIT, ChargeKind.PRORATED]
            assert len({(charge.start, charge.end, tag(charge, "SubscriptionId")) for charge in both}) == 1


def test_a_credit_of_seats_has_the_unit_cost_of_the_offer(samples: dict[str, Delivery]) -> None:
    """Else billing would take it for money and hold it."""
    for delivery in samples.values():
        costs = {(c.offer_key, c.unit_cost) for c in delivery.charges if c.kind is not ChargeKind.CREDIT}
        credits_ = [c for c in delivery.charges if c.kind is ChargeKind.CREDIT and c.is_proratable]
        assert credits_
        assert all((charge.offer_key, abs(charge.unit_cost)) in costs for charge in credits_)


def test_headings_in_another_case_and_order_and_iso_dates_are_read(samples: dict[str, Delivery]) -> None:
    first = samples["2026-11"].charges[0]
    assert (first.organization, first.start, first.end) == ("Studio Lumière", date(2026, 11, 18), date(2026, 12, 18))
    assert "resourceTags" not in dict(first.tags)
    renewed = next(raw for raw in samples["2026-11"].raw if "resourceTags" in raw or "ResourceTags" in raw)
    assert json.loads(renewed)["resourceTags"] == "=cmd|' /C calc'!A0"


# One row


def test_a_row_becomes_a_charge() -> None:
    charge = read_row()
    assert charge == Charge(
        key=charge.key,
        organization="Studio Lumière",
        offer_key="CFQ7TTC0LDPB:0001:P1Y:monthly",
        offer_name="Microsoft 365 Business Standard",
        kind=ChargeKind.RECURRING,
        cycle=BillingCycle.MONTHLY,
        quantity=Decimal(10),
        start=date(2026, 10, 18),
        end=date(2026, 11, 18),
        unit_cost=Decimal("10.08"),
        unit_cost_prorated=Decimal("10.08"),
        amount=Decimal("100.80"),
        currency="CAD",
        is_proratable=True,
        tags=charge.tags,
    )
    assert [name for name, _ in charge.tags][:6] == [
        *("CustomerId", "CustomerDomainName", "InvoiceNumber", "OrderId", "OrderDate", "SubscriptionId")
    ]
    assert ("Total", "115.89") in charge.tags
    assert all(value for _, value in charge.tags)


@pytest.mark.parametrize(
    ("changes", "kind", "cycle"),
    [
        ({}, ChargeKind.RECURRING, BillingCycle.MONTHLY),
        ({"ChargeType": "new"}, ChargeKind.RECURRING, BillingCycle.MONTHLY),
        ({"ChargeType": "Renew"}, ChargeKind.RECURRING, BillingCycle.MONTHLY),
        ({"ChargeType": "somethingNew"}, ChargeKind.RECURRING, BillingCycle.MONTHLY),
        ({"ChargeEndDate": "10/31/2026"}, ChargeKind.PRORATED, BillingCycle.MONTHLY),
        ({"ChargeType": "addQuantity"}, ChargeKind.PRORATED, BillingCycle.MONTHLY),
        (REBILL, ChargeKind.PRORATED, BillingCycle.MONTHLY),
        (CREDIT, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"Subtotal": "-1"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"BillableQuantity": "-1", "Subtotal": "0"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"ChargeType": "cancelImmediate", "Subtotal": "0"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"ChargeType": "customerCredit", "Subtotal": "-5"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        (
            {"BillingFrequency": "Annual", "ChargeEndDate": "10/17/2027"},
            *(ChargeKind.RECURRING, BillingCycle.YEARLY),
        ),
        ({"BillingFrequency": "Annual", "ChargeEndDate": "6/17/2027"}, ChargeKind.PRORATED, BillingCycle.YEARLY),
        ({"BillingFrequency": "", "ChargeEndDate": "10/17/2027"}, ChargeKind.RECURRING, BillingCycle.YEARLY),
        (METERED, ChargeKind.USAGE, BillingCycle.MONTHLY),
        (METERED | {"MeterDescription": "", "SubscriptionDescription": ""}, ChargeKind.USAGE, BillingCycle.MONTHLY),
        (METERED | {"Subtotal": "-45.64"}, ChargeKind.CREDIT, BillingCycle.MONTHLY),
        ({"BillingFrequency": "OneTime"}, ChargeKind.ONE_TIME, BillingCycle.ONE_TIME),
        (
            {"TermAndBillingCycle": "", "ChargeEndDate": "", "BillingFrequency": ""},
            *(ChargeKind.ONE_TIME, BillingCycle.ONE_TIME),
        ),
    ],
)
def test_the_kind_and_the_cycle_follow_from_type_term_period_and_sign(
    changes: dict[str, str], kind: ChargeKind, cycle: BillingCycle
) -> None:
    charge = read_row(**changes)
    assert (charge.kind, charge.cycle) == (kind, cycle)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1/31/2026", "2/27/2026"),
        ("2/28/2026", "3/30/2026"),
        ("3/31/2026", "4/29/2026"),
        ("1/30/2026", "2/26/2026"),
        ("2/27/2026", "3/29/2026"),
        ("3/30/2026", "4/28/2026"),
        ("12/31/2025", "1/30/2026"),
        ("10/1/2026", "10/31/2026"),
    ],
)
def test_microsofts_months_near_the_end_of_a_month_are_whole(start: str, end: str) -> None:
    charge = read_row(ChargeStartDate=start, ChargeEndDate=end)
    assert (charge.kind, charge.cycle) == (ChargeKind.RECURRING, BillingCycle.MONTHLY)


@pytest.mark.parametrize(
    ("changes", "offer_key"),
    [
        ({"TermAndBillingCycle": "One-Month commitment for monthly billing"}, "CFQ7TTC0LDPB:0001:P1M:monthly"),
        ({"TermAndBillingCycle": "1 Month Subscription"}, "CFQ7TTC0LDPB:0001:P1M:monthly"),
        ({"TermAndBillingCycle": "Monthly term, Monthly billing"}, "CFQ7TTC0LDPB:0001:P1M:monthly"),
        ({"TermAndBillingCycle": "Annual term"}, "CFQ7TTC0LDPB:0001:P1Y:monthly"),
        ({"TermAndBillingCycle": "P3Y"}, "CFQ7TTC0LDPB:0001:P3Y:monthly"),
        ({"TermAndBillingCycle": ""}, "CFQ7TTC0LDPB:0001:P1Y:monthly"),
        ({"TermAndBillingCycle": "?", "SubscriptionEndDate": ""}, "CFQ7TTC0LDPB:0001:monthly"),
        ({"BillingFrequency": "Annual", "ChargeEndDate": "10/17/2027"}, "CFQ7TTC0LDPB:0001:P1Y:yearly"),
        ({"BillingFrequency": "", "ChargeEndDate": "10/17/2027"}, "CFQ7TTC0LDPB:0001:P1Y:yearly"),
        (
            {
                "TermAndBillingCycle": "Three-3 Years commitment for monthly/3 Years/yearly billing",
                "BillingFrequency": "Triennial",
                "ChargeEndDate": "10/17/2029",
            },
            "CFQ7TTC0LDPB:0001:P3Y:3-yearly",
        ),
        ({"ProductQualifiers": '["Trial"]'}, "CFQ7TTC0LDPB:0001:P1Y:monthly:trial"),
        (METERED, "CFQ7TTC0LDPB:0001"),
        ({"BillingFrequency": "OneTime"}, "CFQ7TTC0LDPB:0001"),
    ],
)
def test_an_offer_is_product_sku_term_and_billing_cycle(changes: dict[str, str], offer_key: str) -> None:
    assert read_row(**changes).offer_key == offer_key


def test_the_offers_name_is_the_sku_or_the_product() -> None:
    assert read_row(SkuName="", ProductName="Tables").offer_name == "Tables"
    assert read_row(SkuName="", ProductName="").offer_name == "CFQ7TTC0LDPB:0001"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("10/18/2026", "11/17/2026"),
        ("10/18/2026 12:00:00 AM", "11/17/2026 11:59:59 PM"),
        ("2026-10-18", "2026-11-17"),
        ("2026-10-18T00:00:00Z", "2026-11-17T23:59:59.9999999Z"),
        ("2026-10-18T09:22:40.1767993-08:00", "2026-11-17 23:59"),
        ("'10/18/2026", "'11/17/2026"),
    ],
)
def test_dates_are_taken_as_written(start: str, end: str) -> None:
    charge = read_row(ChargeStartDate=start, ChargeEndDate=end)
    assert (charge.start, charge.end) == (date(2026, 10, 18), date(2026, 11, 18))


@pytest.mark.parametrize("day", ["1/1/0001", "0001-01-05", "12/31/9999", "12/31/1999"])
def test_a_day_of_an_impossible_year_is_no_date(day: str) -> None:
    with pytest.raises(ProviderError, match="is not a date"):
        read_row(ChargeStartDate=day)


def test_a_payment_without_dates_takes_the_day_of_the_order() -> None:
    changes = {"ChargeStartDate": "", "ChargeEndDate": "", "TermAndBillingCycle": "", "BillingFrequency": ""}
    charge = read_row(**changes)
    assert (charge.start, charge.end, charge.is_proratable) == (date(2026, 10, 18), date(2026, 10, 19), False)


def test_an_end_of_time_of_the_subscription_is_no_error() -> None:
    assert read_row(SubscriptionEndDate="12/31/9999").kind is ChargeKind.RECURRING


def test_the_vendors_subtotal_is_the_amount_and_its_deviation_is_told() -> None:
    charge = read_row(Subtotal="100.85")
    assert (charge.amount, tag(charge, "deviates")) == (Decimal("100.85"), "0.05")
    assert tag(read_row(), "deviates") is None


def test_a_price_in_another_currency_is_told_in_the_one_that_is_paid() -> None:
    charge = read_row(PricingCurrency="USD", PCToBCExchangeRate="1.37245", EffectiveUnitPrice="18", Subtotal="247")
    assert (charge.unit_cost, charge.unit_cost_prorated, charge.currency) == (
        Decimal("24.7041"),
        Decimal("24.7"),
        "CAD",
    )
    assert (tag(charge, "PCToBCExchangeRate"), tag(charge, "deviates")) == ("1.37245", None)


@pytest.mark.parametrize(
    ("price", "rate", "quantity", "is_metered", "expected"),
    [
        ("10.08", "1", "10", False, "100.80"),
        ("9.408", "1", "10", False, "94.00"),
        ("-9.408", "1", "10", False, "-94.00"),
        ("18", "1.37245", "5", False, "123.50"),
        ("0.0624", "1", "731.5", True, "45.64"),
        ("0.0454", "1.37245", "702.25", True, "43.75"),
        ("-0.061", "1", "1250.25", True, "-76.26"),
    ],
)
def test_the_subtotal_follows_from_microsofts_formulas(
    price: str, rate: str, quantity: str, is_metered: bool, expected: str
) -> None:
    found = microsoft.expected_subtotal(Decimal(price), Decimal(rate), Decimal(quantity), is_metered=is_metered)
    assert found == Decimal(expected)


# Unit costs of partial rows


def test_a_partial_row_has_the_whole_price_of_its_offer() -> None:
    discounted = {"EffectiveUnitPrice": "9.07", "Subtotal": "90.70"}
    partial = REBILL | {"EffectiveUnitPrice": "8.4848", "Subtotal": "101.76"}
    assert [charge.unit_cost for charge in read_rows(discounted, partial)] == [Decimal("9.07"), Decimal("9.07")]


def test_a_partial_row_alone_has_the_list_price_where_it_fits() -> None:
    assert read_row(**CREDIT).unit_cost == Decimal("-10.08")


def test_a_partial_row_alone_with_a_discount_has_the_price_by_its_days() -> None:
    price = read_row(**REBILL | {"EffectiveUnitPrice": "8.4848"}).unit_cost
    assert price == Decimal("9.07") or abs(price - Decimal("9.07")) < Decimal("0.0001")


# Pairs


def test_a_credit_and_its_charge_share_a_tag_and_both_are_kept() -> None:
    whole, credit, charged = read_rows({}, CREDIT, REBILL)
    assert tag(whole, "pair") is None
    assert tag(credit, "pair") == tag(charged, "pair") is not None
    assert rebilled([(1, credit), (1, charged)]) == {(1, credit.start, credit.end): Decimal(2)}


def test_two_changes_of_one_day_are_two_pairs() -> None:
    again = [CREDIT | {"ReferenceId": "r-3"}, REBILL | {"ReferenceId": "r-3"}]
    pairs = [tag(charge, "pair") for charge in read_rows(CREDIT, *again, REBILL)]
    assert pairs[0] == pairs[3] != pairs[1] == pairs[2]


def test_without_reference_ids_pairs_follow_the_order_of_the_file() -> None:
    bare = {"ReferenceId": ""}
    pairs = [tag(charge, "pair") for charge in read_rows(CREDIT | bare, REBILL | bare, CREDIT | bare, REBILL | bare)]
    assert pairs[0] == pairs[1] != pairs[2] == pairs[3]


@pytest.mark.parametrize(
    "changes",
    [
        {"SubscriptionId": "another"},
        {"ChargeStartDate": "10/21/2026"},
        {"ChargeType": "removeQuantity"},
        {"CustomerId": "another"},
    ],
)
def test_rows_of_different_changes_are_no_pair(changes: dict[str, str]) -> None:
    assert [tag(charge, "pair") for charge in read_rows(CREDIT, REBILL | changes)] == [None, None]


def test_the_further_part_of_a_licence_has_an_offer_of_its_own() -> None:
    dear, cheap = {"EffectiveUnitPrice": "77.10"}, {"EffectiveUnitPrice": "9.40"}
    keys = [charge.offer_key for charge in read_rows(cheap, dear)]
    assert keys == ["CFQ7TTC0LDPB:0001:P1Y:monthly:part2", "CFQ7TTC0LDPB:0001:P1Y:monthly"]


# Keys


def test_a_corrected_row_keeps_its_key() -> None:
    corrected = read_row(BillableQuantity="9", Subtotal="90.72", EffectiveUnitPrice="10.07", SkuName="M365", Total="1")
    assert corrected.key == read_row().key


@pytest.mark.parametrize(
    "changes",
    [
        {"CustomerId": "other"},
        {"InvoiceNumber": "G2"},
        {"OrderId": "other"},
        {"OrderDate": "10/19/2026"},
        {"SubscriptionId": "other"},
        {"ProductId": "other"},
        {"SkuId": "other"},
        {"ReferenceId": "other"},
        {"ChargeType": "renew"},
        {"ChargeStartDate": "10/17/2026"},
        {"ChargeEndDate": "11/16/2026"},
        {"Subtotal": "-100.8"},
        {"MeterDescription": "other"},
    ],
)
def test_what_identifies_a_row_changes_its_key(changes: dict[str, str]) -> None:
    assert read_row(**changes).key != read_row().key


def test_a_date_in_another_form_is_the_same_row() -> None:
    changes = {"ChargeStartDate": "2026-10-18T00:00:00Z", "OrderDate": "2026-10-18", "ChargeType": "CycleCharge"}
    assert read_row(**changes).key == read_row().key


def test_repeated_rows_are_numbered_in_file_order() -> None:
    keys = [charge.key for charge in read_rows({}, {"SkuId": "X"}, {"Quantity": "9"}, {})]
    assert keys[2:] == [keys[0] + "#2", keys[0] + "#3"]


# The file


def test_the_period_is_the_calendar_month_that_most_charges_begin_in() -> None:
    late = {"ChargeStartDate": "7/5/2026", "ChargeEndDate": "8/4/2026"}
    delivery = microsoft.read(make_file({}, {}, late), "f")
    assert (delivery.period_start, delivery.period_end) == (date(2026, 10, 1), date(2026, 11, 1))
    assert microsoft.read(make_file({}, late), "f").period_start == date(2026, 10, 1)


def test_the_scope_is_the_invoice() -> None:
    assert microsoft.read(make_file({}), "f").scope == "G100000001"
    assert microsoft.read(make_file({}, {"InvoiceNumber": "D7"}), "f").scope == "D7, G100000001"
    many = [{"InvoiceNumber": f"G{number:09}"} for number in range(100)]
    assert microsoft.read(make_file(*many), "f").scope.startswith("100: ")


def test_older_columns_are_known() -> None:
    data = make_file({}, drop=("BillableQuantity",)).replace(b",Total,", b",Total For Customer,")
    charge = microsoft.read(data.replace(b"TermAndBillingCycle", b"TermAndBillingcycle"), "f").charges[0]
    assert (charge.quantity, tag(charge, "Total")) == (Decimal(10), "115.89")


def test_without_an_effective_price_the_list_price_is_taken_and_nothing_is_compared() -> None:
    data = make_file({"UnitPrice": "11"}, drop=("EffectiveUnitPrice",))
    charge = microsoft.read(data, "f").charges[0]
    assert (charge.unit_cost, tag(charge, "deviates")) == (Decimal(11), None)


@pytest.mark.parametrize(
    ("data", "key", "sentence"),
    [
        (make_file(), "microsoft.no_rows", "october.csv has headings and no rows."),
        (make_file({}, drop=("Subtotal",)), "microsoft.no_column", "october.csv has no column Subtotal."),
        (b"a,b\n1,2\n", "microsoft.no_column", "has no column CustomerName, InvoiceNumber, ProductId, SkuId,"),
        (make_file({"Customer Name": "x"}), "microsoft.same_column", "CustomerName and Customer Name are the same"),
        (b"UsageDate,BillingPreTaxTotal,CustomerName\n1,2,3\n", "microsoft.daily_usage", "is the daily usage"),
        (b"SyndicationPartnerSubscriptionNumber,Amount\n1,2\n", "microsoft.legacy", "before new commerce"),
        (b"PretaxCharges,PostTaxTotal\n1,2\n", "microsoft.legacy", "before new commerce"),
        (b"", "table.empty", "october.csv is empty."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, key: str, sentence: str) -> None:
    error = refuse(data)
    assert error.key == key
    assert sentence in str(error)
    assert "Nothing was imported: " in str(error)


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"CustomerName": " "}, "empty", "column CustomerName: the cell is empty."),
        ({"ProductId": ""}, "empty", "column ProductId: the cell is empty."),
        ({"SkuId": ""}, "empty", "column SkuId: the cell is empty."),
        ({"ChargeType": ""}, "empty", "column ChargeType: the cell is empty."),
        ({"Subtotal": ""}, "empty", "column Subtotal: the cell is empty."),
        ({"Currency": ""}, "empty", "column Currency: the cell is empty."),
        ({"ChargeStartDate": "", "OrderDate": ""}, "empty", "column ChargeStartDate: the cell is empty."),
        ({"InvoiceNumber": ""}, "no_invoice", "column InvoiceNumber: the row has no invoice number"),
        ({"Subtotal": "100,80"}, "not_number", "column Subtotal: “100,80” is not a number with a decimal point"),
        ({"BillableQuantity": "ten"}, "not_number", "column BillableQuantity: “ten” is not a number"),
        ({"Subtotal": "NaN"}, "not_number", "“NaN” is not a number"),
        ({"Subtotal": "1e13"}, "not_number", "“1e13” is not a number"),
        ({"PCToBCExchangeRate": "=1+1"}, "not_number", "“=1+1” is not a number"),
        ({"EffectiveUnitPrice": "9e12"}, "too_large", "the amount is too large"),
        ({"ChargeStartDate": "18/10/2026"}, "not_date", "“18/10/2026” is not a date as Microsoft writes it"),
        ({"ChargeEndDate": "2026-02-30"}, "not_date", "“2026-02-30” is not a date"),
        ({"ChargeEndDate": "12/31/9999"}, "not_date", "“12/31/9999” is not a date"),
        (
            {"ChargeEndDate": "10/17/2026"},
            "period_reversed",
            "column ChargeEndDate: the period ends on 2026-10-17, before its start on 2026-10-18.",
        ),
        ({"Currency": "$"}, "bad_currency", "column Currency: “$” is not a currency of three letters, such as CAD."),
    ],
)
def test_a_row_that_cannot_be_read_refuses_the_file_and_names_row_and_column(
    changes: dict[str, str], key: str, sentence: str
) -> None:
    error = refuse(make_file({}, changes))
    assert error.key == f"microsoft.row.{key}"
    assert str(error).startswith("october.csv, row 3, column ")
    assert sentence in str(error)
    assert "Nothing was imported: download" in str(error)


# Properties

prices = st.decimals(min_value=-(10**4), max_value=10**4, allow_nan=False, places=6)
starts = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@settings(max_examples=60)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "BillableQuantity": st.integers(-30, 30).map(str),
                "EffectiveUnitPrice": prices.map(str),
                "Subtotal": st.integers(-99_999, 99_999).map(lambda cents: f"{Decimal(cents) / 100:.2f}"),
                "ChargeType": st.sampled_from(["new", "renew", "addQuantity", "cancelImmediate", "convert", "odd"]),
                "ChargeStartDate": starts.map(lambda day: f"{day.month}/{day.day}/{day.year}"),
                "ChargeEndDate": st.just("12/31/2029"),
                "BillingFrequency": st.sampled_from(["", "Monthly", "Annual", "OneTime", "Triennial", "?"]),
                "TermAndBillingCycle": st.sampled_from(["", "One-Year commitment", "1 Hour", "P3Y", "trial"]),
                "ReferenceId": st.sampled_from(["", "a", "b"]),
            }
        ),
        min_size=1,
        max_size=8,
    )
)
def test_reading_twice_gives_the_same_to_the_cent_and_keys_are_unique(rows: list[dict[str, str]]) -> None:
    data = make_file(*rows)
    first, second = microsoft.read(data, "a.csv"), microsoft.read(data, "b.csv")
    assert first == second
    assert len({charge.key for charge in first.charges}) == len(rows)
    assert first.total == sum((Decimal(row["Subtotal"]) for row in rows), Decimal(0))
    for charge in first.charges:
        assert max(len(str(number)) for number in (charge.unit_cost, charge.unit_cost_prorated)) <= 40
    tags = [tag(charge, "pair") for charge in first.charges]
    assert all(tags.count(one) == 2 for one in tags if one)


@settings(max_examples=150)
@given(field=st.sampled_from(sorted(ROW)), value=st.text(max_size=20) | prices.map(str) | st.dates().map(str))
def test_whatever_stands_in_a_cell_is_read_or_refused_with_a_sentence(field: str, value: str) -> None:
    try:
        delivery = microsoft.read(make_file({field: value}), "x.csv")
    except ProviderError as error:
        assert str(error).startswith("x.csv")  # noqa: PT017 -- either is right
    else:
        assert len(delivery.charges) == 1


@settings(max_examples=100)
@given(st.binary(max_size=80))
def test_whatever_comes_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        microsoft.read(data, "x")
    assert str(caught.value)


def test_a_large_file_needs_a_few_times_its_size() -> None:
    rows = [{"ReferenceId": f"ref-{number}", "OrderId": f"order-{number}"} for number in range(4_000)]
    data = make_file(*rows)
    begun = time.perf_counter()
    tracemalloc.start()
    delivery = microsoft.read(data, "large.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(delivery.charges) == 4_000
    assert peak < 12 * len(data)
    assert time.perf_counter() - begun < 60
