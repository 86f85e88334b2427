"""What a commit leaves in the log, and what it refuses, word by word; each on a table of its own on the disk."""

import json
import os
import time
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Branch, Target
from lakehouse_assets.errors import ForeignPartitionError, StorageError
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.commit import Change, PartitionsMovedError, commit, longest_pause_seconds, remove_staged
from lakehouse_assets.storage.fence import Batch, is_at, moved
from lakehouse_assets.storage.table import OpenTable, create_table, open_table

COLUMNS = {"amount": "long", "_proc_date": "date"}
WIDER = {"amount": "long", "extra": "string", "_proc_date": "date"}
DAY, NEXT = "2026-01-05", "2026-01-06"


@pytest.fixture
def table(tmp_path: Path) -> OpenTable:
    return create_table(str(tmp_path / "t"), {}, COLUMNS, partition_column="_proc_date", description="")


def staged(table: OpenTable, publish: str, *days: str) -> tuple[StagedFile, ...]:
    frame = nw.from_native(pl.LazyFrame({"amount": range(len(days)), "_proc_date": days}))
    (files,), _ = PolarsEngine().stage([Branch(frame, Target(table.root, "_proc_date", publish))])
    return tuple(files)


def published(table: OpenTable, name: str, *days: str, **how: Any) -> OpenTable:  # noqa: ANN401 - of `Change`
    return commit(table, Change(staged(table, name, *days), days, COLUMNS, {}, **how))


def days_of(table: OpenTable) -> list[str]:
    return sorted(str(day) for day in pl.read_delta(table.root)["_proc_date"])


def log_of(table: OpenTable) -> list[dict[str, Any]]:
    lines = (Path(table.root) / f"_delta_log/{table.version:020}.json").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_commit_says_when_its_files_were_added_and_that_they_change_data(table: OpenTable) -> None:
    began = int(time.time() * 1000)
    after = published(table, "a-0000-1", DAY)
    (add,) = [line["add"] for line in log_of(after) if "add" in line]
    assert began <= add["modificationTime"] <= time.time() * 1000 + 1
    assert add["dataChange"] is True
    assert add["partitionValues"] == {"_proc_date": DAY}


def test_words_about_a_commit_are_written_in_one_order(table: OpenTable) -> None:
    after = commit(table, Change(staged(table, "a-0000-1", DAY), (DAY,), COLUMNS, {"b": "2", "a": "1"}))
    (said,) = [line["commitInfo"] for line in log_of(after) if "commitInfo" in line]
    assert said["userMetadata"] == '{"a": "1", "b": "2"}'


def test_a_commit_without_files_empties_its_partitions(table: OpenTable) -> None:
    first = published(table, "a-0000-1", DAY, NEXT)
    after = commit(first, Change((), (DAY,), COLUMNS, {}))
    assert (after.version, days_of(after)) == (2, [NEXT])


def test_no_commit_forgets_versions_that_maintenance_did_not_give_up(table: OpenTable) -> None:
    first = published(table, "a-0000-1", DAY)
    first.delta.create_checkpoint()
    log = Path(table.root) / "_delta_log"
    for path in log.iterdir():
        os.utime(path, (0, 0))
    published(first, "b-0000-1", NEXT)
    assert {f"{version:020}.json" for version in range(3)} <= {path.name for path in log.iterdir()}


def test_a_publish_of_no_partition_is_refused(table: OpenTable) -> None:
    with pytest.raises(ForeignPartitionError, match="none named"):
        commit(table, Change((), (), COLUMNS, {}))


def test_foreign_partitions_are_named_in_order_and_five_at_most(table: OpenTable) -> None:
    days = [f"2026-01-0{day}" for day in (6, 5, 4, 3, 2, 1)]
    with pytest.raises(ForeignPartitionError) as refused:
        commit(table, Change(staged(table, "a-0000-1", *days), (DAY,), COLUMNS, {}))
    named = ", ".join(f"2026-01-0{day}" for day in (1, 2, 3, 4, 6))
    assert f"does not own: {named}." in str(refused.value)
    with pytest.raises(ForeignPartitionError) as refused:
        commit(table, Change(staged(table, "b-0000-1", *days), ("2026-02-01",), COLUMNS, {}))
    assert "2026-01-05." in str(refused.value)
    assert "2026-01-06" not in str(refused.value)


def test_the_first_partition_that_readers_would_misread_is_named(table: OpenTable) -> None:
    with pytest.raises(ForeignPartitionError, match="'a/b' cannot be a partition"):
        commit(table, Change((), (DAY, "a/b", "c/d"), COLUMNS, {}))


def test_what_only_mirrors_the_newest_attempt_overwrites_a_later_one(table: OpenTable) -> None:
    published(table, "a-0000-1", DAY)
    after = published(table, "b-0000-1", DAY, last_wins=True)
    assert [Path(file.path).name for file in after.files] == ["stg-b-0000-1-00000.parquet"]


