"""How the last calls went: the right password, a wrong one, a new one that nobody uses yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.notices.calls import Calls, judge_calls

NOON = datetime(2026, 11, 16, 17, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("last", "refused", "changed", "calls"),
    [
        (None, None, None, Calls.NEVER),
        (None, None, NOON, Calls.NEVER),
        (None, NOON, None, Calls.REFUSED),
        (None, NOON, NOON - HOUR, Calls.REFUSED),
        (NOON, None, None, Calls.ANSWERED),
        (NOON, NOON - HOUR, None, Calls.ANSWERED),
        (NOON, NOON, None, Calls.REFUSED),
        (NOON, NOON + HOUR, None, Calls.REFUSED),
        (NOON, None, NOON - HOUR, Calls.ANSWERED),
        (NOON, NOON + HOUR, NOON - HOUR, Calls.REFUSED),
        (NOON, None, NOON + HOUR, Calls.NEW),
        (NOON, NOON + HOUR, NOON + 2 * HOUR, Calls.NEW),
        (NOON, NOON + 2 * HOUR, NOON + HOUR, Calls.FORMER),
    ],
)
def test_how_the_last_calls_went(
    last: datetime | None, refused: datetime | None, changed: datetime | None, calls: Calls
) -> None:
    assert judge_calls(last, refused, changed) is calls
