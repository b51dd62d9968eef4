"""Speed as ratios within one run: our time over the time of the least that would do, on the same machine.

The figures are printed at the end of the run. The bounds are wide: they catch a change of order, not noise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class Ratios:
    """Measures and keeps the figures of one test."""

    properties: list[tuple[str, object]]

    def measure(
        self,
        name: str,
        ours: Callable[[], object],
        bare: Callable[[], object],
        rounds: int = 5,
        clock: Callable[[], float] = time.perf_counter,
    ) -> float:
        """The best of our rounds over the best of theirs, taken in turns.

        `clock`: time.process_time where all the work is done in this process, whatever else the machine does.
        """
        best_ours = best_bare = float("inf")
        for _ in range(rounds):
            best_bare = min(best_bare, _seconds(bare, clock))
            best_ours = min(best_ours, _seconds(ours, clock))
        ratio = best_ours / best_bare
        figure = f"{name}: {ratio:.2f} times ({best_ours * 1000:.1f} ms / {best_bare * 1000:.1f} ms)"
        self.properties.append(("ratio", figure))
        return ratio

    def measure_until(
        self, most: float, name: str, ours: Callable[[], object], bare: Callable[[], object], tries: int = 4, **how: Any
    ) -> float:
        """The first ratio that is at most `most`, or the last of some tries: another program may have had the machine.

        `how`: as `measure` takes it.
        """
        for _ in range(tries - 1):
            ratio = self.measure(name, ours, bare, **how)
            if ratio <= most:
                return ratio
            self.properties.pop()
        return self.measure(name, ours, bare, **how)


def _seconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    call()
    return clock() - begun


@pytest.fixture
def ratios(request: pytest.FixtureRequest) -> Ratios:
    """Measures; the figures travel with the test's report, also from another process."""
    return Ratios(request.node.user_properties)
