"""Sherweb's payable charges: the JSON that the distributor API answers and that partners export.

Shape: `PayableCharges` of Sherweb's OpenAPI document "Distributor API" version 1 (`GET /billing/payable-charges`).
Dates are inclusive there. The customer is said only in the tags of a charge. The document marks no field as required;
required here is what an invoice needs, and one row without it refuses the whole file.

Numbers never pass through binary floats. Rows are decoded one at a time, twice over the text (the period may stand
after the rows, and a broken end must be found before the first row counts), so a month of 100,000 rows needs a few
times its own size.

The key of a row is taken over what identifies it and not over quantity or amounts: when Sherweb corrects a file, a
corrected row has the key it had before. Rows that are alike in all of that are told apart by their order in the file.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import NoReturn, TypeVar

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.providers import Delivery, ProviderError

MAX_BYTES = 64 * 1024 * 1024
"""The largest file that is read: about 60,000 charges as Sherweb writes them, 100,000 when they carry few extras."""

_AGAIN = " Nothing was imported: export the payable charges again and import the new file."
_CUSTOMER_TAGS = ("customerdisplayname", "customername", "customer")
_CYCLES = {"OneTime": BillingCycle.ONE_TIME, "Monthly": BillingCycle.MONTHLY, "Yearly": BillingCycle.YEARLY}
_TYPES = {"Setup": "Setup", "Recurring": "Recurring", "Usage": "Usage", "Unknown": "Unknown"}
_PLAIN_CHARGE_NAMES = frozenset({"licence", "license", "licenses", "subscription", "abonnement", "recurring", "usage"})
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T00:00:00(?:\.0+)?(?:Z|\+00:00)?)?")
_SPACE = re.compile(r"[ \t\n\r]*")
_CENT = Decimal("0.01")
_LIMIT = Decimal(10) ** 13  # an amount of qbXML has 13 digits before the point
_encode = json.JSONEncoder(ensure_ascii=False).encode
_DOUBLE = Context(prec=15)  # the decimal digits that a double carries faithfully: 14.674999999999999 was 14.675

_Choice = TypeVar("_Choice")


def read(data: bytes, name: str) -> Delivery:
    """The charges in the file `name` with the content `data`; all of them, or a ProviderError that says what is wrong.

    An empty or null list of charges is a delivery without charges. Currencies may differ from row to row. `subTotal`
    is kept as Sherweb says it, rounded half up to the cent, also where it is not quantity times price.
    """
    text = _decode(data, name)
    try:
        outer, rows_at = _scan(text)
    except json.JSONDecodeError as error:
        _refuse_json(name, f"line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        _refuse_json(name, "it is nested too deeply")
    except InvalidOperation:
        _refuse_json(name, "it holds a number without measure")
    except ValueError as error:
        _refuse_json(name, f"it holds {error}, which is no number")
    if not isinstance(outer, dict) or "charges" not in outer or (rows_at is None and outer["charges"] is not None):
        _refuse_foreign(name, outer)
    start, end = _read_period(name, outer)
    charges: list[Charge] = []
    raw: list[str] = []
    seen: Counter[str] = Counter()
    rows = () if rows_at is None else _Text(text, rows_at).elements()
    for number, value in enumerate(rows, start=1):
        row = _Row(name, number, value)
        charges.append(_read_charge(row, start, end, seen))
        raw.append(row.raw)
    total = sum((charge.amount for charge in charges), Decimal("0.00"))
    return Delivery(
        provider="sherweb", period_start=start, period_end=end, charges=tuple(charges), raw=tuple(raw), total=total
    )


def _decode(data: bytes, name: str) -> str:
    """UTF-8 with or without a byte order mark; UTF-16 with one, as PowerShell writes files."""
    if len(data) > MAX_BYTES:
        raise ProviderError(
            "charges.too_large",
            "{file} has {size} MB, and {limit} MB is the most that is read. Export one billing period at a time.",
            file=name,
            size=str(-(-len(data) // 1024**2)),
            limit=str(MAX_BYTES // 1024**2),
        )
    if not data.strip():
        raise ProviderError("charges.empty", "{file} is empty." + _AGAIN, file=name)
    encoding = next((encoding for mark, encoding in _ENCODINGS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ProviderError(
            "charges.not_text",
            "{file} is not text in UTF-8 (byte {position} does not fit)." + _AGAIN,
            file=name,
            position=str(error.start),
        ) from None


def _refuse_json(name: str, detail: str) -> NoReturn:
    raise ProviderError(
        "charges.not_json", "{file} is not JSON: {detail}." + _AGAIN, file=name, detail=detail
    ) from None


def _refuse_foreign(name: str, outer: object) -> NoReturn:
    """JSON without a list of charges: says what it looks like instead."""
    begin, wanted = (
        "{file} has no list of charges: ",
        " Sherweb's payable charges have periodFrom, periodTo and charges.",
    )
    if isinstance(outer, dict) and "status" in outer and ("title" in outer or "detail" in outer):
        found = _show(outer.get("detail") or outer.get("title"))
        raise ProviderError(
            "charges.error_answer", begin + "it is an error answer, {found}." + _AGAIN, file=name, found=found
        )
    if isinstance(outer, dict):
        found = ", ".join(_show(key) for key in list(outer)[:8]) or "-"
        raise ProviderError(
            "charges.foreign_object",
            begin + "it is an object with these names: {found}." + wanted,
            file=name,
            found=found,
        )
    if isinstance(outer, list):
        found = str(len(outer))
        raise ProviderError(
            "charges.foreign_list", begin + "it is a list of {found} values." + wanted, file=name, found=found
        )
    found = _show(outer)
    raise ProviderError(
        "charges.foreign_value", begin + "it is the single value {found}." + wanted, file=name, found=found
    )


def _refuse_constant(constant: str) -> NoReturn:
    """NaN and Infinity, which Python would read although JSON has no such numbers."""
    raise ValueError(constant)


class _Text:
    """A place in a JSON text: values are decoded one by one, so that a long list never exists as objects at once."""

    _decoder = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant)

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at

    def sees(self, mark: str) -> bool:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text.startswith(mark, self.at)

    def takes(self, mark: str) -> bool:
        if self.sees(mark):
            self.at += len(mark)
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.takes(mark):
            raise json.JSONDecodeError(f"expecting {mark!r}", self.text, self.at)

    def value(self) -> object:
        self.sees("")
        value, self.at = self._decoder.raw_decode(self.text, self.at)
        return value

    def elements(self) -> Iterator[object]:
        """The elements of the list that begins here."""
        self.expect("[")
        if self.takes("]"):
            return
        while True:
            yield self.value()
            if self.takes("]"):
                return
            self.expect(",")

    def names(self) -> Iterator[str]:
        """The names in the object that begins here; whoever iterates reads the value after each name."""
        self.expect("{")
        if self.takes("}"):
            return
        while True:
            if not self.sees('"'):
                raise json.JSONDecodeError("expecting a name in double quotes", self.text, self.at)
            name = str(self.value())
            self.expect(":")
            yield name
            if self.takes("}"):
                return
            self.expect(",")


def _scan(text: str) -> tuple[object, int | None]:
    """The outermost value without its rows, and the place of the list of charges when there is one."""
    place = _Text(text)
    rows_at: int | None = None
    outer: object
    if place.sees("{"):
        members: dict[str, object] = {}
        for name in place.names():
            if name == "charges" and name not in members and place.sees("["):
                rows_at = place.at
                members[name] = sum(1 for _ in place.elements())
            elif name in members:
                raise json.JSONDecodeError(f"{name!r} stands here for the second time", text, place.at)
            else:
                members[name] = place.value()
        outer = members
    else:
        outer = place.value()
    if place.sees("") and place.at != len(text):
        raise json.JSONDecodeError("something follows the end", text, place.at)
    return outer, rows_at


def _read_period(name: str, outer: dict[str, object]) -> tuple[date, date]:
    """The delivery's period as [start, end)."""
    days = []
    for field in ("periodFrom", "periodTo"):
        if (value := outer.get(field)) is None:
            raise ProviderError(
                "charges.period_missing", "{file}: {field} is missing." + _AGAIN, file=name, field=field
            )
        if (day := _to_date(value)) is None:
            raise ProviderError(
                "charges.period_not_date",
                "{file}: {field} is {value}, not a date such as 2026-10-31." + _AGAIN,
                file=name,
                field=field,
                value=_show(value),
            )
        days.append(day)
    start, last = days
    if last < start:
        raise ProviderError(
            "charges.period_reversed",
            "{file}: the period ends on {last}, before its start on {start}." + _AGAIN,
            file=name,
            start=str(start),
            last=str(last),
        )
    return start, last + timedelta(days=1)


