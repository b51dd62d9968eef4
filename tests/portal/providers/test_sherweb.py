"""Sherweb's payable charges: the whole file to the cent, or a sentence that says what to do."""

from __future__ import annotations

import copy
import json
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.providers import MAX_BYTES, Delivery, ProviderError, sherweb

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "samples" / "sherweb" / "payable-charges-2026-10.json"

ROW: dict[str, Any] = {
    "productId": "11111111-1111-4111-8111-111111111111",
    "productName": "Microsoft 365 Business Standard",
    "sku": "M365-BS",
    "chargeId": "22222222-2222-4222-8222-222222222222",
    "chargeName": "Licence",
    "chargeType": "Recurring",
    "billingCycleType": "Monthly",
    "periodFrom": "2026-10-01",
    "periodTo": "2026-10-31",
    "quantity": 2,
    "listPrice": 16.9,
    "netPrice": 16.05,
    "netPriceProrated": 16.05,
    "subTotal": 32.1,
    "currency": "CAD",
    "isBilled": False,
    "isProratable": True,
    "deductions": None,
    "fees": None,
    "taxes": None,
    "tags": [{"name": "CustomerDisplayName", "value": "Studio Lumière"}],
}
ABSENT = object()


def make_row(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (ROW | changes).items() if value is not ABSENT}


def make_file(*rows: object, **outer: object) -> bytes:
    content = {"periodFrom": "2026-10-01", "periodTo": "2026-10-31", "charges": list(rows)} | outer
    return json.dumps({name: value for name, value in content.items() if value is not ABSENT}).encode()


def read_rows(*rows: dict[str, Any]) -> tuple[Charge, ...]:
    return sherweb.read(make_file(*rows), "october.json").charges


def read_row(**changes: Any) -> Charge:
    return read_rows(make_row(**changes))[0]


def refuse(data: bytes) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        sherweb.read(data, "october.json")
    return caught.value


# The sample month


@pytest.fixture(scope="module")
def sample() -> Delivery:
    return sherweb.read(SAMPLE.read_bytes(), SAMPLE.name)


def test_the_sample_month_is_read_whole_and_to_the_cent(sample: Delivery) -> None:
    assert (sample.provider, sample.period_start, sample.period_end) == (
        "sherweb",
        date(2026, 10, 1),
        date(2026, 11, 1),
    )
    assert len(sample.charges) == len(sample.raw) == 72
    assert sample.total == Decimal("5692.25")
    assert len({charge.key for charge in sample.charges}) == 72
    assert len({charge.organization for charge in sample.charges}) == 13
    assert len({charge.offer_key for charge in sample.charges}) == 16


def test_the_sample_month_has_every_kind(sample: Delivery) -> None:
    totals = {kind: Decimal(0) for kind in ChargeKind}
    for charge in sample.charges:
        totals[charge.kind] += charge.amount
    assert totals == {
        ChargeKind.RECURRING: Decimal("3914.23"),
        ChargeKind.PRORATED: Decimal("346.23"),
        ChargeKind.USAGE: Decimal("822.65"),
        ChargeKind.ONE_TIME: Decimal("700.00"),
        ChargeKind.CREDIT: Decimal("-90.86"),
    }


def test_the_sample_totals_are_those_of_an_independent_reading(sample: Delivery) -> None:
    cents = sum(round(row["subTotal"] * 100) for row in json.loads(SAMPLE.read_bytes())["charges"])
    assert sample.total == Decimal(cents) / 100


def test_the_sample_validates_against_the_official_schema() -> None:
    folder = Path(os.environ.get("SHERWEB_SCHEMA_DIR", ROOT.parent / "shared" / "sherweb"))
    document = folder / "Sherweb.Apis.Distributor.OpenAPI.json"
    if not document.is_file():
        pytest.skip(f"Sherweb's OpenAPI document is not at {document}; set SHERWEB_SCHEMA_DIR to its folder")
    schema = _as_json_schema(json.loads(document.read_text(encoding="utf-8-sig")))
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    assert [error.message for error in validator.iter_errors(json.loads(SAMPLE.read_bytes()))] == []


