"""Rows of a large union are compared part by part: each row is in exactly one part, whichever side it comes from."""

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.pipeline.replay import parts_of

IDS = [f"2010-12-01.csv#{number:09d}" for number in range(1_000)]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_every_row_is_in_exactly_one_part(count: int) -> None:
    rows = nw.from_native(pl.DataFrame({"_row_id": IDS}))

    parts = [rows.filter(part)["_row_id"].to_list() for part in parts_of(count) if part is not None]

    assert sorted(row_id for part in parts for row_id in part) == IDS
    assert min(map(len, parts)) > len(IDS) / count / 2


def test_few_rows_are_one_part() -> None:
    assert parts_of(1) == [None]
