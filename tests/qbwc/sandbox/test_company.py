"""The company file: seeds are completed, errors are named, and nothing is lost between two readings."""

from __future__ import annotations

import copy
import json

import pytest

from qbwc.sandbox import Company, CompanyError, starter


def test_a_seed_is_completed_the_same_way_every_time(make_seed, clock):
    first, second = (Company(make_seed(), clock=clock).data for _time in range(2))
    assert first == second
    customer = first["lists"]["Customer"][2]
    assert customer["FullName"] == "Clinique St-Rémi:Siège social"
    assert customer["ListID"].startswith("8000000")
    assert customer["ParentRef"]["ListID"] == first["lists"]["Customer"][1]["ListID"]
    invoice = first["transactions"]["Invoice"][0]
    assert [line.get("Amount") for line in invoice["lines"]] == ["285.00", None, "285.00", "-14.25", "50.00"]


def test_a_saved_company_is_read_back_unchanged(company, clock, tmp_path):
    path = tmp_path / "company.json"
    company.save(path)
    again = Company.load(path, clock=clock)
    assert again.data == company.data
    again.save()
    assert json.loads(path.read_text(encoding="utf-8")) == company.data
    assert [one.name for one in tmp_path.iterdir()] == ["company.json"]


def test_full_names_alone_are_enough(make_seed, clock):
    data = make_seed()
    data["lists"]["Customer"].append({"FullName": "Océan Bleu:Quai 2"})
    record = Company(data, clock=clock).records("Customer")[-1]
    assert (record["Name"], record["Sublevel"], record["ParentRef"]["FullName"]) == ("Quai 2", "1", "Océan Bleu")


def test_parents_may_stand_after_their_children_and_in_another_list(make_seed, clock):
    data = make_seed()
    data["lists"]["Customer"].reverse()
    company = Company(data, clock=clock)
    assert company.find(("Customer",), {"FullName": "clinique st-rémi:siège social"})
    item = company.find(("ItemNonInventory",), {"FullName": "Licences:E3"})
    assert item is not None
    assert item[1]["ParentRef"]["ListID"] == company.records("ItemService")[0]["ListID"]


def broken(change):
    def make(data):
        change(data)
        return data

    return make


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d["lists"]["Customer"][0].update(TermsRef="Net 99"), 'Customer "Océan Bleu": TermsRef "Net 99"'),
        (
            lambda d: d["lists"]["ItemService"][1]["SalesAndPurchase"].update(IncomeAccountRef="Rien"),
            'ItemService "Licences:M365": SalesAndPurchase/IncomeAccountRef "Rien" is not in the list Account',
        ),
        (lambda d: d["lists"]["Customer"][2].update(ParentRef="Personne"), 'ParentRef "Personne"'),
        (lambda d: d["lists"]["Customer"][0].pop("Name"), "Customer: an object has no Name"),
        (lambda d: d["lists"]["Customer"][0].update(Name="a:b"), "no colon"),
        (lambda d: d["lists"].update(Customers=[]), '"Customers" is no list'),
        (lambda d: d["transactions"]["Invoice"][0].update(CustomerRef="Personne"), "Invoice 2001: CustomerRef"),
        (lambda d: d["transactions"]["Invoice"][0].pop("TxnDate"), "Invoice 2001: CustomerRef and TxnDate"),
        (lambda d: d["transactions"]["Invoice"][0]["lines"][0].update(ItemRef="Rien"), 'lines/ItemRef "Rien"'),
        (lambda d: d["lists"]["ItemService"][2]["SalesOrPurchase"].update(Price="cher"), 'Price "cher"'),
        (lambda d: d.update(lists=[]), '"lists" must be an object'),
        (lambda d: d["file"].update(TimeZone="Mars/Olympus"), "Mars/Olympus"),
    ],
)
def test_what_is_wrong_in_a_seed_is_named(make_seed, clock, change, text):
    data = make_seed()
    change(data)
    with pytest.raises(CompanyError) as caught:
        Company(data, clock=clock)
    assert text in str(caught.value)


@pytest.mark.parametrize("content", ["{", "[]", None])
def test_a_file_that_is_no_company_is_named(tmp_path, content):
    path = tmp_path / "company.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CompanyError, match=r"company\.json"):
        Company.load(path)


def test_the_starter_is_a_whole_company(clock):
    company = Company(starter(), clock=clock)
    assert len(company.transactions("Invoice")) == 2
    assert company.transactions("Invoice")[0]["Subtotal"] == "270.75"
    assert company.transactions("Invoice")[1]["IsPaid"] == "true"


def test_a_completed_company_completes_to_itself(company, clock):
    assert Company(copy.deepcopy(company.data), clock=clock).data == company.data
