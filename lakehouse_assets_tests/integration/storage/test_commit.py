"""Commits replace exactly their own partitions, or nothing; readers never see half of one."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest
from deltalake import write_deltalake  # noqa: TID251 - the negative control

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Branch, Target
from lakehouse_assets.errors import ForeignPartitionError, SchemaChangeError, StagedFileError
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.commit import Change, PartitionsMovedError, commit
from lakehouse_assets.storage.table import OpenTable, create_table, open_table

COLUMNS = {"amount": "long", "note": "string", "_proc_date": "date"}


@pytest.fixture
def table(tmp_path: Path) -> OpenTable:
    return create_table(str(tmp_path / "t"), {}, COLUMNS, partition_column="_proc_date", description="")


def staged(table: OpenTable, publish: str, rows: dict[str, list[int]]) -> tuple[StagedFile, ...]:
    frame = pl.LazyFrame(
        [{"amount": n, "note": "x", "_proc_date": day} for day, numbers in rows.items() for n in numbers],
        schema={"amount": pl.Int64, "note": pl.String, "_proc_date": pl.String},
    )
    branch = Branch(nw.from_native(frame), Target(table.root, "_proc_date", publish))
    (files,), _ = PolarsEngine().stage([branch])
    return tuple(files)


def publish(table: OpenTable, name: str, rows: dict[str, list[int]]) -> OpenTable:
    return commit(table, Change(staged(table, name, rows), tuple(rows), COLUMNS, {}))


def content(table: OpenTable) -> dict[str, list[int]]:
    frame = pl.read_delta(table.root)
    days = frame.group_by(pl.col("_proc_date").cast(pl.String)).agg(pl.col("amount").sort())
    return dict(sorted(days.iter_rows()))


def test_staged_rows_are_invisible_until_the_commit(table: OpenTable) -> None:
    files = staged(table, "a-0000-1", {"2026-01-05": [1, 2]})

    assert content(table) == {}
    commit(table, Change(files, ("2026-01-05",), COLUMNS, {}))
    assert content(table) == {"2026-01-05": [1, 2]}


def test_a_publish_replaces_only_its_own_partitions(table: OpenTable) -> None:
    first = publish(table, "a-0000-1", {"2026-01-05": [1], "2026-01-06": [2]})

    publish(first, "b-0000-1", {"2026-01-06": [7, 8]})

    assert content(table) == {"2026-01-05": [1], "2026-01-06": [7, 8]}


def test_a_stale_handle_commits_when_only_other_partitions_moved(table: OpenTable) -> None:
    publish(table, "a-0000-1", {"2026-01-05": [1]})

    publish(table, "b-0000-1", {"2026-01-06": [2]})

    assert content(table) == {"2026-01-05": [1], "2026-01-06": [2]}


def test_a_stale_handle_is_refused_when_its_own_partition_moved(table: OpenTable) -> None:
    publish(table, "a-0000-1", {"2026-01-05": [1]})

    with pytest.raises(PartitionsMovedError):
        publish(table, "b-0000-1", {"2026-01-05": [2]})

    assert content(table) == {"2026-01-05": [1]}


def test_a_stale_handle_is_refused_when_rows_were_added_beside_its_own(table: OpenTable) -> None:
    beside = staged(table, "a-0000-1", {"2026-01-05": [1]})
    commit(table, Change(beside, ("2026-01-05",), COLUMNS, {}, adds_beside=True))

    with pytest.raises(PartitionsMovedError):
        publish(table, "b-0000-1", {"2026-01-05": [2]})

    assert content(table) == {"2026-01-05": [1]}


def test_a_table_that_many_create_at_once_is_created_once_for_all_of_them(tmp_path: Path) -> None:
    def create(number: int) -> int:
        root = str(tmp_path / str(number // 8))
        return create_table(root, {}, COLUMNS, partition_column="_proc_date", description="").version

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(create, range(64))) == [0] * 64


def test_offering_the_same_files_twice_is_one_publish(table: OpenTable) -> None:
    change = Change(staged(table, "a-0000-1", {"2026-01-05": [1]}), ("2026-01-05",), COLUMNS, {})
    commit(table, change)

    again = commit(table, change)

    assert (again.version, content(table)) == (1, {"2026-01-05": [1]})


def test_files_outside_the_run_are_refused(table: OpenTable) -> None:
    files = staged(table, "a-0000-1", {"2026-01-05": [1]})

    with pytest.raises(ForeignPartitionError, match="2026-01-05"):
        commit(table, Change(files, ("2026-01-06",), COLUMNS, {}))


@pytest.mark.parametrize("key", ["", "__HIVE_DEFAULT_PARTITION__", "a/b", "x' OR '1'='1", "k" * 129])
def test_partition_values_that_readers_would_misread_are_refused(table: OpenTable, key: str) -> None:
    with pytest.raises(ForeignPartitionError, match="cannot be a partition"):
        commit(table, Change((), (key,), COLUMNS, {}))


def test_a_missing_staged_file_is_refused(table: OpenTable) -> None:
    files = staged(table, "a-0000-1", {"2026-01-05": [1]})
    (Path(table.root) / files[0].path).unlink()

    with pytest.raises(StagedFileError, match="is gone"):
        commit(table, Change(files, ("2026-01-05",), COLUMNS, {}))


def test_a_staged_file_cut_short_is_refused(table: OpenTable) -> None:
    files = staged(table, "a-0000-1", {"2026-01-05": [1]})
    path = Path(table.root) / files[0].path
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(StagedFileError, match="bytes instead of"):
        commit(table, Change(files, ("2026-01-05",), COLUMNS, {}))


def test_a_staged_file_of_another_type_is_refused(table: OpenTable) -> None:
    files = staged(table, "a-0000-1", {"2026-01-05": [1]})

    with pytest.raises(StagedFileError, match="amount"):
        commit(table, Change(files, ("2026-01-05",), {**COLUMNS, "amount": "integer"}, {}))


def test_a_change_of_type_is_refused_before_anything_is_written(table: OpenTable) -> None:
    with pytest.raises(SchemaChangeError, match="amount long"):
        commit(table, Change((), ("2026-01-05",), {**COLUMNS, "amount": "string"}, {}))

    assert open_table(table.root, {}).version == 0  # type: ignore[union-attr]


def test_a_new_column_is_added_and_old_rows_read_as_null(table: OpenTable) -> None:
    first = publish(table, "a-0000-1", {"2026-01-05": [1]})
    wider = {"amount": "long", "note": "string", "extra": "string", "_proc_date": "date"}
    frame = nw.from_native(pl.LazyFrame({"amount": [2], "note": ["x"], "extra": ["e"], "_proc_date": ["2026-01-06"]}))
    (files,), _ = PolarsEngine().stage([Branch(frame, Target(table.root, "_proc_date", "b-0000-1"))])

    commit(first, Change(tuple(files), ("2026-01-06",), wider, {}))

    assert pl.read_delta(table.root).sort("amount")["extra"].to_list() == [None, "e"]


def test_an_older_contract_publishing_into_a_newer_table_loses_no_column(table: OpenTable) -> None:
    wider = {"amount": "long", "note": "string", "extra": "string", "_proc_date": "date"}
    frame = nw.from_native(pl.LazyFrame({"amount": [2], "note": ["x"], "extra": ["e"], "_proc_date": ["2026-01-06"]}))
    (files,), _ = PolarsEngine().stage([Branch(frame, Target(table.root, "_proc_date", "b-0000-1"))])
    newer = commit(table, Change(tuple(files), ("2026-01-06",), wider, {}))

    publish(newer, "c-0000-1", {"2026-01-05": [1]})

    assert pl.read_delta(table.root).sort("amount")["extra"].to_list() == [None, "e"]


def test_an_empty_partition_is_one_file_without_rows(table: OpenTable) -> None:
    target = Target(table.root, "_proc_date", "a-0000-1")
    empty = PolarsEngine().stage_empty(target, "2026-01-05", {"amount": nw.Int64(), "note": nw.String()})

    after = commit(table, Change((empty,), ("2026-01-05",), COLUMNS, {}))

    assert (after.partitions, content(table)) == (("2026-01-05",), {})


def test_the_commit_names_its_record(table: OpenTable) -> None:
    files = staged(table, "a-0000-1", {"2026-01-05": [1]})

    after = commit(table, Change(files, ("2026-01-05",), COLUMNS, {"record": "r.json.zst", "sha256": "00"}))

    newest = after.delta.history(1)[0]
    assert json.loads(newest["userMetadata"]) == {"record": "r.json.zst", "sha256": "00"}


def test_tables_stay_at_the_oldest_protocol(table: OpenTable) -> None:
    after = publish(table, "a-0000-1", {"2026-01-05": [1]})

    protocol = after.delta.protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)


def test_a_stock_overwrite_without_predicate_wipes_the_other_partitions(table: OpenTable) -> None:
    """Negative control: what the usual writer does, and why nothing here uses it."""
    publish(table, "a-0000-1", {"2026-01-05": [1], "2026-01-06": [2]})
    frame = pl.DataFrame({"amount": [9], "note": ["x"], "_proc_date": ["2026-01-06"]}).with_columns(
        pl.col("_proc_date").str.to_date()
    )

    write_deltalake(table.root, frame, mode="overwrite")

    assert content(table) == {"2026-01-06": [9]}
