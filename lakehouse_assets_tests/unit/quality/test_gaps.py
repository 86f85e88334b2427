"""Days without a partition, as a calendar opens them; and how much of a partition comes late."""

from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.quality.seen import Measured, Past, Seen
from lakehouse_assets.results import Expectation, State

RULES = load_rules()
MONDAY = date(2026, 1, 19)
WEEKDAYS = Calendar(date(2025, 12, 1), closed_weekdays=(5, 6), closed_dates=(date(2026, 1, 6),))


def told(*published: int, calendar: Calendar | None = None, **arguments: int) -> Expectation:
    """Return what the rule says of a Monday; `published` are the days of January that have a partition."""
    earlier = tuple(Past(date(2026, 1, day), Measured(10)) for day in published)
    found: Expectation = RULES["partitions_without_gaps"](Seen(MONDAY, Measured(10), earlier, calendar), **arguments)
    return found


def test_a_day_that_nobody_published_is_a_gap_and_is_named() -> None:
    found = told(14, 16, 17, 18)
    assert (found.state, found.observed, found.is_severe) == (State.UNUSUAL, 1, True)
    assert found.reason == "1 of the open days in the 28 before have no partition: 2026-01-15"


def test_days_that_the_calendar_closes_are_no_gap() -> None:
    assert told(5, 7, 8, 9, 12, 13, 14, 15, 16, calendar=WEEKDAYS).state is State.USUAL


def test_days_before_the_first_partition_are_not_asked_for() -> None:
    assert told(17, 18).state is State.USUAL


def test_a_gap_further_back_than_asked_is_not_seen() -> None:
    published = [day for day in range(1, 19) if day != 10]
    assert told(*published, days=8).state is State.USUAL
    assert told(*published, days=9).state is State.UNUSUAL


def test_as_many_gaps_as_are_allowed_pass() -> None:
    assert told(12, 15, 16, 17, 18, allowed=2).state is State.USUAL
    assert told(12, 15, 16, 17, 18, allowed=1).state is State.UNUSUAL


def test_of_many_gaps_the_first_are_named() -> None:
    assert told(1).reason.endswith("2026-01-02, 2026-01-03, 2026-01-04, 2026-01-05, 2026-01-06, …")


def late(dates: list[Any], **arguments: Any) -> int:  # noqa: ANN401 - YAML values
    frame = nw.from_native(pl.LazyFrame({"part": ["p"] * len(dates), "day": dates}, schema_overrides={"day": pl.Date}))
    given = {"column": "day", "value": MONDAY, **arguments}
    found = RULES["late_rate"](frame, "part", **given).collect("polars")
    return sum(found["failed_rows"].to_list())


def test_rows_are_late_when_they_are_older_than_so_many_days() -> None:
    dates = [MONDAY - timedelta(days=number) for number in range(5)]
    assert late(dates, days=2, max=0.39) == 2
    assert late(dates, days=2, max=0.4) == 0


@pytest.mark.parametrize("dates", [[], [None, None]])
def test_without_dates_nothing_is_late(dates: list[None]) -> None:
    assert late(dates, days=0, max=0) == 0
