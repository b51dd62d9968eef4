"""A small company to begin with: a few customers, items of several kinds, taxes, and two invoices."""

from __future__ import annotations

import copy

from qbwc.sandbox.editions import EDITIONS, YEARS, host_facts
from qbwc.sandbox.errors import CompanyError, Record

_PATH = r"C:\Users\Public\Documents\Intuit\QuickBooks\Company Files\Example.qbw"


_CANADIAN: Record = {
    "ItemSalesTax": [
        {"Name": "GST", "TaxRate": "5"},
        {"Name": "PST", "TaxRate": "7"},
        {"Name": "Exempt", "TaxRate": "0"},
    ],
    "ItemSalesTaxGroup": [{"Name": "GST/PST", "ItemSalesTaxRef": ["GST", "PST"]}],
    "SalesTaxCode": [
        {"Name": "S", "Desc": "Standard", "IsTaxable": True, "ItemSalesTaxRef": "GST"},
        {"Name": "P", "Desc": "GST and PST", "IsTaxable": True, "ItemSalesTaxRef": "GST/PST"},
        {"Name": "E", "Desc": "Exempt", "IsTaxable": False, "ItemSalesTaxRef": "Exempt"},
    ],
}
"""Canada: the tax comes from the code of each line."""
_AMERICAN: Record = {
    "ItemSalesTax": [{"Name": "County tax", "TaxRate": "7.25"}, {"Name": "Out of state", "TaxRate": "0"}],
    "SalesTaxCode": [
        {"Name": "Tax", "Desc": "Taxable", "IsTaxable": True},
        {"Name": "Non", "Desc": "Non-taxable", "IsTaxable": False},
    ],
}
"""The United States: one tax item for the whole form; the code of a line says only whether it is taxable."""
_DEFAULTS: dict[str, Record] = {
    "CA": {"DefaultTaxCode": "S", "NonTaxableCode": "E", "TimeZone": "America/Toronto"},
    "US": {
        "DefaultTaxCode": "Tax",
        "NonTaxableCode": "Non",
        "DefaultItemSalesTax": "County tax",
        "TimeZone": "America/New_York",
    },
}


def starter(edition: str = "CA", year: int = 2024) -> Record:
    """The seed of a small company of an `edition` (US or CA) and a `year` (2013 to 2026); change it freely.

    Raises CompanyError for any other edition or year.
    """
    if edition not in EDITIONS:
        raise CompanyError(f"There is no edition {edition!r}: choose {' or '.join(EDITIONS)}.")
    if year not in YEARS:
        raise CompanyError(f"There is no QuickBooks {year} here: choose a year from {YEARS[0]} to {YEARS[-1]}.")
    file = {"Path": _PATH, "CompanyName": "Example Services Inc.", "Country": edition}
    return {
        "file": {**file, **_DEFAULTS[edition], **host_facts(year)},
        "lists": {**_lists(), **copy.deepcopy(_AMERICAN if edition == "US" else _CANADIAN)},
        "transactions": _transactions(),
    }


def _lists() -> Record:
    both = {"IncomeAccountRef": "Sales", "ExpenseAccountRef": "Purchases"}
    return {
        "Account": [
            {"Name": "Accounts Receivable", "AccountType": "AccountsReceivable"},
            {"Name": "Sales", "AccountType": "Income"},
            {"Name": "Purchases", "AccountType": "CostOfGoodsSold"},
        ],
        "Class": [{"Name": "East"}, {"Name": "West"}],
        "StandardTerms": [{"Name": "Net 30", "StdDueDays": 30}],
        "Template": [
            {"Name": "Intuit Service Invoice", "TemplateType": "Invoice"},
            {"Name": "Custom Credit Memo", "TemplateType": "CreditMemo"},
        ],
        "Customer": [
            {"Name": "Abbott Bakery", "Email": "bakery@example.com", "TermsRef": "Net 30"},
            {"Name": "Clinic"},
            {"Name": "Main Street", "ParentRef": "Clinic"},
            {"Name": "Closed Shop", "IsActive": False},
        ],
        "ItemService": [
            {"Name": "Support", "SalesOrPurchase": {"Desc": "Support", "Price": "95", "AccountRef": "Sales"}},
            {
                "Name": "Licence",
                "SalesAndPurchase": {"SalesDesc": "Licence", "SalesPrice": "12.5", "PurchaseCost": "9", **both},
            },
        ],
        "ItemNonInventory": [{"Name": "Cable", "SalesAndPurchase": {"SalesPrice": "8", **both}}],
        "ItemOtherCharge": [{"Name": "Set-up", "SalesAndPurchase": {"SalesPrice": "150", **both}}],
        "ItemSubtotal": [{"Name": "Subtotal", "ItemDesc": "Subtotal"}],
        "ItemDiscount": [{"Name": "Discount", "DiscountRatePercent": "5", "AccountRef": "Sales"}],
        "ItemGroup": [
            {
                "Name": "Starter kit",
                "ItemGroupLine": [{"ItemRef": "Support", "Quantity": 1}, {"ItemRef": "Cable", "Quantity": 2}],
            }
        ],
    }


def _transactions() -> Record:
    return {
        "Invoice": [
            {
                "CustomerRef": "Abbott Bakery",
                "TxnDate": "2026-10-15",
                "RefNumber": "1001",
                "lines": [
                    {"ItemRef": "Support", "Quantity": 3},
                    {"Desc": "Thank you"},
                    {"ItemRef": "Subtotal"},
                    {"ItemRef": "Discount"},
                ],
            },
            {
                "CustomerRef": "Clinic:Main Street",
                "TxnDate": "2026-10-20",
                "IsPaid": True,
                "lines": [{"ItemRef": "Licence", "Quantity": 4}],
            },
        ]
    }
