"""Tables of mappings: which rows a page shows, and which item or customer a typed name means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request

from portal.errors import Refused
from portal.services.mappings import Choice

PAGE = 50
MOST_CHOICES = 1000
_SUGGESTED = 3

Search = Callable[[str, int], tuple[Choice, ...]]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the address of a table asks for: words, only what is unmapped, one row, a page."""

    search: str
    only_unmapped: bool
    only_id: int | None
    page: int

    @property
    def values(self) -> dict[str, Any]:
        """The filter as the query of an address, without the page."""
        values: dict[str, Any] = {}
        if self.search:
            values["q"] = self.search
        if self.only_unmapped:
            values["only"] = "unmapped"
        if self.only_id is not None:
            values["row"] = self.only_id
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Generic[Row]):
    """The rows of one page, and how many pages there are."""

    rows: tuple[Row, ...]
    page: int
    pages: int


def read_filter() -> Filter:
    """The filter of the current request."""
    args = request.args
    return Filter(
        search=args.get("q", "").strip(),
        only_unmapped=args.get("only") == "unmapped",
        only_id=args.get("row", type=int),
        page=max(1, args.get("page", 1, type=int)),
    )


def cut(rows: Sequence[Row], page: int) -> Slice[Row]:
    """One page of rows; a page beyond the last is the last."""
    pages = max(1, -(-len(rows) // PAGE))
    page = min(page, pages)
    return Slice(rows=tuple(rows[(page - 1) * PAGE : page * PAGE]), page=page, pages=pages)


def resolve_item(search: Search, name: str) -> str:
    """The ListID of the item with this full name. Raises Refused, with near names when there are some."""
    found, near = _resolve(search, name)
    if found is not None:
        return found
    if near:
        raise Refused(
            "QuickBooks has no item “%(name)s” that can be billed. Did you mean %(near)s?", name=name, near=near
        )
    raise Refused("QuickBooks has no item “%(name)s” that can be billed. Choose one from the list.", name=name)


def resolve_customer(search: Search, name: str) -> str:
    """The ListID of the customer with this full name. Raises Refused, with near names when there are some."""
    found, near = _resolve(search, name)
    if found is not None:
        return found
    if near:
        raise Refused("QuickBooks has no active customer “%(name)s”. Did you mean %(near)s?", name=name, near=near)
    raise Refused("QuickBooks has no active customer “%(name)s”. Choose one from the list.", name=name)


def _resolve(search: Search, name: str) -> tuple[str | None, str]:
    choices = search(name, MOST_CHOICES)
    for one in choices:
        if one.name.casefold() == name.casefold():
            return one.list_id, ""
    if not choices and " " in name:
        choices = search(name.split()[0], _SUGGESTED)
    return None, " · ".join(one.name for one in choices[:_SUGGESTED])
