"""Many small files become few with the same rows, of the same publishes, whoever else is at work."""

import secrets
from collections.abc import Sequence
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Branch, Target
from lakehouse_assets.errors import StagedFileError
from lakehouse_assets.naming import TableName, publish_of, quarantine_of
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.upkeep.compact import compact, plan_rewrites
from lakehouse_assets.pipeline.upkeep.rewrite import Group, rewrite
from lakehouse_assets.storage.commit import Change, commit
from lakehouse_assets.storage.table import OpenTable
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    refresh,
    rows_of,
    shop_lake,
    statuses,
)
from lakehouse_assets_tests.past import clustered_by, crumbling

ROWS = [order(number, amount=(number * 7) % 50) for number in range(24)]
MIXED = [*ROWS, *[order(number, amount="many") for number in range(24, 30)]]


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    lake = shop_lake(tmp_path)
    for day in (DAY, NEXT):
        deliver(lake, day, MIXED)
    refresh(crumbling(lake), DAY, NEXT)
    return lake


def opened(lake: Lake, table: TableName = ORDERS) -> OpenTable:
    found = lake.open(table)
    assert found is not None
    return found


def compact_all(lake: Lake, table: TableName = ORDERS) -> OpenTable:
    now = opened(lake, table)
    planned = plan_rewrites(lake.contract(table), now)
    return compact(lake, lake.contract(table), now, [one.partition for one in planned]).table


def quarantined(lake: Lake) -> list[str]:
    rows = served_quarantine(lake, ORDERS)
    return [] if rows is None else sorted(lake.engine.collect(rows)["_row_id"])


def append(lake: Lake, table: TableName, rows: int) -> str:
    """Append a copy of some rows of the first day as a publish of its own, as a stream does; return its id."""
    now = opened(lake, table)
    publish = f"stream-0000-{secrets.token_hex(4)}"
    frame = lake.scan(now, now.files_of([DAY])[:1]).head(rows)
    (files,), _ = lake.engine.stage([Branch(frame, Target(now.root, now.partition_column, publish))])
    commit(now, Change(tuple(files), (DAY,), now.columns, {}, adds_beside=True))
    return publish


def test_many_small_files_become_one_of_the_same_rows(shop: Lake) -> None:
    before, rows = content_of(shop, ORDERS), rows_of(shop, ORDERS).sort("_proc_date", "_row_id")

    compact_all(shop)

    assert [len(opened(shop).files_of([day])) for day in (DAY, NEXT)] == [1, 1]
    assert content_of(shop, ORDERS).partitions == before.partitions
    assert rows_of(shop, ORDERS).sort("_proc_date", "_row_id").equals(rows)


def test_records_and_quarantine_do_not_notice(shop: Lake) -> None:
    records, refused = served(shop, ORDERS), quarantined(shop)

    compact_all(shop)

    assert (served(shop, ORDERS), quarantined(shop)) == (records, refused)
    assert len(refused) == 12


def test_a_run_after_it_finds_nothing_to_do(shop: Lake) -> None:
    compact_all(shop)

    assert statuses(refresh(shop, DAY, NEXT)) == {DAY: "unchanged", NEXT: "unchanged"}


def test_a_second_compaction_has_nothing_to_do(shop: Lake) -> None:
    assert plan_rewrites(shop.contract(ORDERS), compact_all(shop)) == ()


def test_the_plan_counts_what_is_there(shop: Lake) -> None:
    (first, _) = plan_rewrites(shop.contract(ORDERS), opened(shop))

    assert (first.partition, first.files, first.files_after, first.rows, first.why) == (DAY, 8, 1, 24, "8 small files")


def test_few_files_are_left_alone(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, ROWS)
    refresh(lake, DAY)

    assert plan_rewrites(lake.contract(ORDERS), opened(lake)) == ()


def test_a_partition_of_many_publishes_keeps_all_of_them(shop: Lake) -> None:
    appended = [append(shop, RAW, rows) for rows in (1, 2, 0, 3)]
    before = opened(shop, RAW).publishes_by_partition()[DAY]
    content = content_of(shop, RAW)

    after = compact_all(shop, RAW)

    assert len(after.files_of([DAY])) == 1
    assert after.publishes_by_partition()[DAY] == before
    assert {appended[0], appended[3]} < set(before)
    assert content_of(shop, RAW).partitions == content.partitions


def test_appends_after_it_come_on_top_and_are_put_together_again(shop: Lake) -> None:
    append(shop, RAW, 1)
    compact_all(shop, RAW)
    later = [append(shop, RAW, 2) for _ in range(4)]
    content = content_of(shop, RAW)

    after = compact_all(shop, RAW)

    assert len(after.files_of([DAY])) == 1
    assert set(later) < set(after.publishes_by_partition()[DAY])
    assert content_of(shop, RAW).partitions == content.partitions


def test_a_publish_meanwhile_wins(shop: Lake) -> None:
    planned = opened(shop)
    deliver(shop, DAY, ROWS[:5])
    refresh(shop, DAY)

    done = compact(shop, shop.contract(ORDERS), planned, [DAY, NEXT])

    assert (list(done.files), done.overtaken) == ([NEXT], (DAY,))
    assert {day: count for day, (count, _) in content_of(shop, ORDERS).partitions.items()} == {DAY: 5, NEXT: 24}


