"""What a writer does with a table that moved under it, case by case."""

from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Branch, Target
from lakehouse_assets.errors import SchemaChangeError
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.commit import Change, commit, widened
from lakehouse_assets.storage.table import OpenTable, create_table

COLUMNS = {"amount": "long", "_proc_date": "date"}
WIDER = {"amount": "long", "extra": "string", "_proc_date": "date"}
DAY, NEXT = "2026-01-05", "2026-01-06"


@pytest.fixture
def table(tmp_path: Path) -> OpenTable:
    return create_table(str(tmp_path / "t"), {}, COLUMNS, partition_column="_proc_date", description="")


def staged(table: OpenTable, publish: str, day: str, **more: str) -> tuple[StagedFile, ...]:
    frame = nw.from_native(pl.LazyFrame([{"amount": 1, "_proc_date": day, **more}]))
    (files,), _ = PolarsEngine().stage([Branch(frame, Target(table.root, "_proc_date", publish))])
    return tuple(files)


def test_an_append_that_brings_columns_to_a_table_that_moved_is_tried_again(table: OpenTable) -> None:
    commit(table, Change(staged(table, "a-0000-1", DAY), (DAY,), COLUMNS, {}))
    files = staged(table, "b-0000-1", DAY, extra="e")
    commit(table, Change(files, (DAY,), WIDER, {}, adds_beside=True))
    assert sorted(pl.read_delta(table.root)["extra"].to_list(), key=str) == [None, "e"]


def test_a_commit_is_not_taken_for_done_because_the_table_holds_nothing_else(table: OpenTable) -> None:
    commit(table, Change((), (NEXT,), COLUMNS, {}))
    after = commit(table, Change(staged(table, "a-0000-1", DAY), (DAY,), COLUMNS, {}))
    assert (after.version, after.partitions) == (2, (DAY,))


def test_columns_that_are_added_by_the_last_attempt_are_added(
    table: OpenTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse_assets.storage.commit.ATTEMPTS", 1)

    done = commit(table, Change(staged(table, "a-0000-1", DAY, extra="e"), (DAY,), WIDER, {}, adds_beside=True))

    assert "extra" in done.columns
    assert [file.rows for file in done.files] == [1]


@pytest.mark.parametrize("kind", ["integer", "string"])
def test_whatever_the_new_type_is_a_column_keeps_the_one_it_has(kind: str) -> None:
    with pytest.raises(SchemaChangeError, match=f"amount long → {kind}"):
        widened(COLUMNS, {**COLUMNS, "amount": kind}, where="t")


def test_columns_that_a_writer_does_not_know_stay_and_those_it_brings_come_last() -> None:
    names = [field.name for field in widened(WIDER, {"other": "long", **COLUMNS}, where="t").fields]
    assert names == ["amount", "extra", "_proc_date", "other"]