class _Row:
    """One row of the file, asked for its fields; whatever is wrong names the row."""

    def __init__(self, file: str, number: int, value: object) -> None:
        self.file = file
        self.row = number
        self.fields: dict[str, object] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self.refuse("charges.row.not_object", "it is {value}, not an object", value=_show(value))
        self.raw = _write(value)
        try:
            self.raw.encode()
        except UnicodeEncodeError:
            self.refuse("charges.row.not_text", "a text holds half of a character")

    def refuse(self, key: str, what: str, **values: str) -> NoReturn:
        names = (self.fields.get(field) for field in ("productName", "chargeName", "sku"))
        offer = next((_CONTROL.sub(" ", name) for name in names if isinstance(name, str) and name.strip()), "?")
        values |= {"file": self.file, "row": str(self.row), "offer": offer.encode(errors="replace").decode()}
        raise ProviderError(key, "{file}, charge {row} ({offer}): " + what + "." + _AGAIN, **values)

    def require(self, field: str) -> object:
        if (value := self.fields.get(field)) is None:
            self.refuse("charges.row.missing", "{field} is missing", field=field)
        return value

    def text(self, field: str) -> str:
        """The text without control characters and outer spaces; "" when absent."""
        value = self.fields.get(field)
        if value is not None and not isinstance(value, str):
            self.refuse("charges.row.not_string", "{field} is {value}, not a text", field=field, value=_show(value))
        return _CONTROL.sub(" ", value or "").strip()

    def number(self, field: str) -> Decimal:
        value = self.require(field)
        if not isinstance(value, Decimal):
            self.refuse("charges.row.not_number", "{field} is {value}, not a number", field=field, value=_show(value))
        if abs(value) >= _LIMIT:
            self.refuse(
                "charges.row.too_large", "{field} is {value}, which is too large", field=field, value=_show(value)
            )
        return value

    def flag(self, field: str) -> bool:
        value = self.require(field)
        if not isinstance(value, bool):
            self.refuse(
                "charges.row.not_flag", "{field} is {value}, not true or false", field=field, value=_show(value)
            )
        return value

    def day(self, field: str) -> date:
        value = self.require(field)
        if (day := _to_date(value)) is None:
            what = "{field} is {value}, not a date such as 2026-10-31"
            self.refuse("charges.row.not_date", what, field=field, value=_show(value))
        return day

    def choice(self, field: str, choices: dict[str, _Choice]) -> _Choice:
        value = self.require(field)
        if not isinstance(value, str) or value not in choices:
            what = "{field} is {value}, not one of {choices}"
            known = ", ".join(choices)
            self.refuse("charges.row.unknown_choice", what, field=field, value=_show(value), choices=known)
        return choices[value]

    def tags(self) -> tuple[tuple[str, str], ...]:
        """Names and values; a tag without a name is left out, and one without a value has ""."""
        value = self.fields.get("tags")
        if value is None:
            return ()
        tags: list[tuple[str, str]] = []
        for tag in value if isinstance(value, list) else (None,):
            name, content = (tag.get("name"), tag.get("value")) if isinstance(tag, dict) else (0, 0)
            if not isinstance(name, str | None) or not isinstance(content, str | None):
                self.refuse("charges.row.bad_tags", "tags are not a list of names and values")
            if name and name.strip():
                tags.append((_CONTROL.sub(" ", name).strip(), _CONTROL.sub(" ", content or "").strip()))
        return tuple(tags)


