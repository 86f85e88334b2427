"""Is a number of a partition what earlier ones make one expect? Pure arithmetic on dates and numbers, no frames.

`seasonal` compares with the median of the same weekday, on a logarithmic scale and without the trend; the spread is a
median, too, so a few wild days move nothing. `z_score` compares with mean and standard deviation of the last 28 and
finds little. What belongs to the earlier days at all is decided by `quality.baseline`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, median, stdev

from lakehouse_assets.results import Expectation, State

LEAST = 28
SEASONAL, Z_SCORE = "seasonal", "z_score"
# Relative: days that are all but equal make nobody jump at a difference of a percent.
FLOOR = 0.03
_PER_CLASS = 3
_MAD_TO_SIGMA = 1.4826
# Variance of a median of n normal values is this much that of one value, divided by n.
_OF_MEDIAN = math.pi / 2
_MONTH_END = 7
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays", "month ends")


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a score is worth a warning and when an alarm, and on which scale numbers are compared.

    `unit` is what differences are relative to where numbers may be zero or negative: None takes their usual size.
    """

    warn: float = 3.5
    fail: float = 5.0
    method: str = SEASONAL
    least: int = LEAST
    is_logarithmic: bool = True
    unit: float | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """One partition: its day, its number, and whether it is a month end that is compared with others of its kind."""

    day: date
    value: float
    is_month_end: bool = False

    @property
    def kind(self) -> int:
        """What a day is compared with: a weekday, or month ends."""
        return _MONTH_END if self.is_month_end else self.day.weekday()


@dataclass(frozen=True, slots=True)
class _Forecast:
    """Centre and standard deviation of what is expected, on the scale of comparison."""

    centre: float
    spread: float


def judge(day: Day, earlier: Sequence[Day], bounds: Bounds) -> Expectation:
    """Return what earlier days make one expect of a day, and whether it is so; too few of them mean learning."""
    scale = _Scale.of(day, earlier, bounds)
    known = [one for one in earlier if scale.takes(one.value)]
    if len(known) < bounds.least:
        return learning(day.value, len(known), f"{len(known)} of {bounds.least} earlier partitions are known")
    points = [(one, scale.to(one.value)) for one in known]
    forecast = _last_weeks(points) if bounds.method == Z_SCORE else _seasonal(day, points)
    if forecast is None:
        return learning(day.value, len(known), f"fewer than {_PER_CLASS} earlier {_DAYS[day.kind]} are known")
    distance = scale.to(day.value) - forecast.centre if scale.takes(day.value) else -math.inf
    return _told(day.value, distance / forecast.spread, (forecast, scale, bounds), len(known))


def learning(value: float, partitions: int, why: str) -> Expectation:
    """Return that nothing can be said yet."""
    return Expectation(State.LEARNING, value, partitions=partitions, reason=f"learning: {why}")


@dataclass(frozen=True, slots=True)
class _Scale:
    """How numbers become comparable: logarithms, or multiples of a unit."""

    unit: float | None = None

    @classmethod
    def of(cls, day: Day, earlier: Sequence[Day], bounds: Bounds) -> "_Scale":
        if bounds.is_logarithmic and (not earlier or min(one.value for one in earlier) >= 0) and day.value >= 0:
            return cls()
        usual = median(abs(one.value) for one in earlier) if earlier else 0.0
        return cls(bounds.unit or usual or 1.0)

    def takes(self, value: float) -> bool:
        return self.unit is not None or value > 0

    def to(self, value: float) -> float:
        return math.log(value) if self.unit is None else value / self.unit

    def back(self, place: float) -> float:
        return math.exp(min(place, 700.0)) if self.unit is None else place * self.unit


def _seasonal(day: Day, points: Sequence[tuple[Day, float]]) -> _Forecast | None:
    """Return centre and spread for a day: the level of its kind of day, carried on by the trend."""
    kinds: dict[int, list[tuple[int, float]]] = {}
    for one, place in points:
        kinds.setdefault(one.kind, []).append(((one.day - day.day).days, place))
    if len(kinds.get(day.kind, ())) < _PER_CLASS:
        return None
    slope = _slope(kinds)
    level = {kind: median(place - slope * at for at, place in found) for kind, found in kinds.items()}
    rest = [place - slope * at - level[kind] for kind, found in kinds.items() for at, place in found]
    # As many levels as kinds were fitted to these very numbers.
    fitted = math.sqrt(len(rest) / max(1, len(rest) - len(kinds)))
    spread = max(_MAD_TO_SIGMA * median(map(abs, rest)) * fitted, FLOOR)
    return _Forecast(level[day.kind], spread * math.sqrt(1 + _OF_MEDIAN / len(kinds[day.kind])))


def _slope(kinds: Mapping[int, Sequence[tuple[int, float]]]) -> float:
    """Return the trend a day, or 0 where it may well be noise.

    It is the median of slopes between days of one kind, each of an older half with its partner in the newer one.
    """
    slopes = [
        (new[1] - old[1]) / (new[0] - old[0])
        for found in kinds.values()
        for old, new in zip(found[: len(found) // 2], found[-(len(found) // 2) :], strict=True)
    ]
    slope = median(slopes) if slopes else 0.0
    deviation = median(abs(each - slope) for each in slopes) if slopes else 0.0
    noise = _MAD_TO_SIGMA * deviation * math.sqrt(_OF_MEDIAN / max(1, len(slopes)))
    return slope if abs(slope) > 2 * noise else 0.0


def _last_weeks(points: Sequence[tuple[Day, float]]) -> _Forecast:
    last = [place for _, place in sorted(points, key=lambda point: point[0].day)[-LEAST:]]
    return _Forecast(fmean(last), max(stdev(last), FLOOR))


def _told(value: float, score: float, of: tuple[_Forecast, _Scale, Bounds], partitions: int) -> Expectation:
    forecast, scale, bounds = of
    reach = bounds.fail * forecast.spread
    expected, low, high = (_plain(scale.back(forecast.centre + way)) for way in (0.0, -reach, reach))
    distance = _plain(abs(score))
    state = State.UNUSUAL if distance > bounds.warn else State.USUAL
    return Expectation(
        state,
        value,
        expected=expected,
        low=low,
        high=high,
        score=min(distance, 999.0),
        is_severe=distance > bounds.fail,
        partitions=partitions,
        reason=_sentence(value, expected, (low, high), distance) if state is State.UNUSUAL else "",
    )


def _plain(value: float) -> float:
    # So many digits say all there is to say, and are the same on every machine.
    return float(f"{value:.6g}")


def _sentence(value: float, expected: float, between: tuple[float, float], score: float) -> str:
    way = "above" if value > expected else "below"
    low, high = (shown(bound) for bound in between)
    far = f" ({abs(value / expected - 1):.0%} {way})" if expected > 0 else f" ({way})"
    return f"{shown(value)} where {shown(expected)} is expected{far}; usual is {low} to {high}, score {score:.1f}"


def shown(value: float) -> str:
    """Return a number as people read it: large ones whole, small ones with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004
