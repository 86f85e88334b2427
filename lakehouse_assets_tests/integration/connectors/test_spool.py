"""Rows that are put aside while they arrive: what decides about them, what is left of them, what is refused."""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.connectors.spool import Said, Spool
from lakehouse_assets.connectors.temporary import TemporaryFolder
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.relations import DAY, arrived, relation

pytestmark = pytest.mark.integration

COLUMNS = {"id": "long", "name": "text"}
ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), min_size=1, max_size=12)


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def spooled(table: SourceTable, *batches: Any, said: Said | None = None, **options: Any) -> pl.DataFrame:  # noqa: ANN401
    spool = Spool(table, DAY, **options)
    for batch in batches:
        spool.add(batch if isinstance(batch, pl.DataFrame) else pl.DataFrame(batch))
    return arrived(spool.extraction(said))


def content(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(rows.rows(), key=str)


@settings(max_examples=30)
@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 5))
def test_neither_the_order_of_arrival_nor_where_batches_end_decides_about_content(
    rows: list[tuple[int, str | None]],
    chance: Any,  # noqa: ANN401
    size: int,
) -> None:
    table, shuffled = relation(COLUMNS), chance.sample(rows, len(rows))
    schema = {"id": pl.Int64, "name": pl.String}
    batches = [pl.DataFrame(shuffled[at : at + size], schema, orient="row") for at in range(0, len(rows), size)]

    parts, whole = spooled(table, *batches), spooled(table, pl.DataFrame(rows, schema, orient="row"))

    assert content(parts) == content(whole)
    assert parts["_row_id"].n_unique() == len(rows)


def test_a_key_and_its_sequence_make_the_id_of_a_row_whatever_else_changes() -> None:
    table = relation({**COLUMNS, "at": "text"}, key=("id",), cursor="at")

    first = spooled(table, {"id": [1], "name": ["a"], "at": ["x"]})
    again = spooled(table, {"id": [1], "name": ["b"], "at": ["x"]})
    later = spooled(table, {"id": [1], "name": ["a"], "at": ["y"]})

    assert first["_row_id"].item() == again["_row_id"].item() != later["_row_id"].item()


def test_a_new_column_leaves_the_ids_of_rows_without_a_value_in_it_as_they_are() -> None:
    table = relation(COLUMNS, unknown_columns="evolve")
    old = {"id": [1], "name": ["a"]}

    apart = spooled(table, old, {"id": [2], "name": ["b"], "colour": ["red"]})
    together = spooled(table, {"id": [1, 2], "name": ["a", "b"], "colour": [None, "red"]})

    assert content(apart) == content(together)
    assert apart["colour"].to_list() == [None, "red"]


def test_rows_beyond_one_file_are_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakehouse_assets.connectors.spool.ROWS_PER_FILE", 10)
    monkeypatch.setattr("lakehouse_assets.connectors.spool.IDS_PER_PASS", 7)

    rows = spooled(relation(COLUMNS), *({"id": [n, n % 5], "name": ["a", "b"]} for n in range(30)))

    assert rows.height == rows["_row_id"].n_unique() == 60
    assert sorted(rows.filter(name="a")["id"]) == list(range(30))


def test_an_empty_window_has_the_declared_columns() -> None:
    rows = spooled(relation(COLUMNS), said=Said(0))

    assert rows.is_empty()
    assert rows.columns == ["id", "name", "_row_id", "_source_object", "_defect", "_line", "_unknown"]
    assert rows.schema["id"] == pl.Int64


def test_fewer_rows_than_the_source_counts_are_incomplete() -> None:
    spool = Spool(relation(COLUMNS), DAY)
    spool.add(pl.DataFrame({"id": [1], "name": ["a"]}))

    with pytest.raises(SourceError, match=r"incomplete: the source counts 2 rows, 1 arrived\."):
        spool.extraction(Said(2))


def test_what_the_source_counted_is_kept() -> None:
    spool = Spool(relation(COLUMNS), DAY)
    spool.add(pl.DataFrame({"id": [1], "name": ["a"]}))

    came = spool.extraction(Said(1))

    assert (came.measures["said_rows"], came.said) == (1, {"rows": 1})


@pytest.mark.parametrize(
    ("declared", "values", "stored", "defects"),
    [
        ("decimal(6,2)", ["1234.50", "1234.500", "12345.00", "1.005", "x", None], ["1234.50", "1234.50", *[None] * 4],
         [None, None, "overflow", "overflow", "wrong_type", None]),
        ("decimal(6,2)", [Decimal("1.5000"), Decimal("1.0050"), None], ["1.50", None, None], [None, "overflow", None]),
        ("long", [str(2**63 - 1), str(2**63), "1.0", "+7", "007"], [2**63 - 1, None, None, 7, 7],
         [None, "overflow", "overflow", None, None]),
        ("integer", [1, 2**31], [1, None], [None, "overflow"]),
        ("double", ["1.5", "nan", "Infinity", "1e400"], [1.5, None, None, None], [None, *["non_finite"] * 3]),
        ("double", [1.5, float("nan")], [1.5, None], [None, "non_finite"]),
        ("date", ["2026-01-05", "infinity", "10000-01-01", "soon"], ["2026-01-05", None, None, None],
         [None, "out_of_range", "out_of_range", "wrong_type"]),
        ("boolean", [0, 1, 2], [False, True, None], [None, None, "wrong_type"]),
        ("text", [1, None], ["1", None], [None, None]),
        ("text", [datetime(2026, 1, 5, 1, tzinfo=UTC)], ["2026-01-05 01:00:00.000000+00:00"], [None]),
        ("text", [b"\x00\xff"], ["00ff"], [None]),
        ("long", [None, None], [None, None], [None, None]),
    ],
)  # fmt: skip
def test_a_value_is_stored_exactly_or_its_row_says_why_not(
    declared: str, values: list[Any], stored: list[Any], defects: list[str | None]
) -> None:
    rows = spooled(relation({"n": "long", "x": declared}), {"n": range(len(values)), "x": values}).sort("n")

    assert rows["_defect"].to_list() == defects
    shown = [value if isinstance(value, bool | int | float | str | None) else str(value) for value in rows["x"]]
    assert shown == stored