def _read_charge(row: _Row, delivery_start: date, delivery_end: date, seen: Counter[str]) -> Charge:
    start, last = row.day("periodFrom"), row.day("periodTo")
    if last < start:
        what = "the period ends on {last}, before its start on {start}"
        row.refuse("charges.row.period_reversed", what, start=str(start), last=str(last))
    end = last + timedelta(days=1)
    charge_type, cycle = row.choice("chargeType", _TYPES), row.choice("billingCycleType", _CYCLES)
    quantity, subtotal = row.number("quantity"), row.number("subTotal")
    net, prorated = row.number("netPrice"), row.number("netPriceProrated")
    tags = row.tags()
    customer = _find_customer(row, tags)
    offer_key, offer_name = _read_offer(row)
    is_credit = quantity < 0 or subtotal < 0
    if is_credit:
        kind = ChargeKind.CREDIT
    else:
        shorter = cycle is BillingCycle.MONTHLY and _is_partial_month(start, end, delivery_end - delivery_start)
        kind = _judge_kind(charge_type, cycle, partial=prorated != net or shorter)
    key = _make_key(row, [customer, charge_type, cycle.value, str(start), str(end), "-" if is_credit else "+"])
    seen[key] += 1
    return Charge(
        key=key if seen[key] == 1 else f"{key}#{seen[key]}",
        organization=customer,
        offer_key=offer_key,
        offer_name=offer_name,
        kind=kind,
        cycle=cycle,
        quantity=quantity,
        start=start,
        end=end,
        unit_cost=net,
        unit_cost_prorated=prorated,
        amount=_DOUBLE.plus(subtotal).quantize(_CENT, ROUND_HALF_UP) + 0,
        currency=_read_currency(row),
        is_proratable=row.flag("isProratable"),
        tags=tags,
    )


