"""How rows learn what becomes of them: by the id they have in their partition, however many repeats there are."""

from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.naming import ROW_ID
from lakehouse_assets.pipeline import repeats
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets.quality.duplicates import FATE, OLDER
from lakehouse_assets_tests.entity_lakes import CHANGES, entity_lake

DAY, NEXT = "2026-01-01", "2026-01-02"
# The same ids on both days: what is a repeat on one is none on the other.
ROWS = [(DAY, "a"), (DAY, "b"), (NEXT, "a"), (NEXT, "b")]
OLDER_ONES = [(DAY, "b"), (NEXT, "a")]


def frame(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"_proc_date": pl.String, ROW_ID: pl.String}, orient="row")


@pytest.mark.parametrize("few", [0, 1, 1_000])
@pytest.mark.parametrize("days", [[DAY], [NEXT], [DAY, NEXT]], ids=str)
def test_a_row_has_the_fate_of_its_id_on_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: list[str], few: int
) -> None:
    monkeypatch.setattr(repeats, "FEW_REPEATS", few)
    lake = entity_lake(tmp_path)
    step = open_step(lake, lake.contract(CHANGES), days, run_id="r", chunk=0)
    fates = frame([one for one in OLDER_ONES if one[0] in days]).with_columns(pl.lit(OLDER, pl.Int8).alias(FATE))
    rows = nw.from_native(frame([one for one in ROWS if one[0] in days]).lazy())

    found = repeats.with_fate(step, rows, fates).collect("polars").to_native()

    told = {(day, row_id): fate for day, row_id, fate in found.select("_proc_date", ROW_ID, FATE).rows()}
    assert told == {one: OLDER if one in OLDER_ONES else 0 for one in ROWS if one[0] in days}
    assert found.schema[FATE] == pl.Int8


@pytest.mark.parametrize(
    "fates", [None, frame([]).with_columns(pl.lit(OLDER, pl.Int8).alias(FATE))], ids=["none", "no"]
)
def test_without_repeats_nothing_becomes_of_a_row(tmp_path: Path, fates: pl.DataFrame | None) -> None:
    lake = entity_lake(tmp_path)
    step = open_step(lake, lake.contract(CHANGES), [DAY], run_id="r", chunk=0)

    found = repeats.with_fate(step, nw.from_native(frame(ROWS).lazy()), fates).collect("polars")

    assert set(found[FATE]) == {0}
