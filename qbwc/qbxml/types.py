"""Scalar kinds and limits of qbXML, and the aggregates that every message shares: Ref and Address.

A message is a frozen dataclass whose annotations say how each element travels:

    name: Annotated[str, Text(41)]                 mandatory text of at most 41 characters
    quantity: Quantity | None = None               optional number of at most five decimals
    lines: Annotated[tuple[A | B, ...], ByClass]   repeated elements named after their class
    iterator: Annotated[str | None, Attribute]     an XML attribute of the request

Limits and formats come from Intuit's qbXML 13.0 reference. Lengths count characters after unescaping.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated


class NumberKind(StrEnum):
    """Number formats of qbXML: digits before the point, decimals after it."""

    AMOUNT = "AMTTYPE"
    PRICE = "PRICETYPE"
    QUANTITY = "QUANTYPE"
    PERCENT = "PERCENTTYPE"
    FLOAT = "FLOATTYPE"


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `limit` characters; None where the schema states no limit."""

    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number in one of qbXML's formats."""

    kind: NumberKind


class Attribute:
    """Marks a field that is an XML attribute, not an element."""


class ByClass:
    """Marks a repeated field whose elements are named after their class, so that kinds may interleave."""


Id = Annotated[str, Text(36)]
Amount = Annotated[Decimal, Number(NumberKind.AMOUNT)]
Price = Annotated[Decimal, Number(NumberKind.PRICE)]
Quantity = Annotated[Decimal, Number(NumberKind.QUANTITY)]
Percent = Annotated[Decimal, Number(NumberKind.PERCENT)]
Float = Annotated[Decimal, Number(NumberKind.FLOAT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A reference to a list object. ListID wins when both are given: write only the ListID."""

    list_id: Id | None = None
    full_name: Annotated[str, Text(209)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address: Addr1-3 with city and so on, or Addr1-5 alone; five printed lines at most."""

    addr1: Annotated[str, Text(41)] | None = None
    addr2: Annotated[str, Text(41)] | None = None
    addr3: Annotated[str, Text(41)] | None = None
    addr4: Annotated[str, Text(41)] | None = None
    addr5: Annotated[str, Text(41)] | None = None
    city: Annotated[str, Text(31)] | None = None
    state: Annotated[str, Text(21)] | None = None
    postal_code: Annotated[str, Text(13)] | None = None
    country: Annotated[str, Text(31)] | None = None
    note: Annotated[str, Text(41)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataExtRet:
    """A custom field (OwnerID 0) or private data (OwnerID a GUID) of an object."""

    owner_id: str | None = None
    data_ext_name: str
    data_ext_type: str
    data_ext_value: str


def is_same_guid(one: str, other: str) -> bool:
    """Whether two GUIDs are the same, whatever their case and braces."""
    return _bare(one) == _bare(other)


def _bare(guid: str) -> str:
    return guid.strip().strip("{}").casefold()
