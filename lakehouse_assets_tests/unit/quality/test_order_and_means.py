"""Means, orders and sequences of partitions: what is counted, what is left out, and what no value is."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.rule import load_rules

RULES = load_rules()
DAY, OTHER = "2024-03-01", "2024-03-02"
LOWEST, HIGHEST = -(2**63), 2**63 - 1
Numbers = st.lists(st.one_of(st.none(), st.integers(-4, 4)), max_size=8)


def failed(rule: str, columns: Mapping[str, Sequence[Any]], **arguments: Any) -> dict[str, int]:  # noqa: ANN401 - YAML values
    rows = pl.DataFrame(
        columns, schema_overrides={name: pl.Int64 for name, values in columns.items() if not any(values)}
    )
    days = pl.Series("day", [DAY] * rows.height, dtype=pl.String)
    found = RULES[rule](nw.from_native(rows.with_columns(days).lazy()), "day", **arguments).collect("polars")
    return dict(found.iter_rows())


def test_a_mean_on_a_bound_is_fine() -> None:
    assert failed("mean_between", {"n": [1, 2, 3]}, column="n", min=2, max=2) == {}


@pytest.mark.parametrize(("low", "high"), [(2.5, None), (None, 1.5), (2.5, 9), (0, 1.5)])
def test_a_mean_beyond_a_bound_fails_for_the_rows_that_have_a_value(low: float | None, high: float | None) -> None:
    assert failed("mean_between", {"n": [1, None, 3]}, column="n", min=low, max=high) == {DAY: 2}


def test_nulls_are_not_in_the_mean() -> None:
    assert failed("mean_between", {"n": [4, None, None]}, column="n", min=4, max=4) == {}


@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_partition_without_values_has_no_mean_that_fails(values: list[None]) -> None:
    assert failed("mean_between", {"n": values}, column="n", min=1) == {}


def test_the_mean_of_the_largest_whole_numbers_does_not_wrap_around() -> None:
    assert failed("mean_between", {"n": [HIGHEST, HIGHEST, HIGHEST]}, column="n", min=2**62) == {}


def test_the_mean_of_money_is_that_of_its_amounts() -> None:
    amounts = [Decimal("0.10"), Decimal("0.20"), Decimal("0.60")]

    assert failed("mean_between", {"n": amounts}, column="n", min=0.3, max=0.3) == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_mean_that_is_no_number_fails(value: float) -> None:
    assert failed("mean_between", {"n": [1.0, value]}, column="n", min=0) == {DAY: 2}


def test_a_mean_without_bounds_is_refused() -> None:
    with pytest.raises(LakehouseError, match="no bound"):
        failed("mean_between", {"n": [1]}, column="n")


def test_a_value_that_stays_or_grows_is_monotonic() -> None:
    assert failed("monotonic", {"n": [3, 1, 3, 2], "at": [4, 1, 3, 2]}, column="n", order_by="at") == {}


def test_every_row_below_the_place_before_is_counted_and_no_other() -> None:
    assert failed("monotonic", {"n": [1, 9, 2, 3, 1], "at": [1, 2, 3, 4, 5]}, column="n", order_by="at") == {DAY: 2}


def test_rows_at_one_place_have_no_order() -> None:
    assert failed("monotonic", {"n": [2, 1, 2], "at": [1, 1, 2]}, column="n", order_by="at") == {}


def test_a_row_is_compared_with_the_greatest_at_the_place_before() -> None:
    assert failed("monotonic", {"n": [2, 1, 1, 1], "at": [1, 1, 2, 2]}, column="n", order_by="at") == {DAY: 2}


@pytest.mark.parametrize("gone", [{"n": None, "at": 2}, {"n": 0, "at": None}])
def test_a_row_with_a_null_is_left_out_of_the_order(gone: dict[str, int | None]) -> None:
    columns = {"n": [1, gone["n"], 2], "at": [1, gone["at"], 3]}

    assert failed("monotonic", columns, column="n", order_by="at") == {}


def test_nan_is_left_out_of_the_order() -> None:
    assert failed("monotonic", {"n": [1.0, float("nan"), 0.5], "at": [1, 2, 3]}, column="n", order_by="at") == {DAY: 1}


def test_the_order_does_not_go_on_in_the_next_partition() -> None:
    rows = nw.from_native(pl.LazyFrame({"day": [DAY, OTHER], "n": [9, 1], "at": [1, 2]}))

    assert RULES["monotonic"](rows, "day", column="n", order_by="at").collect("polars").shape == (0, 2)


@given(values=Numbers, draw=st.data())
def test_the_order_is_what_sorting_finds(values: list[int | None], draw: st.DataObject) -> None:
    places = draw.draw(st.lists(st.integers(0, 3), min_size=len(values), max_size=len(values)))
    at = {place: [n for n, p in zip(values, places, strict=True) if p == place and n is not None] for place in range(4)}
    broken = sum(n < max(before) for before, after in pairwise([each for each in at.values() if each]) for n in after)

    found = failed("monotonic", {"n": values, "at": places}, column="n", order_by="at")

    assert found == ({DAY: broken} if broken else {})


def test_numbers_that_follow_each_other_have_no_gap_in_any_order() -> None:
    assert failed("sequence_without_gaps", {"n": [5, None, 3, 4, 4]}, column="n") == {}


def test_every_number_after_a_gap_is_counted_once() -> None:
    assert failed("sequence_without_gaps", {"n": [1, 3, 3, 4, 90]}, column="n") == {DAY: 2}


@pytest.mark.parametrize("values", [[], [None, None], [7], [LOWEST], [HIGHEST]])
def test_one_number_or_none_has_no_gap(values: list[int | None]) -> None:
    assert failed("sequence_without_gaps", {"n": values}, column="n") == {}


def test_the_widest_gap_is_one() -> None:
    assert failed("sequence_without_gaps", {"n": [LOWEST, HIGHEST]}, column="n") == {DAY: 1}


@given(values=Numbers)
def test_gaps_are_where_a_number_is_missing(values: list[int | None]) -> None:
    known = {number for number in values if number is not None}
    after = sum(number - 1 not in known and number > min(known) for number in known)

    assert failed("sequence_without_gaps", {"n": values}, column="n") == ({DAY: after} if after else {})
