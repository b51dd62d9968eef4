"""A small company to begin with: a few customers, items of several kinds, taxes, and two invoices."""

from __future__ import annotations

from qbwc.sandbox.errors import Record

_PATH = r"C:\Users\Public\Documents\Intuit\QuickBooks\Company Files\Example.qbw"


def starter() -> Record:
    """The seed of a Canadian company; change it freely once it is written."""
    both = {"IncomeAccountRef": "Sales", "ExpenseAccountRef": "Purchases"}
    return {
        "file": {
            "Path": _PATH,
            "CompanyName": "Example Services Inc.",
            "Country": "CA",
            "DefaultTaxCode": "S",
            "NonTaxableCode": "E",
        },
        "lists": {
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
            "ItemSalesTax": [{"Name": "GST", "TaxRate": "5"}, {"Name": "Exempt", "TaxRate": "0"}],
            "SalesTaxCode": [
                {"Name": "S", "Desc": "Standard", "IsTaxable": True, "ItemSalesTaxRef": "GST"},
                {"Name": "E", "Desc": "Exempt", "IsTaxable": False, "ItemSalesTaxRef": "Exempt"},
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
        },
        "transactions": {
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
        },
    }