def _as_json_schema(document: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0 says `nullable` where JSON Schema says a list of types."""

    def convert(node: Any) -> Any:
        if isinstance(node, list):
            return [convert(element) for element in node]
        if not isinstance(node, dict):
            return node
        converted = {name: convert(value) for name, value in node.items() if name != "nullable"}
        if node.get("nullable") is True:
            converted["type"] = [node["type"], "null"]
        return converted

    return {"$ref": "#/components/schemas/PayableCharges", "components": convert(document["components"])}


def test_sample_prices_follow_from_the_list_price_and_the_deductions() -> None:
    for row in json.loads(SAMPLE.read_bytes(), parse_float=Decimal, parse_int=Decimal)["charges"]:
        whole = Decimal(0)
        for deduction in row["deductions"]:
            is_money = deduction["deductionType"] == "PromotionalMoney"
            unit = deduction["value"] if is_money else row["listPrice"] * deduction["value"] / 100
            whole += _round_half_up(unit, row["netPrice"])
            assert _round_half_up(deduction["unitValue"] * row["quantity"], Decimal("0.01")) == deduction["totalValue"]
        assert row["listPrice"] - whole == row["netPrice"], row
        assert _round_half_up(row["quantity"] * row["netPriceProrated"], Decimal("0.01")) == row["subTotal"], row


def _round_half_up(number: Decimal, like: Decimal) -> Decimal:
    return number.quantize(like, "ROUND_HALF_UP")


def test_sample_rows_of_one_offer_have_one_cost(sample: Delivery) -> None:
    costs: dict[str, set[Decimal]] = {}
    for charge in sample.charges:
        costs.setdefault(charge.offer_key, set()).add(charge.unit_cost)
    assert {offer: cost for offer, cost in costs.items() if len(cost) > 1} == {}


def test_studio_lumiere_has_a_credit_but_a_positive_total(sample: Delivery) -> None:
    amounts = [charge.amount for charge in sample.charges if charge.organization == "Studio Lumière"]
    assert min(amounts) < 0 < sum(amounts)


def test_identical_rows_of_the_sample_are_told_apart_by_an_ordinal(sample: Delivery) -> None:
    numbers = [c for c in sample.charges if c.organization == "Northwind Logistics Ltd." and c.offer_key == "VOIP-DID"]
    assert [charge.key for charge in numbers] == [numbers[0].key, numbers[0].key + "#2"]


# One row


def test_a_row_becomes_a_charge() -> None:
    assert read_row() == Charge(
        key=read_row().key,
        organization="Studio Lumière",
        offer_key="M365-BS",
        offer_name="Microsoft 365 Business Standard",
        kind=ChargeKind.RECURRING,
        cycle=BillingCycle.MONTHLY,
        quantity=Decimal(2),
        start=date(2026, 10, 1),
        end=date(2026, 11, 1),
        unit_cost=Decimal("16.05"),
        unit_cost_prorated=Decimal("16.05"),
        amount=Decimal("32.10"),
        currency="CAD",
        is_proratable=True,
        tags=(("CustomerDisplayName", "Studio Lumière"),),
    )


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, ChargeKind.RECURRING),
        ({"billingCycleType": "Yearly", "periodTo": "2027-09-30"}, ChargeKind.RECURRING),
        ({"periodFrom": "2026-10-17", "netPriceProrated": 7.77}, ChargeKind.PRORATED),
        ({"periodFrom": "2026-10-17"}, ChargeKind.PRORATED),
        ({"netPriceProrated": 7.77}, ChargeKind.PRORATED),
        ({"billingCycleType": "Yearly", "periodTo": "2027-06-14", "netPriceProrated": 7.77}, ChargeKind.PRORATED),
        ({"billingCycleType": "Yearly", "periodFrom": "2026-10-17"}, ChargeKind.RECURRING),
        ({"periodFrom": "2026-09-15", "periodTo": "2026-10-14"}, ChargeKind.RECURRING),
        ({"chargeType": "Usage", "netPriceProrated": 1}, ChargeKind.USAGE),
        ({"chargeType": "Setup", "billingCycleType": "OneTime", "periodTo": "2026-10-01"}, ChargeKind.ONE_TIME),
        ({"chargeType": "Unknown", "billingCycleType": "OneTime"}, ChargeKind.ONE_TIME),
        ({"chargeType": "Unknown"}, ChargeKind.RECURRING),
        ({"chargeType": "Unknown", "netPriceProrated": 1}, ChargeKind.PRORATED),
        ({"quantity": -2, "subTotal": -32.1}, ChargeKind.CREDIT),
        ({"subTotal": -32.1}, ChargeKind.CREDIT),
        ({"quantity": -2, "subTotal": 0}, ChargeKind.CREDIT),
        ({"chargeType": "Usage", "quantity": -0.5}, ChargeKind.CREDIT),
        ({"chargeType": "Setup", "subTotal": -350}, ChargeKind.CREDIT),
        ({"quantity": 0, "subTotal": 0}, ChargeKind.RECURRING),
    ],
)
def test_the_kind_follows_from_type_cycle_period_and_sign(changes: dict[str, Any], kind: ChargeKind) -> None:
    assert read_row(**changes).kind is kind


def test_a_whole_month_from_the_last_day_of_a_long_month_is_not_prorated() -> None:
    row = make_row(periodFrom="2026-01-31", periodTo="2026-02-27")
    charge = sherweb.read(make_file(row, periodFrom="2026-01-01", periodTo="2026-01-31"), "january.json").charges[0]
    assert charge.kind is ChargeKind.RECURRING


def test_the_vendors_total_is_kept_where_it_is_not_quantity_times_price() -> None:
    assert read_row(subTotal=32.99).amount == Decimal("32.99")


@pytest.mark.parametrize(
    ("written", "amount"),
    [("32.104", "32.10"), ("32.105", "32.11"), ("-32.105", "-32.11"), ("14.674999999999999", "14.68"), ("1E+2", "100")],
)
def test_the_amount_is_rounded_half_up_to_the_cent(written: str, amount: str) -> None:
    data = make_file(make_row(subTotal=7)).replace(b'"subTotal": 7', b'"subTotal": ' + written.encode())
    assert sherweb.read(data, "october.json").charges[0].amount == Decimal(amount)


def test_a_credit_below_half_a_cent_is_zero_without_a_sign() -> None:
    assert str(read_row(subTotal=-0.001).amount) == "0.00"


@pytest.mark.parametrize(
    ("tags", "organization"),
    [
        ([("CUSTOMERDISPLAYNAME", "Océan Bleu")], "Océan Bleu"),
        ([("Customer", "C"), ("CustomerName", "N"), ("CustomerDisplayName", "D")], "D"),
        ([("Customer", "C"), ("customername", "N")], "N"),
        ([("customer", "  C ")], "C"),
        ([("CustomerDisplayName", None), ("CustomerName", "N")], "N"),
        ([("CustomerDisplayName", "first"), ("CustomerDisplayName", "second")], "first"),
    ],
)
def test_the_organization_is_found_in_the_tags(tags: list[tuple[str, str | None]], organization: str) -> None:
    assert read_row(tags=[{"name": n, "value": v} for n, v in tags]).organization == organization


def test_all_tags_are_kept_in_order() -> None:
    tags = [{"name": "Department", "value": None}, *ROW["tags"], {"name": None, "value": "x"}, {"name": "Department"}]
    assert read_row(tags=tags).tags == (
        ("Department", ""),
        ("CustomerDisplayName", "Studio Lumière"),
        ("Department", ""),
    )


@pytest.mark.parametrize(
    ("product", "charge", "name"),
    [
        ("Azure Plan usage", "Virtual machines", "Azure Plan usage – Virtual machines"),
        ("Azure Plan", "Azure plan - Storage", "Azure plan - Storage"),
        ("Visio Plan 2", "Licence", "Visio Plan 2"),
        ("Visio Plan 2", "visio plan 2", "Visio Plan 2"),
        ("Visio Plan 2", None, "Visio Plan 2"),
        (None, "Licence", "Licence"),
        (None, None, "M365-BS"),
    ],
)
def test_the_offers_name_says_what_the_charge_adds(product: str | None, charge: str | None, name: str) -> None:
    assert read_row(productName=product, chargeName=charge).offer_name == name


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"sku": None}, f"{ROW['productId']}:{ROW['chargeId']}"),
        ({"sku": " "}, f"{ROW['productId']}:{ROW['chargeId']}"),
        ({"sku": ABSENT, "chargeId": None}, ROW["productId"]),
        ({"sku": " A-1 "}, "A-1"),
    ],
)
def test_an_offer_without_a_sku_is_known_by_its_ids(changes: dict[str, Any], key: str) -> None:
    assert read_row(**changes).offer_key == key


def test_control_characters_do_not_reach_names() -> None:
    charge = read_row(productName="Visio\u0000 Plan\n2\t", sku="VIS\u0007")
    assert (charge.offer_name, charge.offer_key) == ("Visio  Plan 2", "VIS")


def test_each_row_may_have_its_own_currency() -> None:
    assert [c.currency for c in read_rows(make_row(), make_row(currency="usd"))] == ["CAD", "USD"]


def test_a_date_with_midnight_is_a_date() -> None:
    charge = read_row(periodFrom="2026-10-01T00:00:00Z", periodTo="2026-10-31T00:00:00")
    assert (charge.start, charge.end) == (date(2026, 10, 1), date(2026, 11, 1))


# The raw rows


def test_a_raw_row_is_canonical_json_with_the_digits_that_came() -> None:
    data = make_file(make_row(tags=ROW["tags"])).replace(b'"netPrice": 16.05', b'"netPrice": 16.0500')
    raw = sherweb.read(data, "october.json").raw[0]
    assert '"netPrice":16.0500,"netPriceProrated":16.05,' in raw
    assert "Lumière" in raw
    assert list(json.loads(raw)) == sorted(ROW)
    assert json.loads(raw) == ROW


def test_raw_rows_do_not_depend_on_the_order_of_names() -> None:
    turned = dict(reversed(ROW.items()))
    assert sherweb.read(make_file(turned), "f").raw == sherweb.read(make_file(ROW), "f").raw


# Keys


def test_keys_are_the_same_when_the_same_file_comes_again() -> None:
    rows = (make_row(), make_row(), make_row(sku="M365-BP"))
    assert [c.key for c in read_rows(*rows)] == [c.key for c in read_rows(*rows)]


def test_a_corrected_row_keeps_its_key() -> None:
    corrected = read_row(
        quantity=3, netPrice=15, netPriceProrated=15, subTotal=45, productName="M365 Standard", isBilled=True
    )
    assert corrected.key == read_row().key


@pytest.mark.parametrize(
    "changes",
    [
        {"sku": "M365-BP"},
        {"productId": "33333333-3333-4333-8333-333333333333"},
        {"chargeId": None},
        {"chargeName": "Other"},
        {"chargeType": "Unknown"},
        {"billingCycleType": "Yearly"},
        {"periodFrom": "2026-10-02"},
        {"periodTo": "2026-10-30"},
        {"quantity": -2, "subTotal": -32.1},
        {"tags": [{"name": "CustomerDisplayName", "value": "Océan Bleu"}]},
    ],
)
def test_what_identifies_a_row_changes_its_key(changes: dict[str, Any]) -> None:
    assert read_row(**changes).key != read_row().key


def test_repeated_rows_are_numbered_in_file_order() -> None:
    keys = [c.key for c in read_rows(make_row(), make_row(sku="X"), make_row(quantity=9), make_row())]
    assert keys[2:] == [keys[0] + "#2", keys[0] + "#3"]
    assert len(keys[0]) == 32
    assert "#" not in keys[1]


def test_guids_in_capitals_are_the_same_guids() -> None:
    assert read_row(chargeId=ROW["chargeId"].upper(), productId=ROW["productId"].upper()).key == read_row().key


# The file


@pytest.mark.parametrize("charges", [None, []])
def test_no_charges_is_an_empty_delivery(charges: object) -> None:
    delivery = sherweb.read(make_file(charges=charges), "october.json")
    assert (delivery.charges, delivery.raw, delivery.total) == ((), (), Decimal("0.00"))


def test_the_period_may_stand_after_the_rows() -> None:
    data = json.dumps({"charges": [ROW, ROW], "periodTo": "2026-10-31", "periodFrom": "2026-10-01"}).encode()
    assert sherweb.read(data, "f").charges == sherweb.read(make_file(ROW, ROW), "f").charges


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_tolerated(encoding: str) -> None:
    text = json.dumps(json.loads(make_file(ROW)), ensure_ascii=False, indent=1)
    assert sherweb.read(text.encode(encoding), "f").charges == read_rows(ROW)


def test_a_file_over_the_limit_is_refused_unread() -> None:
    error = refuse(b" " * (MAX_BYTES + 1))
    assert error.key == "charges.too_large"
    assert str(error) == (
        "october.json has 65 MB, and 64 MB is the most that is read. Export one billing period at a time."
    )


@pytest.mark.parametrize(
    ("data", "key", "sentence"),
    [
        (b"", "charges.empty", "october.json is empty."),
        (b" \n", "charges.empty", "october.json is empty."),
        (b"\xff{}", "charges.not_text", "october.json is not text in UTF-8 (byte 0 does not fit)."),
        (b"<html>", "charges.not_json", "is not JSON: line 1, column 1: Expecting value."),
        (b'{"charges": [}', "charges.not_json", "line 1, column 14: Expecting value."),
        (b'{"charges": [1 2]}', "charges.not_json", "line 1, column 16: expecting ','."),
        (b'{"charges": []', "charges.not_json", "line 1, column 15: expecting ','."),
        (b'{"charges" []}', "charges.not_json", "expecting ':'."),
        (b'{"charges": [], }', "charges.not_json", "expecting a name in double quotes."),
        (b"{charges: []}", "charges.not_json", "line 1, column 2: expecting a name in double quotes."),
        (b'{"charges": [], "charges": []}', "charges.not_json", "'charges' stands here for the second time."),
        (make_file() + b"x", "charges.not_json", "something follows the end."),
        (b'{"charges": [{"quantity": NaN}]}', "charges.not_json", "it holds NaN, which is no number."),
        (b'{"charges": [-Infinity]}', "charges.not_json", "it holds -Infinity, which is no number."),
        (b'{"charges": [1e99999999999999999999]}', "charges.not_json", "it holds a number without measure."),
        (b"[" * 100_000, "charges.not_json", "it is nested too deeply."),
        (b'{"charges": [' + b"[" * 100_000, "charges.not_json", "it is nested too deeply."),
        (b"[]", "charges.foreign_list", "october.json has no list of charges: it is a list of 0 values."),
        (b'[{"quantity": 1}]', "charges.foreign_list", "it is a list of 1 values."),
        (b"{}", "charges.foreign_object", "it is an object with these names: -."),
        (b'{"openapi": "3.0.1", "paths": {}}', "charges.foreign_object", 'with these names: "openapi", "paths".'),
        (b'{"charges": {}}', "charges.foreign_object", 'with these names: "charges".'),
        (b'{"status": 401, "title": "Unauthorized"}', "charges.error_answer", 'it is an error answer, "Unauthorized".'),
        (b'"charges"', "charges.foreign_value", 'it is the single value "charges".'),
        (b"null", "charges.foreign_value", "it is the single value null."),
        (make_file(periodFrom=ABSENT), "charges.period_missing", "october.json: periodFrom is missing."),
        (make_file(periodTo=None), "charges.period_missing", "october.json: periodTo is missing."),
        (make_file(periodTo="31/10/2026"), "charges.period_not_date", 'periodTo is "31/10/2026", not a date'),
        (make_file(periodTo="9999-12-31"), "charges.period_not_date", 'periodTo is "9999-12-31", not a date'),
        (make_file(periodFrom="0001-01-05"), "charges.period_not_date", 'periodFrom is "0001-01-05", not a date'),
        (make_file(periodTo=20261031), "charges.period_not_date", "periodTo is 20261031, not a date"),
        (
            make_file(periodTo="2026-09-30"),
            "charges.period_reversed",
            "ends on 2026-09-30, before its start on 2026-10-01",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, key: str, sentence: str) -> None:
    error = refuse(data)
    assert error.key == key
    assert sentence in str(error)


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"quantity": ABSENT}, "missing", "quantity is missing"),
        ({"quantity": None}, "missing", "quantity is missing"),
        ({"netPrice": None}, "missing", "netPrice is missing"),
        ({"netPriceProrated": None}, "missing", "netPriceProrated is missing"),
        ({"subTotal": None}, "missing", "subTotal is missing"),
        ({"currency": None}, "missing", "currency is missing"),
        ({"isProratable": None}, "missing", "isProratable is missing"),
        ({"chargeType": None}, "missing", "chargeType is missing"),
        ({"periodFrom": None}, "missing", "periodFrom is missing"),
        ({"quantity": "2"}, "not_number", 'quantity is "2", not a number'),
        ({"subTotal": True}, "not_number", "subTotal is true, not a number"),
        ({"netPrice": [1]}, "not_number", "netPrice is [1], not a number"),
        ({"quantity": 10**13}, "too_large", "quantity is 10000000000000, which is too large"),
        ({"isProratable": "yes"}, "not_flag", 'isProratable is "yes", not true or false'),
        ({"productName": 5}, "not_string", "productName is 5, not a text"),
        ({"sku": {}}, "not_string", "sku is {}, not a text"),
        ({"currency": 124}, "not_string", "currency is 124, not a text"),
        ({"currency": "$"}, "bad_currency", 'currency is "$", not three letters such as CAD'),
        ({"currency": ""}, "bad_currency", 'currency is "", not three letters such as CAD'),
        ({"periodFrom": "2026-13-01"}, "not_date", 'periodFrom is "2026-13-01", not a date such as 2026-10-31'),
        ({"periodTo": "2026-10-31T12:00:00"}, "not_date", "not a date such as 2026-10-31"),
        (
            {"periodTo": "2026-09-30"},
            "period_reversed",
            "the period ends on 2026-09-30, before its start on 2026-10-01",
        ),
        ({"chargeType": "Refund"}, "unknown_choice", '"Refund", not one of Setup, Recurring, Usage, Unknown'),
        ({"billingCycleType": 1}, "unknown_choice", "billingCycleType is 1, not one of OneTime, Monthly, Yearly"),
        ({"tags": None}, "no_customer", "it has no tag CustomerDisplayName"),
        ({"tags": []}, "no_customer", "it has no tag CustomerDisplayName"),
        ({"tags": [{"name": "CustomerDisplayName", "value": " "}]}, "no_customer", "it has no tag CustomerDisplayName"),
        ({"tags": {}}, "bad_tags", "tags are not a list of names and values"),
        ({"tags": ["x"]}, "bad_tags", "tags are not a list of names and values"),
        ({"tags": [{"name": 1, "value": "x"}]}, "bad_tags", "tags are not a list of names and values"),
        ({"sku": None, "productId": None, "chargeId": None}, "no_offer", "it has neither sku nor productId"),
        ({"fees": [{"name": "\ud800"}]}, "not_text", "a text holds half of a character"),
    ],
)
def test_a_row_that_cannot_be_read_refuses_the_file_and_names_the_row(
    changes: dict[str, Any], key: str, sentence: str
) -> None:
    error = refuse(make_file(ROW, make_row(**{"chargeName": "Licence"} | changes)))
    assert error.key == f"charges.row.{key}"
    name = "Licence" if changes.get("productName") == 5 else "Microsoft 365 Business Standard"
    assert str(error).startswith(f"october.json, charge 2 ({name}): ")
    assert sentence in str(error)
    assert str(error).endswith("Nothing was imported: export the payable charges again and import the new file.")
    assert error.values["row"] == "2"


def test_a_row_that_is_no_object_is_named_by_its_number() -> None:
    assert str(refuse(make_file(7))).startswith("october.json, charge 1 (?): it is 7, not an object.")


def test_a_long_value_is_cut_in_the_sentence() -> None:
    assert len(refuse(make_file(make_row(quantity="9" * 500))).values["value"]) == 40


def test_braces_in_a_value_are_no_placeholders() -> None:
    assert "({key} {0}): quantity is missing" in str(
        refuse(make_file(make_row(productName="{key} {0}", quantity=None)))
    )


def test_an_error_can_be_copied() -> None:
    error = refuse(b"[]")
    assert str(copy.copy(error)) == str(error)


def test_a_delivery_has_one_raw_row_per_charge() -> None:
    with pytest.raises(ValueError, match="0 charges but 1 raw rows"):
        Delivery(
            provider="sherweb",
            period_start=date(2026, 10, 1),
            period_end=date(2026, 11, 1),
            charges=(),
            raw=("{}",),
            total=Decimal(0),
        )
    with pytest.raises(ValueError, match="not after its start"):
        Delivery(
            provider="sherweb",
            period_start=date(2026, 10, 1),
            period_end=date(2026, 10, 1),
            charges=(),
            raw=(),
            total=Decimal(0),
        )


# Properties

numbers = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, places=5)


@given(quantity=numbers, net=numbers, prorated=numbers, cents=st.integers(-(10**14), 10**14))
def test_numbers_are_exact(quantity: Decimal, net: Decimal, prorated: Decimal, cents: int) -> None:
    total = Decimal(cents).scaleb(-2)
    text = make_file(make_row(quantity="@q", netPrice="@n", netPriceProrated="@p", subTotal="@t")).decode()
    for mark, number in (("@q", quantity), ("@n", net), ("@p", prorated), ("@t", total)):
        text = text.replace(f'"{mark}"', f"{number:f}")
    charge = sherweb.read(text.encode(), "f").charges[0]
    assert (charge.quantity, charge.unit_cost, charge.unit_cost_prorated) == (quantity, net, prorated)
    if abs(cents) < 10**14:
        assert charge.amount == total


@settings(max_examples=50)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "quantity": st.integers(-3, 3),
                "subTotal": st.integers(-9999, 9999).map(lambda cents: cents / 100),
                "sku": st.sampled_from(["A", "B"]),
                "periodFrom": st.sampled_from(["2026-10-01", "2026-10-17"]),
            }
        ),
        max_size=12,
    )
)
def test_reading_twice_gives_the_same_and_keys_are_unique(changes: list[dict[str, Any]]) -> None:
    data = make_file(*(make_row(**change) for change in changes))
    first, second = sherweb.read(data, "a.json"), sherweb.read(data, "b.json")
    assert first == second
    assert len({charge.key for charge in first.charges}) == len(changes)
    assert first.total == sum((charge.amount for charge in first.charges), Decimal(0))
    assert all(-charge.amount.as_tuple().exponent == 2 for charge in first.charges)  # type: ignore[operator]


@settings(max_examples=200)
@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_whatever_comes_is_read_or_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        sherweb.read(data, "x")
    assert str(caught.value)


@settings(max_examples=200)
@given(
    field=st.sampled_from(sorted(ROW)),
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.lists(st.text(), max_size=2)
    | st.dictionaries(st.text(), st.text(), max_size=2),
)
def test_whatever_stands_in_a_field_is_read_or_refused_with_a_sentence(field: str, value: object) -> None:
    delivery: Delivery | ProviderError
    try:
        delivery = sherweb.read(make_file(make_row(**{field: value})), "x.json")
    except ProviderError as error:
        delivery = error
    if isinstance(delivery, ProviderError):
        assert str(delivery).startswith("x.json, charge 1 (")
    else:
        assert delivery.charges[0].organization == "Studio Lumière"
