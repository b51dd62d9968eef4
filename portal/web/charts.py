"""Charts as geometry: values in, places of bars, lines and labels out. A template draws them as SVG (pure).

Lengths are in the units of the drawing's own view, top left is 0, 0. Colours and fonts belong to the style sheet: a bar
knows only the number of its series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 12, 28
MOST_LINES = 5
FEWEST_FOR_GAPS = 2
MOST_LABELS = 7
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))

Value = Decimal | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar: of which group and series, its value, and where it stands."""

    group: int
    series: int
    value: Decimal
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line across the drawing, at a round value."""

    value: Decimal
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Where the name of a group stands, below its bars."""

    group: int
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a template draws. `zero` is the height of the line that bars stand on."""

    width: int
    height: int
    left: int
    right: int
    zero: float
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look at."""
        return not self.bars


def beside(groups: Sequence[Sequence[Value]]) -> Drawing:
    """Bars of a group beside one another, as for invoiced and margin; below zero they hang. None leaves a gap."""
    known = [Decimal(value) for group in groups for value in group if value is not None]
    scale = _Scale(min([*known, Decimal(0)]), max([*known, Decimal(0)]))
    bars = []
    for number, group in enumerate(groups):
        start, each = _places(number, len(groups), max(len(group), 1))
        for series, value in enumerate(group):
            if value is not None and value != 0:
                bars.append(scale.bar(number, series, Decimal(0), Decimal(value), start + series * each, each))
    return _drawing(groups, scale, bars)


def stacked(groups: Sequence[Sequence[int]]) -> Drawing:
    """Bars of a group on top of one another, as for counts of several results."""
    scale = _Scale(Decimal(0), Decimal(max((sum(group) for group in groups), default=0)), is_whole=True)
    bars = []
    for number, group in enumerate(groups):
        start, each = _places(number, len(groups), 1)
        reached = 0
        for series, value in enumerate(group):
            if value:
                bars.append(scale.bar(number, series, Decimal(reached), Decimal(reached + value), start, each))
                reached += value
    return _drawing(groups, scale, bars)


def round_values(lowest: Decimal, highest: Decimal, *, is_whole: bool = False) -> tuple[Decimal, ...]:
    """Round values from at or below `lowest` to at or above `highest`, a few of them, with zero among them."""
    span = highest - lowest
    if span <= 0:
        return Decimal(0), Decimal(1)
    step = _step(span / MOST_LINES)
    if is_whole:
        step = max(step, Decimal(1))
    first = int((lowest / step).to_integral_value(rounding="ROUND_FLOOR"))
    last = int((highest / step).to_integral_value(rounding="ROUND_CEILING"))
    return tuple(number * step for number in range(first, last + 1))


def _step(least: Decimal) -> Decimal:
    """The smallest of 1, 2, 5 times a power of ten that is at least this."""
    power = Decimal(10) ** least.adjusted()
    return next(step * power for step in _STEPS if step * power >= least)


class _Scale:
    """From values to heights."""

    def __init__(self, lowest: Decimal, highest: Decimal, *, is_whole: bool = False) -> None:
        self.values = round_values(lowest, highest, is_whole=is_whole)

    def y(self, value: Decimal) -> float:
        low, high = self.values[0], self.values[-1]
        return round(float(TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)), 1)

    def bar(self, group: int, series: int, start: Decimal, end: Decimal, x: float, width: float) -> Bar:
        top, bottom = self.y(max(start, end)), self.y(min(start, end))
        return Bar(
            group=group,
            series=series,
            value=end - start,
            x=round(x, 1),
            y=top,
            width=round(width, 1),
            height=max(round(bottom - top, 1), 0.5),
        )


def _places(number: int, groups: int, bars: int) -> tuple[float, float]:
    """Where the bars of a group begin, and how wide each is: a fifth of its room stays free on both sides."""
    room = (WIDTH - LEFT - RIGHT) / max(groups, FEWEST_FOR_GAPS)
    free = room / 5
    return LEFT + number * room + free, (room - 2 * free) / bars


def _drawing(groups: Sequence[Sequence[object]], scale: _Scale, bars: list[Bar]) -> Drawing:
    room = (WIDTH - LEFT - RIGHT) / max(len(groups), FEWEST_FOR_GAPS)
    every = -(-len(groups) // MOST_LABELS) or 1
    # Counted from the end: the newest has its name.
    named = [number for number in range(len(groups)) if (len(groups) - 1 - number) % every == 0]
    return Drawing(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        zero=scale.y(Decimal(0)),
        bars=tuple(bars),
        lines=tuple(Line(value=value, y=scale.y(value)) for value in scale.values),
        labels=tuple(Label(group=number, x=round(LEFT + (number + 0.5) * room, 1), y=HEIGHT - 8) for number in named),
    )
