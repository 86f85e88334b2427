"""Fenced appends: a batch is in the table exactly once, whoever tries, however often, from however old a handle."""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Branch, Target
from lakehouse_assets.errors import SchemaChangeError
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.commit import Change, FenceMovedError, commit
from lakehouse_assets.storage.fence import Batch, position
from lakehouse_assets.storage.table import OpenTable, create_table, open_table

COLUMNS = {"amount": "long", "_proc_date": "date"}
WIDER = {"amount": "long", "extra": "string", "_proc_date": "date"}
DAY = "2026-01-05"
BATCHES = 12


@pytest.fixture
def table(tmp_path: Path) -> OpenTable:
    return create_table(str(tmp_path / "t"), {}, COLUMNS, partition_column="_proc_date", description="")


def staged(root: str, publish: str, **columns: list[object]) -> tuple[StagedFile, ...]:
    frame = pl.LazyFrame({**columns, "_proc_date": [DAY] * len(columns["amount"])})
    (files,), _ = PolarsEngine().stage([Branch(nw.from_native(frame), Target(root, "_proc_date", publish))])
    return tuple(files)


def append(table: OpenTable, publish: str, amount: int, *batches: Batch) -> OpenTable:
    files = staged(table.root, publish, amount=[amount])
    return commit(table, Change(files, (DAY,), COLUMNS, {}, adds_beside=True, batches=batches))


def amounts(root: str) -> list[int]:
    return sorted(pl.read_delta(root)["amount"])


def consume(root: str, consumer: int) -> int:
    """Append every batch that is not there yet, in order, as one of several consumers; return how often it lost."""
    lost = 0
    for number in range(1, BATCHES + 1):
        table = open_table(root, {})
        assert table is not None
        if position(table, "topic-0") >= number:
            continue
        try:
            append(table, f"c{consumer}-0000-{number}", number, Batch("topic-0", number, number - 1))
        except FenceMovedError:
            lost += 1
    return lost


def test_a_batch_of_a_stale_handle_is_refused_and_told_where_it_stands(table: OpenTable) -> None:
    append(table, "a-0000-1", 1, Batch("topic-0", 40, 0))

    with pytest.raises(FenceMovedError) as refused:
        append(table, "b-0000-1", 1, Batch("topic-0", 40, 0))

    assert (refused.value.positions, amounts(table.root)) == ({"topic-0": 40}, [1])


def test_batches_of_others_do_not_stand_in_the_way(table: OpenTable) -> None:
    append(table, "a-0000-1", 1, Batch("topic-0", 40))

    append(table, "b-0000-1", 2, Batch("topic-1", 7))

    assert amounts(table.root) == [1, 2]


def test_one_moved_batch_refuses_all_of_its_commit(table: OpenTable) -> None:
    append(table, "a-0000-1", 1, Batch("topic-0", 40))

    with pytest.raises(FenceMovedError):
        append(table, "b-0000-1", 2, Batch("topic-0", 41), Batch("topic-1", 1))

    after = open_table(table.root, {})
    assert after is not None
    assert (amounts(table.root), position(after, "topic-1")) == ([1], 0)


def test_a_batch_follows_the_one_before_it(table: OpenTable) -> None:
    after = append(table, "a-0000-1", 1, Batch("topic-0", 40, 0))

    append(after, "b-0000-1", 2, Batch("topic-0", 75, 40))

    assert amounts(table.root) == [1, 2]


def test_positions_are_those_of_the_version_that_was_opened(table: OpenTable) -> None:
    first = append(table, "a-0000-1", 1, Batch("topic-0", 40))
    second = append(first, "b-0000-1", 2, Batch("topic-0", 75, 40))

    assert [position(one, "topic-0") for one in (table, first, second)] == [0, 40, 75]


def test_an_append_adds_its_new_columns_first_and_keeps_every_row(table: OpenTable) -> None:
    before = append(table, "a-0000-1", 1, Batch("x"))
    files = staged(table.root, "b-0000-1", amount=[2], extra=["e"])

    after = commit(before, Change(files, (DAY,), WIDER, {}, adds_beside=True, batches=(Batch("y"),)))

    assert pl.read_delta(table.root).sort("amount")["extra"].to_list() == [None, "e"]
    assert list(after.columns) == ["amount", "_proc_date", "extra"]


def test_an_append_from_a_handle_without_the_new_column_loses_neither(table: OpenTable) -> None:
    files = staged(table.root, "b-0000-1", amount=[2], extra=["e"])
    commit(table, Change(files, (DAY,), WIDER, {}, adds_beside=True, batches=(Batch("y"),)))

    append(table, "a-0000-1", 1, Batch("x"))

    assert pl.read_delta(table.root).sort("amount")["extra"].to_list() == [None, "e"]


def test_an_append_that_changes_a_type_is_refused_before_anything_is_written(table: OpenTable) -> None:
    files = staged(table.root, "b-0000-1", amount=["2"], extra=["e"])
    changed = {**WIDER, "amount": "string"}

    with pytest.raises(SchemaChangeError, match="amount long"):
        commit(table, Change(files, (DAY,), changed, {}, adds_beside=True, batches=(Batch("y"),)))

    assert open_table(table.root, {}).version == 0  # type: ignore[union-attr]


def test_an_append_without_a_fence_doubles_its_rows(table: OpenTable) -> None:
    """Negative control: the same app-transaction twice is accepted, so comparing is what protects."""
    append(table, "a-0000-1", 1, Batch("topic-0", 40, 0))

    after = open_table(table.root, {})
    assert after is not None
    append(after, "b-0000-1", 1, Batch("topic-0", 40, 40))

    assert amounts(table.root) == [1, 1]


def test_consumers_of_the_same_batches_in_several_processes_append_each_once(table: OpenTable) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(consume, [table.root] * 3, range(3)))

    missed = consume(table.root, 9)
    assert (Counter(amounts(table.root)), missed) == (Counter(range(1, BATCHES + 1)), 0)
