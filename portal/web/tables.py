"""Tables on pages: what the address asks for, as the services take it, and the addresses of other pages of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import request

from portal.services.paging import HIGHEST_PAGE, Wanted

LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of a page: what is wanted of it, and `link`, which makes the address of the same page with changes.

    `usual` is its order where the address says none, `-name` for descending.
    """

    wanted: Wanted
    link: Callable[..., str]
    usual: str = ""

    def query(self, **changes: Any) -> dict[str, Any]:
        """The query of an address that asks for the same rows but for `changes`; what is usual is left out."""
        wanted = self.wanted
        order = ("-" if wanted.is_descending else "") + wanted.sort
        values: dict[str, Any] = {
            "q": wanted.search or None,
            **{name: value or None for name, value in wanted.filters.items()},
            "sort": order if order != self.usual else None,
            "page": wanted.page if wanted.page > 1 else None,
        }
        values |= changes
        return {name: value for name, value in values.items() if value is not None}

    def to(self, **changes: Any) -> str:
        """The address of the table with changes: another page, another order, another filter."""
        return self.link(**self.query(**changes))

    def sorted_by(self, name: str) -> str | None:
        """`ascending` or `descending` where the table is sorted by this column."""
        if self.wanted.sort != name:
            return None
        return "descending" if self.wanted.is_descending else "ascending"


def read_table(link: Callable[..., str], *, filters: tuple[str, ...] = (), sort: str = "") -> Table:
    """What the address of the current request asks of a table. `sort` is its usual order, `-name` for descending."""
    args = request.args
    asked = args.get("sort", "")[:40] or sort
    page = args.get("page", 1, type=int)
    wanted = Wanted(
        search=args.get("q", "").strip()[:LONGEST_SEARCH],
        filters={name: args.get(name, "").strip()[:LONGEST_SEARCH] for name in filters},
        sort=asked.removeprefix("-"),
        is_descending=asked.startswith("-"),
        page=min(max(1, page), HIGHEST_PAGE),
    )
    return Table(wanted=wanted, link=link, usual=sort)
