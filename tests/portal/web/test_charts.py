"""Charts as geometry: bars stand on zero, keep to the drawing, and mean what they say."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web.charts import BOTTOM, HEIGHT, LEFT, MOST_LABELS, RIGHT, TOP, WIDTH, beside, round_values, stacked

MONEY = st.decimals(-(10**9), 10**9, places=2)
GROUPS = st.lists(st.tuples(st.none() | MONEY, st.none() | MONEY), max_size=40)


@given(GROUPS)
def test_every_bar_lies_inside_and_reaches_from_zero_to_its_value(groups: list[tuple[Decimal | None, ...]]) -> None:
    drawing = beside(groups)
    assert len(drawing.bars) == sum(bool(value) for group in groups for value in group)
    for bar in drawing.bars:
        assert bar.value == groups[bar.group][bar.series]
        assert LEFT <= bar.x <= bar.x + bar.width <= WIDTH - RIGHT + 0.2
        assert TOP - 0.2 <= bar.y <= bar.y + bar.height <= HEIGHT - BOTTOM + 0.6
        foot = bar.y + bar.height if bar.value > 0 else bar.y
        assert abs(foot - drawing.zero) <= 0.6


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), max_size=40))
def test_stacked_bars_add_up(groups: list[list[int]]) -> None:
    drawing = stacked(groups)
    for number, group in enumerate(groups):
        bars = [bar for bar in drawing.bars if bar.group == number]
        assert sum(bar.value for bar in bars) == sum(group)
        for below, above in pairwise(bars):
            assert abs(above.y + above.height - below.y) <= 0.6


@given(MONEY, MONEY)
def test_lines_are_at_round_values_and_hold_zero_and_both_ends(one: Decimal, other: Decimal) -> None:
    lowest, highest = min(one, other, Decimal(0)), max(one, other, Decimal(0))
    values = round_values(lowest, highest)
    assert values[0] <= lowest <= highest <= values[-1]
    assert 0 in values
    assert 2 <= len(values) <= 8
    assert all(value == 0 or value.normalize().as_tuple().digits in ((1,), (2,), (5,)) for value in steps(values))


def steps(values: tuple[Decimal, ...]) -> set[Decimal]:
    return {second - first for first, second in pairwise(values)}


def test_counts_have_no_line_between_two_whole_numbers() -> None:
    assert [line.value for line in stacked([[1, 0, 1]]).lines] == [0, 1, 2]


@pytest.mark.parametrize("count", [0, 1, 7, 12, 14, 100])
def test_the_newest_group_has_its_name_and_names_are_few(count: int) -> None:
    drawing = stacked([[1]] * count)
    assert len(drawing.labels) <= MOST_LABELS
    assert [label.group for label in drawing.labels][-1:] == ([count - 1] if count else [])
    assert drawing.is_empty is (count == 0)
