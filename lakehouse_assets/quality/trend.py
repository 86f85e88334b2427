"""How a score moved: the newest beside those before it, for each dimension, and as a plot as small as a word.

What a score is made of is `score`; where earlier ones come from is the pipeline's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from lakehouse_assets.quality.score import coverage, dimension_scores
from lakehouse_assets.results import LABELS, PartitionRecord, Severity

OVERALL = "Score"
# Scores live near 100; a plot from 0 on would be a wall.
FLOOR, CEILING = 90.0, 100.0
_BARS = "▁▂▃▄▅▆▇█"
_STEP = 10.0


@dataclass(frozen=True, slots=True)
class Scored:
    """What one partition, or one publish of it, scored. `at` names it; `dimensions` by the words shown to people."""

    at: str
    score: float
    coverage: float
    dimensions: Mapping[str, float]
    low: Severity | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class Trend:
    """The newest score of one kind beside `mean` and `least` of those before it (None: it is the first)."""

    label: str
    newest: float
    mean: float | None
    least: float | None
    plot: str


def scored(at: str, record: PartitionRecord) -> Scored:
    """Return what a record says about how good a partition is."""
    found = dimension_scores(record.results, record.waived)
    points = {label: round(found[label], 2) for label in dict.fromkeys(LABELS.values()) if label in found}
    return Scored(at, record.score, round(coverage(record.results), 2), points, record.low_score, record.status)


def trends(history: Sequence[Scored]) -> tuple[Trend, ...]:
    """Return the trend of the score and of each dimension the newest has, from scores in their order."""
    if not history:
        return ()
    labels = tuple(history[-1].dimensions)
    low = lowest(history)
    whole = _trend(OVERALL, [one.score for one in history], low)
    single = ([one.dimensions[label] for one in history if label in one.dimensions] for label in labels)
    return (whole, *(_trend(label, values, low) for label, values in zip(labels, single, strict=True)))


def lowest(history: Sequence[Scored]) -> float:
    """Return where plots of a history begin: at 90, or at the ten below its lowest score."""
    least = min((min((one.score, *one.dimensions.values())) for one in history), default=FLOOR)
    return min(FLOOR, _STEP * (least // _STEP))


def sparkline(values: Sequence[float], low: float, high: float = CEILING) -> str:
    """Return one bar a value, as high as it lies between two bounds."""
    span = max(high - low, 1e-9)
    steps = (min(max((value - low) / span, 0.0), 1.0) for value in values)
    return "".join(_BARS[min(len(_BARS) - 1, int(step * len(_BARS)))] for step in steps)


def _trend(label: str, values: Sequence[float], low: float) -> Trend:
    *before, newest = values
    mean, least = (round(fmean(before), 2), min(before)) if before else (None, None)
    return Trend(label, newest, mean, least, sparkline(values, low))
