"""Pages of lists: the query that asks for one, and the cursor that goes on from it.

A cursor is opaque: it names the list and the row after which the page begins, and means nothing to another list.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any

from flask import request
from pydantic import Field

from portal.errors import Refused
from portal.services.api.keyset import From, Slice
from portal.services.connections import HIGHEST_ID
from portal.web.api.shapes.values import Shape

MOST = 200
USUAL = 50
_LONGEST = 2000


class PageQuery(Shape):
    """How many rows of a list, and from where on."""

    limit: Annotated[int, Field(ge=1, le=MOST, description="Rows of a page.")] = USUAL
    cursor: Annotated[
        str | None, Field(max_length=_LONGEST, description="`next` of the page before; without it, the list begins.")
    ] = None


def wanted_page(query: PageQuery, kind: type[int] | type[str] = int) -> From:
    """The page that a call asks for. Raises Refused for a cursor that is not one of this list."""
    return From(after=None if query.cursor is None else _read(query.cursor, kind), limit=query.limit)


def envelope(page: Slice[Any], items: list[Any]) -> dict[str, Any]:
    """A page as it is sent: its rows, and the cursor of the next one, null at the end of the list."""
    return {"items": items, "next": None if page.last is None else _write(page.last)}


def _list() -> str:
    """The list of this call: its address with what it is of."""
    return request.path.rstrip("/")


def _write(last: int | str) -> str:
    return base64.urlsafe_b64encode(json.dumps([_list(), last]).encode()).decode().rstrip("=")


def _read(cursor: str, kind: type[int] | type[str]) -> int | str:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        of_list, last = json.loads(text)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        of_list, last = None, None
    if of_list == _list() and type(last) is kind:
        if isinstance(last, int) and 0 <= last <= HIGHEST_ID:
            return last
        if isinstance(last, str) and _is_text(last):
            return last
    raise Refused("This cursor is not one of this list. Begin the list again without it.")


def _is_text(text: str) -> bool:
    """Whether a database can compare it."""
    return "\0" not in text and text.encode("utf-8", "ignore").decode() == text
