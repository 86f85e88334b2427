"""Statistics of columns: what plain Python counts, whatever the order of rows, and estimates as near as they say."""

import math
import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.quality.column_statistics import (
    BINS,
    LONGEST,
    QUANTILES,
    SAMPLE,
    VALUE,
    Known,
    bound_for,
    counted,
    described,
    distinct_below,
    sampled,
    scaled,
    with_distinct,
)
from lakehouse_assets.results import ColumnStatistics


def told(values: list[Any], dtype: pl.DataType | None = None) -> ColumnStatistics:
    return described("c", "any", counted(pl.Series("c", values, dtype=dtype)))


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5), st.integers(-(2**60), 2**60)), max_size=60), st.randoms())
def test_numbers_are_counted_as_plain_python_counts_them(values: list[int | None], chance: random.Random) -> None:
    shuffled = chance.sample(values, len(values))
    known = sorted(value for value in values if value is not None)

    found = told(shuffled, pl.Int64())

    assert found == told(values, pl.Int64())
    assert (found.nulls, found.distinct) == (len(values) - len(known), len(set(known)))
    assert (found.least, found.greatest) == ((known[0], known[-1]) if known else (None, None))
    often = sorted(Counter(known).items(), key=lambda each: (-each[1], each[0]))
    assert found.top == tuple((value, rows) for value, rows in often if rows > 1)[:10]
    if known:
        ranks = [max(1, math.ceil(share * len(known))) for share in QUANTILES]
        assert list(found.quantiles.values()) == [known[rank - 1] for rank in ranks]
        assert sum(found.histogram) == len(known)


def test_bins_are_equally_wide_from_the_least_to_the_greatest() -> None:
    assert told([float(number) for number in range(41)]).histogram == (*[2] * 19, 3)


@pytest.mark.parametrize(
    ("values", "least", "greatest"),
    [
        ([Decimal("2.50"), Decimal("-1.00")], "-1.00", "2.50"),
        ([date(2024, 2, 29), date(2023, 1, 1)], "2023-01-01", "2024-02-29"),
        (["b", "ä", "a"], "a", "ä"),
        ([True, False], None, None),
    ],
)
def test_ends_are_values_as_json_has_them(values: list[Any], least: object, greatest: object) -> None:
    found = told(values)

    assert (found.least, found.greatest) == (least, greatest)


def test_a_zero_has_one_sign() -> None:
    assert repr(told([-0.0, -0.0]).least) == "0.0"


def test_text_and_truths_have_no_quantiles_but_frequent_values() -> None:
    assert told(["b", "a", "b"]) == ColumnStatistics(
        "c", "any", 0, distinct=2, least="a", greatest="b", top=(("b", 2),)
    )
    assert told([True, True, None]).top == ((True, 2),)


def test_a_value_that_one_row_has_is_not_told_as_frequent() -> None:
    assert told(["ann", "bob"]).top == ()


def test_long_text_is_cut() -> None:
    assert told(["x" * 5_000] * 2).top == (("x" * LONGEST + "…", 2),)


def test_a_column_of_nulls_has_none_of_it() -> None:
    assert told([None, None], pl.Float64()) == ColumnStatistics("c", "any", 2, distinct=0)


def test_what_is_no_finite_number_counts_as_a_value_and_as_nothing_else() -> None:
    found = told([1.0, math.inf, math.nan])

    assert (found.distinct, found.least, found.greatest, sum(found.histogram)) == (3, 1.0, 1.0, 1)


def test_a_range_beyond_all_doubles_has_no_histogram() -> None:
    assert told([-1.7e308, 1.7e308]).histogram == ()


def test_what_is_kept_of_a_column_does_not_grow_with_it() -> None:
    found = told([f"{number}" * 90 for number in range(500)] * 2)

    assert (len(found.top), len(told(list(range(500))).histogram)) == (10, BINS)


def test_which_rows_are_looked_at_does_not_depend_on_their_order() -> None:
    rows = pl.DataFrame({"id": [f"day.csv#{number:09}" for number in range(60_000)]})
    kind = {"id": nw.String()}

    def chosen(frame: pl.DataFrame) -> set[str]:
        return set(sampled(nw.from_native(frame.lazy()), kind, frame.height).collect().to_native()["id"])

    found = chosen(rows)

    assert found == chosen(rows.reverse())
    assert abs(len(found) - SAMPLE) < 4 * math.sqrt(SAMPLE)


@pytest.mark.parametrize("distinct", [150_000, 60_000])
def test_the_number_of_distinct_values_is_as_near_as_it_says(distinct: int) -> None:
    rows = pl.DataFrame({"c": [f"customer {number % distinct}" for number in range(150_000)]})
    sample = counted(rows["c"].gather(random.Random(1).sample(range(rows.height), SAMPLE)))  # noqa: S311 - a fixed draw
    bound = bound_for(sample, rows.height)
    assert bound is not None

    below = distinct_below(nw.from_native(rows.lazy()), "c", nw.String(), bound).collect().to_native().item()
    found = with_distinct(ColumnStatistics("c", "string", 0), below, bound, rows.height)

    assert 0 < found.distinct_error < 0.02
    assert found.distinct is not None
    assert abs(found.distinct - distinct) <= 3 * found.distinct_error * distinct


def test_few_values_are_counted_and_not_estimated() -> None:
    sample = counted(pl.Series([number % 200 for number in range(SAMPLE)]))

    assert bound_for(sample, 10_000_000) is None


def test_a_sample_speaks_for_all_rows() -> None:
    sample = counted(pl.Series([1] * 30 + [2] * 70 + [3]))

    found = scaled(described("c", "long", sample, Known(5, 0, 9)), 101, 10_100)

    assert (found.nulls, found.least, found.greatest, found.is_counted) == (5, 0, 9, False)
    assert found.top == ((2, 7_000), (1, 3_000))
    assert sum(found.histogram) == 10_100


def test_days_have_quantiles_that_are_days() -> None:
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(100)]

    assert told(days).quantiles["0.5"] == "2024-02-19"
    assert counted(pl.Series(days)).schema[VALUE] == pl.Date
