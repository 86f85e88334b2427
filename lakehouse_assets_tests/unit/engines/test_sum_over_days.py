"""Sums over the last days, against sums by hand; with numbers too large for their type."""

from datetime import date, timedelta

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.portable import sum_over_days

FIRST = date(2026, 1, 1)
# Day, currency, amount: two on one day, a day without any, and one long after.
SOLD = [(0, "EUR", 5), (0, "EUR", 7), (1, "USD", 1), (3, "EUR", 2), (4, "EUR", -4), (30, "EUR", 9)]


def rows(dtype: pl.DataType, *, times: int = 1) -> nw.LazyFrame:
    frame = pl.LazyFrame(
        {
            "day": [FIRST + timedelta(days=day) for day, _, _ in SOLD],
            "currency": [currency for _, currency, _ in SOLD],
            "amount": pl.Series([amount * times for _, _, amount in SOLD], dtype=dtype),
        }
    )
    return nw.from_native(frame)


def by_hand(*, days: int, times: int = 1) -> dict[tuple[int, str], int]:
    return {
        (day, currency): sum(
            amount * times for other, of, amount in SOLD if of == currency and day - days < other <= day
        )
        for day, currency, _ in SOLD
    }


@pytest.mark.parametrize("days", [1, 2, 4, 40])
@pytest.mark.parametrize("times", [1, 200_000_000], ids=["small", "sums of more than 32 bits"])
def test_each_day_has_the_sum_of_itself_and_the_days_before(days: int, times: int) -> None:
    found = sum_over_days(rows(pl.Int32(), times=times), by=["currency"], day="day", value="amount", days=days)

    told = {((row["day"] - FIRST).days, row["currency"]): row["amount"] for row in found.collect().rows(named=True)}
    assert told == by_hand(days=days, times=times)
