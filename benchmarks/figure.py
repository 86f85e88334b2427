"""What a figure is, and the two ways most of them are measured. Lower is better unless a figure says otherwise."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import interleaved, run

THOUSAND, MILLION = 1_000, 1_000_000
# Times of equal work on a machine that does other things besides differ by about this much; memory by less.
NOISE = {"GiB": 0.15}
NOISE_OF_TIMES = 0.25
# Of the must: below it a figure may move freely (a figure of 0.006 that doubles is still nothing).
FLOOR = 0.02
# What is counted and not timed is the same on every machine; a hundredth less is another detector.
LESS = 0.01


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, and the single ones it is the middle of."""

    value: float
    runs: list[float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the results: what must hold, what is aimed at, and how it is measured."""

    id: str
    unit: str
    must: float
    aim: float
    measure: Callable[[Path], Measured]
    more_is_better: bool = False

    @property
    def says(self) -> str:
        """One sentence about what is measured."""
        return " ".join((self.measure.__doc__ or "").split("\n\n")[0].split())

    def allowed(self, accepted: float) -> float:
        """Return the worst value that is no regression of an accepted one."""
        if self.more_is_better:
            return accepted * (1 - LESS)
        return accepted * (1 + NOISE.get(self.unit, NOISE_OF_TIMES)) + FLOOR * self.must

    def is_within(self, value: float, bound: float) -> bool:
        """Whether a value is as good as a bound, or better."""
        return value >= bound if self.more_is_better else value <= bound

    def part(self, value: float) -> float:
        """Return a value as a part of what must be reached: 1 just reaches it, less is better."""
        if not self.more_is_better:
            return value / self.must
        return self.must / value if value else math.inf


def middle(values: Sequence[float]) -> Measured:
    """Return the median of values as a measurement."""
    return Measured(statistics.median(values), list(values))


def ratio(workload: str, folder: Path, rows: int) -> Measured:
    """Return wall time of `ours` ÷ `plain` of a workload over `rows` rows, taken in turns."""
    where = folder / workload
    run(workload, "prepare", str(where), str(rows))
    return Measured(*interleaved(workload, "ours", "plain", str(where), str(rows)))
