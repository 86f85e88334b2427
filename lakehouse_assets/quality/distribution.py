"""How far two distributions are apart: PSI, Jensen-Shannon, Kolmogorov-Smirnov, on histograms. Pure arithmetic.

Histograms are counts by bin. For PSI and Jensen-Shannon bins are put together until each holds about a tenth of the
reference, as is usual: with many bins, chance alone would look like drift.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

PARTS = 10
# Added to every part: one that is empty on one side makes no infinity.
_HALF = 0.5
# Before the number of a bin that is a hash: such bins have no order.
HASHED = "#"

Histogram = Mapping[str, int]


def together(histograms: Iterable[Histogram]) -> Counter[str]:
    """Return the sum of histograms."""
    total: Counter[str] = Counter()
    for one in histograms:
        total.update(one)
    return total


def psi(reference: Histogram, new: Histogram) -> float:
    """Return the population stability index: 0 for equal shares; above 0.25 is commonly called a shift."""
    old, now = _shares(reference, new)
    return sum((b - a) * math.log(b / a) for a, b in zip(old, now, strict=True))


def jensen_shannon(reference: Histogram, new: Histogram) -> float:
    """Return the Jensen-Shannon distance, the root of the divergence in bits: 0 for equal shares, 1 for no overlap."""
    old, now = _shares(reference, new)
    middle = [(a + b) / 2 for a, b in zip(old, now, strict=True)]
    divergence = (_information(old, middle) + _information(now, middle)) / 2
    return math.sqrt(max(0.0, divergence))


def kolmogorov_smirnov(reference: Histogram, new: Histogram) -> float:
    """Return the largest distance of the two cumulative distributions, at the edges of bins of numbers."""
    before, after = sum(reference.values()), sum(new.values())
    below_old = below_new = 0
    largest = 0.0
    for name in sorted({*reference, *new}, key=int):
        below_old += reference.get(name, 0)
        below_new += new.get(name, 0)
        largest = max(largest, abs(below_old / before - below_new / after))
    return largest


def _information(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * math.log2(a / b) for a, b in zip(one, other, strict=True))


def _shares(reference: Histogram, new: Histogram) -> tuple[list[float], list[float]]:
    parts = _parts(reference, {*reference, *new})
    old = [sum(reference.get(name, 0) for name in part) + _HALF for part in parts]
    now = [sum(new.get(name, 0) for name in part) + _HALF for part in parts]
    return [one / sum(old) for one in old], [one / sum(now) for one in now]


def _parts(reference: Histogram, names: Iterable[str]) -> list[list[str]]:
    """Group bins to about equal shares of the reference: neighbours of numbers, the largest first of anything else."""
    names = list(names)
    if any(name.startswith(HASHED) for name in names):
        ranked = sorted(names, key=lambda name: (-reference.get(name, 0), name))
        return [*([name] for name in ranked[: PARTS - 1]), *([ranked[PARTS - 1 :]] if ranked[PARTS - 1 :] else [])]
    share = sum(reference.values()) / PARTS
    parts: list[list[str]] = [[]]
    held = 0
    for name in sorted(names, key=int):
        if held >= share and len(parts) < PARTS:
            parts.append([])
            held = 0
        parts[-1].append(name)
        held += reference.get(name, 0)
    return parts