def test_an_append_from_a_stale_handle_stands_beside_what_moved(table: OpenTable) -> None:
    published(table, "a-0000-1", DAY)
    published(table, "b-0000-1", DAY, adds_beside=True)
    assert days_of(table) == [DAY, DAY]


def test_a_table_that_follows_from_one_input_is_refused_when_any_partition_moved(table: OpenTable) -> None:
    published(table, "a-0000-1", NEXT)
    with pytest.raises(PartitionsMovedError):
        published(table, "b-0000-1", DAY, is_whole=True)
    assert days_of(table) == [NEXT]


def test_a_table_that_follows_from_one_input_is_published_when_only_its_log_grew(table: OpenTable) -> None:
    first = published(table, "a-0000-1", NEXT)
    commit(first, Change((), (DAY,), COLUMNS, {"nothing": "changed"}))
    after = published(first, "b-0000-1", DAY, is_whole=True)
    assert days_of(after) == [DAY, NEXT]


def test_files_that_return_are_refused_when_anything_was_committed_meanwhile(table: OpenTable) -> None:
    files = staged(table, "a-0000-1", DAY)
    first = commit(table, Change(files, (DAY,), COLUMNS, {}))
    second = published(first, "b-0000-1", DAY)
    published(second, "c-0000-1", NEXT)
    with pytest.raises(PartitionsMovedError):
        commit(second, Change(files, (DAY,), COLUMNS, {}, returns=True))
    newest = open_table(table.root, {})
    assert newest is not None
    after = commit(newest, Change(files, (DAY,), COLUMNS, {}, returns=True))
    assert (after.version, files[0].path in {file.path for file in after.files}) == (4, True)


def test_files_that_return_may_lack_columns_that_the_table_has_today(table: OpenTable) -> None:
    files = staged(table, "a-0000-1", DAY)
    first = commit(table, Change(files, (DAY,), COLUMNS, {}))
    wider = commit(first, Change((), (DAY,), WIDER, {}))
    after = commit(wider, Change(files, (DAY,), WIDER, {}, returns=True))
    assert days_of(after) == [DAY]


def test_an_overwrite_brings_its_new_columns_in_the_same_commit(table: OpenTable) -> None:
    after = commit(table, Change((), (DAY,), WIDER, {}))
    assert (after.version, list(after.columns)) == (1, ["amount", "_proc_date", "extra"])


def test_an_append_that_brings_columns_says_so_in_a_commit_before_it(table: OpenTable) -> None:
    frame = nw.from_native(pl.LazyFrame({"amount": [1], "extra": ["e"], "_proc_date": [DAY]}))
    (files,), _ = PolarsEngine().stage([Branch(frame, Target(table.root, "_proc_date", "a-0000-1"))])
    after = commit(table, Change(tuple(files), (DAY,), WIDER, {"record": "r"}, adds_beside=True))
    said = [json.loads(commit["userMetadata"]) for commit in after.delta.history(2)]
    assert said == [{"record": "r"}, {"widened": "extra"}]


def test_a_table_that_disappeared_is_said_to_be_gone(table: OpenTable, tmp_path: Path) -> None:
    files = staged(table, "a-0000-1", DAY)
    (tmp_path / "t/_delta_log").rename(tmp_path / "log")
    with pytest.raises(StorageError):
        commit(table, Change(files, (DAY,), COLUMNS, {}))


def test_pauses_double_and_stay_below_two_thirds_of_a_second() -> None:
    assert [round(longest_pause_seconds(attempt), 3) for attempt in (0, 1, 2, 4, 5, 6, 11)] == [
        0.02,
        0.04,
        0.08,
        0.32,
        0.64,
        0.64,
        0.64,
    ]


def test_staged_files_that_are_removed_are_gone(table: OpenTable) -> None:
    first, second = staged(table, "a-0000-1", DAY, NEXT)
    remove_staged(table.root, {}, [first])
    assert [(Path(table.root) / file.path).exists() for file in (first, second)] == [False, True]


def test_a_batch_that_was_never_appended_is_at_zero_and_one_appended_at_its_version(table: OpenTable) -> None:
    after = published(table, "a-0000-1", DAY, adds_beside=True, batches=(Batch("x", 3),))
    assert moved(table, [Batch("x")]) == {}
    assert moved(after, [Batch("x"), Batch("y"), Batch("x", 4, 3)]) == {}
    assert moved(after, [Batch("x")]) == {"x": 3}
    assert moved(after, [Batch("y", 2, 1)]) == {"y": 0}


def test_batches_are_where_a_commit_took_them_only_all_together(table: OpenTable) -> None:
    after = published(table, "a-0000-1", DAY, adds_beside=True, batches=(Batch("x", 3), Batch("y", 2)))
    assert is_at(after, [Batch("x", 3), Batch("y", 2)])
    assert not is_at(after, [Batch("x", 3), Batch("y", 1)])
    assert not is_at(after, [Batch("x", 2), Batch("y", 2)])
    assert not is_at(after, [Batch("x", 4)])
    assert not is_at(after, [])
