"""What maintenance does to a lake with a past: rows, records and what others need stay; the rest goes."""

from pathlib import Path

import pytest

from lakehouse_assets.errors import LakehouseError, LeaseHeldError
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import held
from lakehouse_assets.pipeline.upkeep.maintain import keep_version, lease_of, let_go, maintain, plan_maintenance
from lakehouse_assets.pipeline.upkeep.sizes import sizes_of
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, deliver, order, refresh, shop_lake, statuses
from lakehouse_assets_tests.past import (
    RETENTION,
    age,
    clustered_by,
    die_after_staging,
    files_below,
    live_through,
    picture,
)


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    """Return a lake with a past."""
    lake = live_through(shop_lake(tmp_path, clustered_by("[amount]"), environ=RETENTION))
    die_after_staging(lake, "dead-0000-00000001")
    age(lake)
    return lake


def test_what_readers_see_does_not_change(shop: Lake) -> None:
    before = picture(shop)

    steps = list(maintain(shop, ORDERS))

    assert picture(shop) == before
    assert {step.what for step in steps} >= {"rewrote", "pruned", "removed data files", "removed log entries"}
    assert statuses(refresh(shop, DAY, NEXT)) == {DAY: "unchanged", NEXT: "unchanged"}


def test_left_overs_of_a_dead_run_go(shop: Lake) -> None:
    list(maintain(shop, ORDERS))

    assert [path for path in files_below(shop.root_of(ORDERS)) if "dead-0000-00000001" in path] == []


def test_left_overs_of_a_run_that_may_be_alive_stay(shop: Lake) -> None:
    die_after_staging(shop, "live-0000-00000002")

    list(maintain(shop, ORDERS))

    assert len([path for path in files_below(shop.root_of(ORDERS)) if "live-0000" in path]) == 3


def test_records_of_publishes_that_landed_stay_for_ever(shop: Lake) -> None:
    folder = Path(shop.root_of(ORDERS), "_lakehouse")
    before = {path.name for path in folder.glob("*.zst") if not path.name.startswith("dead-")}

    list(maintain(shop, ORDERS))

    assert {path.name for path in folder.glob("*.zst")} == before


def test_files_of_others_are_left_alone(shop: Lake) -> None:
    foreign = Path(shop.root_of(ORDERS), f"_proc_date={DAY}/notes.parquet")
    foreign.write_bytes(b"not ours")
    age(shop)

    list(maintain(shop, ORDERS))

    assert foreign.exists()


def test_a_plan_changes_nothing_and_is_what_then_happens(shop: Lake) -> None:
    before = files_below(shop.root)

    plan = plan_maintenance(shop, ORDERS)

    assert files_below(shop.root) == before
    doomed = {f"{removal.table}/{path}" for removal in plan.removals for path in removal.paths}
    list(maintain(shop, ORDERS))
    assert doomed
    assert doomed.isdisjoint(files_below(shop.root))


def test_a_second_run_finds_nothing_once_the_files_of_the_first_are_old(shop: Lake) -> None:
    list(maintain(shop, ORDERS))
    age(shop)
    list(maintain(shop, ORDERS))

    assert plan_maintenance(shop, ORDERS).is_empty
    assert list(maintain(shop, ORDERS)) == []


def test_a_rollback_target_keeps_files_and_refused_rows(shop: Lake) -> None:
    target = shop.open(ORDERS)
    assert target is not None
    before = picture(shop)
    deliver(shop, DAY, [order(1)])
    refresh(shop, DAY)

    list(maintain(shop, ORDERS))

    again = shop.open(ORDERS, target.version)
    side = shop.open(quarantine_of(ORDERS))
    assert again is not None
    assert side is not None
    assert len(shop.engine.collect(shop.scan(again))) == sum(count for count, _ in before[0].values())  # type: ignore[attr-defined]
    paired = {(file.partition, name) for file in again.files for name in again.publishes_of(file)}
    kept = [file for file in side.files if (file.partition, *side.publishes_of(file)) in paired]
    assert sum(file.rows for file in kept) == len(before[2])  # type: ignore[arg-type]


def test_a_kept_version_stays_readable_until_it_is_let_go(shop: Lake) -> None:
    opened = shop.open(ORDERS)
    assert opened is not None
    keep_version(shop, ORDERS, "2010-q4")
    for note in ("a", "b"):
        deliver(shop, DAY, [order(1, note=note)])
        refresh(shop, DAY)
    age(shop)
    age(shop)

    list(maintain(shop, ORDERS))
    kept = shop.open(ORDERS, opened.version)
    assert kept is not None
    assert len(shop.engine.collect(shop.scan(kept))) == sum(file.rows for file in opened.files)

    let_go(shop, ORDERS, "2010-q4")
    list(maintain(shop, ORDERS))
    assert not all(Path(opened.root, file.path).exists() for file in opened.files)


def test_only_one_maintains_a_table(shop: Lake) -> None:
    with held(shop, lease_of(ORDERS)), pytest.raises(LeaseHeldError):
        list(maintain(shop, ORDERS))


def test_a_retention_shorter_than_runs_may_take_is_refused(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, environ={"LAKEHOUSE_MAINTENANCE__RETENTION": "59min"})
    deliver(lake, DAY, [order(1)])
    refresh(lake, DAY)

    with pytest.raises(LakehouseError, match=r"LAKEHOUSE_MAINTENANCE__RETENTION: a retention of 59 minutes.*to 60min"):
        plan_maintenance(lake, ORDERS)


def test_a_log_that_somebody_else_shortened_stops_everything(shop: Lake) -> None:
    opened = shop.open(ORDERS)
    assert opened is not None
    opened.delta.create_checkpoint()
    deliver(shop, DAY, [order(1)])
    refresh(shop, DAY)
    for path in Path(opened.root, "_delta_log").glob("*.json"):
        if int(path.stem) <= opened.version:
            path.unlink()

    with pytest.raises(LakehouseError, match="somebody else shortened it"):
        plan_maintenance(shop, ORDERS)


def test_a_table_that_was_never_published_has_nothing_to_do(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)

    assert plan_maintenance(lake, ORDERS).is_empty
    assert list(maintain(lake, ORDERS)) == []


def test_sizes_count_what_the_disk_has(shop: Lake) -> None:
    (table, side) = sizes_of(shop, [ORDERS])
    opened = shop.open(ORDERS)
    assert opened is not None

    folder = Path(shop.root_of(ORDERS))
    data = list(folder.rglob("stg-*.parquet"))
    active = {file.path for file in opened.files}
    idle = [path for path in data if path.relative_to(folder).as_posix() not in active]
    assert (table.files, table.bytes) == (len(active), sum((folder / path).stat().st_size for path in active))
    assert (table.kept_files, table.orphans) == (0, len(idle))
    assert table.orphan_bytes == sum(path.stat().st_size for path in idle)
    assert side.table == "quarantine/silver/orders"
    assert any("needed by nobody" in advice for advice in table.advice)


def test_sizes_have_no_advice_for_a_maintained_table(shop: Lake) -> None:
    list(maintain(shop, ORDERS))
    age(shop)
    list(maintain(shop, ORDERS))

    assert [one.advice for one in sizes_of(shop, [ORDERS])] == [(), ()]
