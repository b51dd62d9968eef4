"""What stands in addresses: numbers of rows, no larger than a row's can be."""

from __future__ import annotations

from werkzeug.exceptions import NotFound
from werkzeug.routing import IntegerConverter

from portal.services.connections import to_row_id


class RowNumber(IntegerConverter):
    """A number in an address, as large as a row's can be: with a larger one there is no such page, by any method."""

    def to_python(self, value: str) -> int:
        number = to_row_id(value)
        if number is None:
            raise NotFound  # a number that does not fit would be taken for another method's address
        return number
