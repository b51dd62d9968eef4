"""Every file under samples/ is read by what would read it in use; a file without a reader fails here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from portal.providers import Delivery, csvfile, microsoft, sherweb

SAMPLES = Path(__file__).parents[2] / "samples"
CHARGES = "sherweb/payable-charges-2026-10.json"
COMPANY = "sandbox/company.json"
MAPPING = "mapping.csv"
ENDPOINT = "endpoint/own_endpoint.py"


def read_charges(path: Path) -> Delivery:
    return sherweb.read(path.read_bytes(), path.name)


def read_reconciliation(path: Path) -> Delivery:
    return microsoft.read(path.read_bytes(), path.name)


def read_profile(path: Path) -> csvfile.Profile:
    profile = csvfile.Profile.from_json(path.read_text(encoding="utf-8"))
    assert profile.open_choices() == ()
    return profile


def read_table(path: Path) -> Delivery:
    """Each CSV has the profile that is called as it is, without its month."""
    (profile,) = (one for one in path.parent.glob("*.profile.json") if path.name.startswith(one.name.split(".")[0]))
    delivery = csvfile.read(path.read_bytes(), path.name, read_profile(profile))
    guessed = csvfile.guess(path.read_bytes(), path.name)
    assert guessed.open_choices == ()
    assert csvfile.read(path.read_bytes(), path.name, guessed.profile).total == delivery.total
    return delivery


def read_company(path: Path) -> Any:
    from qbwc.sandbox.company import Company

    return Company.load(path)


def read_mapping(path: Path) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    assert rows.fieldnames == ["kind", "name", "key", "quickbooks", "sync", "mode"]
    return list(rows)


def read_program(path: Path) -> Any:
    return compile(path.read_bytes(), path.name, "exec")  # test_own_endpoint.py runs it


READERS: dict[str, Callable[[Path], object]] = {
    "sherweb/*.json": read_charges,
    "microsoft/*.csv": read_reconciliation,
    "csv/*.csv": read_table,
    "csv/*.profile.json": read_profile,
    COMPANY: read_company,
    "mapping*.csv": read_mapping,
    ENDPOINT: read_program,
}
"""Path under samples/, or a pattern of paths, and what reads it."""


def list_files() -> list[str]:
    return sorted(path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", list_files())
def test_every_sample_is_read_by_something(name: str) -> None:
    readers = [reader for pattern, reader in READERS.items() if fnmatchcase(name, pattern)]
    assert readers, f"samples/{name} has no reader: add it to READERS, or take the file away"
    for reader in readers:
        assert reader(SAMPLES / name) is not None


@pytest.mark.parametrize("pattern", READERS)
def test_every_reader_has_a_sample(pattern: str) -> None:
    assert any(fnmatchcase(name, pattern) for name in list_files()), f"no file under samples/ matches {pattern}"


# The three worlds agree: charges, mapping, company


@pytest.fixture(scope="module")
def delivery() -> Delivery:
    return read_charges(SAMPLES / CHARGES)


@pytest.fixture(scope="module")
def mapping() -> list[dict[str, str]]:
    return read_mapping(SAMPLES / MAPPING)


@pytest.fixture(scope="module")
def seed() -> dict[str, Any]:
    """The company as it was written, before the sandbox completes it."""
    seed: dict[str, Any] = json.loads((SAMPLES / COMPANY).read_text(encoding="utf-8"))
    return seed


def find_all(seed: dict[str, Any], prefix: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The list objects whose kind begins with `prefix`, by full name: (kind, object)."""
    return {
        ":".join(filter(None, (one.get("ParentRef"), one["Name"]))): (kind, one)
        for kind, objects in seed["lists"].items()
        if kind.startswith(prefix)
        for one in objects
    }


def test_every_offer_and_organization_that_is_charged_is_mapped_once(
    delivery: Delivery, mapping: list[dict[str, str]]
) -> None:
    offers = [row["key"] for row in mapping if row["kind"] == "offer"]
    organizations = [row["name"] for row in mapping if row["kind"] == "organization"]
    assert sorted(offers) == sorted({charge.offer_key for charge in delivery.charges})
    assert sorted(organizations) == sorted({charge.organization for charge in delivery.charges})
    assert len(offers) + len(organizations) == len(mapping)


def test_the_mapping_holds_only_words_that_it_knows(mapping: list[dict[str, str]]) -> None:
    for row in mapping:
        assert row["sync"] in ("yes", "no")
        assert row["mode"] in (("create", "update") if row["kind"] == "organization" else ("",))
    assert [row["name"] for row in mapping if row["sync"] == "no"] == ["Atelier Ébène"]