def test_an_append_meanwhile_is_not_lost(shop: Lake) -> None:
    append(shop, RAW, 1)
    planned = opened(shop, RAW)
    append(shop, RAW, 2)

    done = compact(shop, shop.contract(RAW), planned, [DAY])

    assert done.overtaken == (DAY,)
    assert content_of(shop, RAW).partitions[DAY][0] == 33


def test_a_reader_of_an_older_version_goes_on(shop: Lake) -> None:
    version = opened(shop)
    lazy = shop.scan(version)

    compact_all(shop)

    assert len(shop.engine.collect(lazy)) == 48


def test_rows_that_would_get_lost_are_not_committed(shop: Lake) -> None:
    class Forgetful(PolarsEngine):
        def stage(self, branches: Sequence[Branch], totals: object = None) -> object:  # type: ignore[override]
            del totals
            return super().stage([Branch(branch.frame.head(23), branch.target) for branch in branches])

    lake = Lake(shop.root, shop.catalog, shop.settings)
    vars(lake)["engine"] = Forgetful(shop.options)
    before = opened(shop)

    with pytest.raises(StagedFileError, match="exactly the rows"):
        compact(lake, lake.contract(ORDERS), before, [DAY])

    assert opened(shop).version == before.version
    assert not list(Path(shop.root).rglob("mnt-*"))


@pytest.mark.parametrize("column", ["amount", "customer", "_row_id"])
def test_a_changed_value_is_not_committed(shop: Lake, column: str) -> None:
    class Careless(PolarsEngine):
        def stage(self, branches: Sequence[Branch], totals: object = None) -> object:  # type: ignore[override]
            del totals
            wrong = pl.col(column).shift(1)
            frames = [branch.frame.to_native().with_columns(wrong) for branch in branches]
            pairs = zip(frames, branches, strict=True)
            return super().stage([Branch(nw.from_native(frame), branch.target) for frame, branch in pairs])

    lake = Lake(shop.root, shop.catalog, shop.settings)
    vars(lake)["engine"] = Careless(shop.options)

    with pytest.raises(StagedFileError, match="exactly the rows"):
        compact(lake, lake.contract(ORDERS), opened(shop), [DAY])


def test_empty_partitions_stay_published(shop: Lake) -> None:
    deliver(shop, DAY, [])
    refresh(shop, DAY)
    now = opened(shop)
    (file,) = now.files_of([DAY])

    rewrite(shop, now, {DAY: [Group(DAY, str(publish_of(file.path)), (file,))]}, why="test")

    after = opened(shop)
    assert (after.partitions, [one.rows for one in after.files_of([DAY])]) == ((DAY, NEXT), [0])


def test_quarantine_is_rewritten_a_publish_at_a_time(shop: Lake) -> None:
    side = opened(shop, quarantine_of(ORDERS))
    by_publish: dict[str, list[Group]] = {}
    for file in side.files:
        group = Group(file.partition, str(publish_of(file.path)), (file,))
        by_publish.setdefault(file.partition, []).append(group)

    before = quarantined(shop)
    rewrite(shop, side, by_publish, why="test")

    assert quarantined(shop) == before


def clustered_shop(folder: Path, columns: str) -> Lake:
    lake = shop_lake(folder, clustered_by(columns))
    deliver(lake, DAY, ROWS)
    refresh(lake, DAY)
    return lake


def stored_values(lake: Lake, column: str) -> list[object]:
    now = opened(lake)
    return [value for file in now.files for value in pl.read_parquet(f"{now.root}/{file.path}")[column]]


@pytest.mark.parametrize("parts", [1, 4])
def test_a_clustered_partition_lies_in_the_order_of_its_columns(
    tmp_path: Path, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = clustered_shop(tmp_path, "[amount, order_id]")
    before = content_of(lake, ORDERS)
    monkeypatch.setattr("lakehouse_assets.pipeline.upkeep.rewrite.ROWS_PER_SORT", len(ROWS) // parts)

    compact_all(lake)

    values = stored_values(lake, "amount")
    assert values == sorted(int(row[2]) for row in ROWS)
    assert content_of(lake, ORDERS).partitions == before.partitions
    assert (len(opened(lake).files) > 1) == (parts > 1)


def test_rows_without_a_value_are_kept_by_clustering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = clustered_shop(tmp_path, "[amount]")
    deliver(lake, DAY, [*ROWS, order(100, amount=""), order(101, amount="")])
    refresh(lake, DAY)
    monkeypatch.setattr("lakehouse_assets.pipeline.upkeep.rewrite.ROWS_PER_SORT", 10)

    compact_all(lake)

    assert len(stored_values(lake, "amount")) == 26
    assert opened(lake).version > 1


def test_clustering_is_done_once_and_again_for_new_rows_or_columns(tmp_path: Path) -> None:
    lake = clustered_shop(tmp_path, "[amount]")
    (planned,) = plan_rewrites(lake.contract(ORDERS), opened(lake))
    done = compact_all(lake)

    others = shop_lake(tmp_path, clustered_by("[customer]"))

    assert planned.why == "not clustered"
    assert plan_rewrites(lake.contract(ORDERS), done) == ()
    assert [one.why for one in plan_rewrites(others.contract(ORDERS), done)] == ["not clustered"]
