"""Every odd Parquet file gets what was promised: typed rows, or a refusal with a code. See the list of bad inputs.

Files are written by Polars and DuckDB; those that only Arrow's own library makes are kept in `odd_parquet`.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.files import Files
from lakehouse_assets.connectors.protocol import Extraction
from lakehouse_assets_tests import odd_parquet
from lakehouse_assets_tests.drops import DAY, arrived, drop, refused, typed_source

pytestmark = pytest.mark.integration

COLUMNS = {"id": "long", "name": "text"}
Row = tuple[Any, ...]


def parquet(columns: Mapping[str, Any], **schema: Any) -> bytes:  # noqa: ANN401 - types of Polars
    """Return a file written by Polars."""
    out = io.BytesIO()
    pl.DataFrame(columns, schema_overrides=schema).write_parquet(out)
    return out.getvalue()


@dataclass(frozen=True)
class Case:
    """Content of one file, how it is declared, and what must come of it."""

    content: bytes
    columns: Mapping[str, str]
    rows: tuple[Row, ...] = ()
    code: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def accepted(case_id: str, content: bytes, columns: Mapping[str, str], *rows: Row, **options: Any) -> Any:  # noqa: ANN401 - a pytest parameter
    """Return a case whose rows are all fine."""
    return pytest.param(Case(content, columns, rows, options=options), id=case_id)


def refusal(case_id: str, content: bytes, code: str, columns: Mapping[str, str] = COLUMNS, **options: Any) -> Any:  # noqa: ANN401 - same
    """Return a case that is refused whole."""
    return pytest.param(Case(content, columns, code=code, options=options), id=case_id)


def one(value: object, dtype: Any = None) -> bytes:  # noqa: ANN401 - a type of Polars
    """Return a file with one value in the column `at`."""
    return parquet({"at": pl.Series([value], dtype=dtype)})


GOOD = parquet({"id": [1, 2], "name": ["a", None]})
NOON = datetime(2026, 1, 5, 12, 0, 0, 123456, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)
AT = {"at": "timestamp"}
YEARS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
BOMB = parquet({name: pl.repeat(value=True, n=17_000_000, eager=True) for name in "abcd"})

CASES = [
    refusal("P1 empty", b"", "empty"),
    refusal("P1 cut at the end", GOOD[:-20], "truncated"),
    refusal("P1 only the beginning", GOOD[:9], "truncated"),
    refusal("P1 no mark", GOOD[4:], "not_parquet"),
    refusal("P1 CSV under another name", b"id,name\n1,a\n", "not_parquet"),
    refusal("P1 encrypted", GOOD[:-4] + b"PARE", "encrypted"),
    refusal("P2 footer longer than the file", GOOD[:-8] + b"\xff\xff\xff\x7fPAR1", "damaged"),
    refusal("P2 footer of zeros", GOOD[:-300] + bytes(292) + GOOD[-8:], "damaged"),
    accepted("P3 no row", parquet({"id": pl.Series([], dtype=pl.Int64), "name": pl.Series([], dtype=pl.String)}),
             COLUMNS, min_rows=0),
    refusal("P4 no column", odd_parquet.NO_COLUMN, "schema"),
    accepted("P5 INT96", odd_parquet.INT96, AT, (NOON,)),
    accepted("P5 nanoseconds", one(NAIVE, pl.Datetime("ns")), AT, (NOON,)),
    accepted("P5 milliseconds", one(NAIVE, pl.Datetime("ms")), AT, (NOON.replace(microsecond=123000),)),
    accepted("P5 another zone", one(NOON, pl.Datetime("us", "Asia/Tokyo")), AT, (NOON,)),
    refusal("P6 INT96 of the year 9999", odd_parquet.INT96_9999, "out_of_range", AT),
    accepted("P6 years 1 and 9999", parquet({"at": list(YEARS)}), AT, *((year,) for year in YEARS)),
    accepted("P6 dates of these years", parquet({"at": [year.date() for year in YEARS]}), {"at": "date"},
             (date(1, 1, 1),), (date(9999, 12, 31),)),
    refusal("P7 decimal of 50 digits", odd_parquet.DECIMAL_50, "damaged", {"at": "decimal(38,2)"}),
    accepted("P7 uint64 cast as declared", one(2**64 - 1, pl.UInt64), {"at": "decimal(20,0)"}, (Decimal(2**64 - 1),)),
    accepted("P7 time cast as declared", one(time(1, 2, 3)), {"at": "text"}, ("01:02:03",)),
    accepted("P7 duration cast as declared", one(timedelta(hours=1)), {"at": "text"}, ("PT1H",)),
    accepted("P8 the declared types", GOOD, COLUMNS, (1, "a"), (2, None)),
    accepted("P9 a column that may be missing", GOOD, {**COLUMNS, "new": "decimal(9,2)"}, (1, "a", None),
             (2, None, None), optional=("new",)),
    refusal("P9 a column is missing", parquet({"id": [1]}), "schema_drift"),
    refusal("P9 a column is new, fail", parquet({"id": [1], "name": ["a"], "x": [1]}), "schema_drift", unknown="fail"),
    accepted("P10 a column of nulls", parquet({"id": [1], "name": ["a"], "at": [None]}), {**COLUMNS, "at": "timestamp"},
             (1, "a", None)),
    accepted("P11 the path says the same", GOOD, COLUMNS, (1, "a"), (2, None), path=f"x=1/{DAY}.parquet"),
    refusal("P11 the path says another value", GOOD, "folder_conflict", path=f"id=7/{DAY}.parquet"),
    accepted("P11 a column that only the path has", parquet({"id": [1]}), {"id": "long", "dt": "date"},
             (1, date(2026, 1, 5)), path=f"dt={DAY}/part.parquet"),
    accepted("P11 null in the path", parquet({"id": [1]}), {"id": "long", "who": "text"}, (1, None),
             path=f"who=__HIVE_DEFAULT_PARTITION__/{DAY}.parquet"),
    refusal("P12 the path holds no date", parquet({"id": [1]}), "folder_value", {"id": "long", "dt": "date"},
            path=f"dt=abc/{DAY}.parquet"),
    refusal("P13 a column twice", odd_parquet.TWICE, "header"),
    refusal("P13 names that differ in case", parquet({"id": [1], "name": ["a"], "NAME": ["b"]}), "header"),
    refusal("P13 twice inside a column", odd_parquet.TWICE_INSIDE, "header"),
    refusal("P14 68 million values in a few kilobytes", BOMB, "bomb"),
    refusal("objects that are not declared nested", parquet({"id": [1], "name": [{"x": 1}]}), "type"),
    accepted("objects declared nested", parquet({"id": [1, 2], "name": [{"x": [1, 2]}, None]}), COLUMNS,
             (1, '{"x":[1,2]}'), (2, None), nested=("name",)),
    accepted("lists declared nested", parquet({"id": [1], "name": [["a", None]]}), COLUMNS, (1, '["a",null]'),
             nested=("name",)),
    accepted("small numbers", parquet({"a": [1], "b": [2], "c": [0.5]}, a=pl.Int8, b=pl.UInt32, c=pl.Float32),
             {"a": "integer", "b": "long", "c": "double"}, (1, 2, 0.5)),
    accepted("bytes that are text", one(b"abc"), {"at": "text"}, ("abc",)),
    refusal("bytes that are none", one(b"\xff\xfe"), "damaged", {"at": "text"}),
    accepted("booleans and decimals", parquet({"a": [True], "b": [Decimal("1.50")]}),
             {"a": "boolean", "b": "decimal(38,2)"}, (True, Decimal("1.50"))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_input_gets_what_was_promised(case: Case, tmp_path: Path) -> None:
    answer = drop(tmp_path, case.content, case.columns, **{"format": "parquet", **case.options})

    if case.code:
        assert refused(answer).error.code == case.code
        assert [letter.content for letter in refused(answer).dead_letters] == [case.content]
        return
    rows = arrived(answer)
    assert rows.select(list(case.columns)).rows() == list(case.rows)
    assert rows["_defect"].null_count() == rows.height


@pytest.mark.parametrize(
    ("content", "warning"),
    [(odd_parquet.INT96, "say no zone"), (one(NAIVE, pl.Datetime("ns")), "cut to microseconds"), (one(NOON), "")],
    ids=["P5 INT96", "P5 nanoseconds", "microseconds in UTC"],
)
def test_what_was_assumed_about_timestamps_is_told(content: bytes, warning: str, tmp_path: Path) -> None:
    answer = drop(tmp_path, content, AT, format="parquet")

    assert isinstance(answer, Extraction)
    assert warning in "; ".join(answer.warnings)
    assert bool(answer.warnings) == bool(warning)


def test_undeclared_columns_are_set_aside_as_json(tmp_path: Path) -> None:
    content = parquet({"id": [1], "name": ["a"], "when": [date(2026, 1, 5)], "price": [Decimal("1.50")]})

    rows = arrived(drop(tmp_path, content, COLUMNS, format="parquet"))

    assert rows["_unknown"].to_list() == ['{"when":"2026-01-05","price":"1.50"}']


def two_files(folder: Path, first: bytes, second: bytes, columns: Mapping[str, str]) -> Any:  # noqa: ANN401 - an answer
    """Return the answer for a day of two files."""
    for name, content in (("a", first), ("b", second)):
        (folder / f"{DAY}_{name}.parquet").write_bytes(content)
    source = typed_source(folder, columns, pattern="{partition}_*.parquet", format="parquet")
    return Files(source, Access(environ={})).extract(source.tables["orders"], [DAY])[DAY]


def test_p8_files_of_different_width_are_one_column_where_the_declared_type_holds_both(tmp_path: Path) -> None:
    narrow, wide = parquet({"id": [1], "name": ["a"]}, id=pl.Int32), parquet({"id": [2**40], "name": ["b"]})

    assert arrived(two_files(tmp_path, narrow, wide, COLUMNS))["id"].to_list() == [1, 2**40]
    assert refused(two_files(tmp_path, narrow, wide, {**COLUMNS, "id": "integer"})).error.code == "schema_drift"


def test_p9_a_number_in_one_file_and_text_in_another_is_refused(tmp_path: Path) -> None:
    answer = two_files(tmp_path, GOOD, parquet({"id": ["x"], "name": ["b"]}), COLUMNS)

    assert refused(answer).error.code == "schema_drift"
    assert "'id'" in str(refused(answer).error)


def test_rows_and_values_are_those_that_duckdb_reads(tmp_path: Path) -> None:
    path = tmp_path / "made.parquet"
    made = duckdb.sql(
        "select i as id, 'n' || i as name, i / 7.0 as share, timestamp '2026-01-05' + to_seconds(i) as moment"
        " from range(50000) t(i)"
    )
    assert made is not None
    made.write_parquet(str(path), compression="zstd", row_group_size=4096)
    types = {"id": "long", "name": "text", "share": "double", "moment": "timestamp"}

    rows = arrived(drop(tmp_path, path.read_bytes(), types, format="parquet"))

    expected = duckdb.read_parquet(str(path)).order("id").fetchall()
    have = [(*row[:3], row[3].replace(tzinfo=None)) for row in rows.select(list(types)).sort("id").rows()]
    assert have == expected
