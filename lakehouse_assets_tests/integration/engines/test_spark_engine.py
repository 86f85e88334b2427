"""The engine on three kinds of Spark: what it stages is what the Polars engine stages, file for file readable."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Branch, DataFile, Engine, Target, Totals
from lakehouse_assets.errors import ComputationError
from lakehouse_assets.naming import publish_of
from lakehouse_assets.results import StagedFile
from lakehouse_assets_tests.spark import KINDS, spark_engine

# A JVM on a busy machine takes its time.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PUBLISH = "run-0000-abcd"
TYPES = {
    "id": nw.Int64(),
    "pieces": nw.Int32(),
    "price": nw.Decimal(18, 4),
    "name": nw.String(),
    "day": nw.Date(),
    "at": nw.Datetime("us", "UTC"),
    "good": nw.Boolean(),
    "share": nw.Float64(),
}
ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "pieces": pl.Series([None, 7, -1], dtype=pl.Int32),
        "price": pl.Series([Decimal("1.5"), None, Decimal("-0.0001")], dtype=pl.Decimal(18, 4)),
        "name": ["ä", "", None],
        "day": [date(1969, 12, 31), date(9999, 12, 31), None],
        "at": pl.Series([datetime(1969, 1, 1, 0, 0, 0, 1, tzinfo=UTC), None, datetime(2026, 3, 29, 1, tzinfo=UTC)]),
        "good": [True, None, False],
        "share": [0.1, None, -2.5],
        "_proc_date": ["2026-01-05", "2026-01-05", "2026-01-06"],
    }
)


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    return spark_engine(request.getfixturevalue(request.param))


@pytest.fixture(params=["polars", *KINDS])
def either(request: pytest.FixtureRequest) -> Engine:
    if request.param == "polars":
        return PolarsEngine()
    return spark_engine(request.getfixturevalue(request.param))


def target(folder: Path, publish: str = PUBLISH) -> Target:
    return Target(str(folder), "_proc_date", publish)


def data_files(files: Sequence[StagedFile]) -> list[DataFile]:
    return [DataFile(file.path, file.rows, file.partition) for file in files]


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_rows_come_back_as_they_were_staged(either: Engine, tmp_path: Path) -> None:
    (files,), _ = either.stage([Branch(either.lift(ROWS), target(tmp_path))])
    rows = either.scan(str(tmp_path), data_files(files), "_proc_date", TYPES)
    assert either.collect(rows).sort("id").to_dicts() == ROWS.to_dicts()


def test_polars_reads_what_spark_staged(engine: Engine, tmp_path: Path) -> None:
    (files,), _ = engine.stage([Branch(engine.lift(ROWS), target(tmp_path))])
    rows = PolarsEngine().scan(str(tmp_path), data_files(files), "_proc_date", TYPES)
    assert PolarsEngine().collect(rows).sort("id").equals(ROWS)


def test_spark_reads_what_polars_staged(engine: Engine, tmp_path: Path) -> None:
    (files,), _ = PolarsEngine().stage([Branch(PolarsEngine().lift(ROWS), target(tmp_path))])
    rows = engine.scan(str(tmp_path), data_files(files), "_proc_date", TYPES)
    assert engine.collect(rows).sort("id").to_dicts() == ROWS.to_dicts()


def test_what_is_told_about_files_is_the_same(engine: Engine, tmp_path: Path) -> None:
    told = []
    # A row a partition: how many files Spark writes is its own business.
    rows = ROWS.with_columns(pl.concat_str(pl.lit("2026-01-0"), pl.col("id")).alias("_proc_date"))
    for each in (engine, PolarsEngine()):
        (files,), _ = each.stage([Branch(each.lift(rows), target(tmp_path / each.name))])
        told.append([(file.partition, file.rows, file.stats) for file in sorted(files, key=lambda one: one.partition)])
    assert told[0] == told[1]


def test_only_files_with_names_of_ours_are_left(engine: Engine, tmp_path: Path) -> None:
    (files,), _ = engine.stage([Branch(engine.lift(ROWS), target(tmp_path))])
    assert everything(tmp_path) == sorted(file.path for file in files)
    assert {publish_of(file.path) for file in files} == {PUBLISH}


def test_values_that_folders_cannot_hold_are_encoded(either: Engine, tmp_path: Path) -> None:
    rows = ROWS.with_columns(pl.lit("a:b=c+d").alias("_proc_date"))
    (files,), _ = either.stage([Branch(either.lift(rows), target(tmp_path))])
    assert {file.partition for file in files} == {"a:b=c+d"}
    found = either.collect(either.scan(str(tmp_path), data_files(files), "_proc_date", TYPES))
    assert set(found["_proc_date"]) == {"a:b=c+d"}


def test_a_column_that_a_file_lacks_is_null(either: Engine, tmp_path: Path) -> None:
    (files,), _ = either.stage([Branch(either.lift(ROWS.drop("name")), target(tmp_path))])
    found = either.collect(either.scan(str(tmp_path), data_files(files), "_proc_date", TYPES))
    assert found["name"].to_list() == [None, None, None]


def test_no_files_are_no_rows(either: Engine, tmp_path: Path) -> None:
    found = either.collect(either.scan(str(tmp_path), [], "_proc_date", TYPES))
    assert found.height == 0
    assert set(found.columns) == {*TYPES, "_proc_date"}


def test_only_the_files_that_are_named_are_read(either: Engine, tmp_path: Path) -> None:
    (files,), _ = either.stage([Branch(either.lift(ROWS), target(tmp_path))])
    either.stage([Branch(either.lift(ROWS), target(tmp_path, "other-0000-abcd"))])
    wanted = [file for file in data_files(files) if file.partition == "2026-01-06"]
    assert either.collect(either.scan(str(tmp_path), wanted, "_proc_date", TYPES))["id"].to_list() == [3]


def counted(engine: Engine, folder: Path, only: str | None) -> tuple[list[int], pl.DataFrame]:
    """Stage the good and the bad rows of a frame with totals over all of them; return rows a branch, and totals."""
    rows = engine.lift(ROWS if only is None else ROWS.with_columns(pl.lit(only).alias("_proc_date")))
    takes: list[Callable[[nw.LazyFrame], nw.LazyFrame]] = [
        lambda frame: frame.filter(nw.col("id") < 3),
        lambda frame: frame.filter(nw.col("id") > 100),
    ]
    names = ("small", "large")
    branches = [
        Branch(take(rows), target(folder / name), take=take, counted_as=name)
        for take, name in zip(takes, names, strict=True)
    ]
    sums = (
        nw.len().cast(nw.Int64).alias("rows"),
        (nw.col("id") < 3).cast(nw.Int64).sum().alias("small"),
        (nw.col("id") > 100).cast(nw.Int64).sum().alias("large"),
    )
    staged, totals = engine.stage(branches, Totals(rows, sums, "_proc_date", only))
    return [sum(file.rows for file in files) for files in staged], totals


@pytest.mark.parametrize("only", [None, "2026-01-05"], ids=["partitions", "one partition"])
def test_totals_are_of_all_rows_however_they_were_counted(either: Engine, tmp_path: Path, only: str | None) -> None:
    rows, totals = counted(either, tmp_path, only)
    assert rows == [2, 0]
    found = {row["_proc_date"]: (row["rows"], row["small"], row["large"]) for row in totals.to_dicts()}
    assert found == ({"2026-01-05": (3, 2, 0)} if only else {"2026-01-05": (2, 2, 0), "2026-01-06": (1, 0, 0)})


@pytest.mark.parametrize("refused", [7, 50], ids=["some are refused", "none is refused"])
@pytest.mark.parametrize("only", [None, "2026-01-05"], ids=["partitions", "one partition"])
def test_marks_are_counted_whether_or_not_rows_are_refused_for_them(
    either: Engine, tmp_path: Path, only: str | None, refused: int
) -> None:
    marked = pl.DataFrame({"id": [5, 6, 7, 8], "_proc_date": ["2026-01-05"] * 4}).with_columns(
        odd=pl.Series([True, False, True, None]), large=pl.col("id") > refused, never=pl.lit(value=False)
    )
    rows, kept = either.lift(marked), ["id", "_proc_date"]
    takes: list[Callable[[nw.LazyFrame], nw.LazyFrame]] = [
        lambda frame: frame.filter(~nw.col("large")).select(*kept),
        lambda frame: frame.filter(nw.col("large")).select(*kept),
    ]
    branches = [
        Branch(take(rows), target(tmp_path / name), take=take, counted_as=name)
        for take, name in zip(takes, ("good", "bad"), strict=True)
    ]
    # Sail refuses two equal aggregates: that of a mark is another one.
    one, zero = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)
    sums = (
        nw.when(nw.col("large")).then(zero).otherwise(one).sum().alias("good"),
        nw.when(nw.col("large")).then(one).otherwise(zero).sum().alias("bad"),
    )
    staged, totals = either.stage(branches, Totals(rows, sums, "_proc_date", only, ("odd", "large", "never")))
    (found,) = totals.to_dicts()
    bad = sum(number > refused for number in (5, 6, 7, 8))
    assert [sum(file.rows for file in files) for files in staged] == [4 - bad, bad]
    assert (found["odd"], found["large"], found["never"], found["good"], found["bad"]) == (2, bad, 0, 4 - bad, bad)


def test_an_empty_partition_is_one_empty_file(either: Engine, tmp_path: Path) -> None:
    file = either.stage_empty(target(tmp_path), "2026-01-05", TYPES)
    assert (file.rows, file.partition) == (0, "2026-01-05")
    assert either.collect(either.scan(str(tmp_path), data_files([file]), "_proc_date", TYPES)).height == 0


def test_repeated_rows_are_found_with_their_nulls(either: Engine) -> None:
    rows = either.lift(pl.DataFrame({"a": [1, 1, None, None, 2], "b": ["x", "x", "y", "y", "z"], "n": [1, 2, 3, 4, 5]}))
    found = either.repeated(rows, ["a", "b"])
    assert found is not None
    assert sorted(either.collect(found)["n"]) == [1, 2, 3, 4]


def test_repeated_rows_can_be_looked_up_by_an_id(either: Engine) -> None:
    rows = either.lift(pl.DataFrame({"a": [1, 1, None, None, 2], "n": ["v", "w", "x", "y", "z"]}))
    found = either.repeated(rows, ["a"], known_by="n")
    assert found is not None
    assert sorted(either.collect(found)["n"]) == ["v", "w", "x", "y"]


def test_nothing_repeated_is_none(either: Engine) -> None:
    assert either.repeated(either.lift(ROWS), ["id"]) is None


def test_what_is_held_can_be_used_and_released(either: Engine) -> None:
    held = either.hold(either.lift(ROWS).filter(nw.col("id") > 1))
    assert sorted(either.collect(held)["id"]) == [2, 3]
    either.release()


def test_an_error_tells_no_value_of_a_row(engine: Engine) -> None:
    rows = engine.lift(pl.DataFrame({"a": ["secret"]})).select(nw.col("a").cast(nw.Int64))
    with pytest.raises(ComputationError) as caught:
        engine.collect(rows)
    shown: Any = caught.value
    assert "secret" not in str(shown)
    assert shown.__cause__ is None


def test_files_that_are_not_staged_whole_leave_nothing(engine: Engine, tmp_path: Path) -> None:
    rows = engine.lift(pl.DataFrame({"a": ["1", "secret"], "_proc_date": ["2026-01-05"] * 2}))
    with pytest.raises(ComputationError):
        engine.stage([Branch(rows.with_columns(nw.col("a").cast(nw.Int64)), target(tmp_path))])
    assert everything(tmp_path) == []
