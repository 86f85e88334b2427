"""Rows that share their values with others are found, however few hashes are compared at a time."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.engines.polars_engine import PolarsEngine

VALUES = st.lists(st.tuples(st.integers(0, 20), st.none() | st.sampled_from("abc")), max_size=60)


@given(rows=VALUES, at_a_time=st.integers(1, 70))
def test_every_row_with_a_twin_is_found_and_no_other(rows: list[tuple[int, str | None]], at_a_time: int) -> None:
    engine = PolarsEngine(hashes_per_part=at_a_time)
    frame = pl.DataFrame(rows, {"a": pl.Int64, "b": pl.String}, orient="row").with_row_index("n")
    found = engine.repeated(engine.lift(frame), ["a", "b"])
    times = Counter(rows)
    wanted = [number for number, row in enumerate(rows) if times[row] > 1]
    assert ([] if found is None else sorted(engine.collect(found)["n"])) == wanted


@pytest.mark.parametrize("at_a_time", [1, 3, 1_000])
def test_rows_are_looked_up_by_an_id_where_there_is_one(at_a_time: int) -> None:
    engine = PolarsEngine(hashes_per_part=at_a_time)
    found = engine.repeated(engine.lift(pl.DataFrame({"a": [7, 8, 7, 9], "n": [1, 2, 3, 4]})), ["a"], known_by="n")
    assert found is not None
    assert sorted(engine.collect(found)["n"]) == [1, 3]
