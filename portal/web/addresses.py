"""What stands in addresses: numbers of rows, no larger than a row's can be."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, Map

from portal.services.connections import HIGHEST_ID


class RowNumber(IntegerConverter):
    """A number in an address, as large as a row's can be: with a larger one there is no such page."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=HIGHEST_ID)