def test_every_mapping_leads_to_an_active_record_of_the_company(
    mapping: list[dict[str, str]], seed: dict[str, Any]
) -> None:
    items, customers = find_all(seed, "Item"), find_all(seed, "Customer")
    for row in mapping:
        _, target = (items if row["kind"] == "offer" else customers)[row["quickbooks"]]
        assert target["IsActive"] == "true"


def test_only_email_security_has_no_cost_field(mapping: list[dict[str, str]], seed: dict[str, Any]) -> None:
    items = find_all(seed, "Item")
    targets = {row["key"]: items[row["quickbooks"]] for row in mapping if row["kind"] == "offer"}
    assert [key for key, (_, item) in targets.items() if "SalesAndPurchase" not in item] == ["SEC-MAIL"]
    assert {kind for kind, _ in targets.values()} == {"ItemService", "ItemNonInventory", "ItemOtherCharge"}


def test_every_offer_is_sold_for_more_than_it_costs(
    delivery: Delivery, mapping: list[dict[str, str]], seed: dict[str, Any]
) -> None:
    items = find_all(seed, "Item")
    costs = {charge.offer_key: charge.unit_cost for charge in delivery.charges}
    for row in mapping:
        if row["kind"] == "offer":
            item = items[row["quickbooks"]][1]
            price = (
                item["SalesAndPurchase"]["SalesPrice"]
                if "SalesAndPurchase" in item
                else item["SalesOrPurchase"]["Price"]
            )
            assert Decimal(price) > costs[row["key"]], row["key"]


def test_only_customers_with_an_address_are_sent_invoices_by_email(seed: dict[str, Any]) -> None:
    customers = find_all(seed, "Customer")
    for invoice in seed["transactions"]["Invoice"]:
        if invoice["IsToBeEmailed"] == "true":
            assert "Email" in customers[invoice["CustomerRef"]][1], invoice["RefNumber"]


def test_organizations_in_update_mode_have_an_invoice_to_update(
    mapping: list[dict[str, str]], seed: dict[str, Any]
) -> None:
    waiting: dict[str, list[str]] = {}
    for invoice in seed["transactions"]["Invoice"]:
        unsent = "true" in (invoice["IsToBeEmailed"], invoice["IsToBePrinted"], invoice["IsPending"])
        if unsent and invoice["IsPaid"] == "false" and "2026-10-05" < invoice["TxnDate"] <= "2026-10-31":
            waiting.setdefault(invoice["CustomerRef"], []).append(invoice["TxnDate"])
    assert {row["quickbooks"]: waiting[row["quickbooks"]] for row in mapping if row["mode"] == "update"} == {
        "Océan Bleu": ["2026-10-15"],
        "Theatre de l'Ile (OBNL)": ["2026-10-20"],
        "Bélanger Côté Avocats": ["2026-10-10", "2026-10-24"],
        "Commission scolaire:École Les Érables": ["2026-10-12"],
        "Coop des Cantons": ["2026-10-18"],
    }


LIMITS = {
    "Name": 31, "Addr1": 41, "Addr2": 41, "Addr3": 41, "City": 31, "State": 21, "PostalCode": 13, "Country": 31,
    "CompanyName": 41, "Phone": 21, "Contact": 41, "RefNumber": 11, "PONumber": 25, "AccountNumber": 7,
    "LegalCompanyName": 59, "PurchaseDesc": 50,
}  # fmt: skip
"""The characters that qbXML allows (the smallest where kinds differ: a customer's Name has 41)."""


def list_texts(node: Any, tag: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from list_texts(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from list_texts(value, tag)
    elif isinstance(node, str):
        yield tag, node


def test_the_company_keeps_the_lengths_of_qbxml(seed: dict[str, Any]) -> None:
    texts = [pair for section in ("lists", "transactions") for pair in list_texts(seed[section])]
    assert [(tag, text) for tag, text in texts if len(text) > LIMITS.get(tag, 4095)] == []
    assert len(seed["file"]["CompanyName"]) <= 59


def test_the_sandbox_takes_the_company_and_finds_the_totals_that_were_paid(seed: dict[str, Any]) -> None:
    company = read_company(SAMPLES / COMPANY)
    kept = company.transactions("Invoice")
    assert len(kept) == len(seed["transactions"]["Invoice"]) == 20
    paid = {invoice["RefNumber"]: invoice for invoice in kept if invoice["IsPaid"] == "true"}
    assert len(paid) == 5
    for invoice in paid.values():
        assert Decimal(invoice["BalanceRemaining"]) == 0, invoice["RefNumber"]
    for invoice in kept:
        if invoice["RefNumber"] not in paid:
            assert Decimal(invoice["AppliedAmount"]) == 0
            assert Decimal(invoice["BalanceRemaining"]) > 0
