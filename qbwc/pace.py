"""How many requests travel together: as many as pay, fewer after trouble (pure).

A bigger set saves round trips; a smaller one loses less when the connector or QuickBooks dies under it. After each
loss the limit is halved, after each answer doubled, up to the largest set that pays.
"""

from __future__ import annotations

from collections.abc import Iterable

LARGEST_SET = 100
LARGEST_BYTES = 400_000
SMALLEST_AFTER_TROUBLE = 5


def after_trouble(limit: int | None) -> int:
    """The limit once a set was lost."""
    return max(SMALLEST_AFTER_TROUBLE, (limit or LARGEST_SET) // 2)


def after_success(limit: int | None) -> int | None:
    """The limit once a set was answered; None is no limit but the largest."""
    if limit is None or limit * 2 >= LARGEST_SET:
        return None
    return limit * 2


def how_many(sizes: Iterable[tuple[int, int | None]], limit: int | None) -> int:
    """How many of these requests, each with its bytes and the most that it may travel with, fit one set.

    At least one, however large it is.
    """
    most, size, count = limit or LARGEST_SET, 0, 0
    for bytes_, together in sizes:
        most = min(most, together or LARGEST_SET)
        size += bytes_
        if count and (count >= most or size > LARGEST_BYTES):
            break
        count += 1
    return count
