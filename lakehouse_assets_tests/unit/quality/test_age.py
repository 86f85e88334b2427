"""Rules about age and closeness, on the days around their bounds."""

from datetime import UTC, date, datetime
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.quality.rule import load_rules

RULES = load_rules()
DAYS = [date(2010, 12, 1), date(2010, 11, 30), date(2010, 12, 31), date(2011, 1, 5), None]
UNTIL = date(2010, 12, 31)


def fine(rows: pl.DataFrame, rule: nw.Expr) -> list[bool | None]:
    answers: list[bool | None] = nw.from_native(rows.lazy()).select(fine=rule).collect("polars")["fine"].to_list()
    return answers


def stale(dates: list[Any], value: Any, *, days: int) -> list[tuple[str, int]]:  # noqa: ANN401 - dates or times
    frame = nw.from_native(pl.LazyFrame({"part": ["p"] * len(dates), "day": dates}, schema_overrides={"day": pl.Date}))
    found = RULES["newest_within_days"](frame, "part", column="day", value=value, days=days).collect("polars")
    return list(zip(found["part"].to_list(), found["failed_rows"].to_list(), strict=True))


def test_a_day_is_old_when_it_lies_further_back_than_that() -> None:
    rows = pl.DataFrame({"day": DAYS})

    assert fine(rows, RULES["max_age_days"](nw.col("day"), days=30, value=UNTIL)) == [True, False, True, True, None]


def test_a_time_is_as_old_as_its_day() -> None:
    times = [datetime(2010, 12, 1, 23, 59, tzinfo=UTC), datetime(2010, 11, 30, 23, 59, tzinfo=UTC)]
    rows = pl.DataFrame({"at": times, "end": [datetime(2010, 12, 31, 0, 1, tzinfo=UTC)] * 2})

    assert fine(rows, RULES["max_age_days"](nw.col("at"), days=30, value=nw.col("end"))) == [True, False]


def test_one_new_row_keeps_a_partition_from_being_old() -> None:
    assert stale([date(2010, 11, 1), date(2010, 12, 30)], UNTIL, days=1) == []
    assert stale([date(2010, 11, 1), date(2010, 12, 29), None], UNTIL, days=1) == [("p", 3)]


@pytest.mark.parametrize("dates", [[], [None, None]])
def test_a_partition_without_dates_is_not_old(dates: list[None]) -> None:
    assert stale(dates, UNTIL, days=1) == []


def test_close_is_one_percent_of_the_other_column_when_nothing_is_written() -> None:
    rows = pl.DataFrame(
        {"paid": [101.0, 101.1, 99, 98.9, 0, 0, None], "invoiced": [100.0, 100, 100, 100, 0, 1, 1]}, strict=False
    )

    answers = fine(rows, RULES["close_to"](column="paid", other="invoiced"))

    assert answers == [True, False, True, False, True, False, None]


def test_closeness_of_whole_numbers_and_of_negative_ones_is_a_share_too() -> None:
    rows = pl.DataFrame({"paid": [-99, -95, 104], "invoiced": [-100, -100, 100]})

    assert fine(rows, RULES["close_to"](column="paid", other="invoiced", tolerance=0.04)) == [True, False, True]