def _make_key(row: _Row, told: list[str]) -> str:
    """32 hexadecimal digits over what identifies a row; neither quantity nor amounts are in it, only their sign."""
    ids = [row.text("chargeId").lower(), row.text("productId").lower(), row.text("sku"), row.text("chargeName")]
    return hashlib.sha256(json.dumps(ids + told).encode()).hexdigest()[:32]


def _judge_kind(charge_type: str, cycle: BillingCycle, *, partial: bool) -> ChargeKind:
    """The kind of a charge that is no credit. Unknown (older invoices) goes by the billing cycle."""
    if charge_type == "Usage":
        return ChargeKind.USAGE
    if charge_type == "Setup" or (charge_type == "Unknown" and cycle is BillingCycle.ONE_TIME):
        return ChargeKind.ONE_TIME
    return ChargeKind.PRORATED if partial else ChargeKind.RECURRING


def _is_partial_month(start: date, end: date, whole: timedelta) -> bool:
    """Shorter than the delivery's period, and no whole month of its own (such as 15 September to 14 October)."""
    year, month = (start.year, start.month + 1) if start.month < 12 else (start.year + 1, 1)
    is_month = (end.year, end.month) == (year, month) and end.day == min(start.day, monthrange(year, month)[1])
    return end - start < whole and not is_month


def _find_customer(row: _Row, tags: tuple[tuple[str, str], ...]) -> str:
    named = {name.casefold(): value for name, value in reversed(tags) if value}
    customer = next((named[name] for name in _CUSTOMER_TAGS if name in named), None)
    if customer is None:
        row.refuse("charges.row.no_customer", "it has no tag CustomerDisplayName, so its organization is not known")
    return customer


def _read_offer(row: _Row) -> tuple[str, str]:
    """The key of the offer and its name for people."""
    sku, product, charge = row.text("sku"), row.text("productId").lower(), row.text("chargeId").lower()
    offer_key = sku or ":".join(part for part in (product, charge) if part)
    if not offer_key:
        row.refuse("charges.row.no_offer", "it has neither sku nor productId, so its offer is not known")
    product_name, charge_name = row.text("productName"), row.text("chargeName")
    known, more = product_name.casefold(), charge_name.casefold()
    if not charge_name or more in known or (known and more in _PLAIN_CHARGE_NAMES):
        return offer_key, product_name or offer_key
    if known in more:
        return offer_key, charge_name
    return offer_key, f"{product_name} – {charge_name}"


def _read_currency(row: _Row) -> str:
    row.require("currency")
    currency = row.text("currency").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        row.refuse(
            "charges.row.bad_currency", "currency is {value}, not three letters such as CAD", value=_show(currency)
        )
    return currency


def _to_date(value: object) -> date | None:
    """A civil date; None for anything else and for the calendar's last day, which has no day after it."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        day = date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
    return None if day == date.max else day


def _write(value: object) -> str:
    """Canonical JSON: names sorted, no spaces, characters as they are, and numbers with the digits they came with."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{_encode(name)}:{_write(value[name])}" for name in sorted(value)]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([_write(element) for element in value]) + "]"
    return _encode(value)


def _show(value: object) -> str:
    """A value as it stands in the file, short enough for a sentence."""
    shown = _write(value).encode(errors="replace").decode()
    return shown if len(shown) <= 40 else shown[:39] + "…"
