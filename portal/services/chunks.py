"""Many values a few at a time: as many as one statement may name, or as one transaction should take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

CHUNK = 500

T = TypeVar("T")


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values, so many at a time, in their order."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
