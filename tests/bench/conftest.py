"""Speed as ratios within one run: our time over the time of the least that would do, on the same machine.

The figures are printed at the end of the run. The bounds are wide: they catch a change of order, not noise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Ratios:
    """Measures and keeps the figures of this run."""

    lines: list[str] = field(default_factory=list)

    def measure(self, name: str, ours: Callable[[], object], bare: Callable[[], object], rounds: int = 5) -> float:
        """The best of our rounds over the best of theirs, taken in turns."""
        best_ours = best_bare = float("inf")
        for _ in range(rounds):
            best_bare = min(best_bare, _seconds(bare))
            best_ours = min(best_ours, _seconds(ours))
        ratio = best_ours / best_bare
        self.lines.append(f"{name}: {ratio:.2f} times ({best_ours * 1000:.1f} ms / {best_bare * 1000:.1f} ms)")
        return ratio


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


_FOUND = Ratios()


@pytest.fixture(scope="session")
def ratios() -> Ratios:
    """One collector a run."""
    return _FOUND


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures at the end."""
    for line in _FOUND.lines:
        terminalreporter.write_line(f"ratio: {line}")
