"""Sales tax of a form, in the Canadian way (each line's code has its own tax) and in the American (one tax a form)."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from qbwc.sandbox.company import reference
from qbwc.sandbox.errors import Record
from qbwc.sandbox.money import HUNDRED, amount_text, cents, price_text
from qbwc.sandbox.pricing import Item, sold_lines

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company

_TAX_ITEMS = ("ItemSalesTax", "ItemSalesTaxGroup")


def line_tax_code(company: Company, item: Item | None, customer: Record) -> Record | None:
    """The tax code of a line that names none: the item's, then the company's default; None when tax is off."""
    if item is None or item.kind in ("Subtotal", "Payment"):
        return None
    if not company.is_on("SalesTaxOn"):
        return default_code(company, "NonTaxableCode")
    if company.country == "US":
        return item.tax_code or default_code(company, "DefaultTaxCode")
    exempt = _code_record(company, customer.get("SalesTaxCodeRef"))
    if exempt is not None and exempt.get("IsTaxable") == "false":
        return reference(exempt)
    return item.tax_code or default_code(company, "DefaultTaxCode")


def default_code(company: Company, name: str) -> Record | None:
    """The company's default taxable or non-taxable code."""
    wanted = company.file.get(name) or {"DefaultTaxCode": "Tax", "NonTaxableCode": "Non"}[name]
    found = company.find(("SalesTaxCode",), {"FullName": wanted})
    return reference(found[1]) if found else None


def default_tax_item(company: Company) -> Record | None:
    """The tax that an American form uses when neither it nor its customer names one."""
    if company.file.get("DefaultItemSalesTax"):
        found = company.find(_TAX_ITEMS, {"FullName": company.file["DefaultItemSalesTax"]})
        return reference(found[1]) if found else None
    code = _code_record(company, default_code(company, "DefaultTaxCode"))
    if code is not None and "ItemSalesTaxRef" in code:
        return dict(code["ItemSalesTaxRef"])
    records = [record for kind in _TAX_ITEMS for record in company.records(kind)]
    return reference(records[0]) if records else None


def tax_form(company: Company, form: Record, sold: Decimal) -> None:
    """Set Subtotal and the tax fields of a form whose lines sum up to `sold`."""
    form["Subtotal"] = amount_text(sold)
    for tag in ("SalesTaxPercentage", "SalesTaxTotal"):
        form.pop(tag, None)
    if not company.is_on("SalesTaxOn"):
        return
    if company.country == "US":
        _tax_american(company, form)
        return
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line, _item in sold_lines(company, form.get("lines", [])):
        sums[line.get("SalesTaxCodeRef", {}).get("ListID", "")] += Decimal(line.get("Amount", "0"))
    tax = Decimal(0)
    included = form.get("IsTaxIncluded") == "true"
    for code, amount in sums.items():
        record = _code_record(company, {"ListID": code}) if code else None
        rates = _rates(company, record.get("ItemSalesTaxRef")) if record and record.get("IsTaxable") == "true" else []
        net = amount * HUNDRED / (HUNDRED + sum(rates)) if included else amount
        tax += cents(amount) - cents(net) if included else sum((cents(net * r / HUNDRED) for r in rates), Decimal(0))
    if included:
        form["Subtotal"] = amount_text(sold - tax)
    form["SalesTaxTotal"] = amount_text(tax)


def _tax_american(company: Company, form: Record) -> None:
    form.setdefault("ItemSalesTaxRef", default_tax_item(company))
    if form["ItemSalesTaxRef"] is None:
        del form["ItemSalesTaxRef"]
    rates = _rates(company, form.get("ItemSalesTaxRef"))
    customer_code = _code_record(company, form.get("CustomerSalesTaxCodeRef"))
    taxable = Decimal(0)
    if customer_code is None or customer_code.get("IsTaxable") == "true":
        for line, _item in sold_lines(company, form.get("lines", [])):
            code = _code_record(company, line.get("SalesTaxCodeRef"))
            if code is not None and code.get("IsTaxable") == "true":
                taxable += Decimal(line.get("Amount", "0"))
    form["SalesTaxPercentage"] = price_text(sum(rates, Decimal(0)))
    form["SalesTaxTotal"] = amount_text(sum((cents(taxable * rate / HUNDRED) for rate in rates), Decimal(0)))


def _code_record(company: Company, wanted: Record | None) -> Record | None:
    found = company.find(("SalesTaxCode",), wanted) if wanted else None
    return found[1] if found else None


def _rates(company: Company, wanted: Record | None) -> list[Decimal]:
    """The percentages of a tax item; a group has several."""
    found = company.find(_TAX_ITEMS, wanted) if wanted else None
    if found is None:
        return []
    kind, record = found
    if kind == "ItemSalesTax":
        return [Decimal(record.get("TaxRate") or "0")]
    return [rate for part in record.get("ItemSalesTaxRef", []) for rate in _rates(company, part)]
