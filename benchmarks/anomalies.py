"""The anomaly suite: series with known anomalies, and what a detector finds in them. Its terms are fixed, see below.

A series is 365 days of row counts: a level of 200 to 50,000 (drawn on a logarithmic scale), weekday factors from
U(0.5, 1.5), a trend of up to ±30 % a year, and log-normal noise of 7 %. 2 % of its days are contaminated: multiplied
by anything from a fifth to five, and labelled by nobody. 14 anomalies are planted, two of each kind, and 6 holiday dips
that the calendar names. Everything that is planted lies behind the first 28 days, and no two things on one day.

Recall is the share of planted anomalies that are alarms (score over `fail`). A false alarm is one on an ordinary day or
on a named one; contaminated days are neither, as an alarm there is right, and their alarms are counted apart.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.quality.baseline import Earlier, Policy, expect
from lakehouse_assets.quality.seen import side_of
from lakehouse_assets.results import State

SERIES, DAYS, LEARNED = 30, 365, 28
SEEDS = (1, 2, 3, 4, 5)
FIRST = date(2024, 1, 1)
EACH, HOLIDAYS, CONTAMINATED = 2, 6, 0.02
NOISE, TREND = 0.07, 0.30
FACTORS: Mapping[str, float] = {"x0.3": 0.3, "x0.5": 0.5, "x1.6": 1.6, "x2.5": 2.5, "zero": 0.0, "duplicated day": 2.0}
WEEKEND = "weekend on a weekday"
KINDS = (*FACTORS, WEEKEND)
HOLIDAY, WILD = "holiday", "contaminated"
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Series:
    """Row counts by day, and the days on which something is planted, by what it is."""

    counts: tuple[int, ...]
    planted: Mapping[int, str]

    @property
    def calendar(self) -> Calendar:
        """The calendar of the series, which names its holidays and nothing else."""
        named = tuple(day_of(at) for at, kind in self.planted.items() if kind == HOLIDAY)
        return Calendar(FIRST, holidays=named)


@dataclass(slots=True)
class Found:
    """What a detector said: alarms by kind of day, and how many days of each kind there were."""

    alarms: Counter[str] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        """Share of planted anomalies that were found."""
        return sum(self.alarms[kind] for kind in KINDS) / max(1, sum(self.days[kind] for kind in KINDS))

    @property
    def false_per_100_days(self) -> float:
        """Alarms on ordinary and on named days, for each hundred of them."""
        calm = ("", HOLIDAY)
        return 100 * sum(self.alarms[kind] for kind in calm) / max(1, sum(self.days[kind] for kind in calm))

    def recall_of(self, kind: str) -> float:
        """Share of one kind that was found."""
        return self.alarms[kind] / max(1, self.days[kind])


def day_of(at: int) -> date:
    """Return the day of a place in a series."""
    return FIRST + timedelta(days=at)


def drawn(seed: int, series: int = SERIES) -> list[Series]:
    """Return the series of a seed."""
    draw = random.Random(seed)  # noqa: S311 - a suite must be repeatable
    return [_series(draw) for _ in range(series)]


def evaluated(seeds: Iterable[int] = SEEDS, series: int = SERIES, policy: Policy | None = None) -> Found:
    """Return what the detector finds in the series of some seeds, each day judged by what lies before it."""
    found = Found()
    for seed in seeds:
        for one in drawn(seed, series):
            _judge(one, policy or Policy(zero=State.UNUSUAL), found)
    return found


def _judge(series: Series, policy: Policy, found: Found) -> None:
    policy = Policy(policy.bounds, series.calendar, policy.zero)
    past: list[Earlier] = []
    for at, count in enumerate(series.counts):
        told = expect(day_of(at), count, past, policy)
        past.append(Earlier(day_of(at), count, alarm=side_of(told)))
        if at >= LEARNED:
            kind = series.planted.get(at, "")
            found.days[kind] += 1
            found.alarms[kind] += told.is_severe


def _series(draw: random.Random) -> Series:
    level = math.exp(draw.uniform(math.log(200), math.log(50_000)))
    factors = [draw.uniform(0.5, 1.5) for _ in range(7)]
    trend = draw.uniform(-TREND, TREND)
    usual = [level * factors[day_of(at).weekday()] * (1 + trend * at / DAYS) for at in range(DAYS)]
    planted = _planted(draw)
    changed = {at: _change(kind, at, factors, draw) for at, kind in planted.items()}
    counts = [value * math.exp(draw.gauss(0, NOISE)) * changed.get(at, 1.0) for at, value in enumerate(usual)]
    return Series(tuple(round(count) for count in counts), planted)


def _planted(draw: random.Random) -> dict[int, str]:
    workdays = [at for at in range(LEARNED, DAYS) if day_of(at).weekday() < SATURDAY]
    planted = dict.fromkeys(draw.sample(workdays, EACH), WEEKEND)
    labels = [kind for kind in FACTORS for _ in range(EACH)] + [HOLIDAY] * HOLIDAYS
    planted |= dict(zip(_free(draw, planted, LEARNED, len(labels)), labels, strict=True))
    return planted | dict.fromkeys(_free(draw, planted, 0, round(CONTAMINATED * DAYS)), WILD)


def _free(draw: random.Random, taken: Mapping[int, str], first: int, count: int) -> Sequence[int]:
    return draw.sample([at for at in range(first, DAYS) if at not in taken], count)


def _change(kind: str, at: int, factors: Sequence[float], draw: random.Random) -> float:
    changes: Mapping[str, Callable[[], float]] = {
        HOLIDAY: lambda: draw.uniform(0.1, 0.6),
        WILD: lambda: math.exp(draw.uniform(-math.log(5), math.log(5))),
        WEEKEND: lambda: factors[draw.choice((5, 6))] / factors[day_of(at).weekday()],
    }
    return changes[kind]() if kind in changes else FACTORS[kind]
