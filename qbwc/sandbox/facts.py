"""What the company file says of itself: HostQuery, CompanyQuery, PreferencesQuery."""

from __future__ import annotations

from qbwc.sandbox.company import Company
from qbwc.sandbox.elements import Request
from qbwc.sandbox.errors import Record
from qbwc.sandbox.queries import owned
from qbwc.sandbox.session import Work
from qbwc.sandbox.taxes import default_code, default_tax_item
from qbwc.sandbox.writer import Outcome

_COPIED = (
    "Address", "LegalAddress", "Phone", "Fax", "Email", "CompanyWebSite", "FirstMonthFiscalYear",
    "FirstMonthIncomeTaxYear", "CompanyType", "EIN", "TaxForm",
)  # fmt: skip


def query_host(work: Work, request: Request) -> Outcome:
    """HostQuery: which QuickBooks this is and which versions of qbXML it reads."""
    file = work.company.file
    facts = ("ProductName", "MajorVersion", "MinorVersion", "Country", "SupportedQBXMLVersion")
    ret: Record = {tag: work.company.fact(tag) for tag in facts}
    ret["IsAutomaticLogin"] = file.get("IsAutomaticLogin", "false")
    ret["QBFileMode"] = file["QBFileMode"]
    return _one("HostRet", ret, request)


def query_company(work: Work, request: Request) -> Outcome:
    """CompanyQuery: names, address, and the private data of the owners asked for."""
    file = work.company.file
    ret: Record = {
        "IsSampleCompany": file.get("IsSampleCompany", "false"),
        "CompanyName": file["CompanyName"],
        "LegalCompanyName": file["LegalCompanyName"],
    }
    ret |= {tag: file[tag] for tag in _COPIED if tag in file}
    ret.setdefault("FirstMonthFiscalYear", "January")
    ret.setdefault("FirstMonthIncomeTaxYear", "January")
    ret["DataExtRet"] = work.company.state["CompanyDataExt"]
    return _one("CompanyRet", owned(request.body, ret), request)


def query_preferences(work: Work, request: Request) -> Outcome:
    """PreferencesQuery."""
    return _one("PreferencesRet", preferences(work.company), request)


def _one(tag: str, ret: Record, request: Request) -> Outcome:
    return Outcome(rets=((tag, ret),), keep=frozenset(request.body.get("IncludeRetElement", ())))


def preferences(company: Company) -> Record:
    """The preferences as QuickBooks groups them; SalesTaxPreferences is absent while sales tax is off."""
    file = company.file
    accounting = {
        "IsUsingAccountNumbers": file.get("IsUsingAccountNumbers", "false"),
        "IsRequiringAccounts": "true",
        "IsUsingClassTracking": _word(company, "IsUsingClassTracking"),
        "IsUsingAuditTrail": "true",
        "IsAssigningJournalEntryNumbers": "true",
    }
    if company.fact("ClosingDate"):
        accounting["ClosingDate"] = company.fact("ClosingDate")
    ret: Record = {
        "AccountingPreferences": accounting,
        "FinanceChargePreferences": {
            "GracePeriod": "0",
            "IsAssessingForOverdueCharges": "false",
            "CalculateChargesFrom": "DueDate",
            "IsMarkedToBePrinted": "false",
        },
        "JobsAndEstimatesPreferences": {
            "IsUsingEstimates": "true",
            "IsUsingProgressInvoicing": "false",
            "IsPrintingItemsWithZeroAmounts": "false",
        },
        "MultiCurrencyPreferences": {"IsMultiCurrencyOn": _word(company, "IsMultiCurrencyOn")},
        "PurchasesAndVendorsPreferences": {
            "IsUsingInventory": "true" if company.records("ItemInventory") else "false",
            "DaysBillsAreDue": "10",
            "IsAutomaticallyUsingDiscounts": "false",
        },
        "ReportsPreferences": {"AgingReportBasis": "AgeFromDueDate", "SummaryReportBasis": "Accrual"},
        "SalesAndCustomersPreferences": {
            "IsTrackingReimbursedExpensesAsIncome": "false",
            "IsAutoApplyingPayments": "true",
            "PriceLevels": {"IsUsingPriceLevels": _word(company, "IsUsingPriceLevels")},
        },
        "TimeTrackingPreferences": {"FirstDayOfWeek": "Monday"},
        "CurrentAppAccessRights": {
            "IsAutomaticLoginAllowed": file.get("IsAutomaticLogin", "false"),
            "IsPersonalDataAccessAllowed": file.get("IsPersonalDataAccessAllowed", "true"),
        },
    }
    if company.is_on("IsMultiCurrencyOn"):
        ret["MultiCurrencyPreferences"]["HomeCurrencyRef"] = _home_currency(company)
    taxes = _tax_preferences(company)
    if taxes:
        ret["SalesTaxPreferences"] = taxes
    return ret


def _word(company: Company, preference: str) -> str:
    return "true" if company.is_on(preference) else "false"


def _home_currency(company: Company) -> Record:
    code = company.file["HomeCurrency"]
    for record in company.records("Currency"):
        if code in (record.get("CurrencyCode"), record["Name"]):
            return {"ListID": record["ListID"], "FullName": record["Name"]}
    return {"FullName": code}


def _tax_preferences(company: Company) -> Record | None:
    if not company.is_on("SalesTaxOn"):
        return None
    item = default_tax_item(company)
    taxable, exempt = (default_code(company, name) for name in ("DefaultTaxCode", "NonTaxableCode"))
    if item is None or taxable is None or exempt is None:
        return None
    ret: Record = {
        "DefaultItemSalesTaxRef": item,
        "PaySalesTax": "Quarterly",
        "DefaultTaxableSalesTaxCodeRef": taxable,
        "DefaultNonTaxableSalesTaxCodeRef": exempt,
    }
    if company.country != "US":
        ret |= {"IsUsingVendorTaxCode": "true", "IsUsingCustomerTaxCode": "true", "IsUsingAmountsIncludeTax": "false"}
    return ret
