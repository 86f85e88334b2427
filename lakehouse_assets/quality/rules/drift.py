"""Are values distributed as they were? A partition's histogram beside those of a reference window. They only alert."""

from collections.abc import Callable

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.quality import distribution
from lakehouse_assets.quality.anomaly import LEAST, learning
from lakehouse_assets.quality.baseline import is_named, without_alarms
from lakehouse_assets.quality.distribution import Histogram, together
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.quality.seen import Seen
from lakehouse_assets.results import Dimension, Expectation, State

# Of fewer values chance alone moves a tenth of them now and then.
FEWEST = 200
# Bins of numbers, as histograms name them: about a thousand in the reference and in the partition.
_ALIKE = {"before": {"570": 100, "580": 60}, "now": {"570": 620, "580": 380}}
_SHIFTED = {"before": {"570": 100, "580": 60}, "now": {"570": 100, "580": 900}}


@rule(
    kind=RuleKind.OVER_TIME,
    dimension=Dimension.ACCURACY,
    example=Example(arguments={"column": "amount"}, passing=_ALIKE, failing=_SHIFTED),
)
def psi(seen: Seen, *, column: str, max: float = 0.25, partitions: int = LEAST, minRows: int = FEWEST) -> Expectation:  # noqa: A002, N803 - YAML keys
    """Stability index (PSI) of a column, beside the last `partitions` ones, is at most `max`."""
    return _compared(seen, column, (max, partitions, minRows), distribution.psi)


@rule(
    kind=RuleKind.OVER_TIME,
    dimension=Dimension.ACCURACY,
    example=Example(arguments={"column": "amount"}, passing=_ALIKE, failing=_SHIFTED),
)
def jensen_shannon(
    seen: Seen,
    *,
    column: str,
    max: float = 0.2,  # noqa: A002 - the YAML key
    partitions: int = LEAST,
    minRows: int = FEWEST,  # noqa: N803 - the YAML key
) -> Expectation:
    """Jensen-Shannon distance of a column from the last `partitions` ones, 0 to 1, is at most `max`."""
    return _compared(seen, column, (max, partitions, minRows), distribution.jensen_shannon)


@rule(
    kind=RuleKind.OVER_TIME,
    dimension=Dimension.ACCURACY,
    example=Example(arguments={"column": "amount"}, passing=_ALIKE, failing=_SHIFTED),
)
def kolmogorov_smirnov(
    seen: Seen,
    *,
    column: str,
    max: float = 0.15,  # noqa: A002 - the YAML key
    partitions: int = LEAST,
    minRows: int = FEWEST,  # noqa: N803 - the YAML key
) -> Expectation:
    """Largest distance of cumulative shares of a column of numbers from the last `partitions` ones is at most `max`."""
    return _compared(seen, column, (max, partitions, minRows), distribution.kolmogorov_smirnov)


def _compared(
    seen: Seen, column: str, bounds: tuple[float, int, int], distance: Callable[[Histogram, Histogram], float]
) -> Expectation:
    limit, partitions, fewest = bounds
    if is_named(seen.day, seen.calendar):
        return Expectation(State.NAMED, 0, reason="the calendar names this day; it is compared with no other")
    window = _window(seen, column, partitions)
    now = seen.measured.histograms.get(column, {})
    reference = together(window)
    if len(window) < partitions:
        return learning(
            0, len(window), f"{len(window)} of {partitions} earlier partitions have a histogram of {column}"
        )
    if min(sum(now.values()), sum(reference.values())) < fewest:
        return learning(0, len(window), f"fewer than {fewest} values of {column} say little about its distribution")
    found = float(f"{distance(reference, now):.6g}")
    is_far = found > limit
    state = State.UNUSUAL if is_far else State.USUAL
    why = f"{column} is {found:.3g} away from {partitions} earlier partitions, at most {limit:g} is usual"
    return Expectation(state, found, high=limit, is_severe=is_far, partitions=len(window), reason=why if is_far else "")


def _window(seen: Seen, column: str, partitions: int) -> list[Histogram]:
    """Return the histograms of the last partitions before this one that nothing speaks against."""
    fine = [
        one
        for one in sorted(seen.earlier, key=lambda one: one.day)
        if one.day < seen.day
        and column in one.measured.histograms
        and not (one.is_doubtful or is_named(one.day, seen.calendar))
    ]
    return [one.measured.histograms[column] for one in without_alarms(fine, lambda one: one.alarm)][-partitions:]
