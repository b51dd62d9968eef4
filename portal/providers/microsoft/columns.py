"""The columns of the file by Microsoft's names, found whatever the spaces, the case and the age of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn

from portal.providers import ProviderError
from portal.providers.table import Table, show

KEPT = (
    *("CustomerId", "CustomerDomainName", "CustomerCountry", "InvoiceNumber", "OrderId", "OrderDate", "SubscriptionId"),
    *("SubscriptionDescription", "SubscriptionStartDate", "SubscriptionEndDate", "ReferenceId", "ChargeType"),
    *("TermAndBillingCycle", "BillingFrequency", "UnitType", "MeterDescription", "PublisherName", "ProductQualifiers"),
    *("PriceAdjustmentDescription", "PromotionId", "CreditReasonCode", "ReservationOrderId", "ResellerMpnId"),
    *("UnitPrice", "TaxTotal", "Total", "PricingCurrency", "PCToBCExchangeRate", "PCToBCExchangeRateDate"),
)
_NEEDED = (
    *("CustomerName", "InvoiceNumber", "ProductId", "SkuId", "ChargeType", "Subtotal", "Currency"),
    *("ChargeStartDate", "ChargeEndDate", "BillableQuantity", "EffectiveUnitPrice"),
)
_MORE = ("AvailabilityId", "SkuName", "ProductName")
_OLDER = {"resellermpnid": "tier2mpnid", "total": "totalforcustomer", "unittype": "unit"}
_OLDER |= {"billablequantity": "quantity", "effectiveunitprice": "unitprice"}
_FOREIGN = {
    "daily": frozenset({"usagedate", "billingpretaxtotal"}),
    "licence": frozenset({"syndicationpartnersubscriptionnumber"}),
    "usage": frozenset({"posttaxtotal", "pretaxcharges"}),
}
AGAIN = " Nothing was imported: download the reconciliation file again and import it as it comes, without saving it"
AGAIN += " in a spreadsheet."


def plain_name(name: str) -> str:
    """A name without spaces, signs and case: Charge Type, chargeType and ChargeType are one."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def find_columns(table: Table) -> dict[str, str]:
    """The heading of each column that is known, by Microsoft's name."""
    headings: dict[str, str] = {}
    for heading in table.headings:
        first = headings.setdefault(plain_name(heading), heading)
        if first != heading:
            what = "{file}: the columns {first} and {second} are the same." + AGAIN
            values = {"first": show(first), "second": show(heading)}
            raise ProviderError("microsoft.same_column", what, file=table.name, **values)
    found = {}
    for column in (*_NEEDED, *KEPT, *_MORE):
        plain = plain_name(column)
        if name := headings.get(plain) or headings.get(_OLDER.get(plain, "")):
            found[column] = name
    if missing := [column for column in _NEEDED if column not in found]:
        _refuse_foreign(table, headings.keys(), missing)
    return found


def _refuse_foreign(table: Table, plain: Iterable[str], missing: list[str]) -> NoReturn:
    """Another file of Partner Center is called by its name, anything else by what it lacks."""
    known = frozenset(plain)
    if _FOREIGN["daily"] <= known:
        what = "{file} is the daily usage. Nothing was imported: its amounts are in the invoice's reconciliation file"
        raise ProviderError("microsoft.daily_usage", what + "; download that one and import it.", file=table.name)
    if _FOREIGN["licence"] <= known or _FOREIGN["usage"] & known:
        what = "{file} is a reconciliation file of the time before new commerce. Nothing was imported: import it as CSV"
        raise ProviderError("microsoft.legacy", what + " with columns that you choose.", file=table.name)
    what = "{file} has no column {columns}. Nothing was imported: download the reconciliation file of an invoice in"
    what += " Partner Center, and check that it is CSV with the first row as headings."
    raise ProviderError("microsoft.no_column", what, file=table.name, columns=", ".join(missing))
