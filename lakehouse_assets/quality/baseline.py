"""Which earlier partitions say what is usual: those before in partition time that nothing speaks against.

Left out are days that the calendar names, days that were an alarm themselves, and days whose rows were doubtful.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import TypeVar

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.quality.anomaly import Bounds, Day, judge, shown
from lakehouse_assets.results import Expectation, State

# Half a year: enough of each weekday and month end, and little to read.
WINDOW = 182
# So many alarms in a row to the same side are no incident but a new level.
NEW_LEVEL = 7
RECENT = 28
_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of an earlier partition: its number (None: not measured), and what speaks against it.

    `alarm` is 1 or -1 when the number was found far above or below what was expected, `is_doubtful` whether the rows
    it was taken from were published despite a failed rule, or many of them were refused.
    """

    day: date
    value: float | None
    alarm: int = 0
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What a rule asks for beside its bounds: the table's calendar, and what nothing at all is (None: to be judged)."""

    bounds: Bounds = field(default_factory=Bounds)
    calendar: Calendar | None = None
    zero: State | None = None


def expect(day: date, value: float, earlier: Iterable[Earlier], policy: Policy) -> Expectation:
    """Return whether a number is usual; nothing at all is an alarm without any history, and named days are none."""
    usable = [one for one in sorted(earlier, key=lambda one: one.day) if one.day < day]
    recent = tuple(one.value for one in usable if one.value is not None)[-RECENT:]
    found = _expect(day, value, usable, policy)
    return Expectation(
        found.state,
        found.observed,
        *(found.expected, found.low, found.high, found.score, found.is_severe, found.partitions, found.reason),
        recent=recent,
    )


def _expect(day: date, value: float, usable: Sequence[Earlier], policy: Policy) -> Expectation:
    calendar = policy.calendar
    if is_named(day, calendar):
        return Expectation(State.NAMED, value, reason="the calendar names this day; it is compared with no other")
    if value == 0 and policy.zero is State.USUAL:
        return Expectation(State.USUAL, value)
    if value == 0 and policy.zero is State.UNUSUAL:
        return _nothing(day, usable, policy)
    tested = Day(day, value, is_month_end=_is_month_end(day, calendar))
    return judge(tested, baseline(usable, calendar), policy.bounds)


def _nothing(day: date, usable: Sequence[Earlier], policy: Policy) -> Expectation:
    past = baseline(usable, policy.calendar)
    usual = judge(Day(day, 0, is_month_end=_is_month_end(day, policy.calendar)), past, policy.bounds)
    told = "" if usual.expected is None else f" where {shown(usual.expected)} is expected"
    return Expectation(
        State.UNUSUAL,
        0,
        *(usual.expected, usual.low, usual.high, usual.score),
        is_severe=True,
        partitions=usual.partitions,
        reason=f"nothing at all{told}",
    )


def baseline(earlier: Iterable[Earlier], calendar: Calendar | None = None) -> list[Day]:
    """Return the days that say what is usual, oldest first, out of earlier ones in order of their days."""
    # An alarm of nothing at all, day after day, is never a level.
    fine = [
        one
        for one in earlier
        if one.value is not None
        and not one.is_doubtful
        and not (one.alarm and one.value == 0)
        and not is_named(one.day, calendar)
    ]
    return [
        Day(one.day, one.value, is_month_end=_is_month_end(one.day, calendar))
        for one in without_alarms(fine, _alarm_of)[-WINDOW:]
        if one.value is not None
    ]


def _alarm_of(one: Earlier) -> int:
    return one.alarm


def is_named(day: date, calendar: Calendar | None) -> bool:
    """Whether the calendar says that a day is unlike any other."""
    return calendar is not None and day in calendar.holidays


def _is_month_end(day: date, calendar: Calendar | None) -> bool:
    return calendar is not None and calendar.has_month_ends and calendar.is_month_end(day)


def without_alarms(ordered: Sequence[_One], alarm_of: Callable[[_One], int]) -> list[_One]:
    """Leave out alarms; but since the first of many in a row to one side, they are the level, and nothing before is."""
    level: list[_One] = []
    for alarm, found in groupby(ordered, key=alarm_of):
        run = list(found)
        if alarm and len(run) >= NEW_LEVEL:
            level = run
        elif not alarm:
            level += run
    return level