@pytest.mark.parametrize(
    ("text", "stored", "defect"),
    [
        ("2026-01-05 10:00:00", "09:00:00.000000", None),
        ("2026-01-05T10:00:00.25", "09:00:00.250000", None),
        ("2026-01-05 10:00:00.123456+00", "10:00:00.123456", None),
        ("2026-01-05T10:00:00Z", "10:00:00.000000", None),
        ("2026-01-05 10:00:00+05:30", "04:30:00.000000", None),
        ("2026-01-05 10:00:00-0100", "11:00:00.000000", None),
        ("2026-01-05 10:00:60Z", "10:00:59.999999", None),
        ("2026-03-29 02:30:00", None, "nonexistent_time"),
        ("2026-10-25 02:30:00", None, "ambiguous_time"),
        ("2026-10-25 02:30:00+02:00", "00:30:00.000000", None),
        ("infinity", None, "out_of_range"),
        ("0000-00-00 00:00:00", None, "out_of_range"),
        ("9999-12-31 23:59:59+00", "23:59:59.000000", None),
        ("0001-01-01 00:00:00+00", "00:00:00.000000", None),
        ("yesterday", None, "wrong_type"),
    ],
)
def test_a_time_is_a_moment_in_utc_or_its_row_says_why_not(text: str, stored: str | None, defect: str | None) -> None:
    rows = spooled(relation({"at": "timestamp"}), {"at": [text]}, zone="Europe/Berlin")

    assert rows["_defect"].to_list() == [defect]
    assert [value and f"{value:%H:%M:%S.%f}" for value in rows["at"]] == [stored]


def test_good_times_beside_a_bad_one_are_read_alike() -> None:
    texts = ["2026-01-05 10:00:00", "2026-03-29 02:30:00", None]

    rows = spooled(relation({"at": "timestamp"}), {"at": texts}, zone="Europe/Berlin")

    assert sorted(rows["at"].drop_nulls().to_list()) == [datetime(2026, 1, 5, 9, tzinfo=UTC)]
    assert rows["_defect"].drop_nulls().to_list() == ["nonexistent_time"]


def test_a_row_with_a_defect_keeps_all_it_said() -> None:
    rows = spooled(relation({"id": "long", "x": "integer"}, key=("id",)), {"id": [7], "x": ["many"]})

    assert json.loads(rows["_line"].item()) == {"id": "7", "x": "many"}
    assert rows["id"].to_list() == [7]


def test_another_type_is_refused_by_name() -> None:
    spool = Spool(relation({"id": "long"}), DAY)

    with pytest.raises(SourceError, match=r"schema_drift: the column 'id' arrived as double, but long is declared\."):
        spool.add(pl.DataFrame({"id": [1.5]}))


def test_undeclared_columns_are_put_aside_as_text_and_told() -> None:
    spool = Spool(relation(COLUMNS), DAY)
    spool.add(pl.DataFrame({"id": [1], "name": ["a"], "extra": [Decimal("1.50")]}))

    extraction = spool.extraction()

    assert json.loads(arrived(extraction)["_unknown"].item()) == {"extra": "1.50"}
    assert [event.added for event in extraction.drift] == [("extra",)]


def test_a_missing_column_is_refused_unless_it_may_be() -> None:
    batch = pl.DataFrame({"id": [1]})
    spool = Spool(relation(COLUMNS, optional_columns=("name",)), DAY)
    spool.add(batch)

    assert spool.extraction().absent == {"name"}
    with pytest.raises(SourceError, match="schema_drift"):
        Spool(relation(COLUMNS), DAY).add(batch)


def test_temporary_files_are_gone_with_the_last_use_of_what_they_hold() -> None:
    place = Path(tempfile.gettempdir())
    spool = Spool(relation(COLUMNS), DAY)
    spool.add(pl.DataFrame({"id": [1], "name": ["a"]}))
    extraction = spool.extraction()
    del spool
    gc.collect()

    assert arrived(extraction).height == 1
    del extraction
    gc.collect()
    assert list(place.iterdir()) == []


def test_temporary_files_that_somebody_else_cleared_are_told() -> None:
    spool = Spool(relation(COLUMNS), DAY)
    spool.add(pl.DataFrame({"id": [1], "name": ["a"]}))
    extraction = spool.extraction()
    for file in Path(tempfile.gettempdir()).rglob("*.parquet"):
        file.unlink()

    assert extraction.confirm is not None
    with pytest.raises(SourceError, match="changed_during_read: 1 of 1 temporary files are gone"):
        extraction.confirm()


def test_what_a_killed_run_left_behind_is_gone_with_the_next_one() -> None:
    place = Path(tempfile.gettempdir())
    program = (
        "import time; from lakehouse_assets.connectors.temporary import TemporaryFolder; folder = TemporaryFolder();"
        "(folder.path / 'rows').write_text('x'); print(folder.path, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(place)}
    )
    assert child.stdout is not None
    left = Path(child.stdout.readline().strip())
    alive = TemporaryFolder()
    assert (left / "rows").exists()

    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    fresh = TemporaryFolder()

    assert sorted(place.iterdir()) == sorted([alive.path, fresh.path])


def test_only_the_user_can_look_into_the_folder() -> None:
    folder = TemporaryFolder()

    assert folder.path.stat().st_mode & 0o077 == 0
