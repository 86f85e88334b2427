"""Maintenance of tables that others stand on: change logs, appended batches, and versions that one goes back to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.rollback import roll_back
from lakehouse_assets.pipeline.upkeep.maintain import maintain
from lakehouse_assets.results import UNCHANGED
from lakehouse_assets_tests.customers import CHANGES, CURRENT, HISTORY, bring, change, customers_lake, derived, gone
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    THIRD,
    deliver,
    order,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
)
from lakehouse_assets_tests.past import crumbling

LATER = timedelta(days=30)


def much_later() -> datetime:
    return datetime.now(UTC) + LATER


def hashes(lake: Lake) -> list[str]:
    return [content_of(lake, table).hash for table in (CHANGES, CURRENT, HISTORY)]


def test_derivation_does_not_notice_that_its_change_log_was_rewritten(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)
    people = [change(f"c{number}", f"{DAY} 10:00:00") for number in range(20)]
    bring(crumbling(lake), DAY, people)
    derived(lake)
    before, versions = hashes(lake), [lake.open(table).version for table in (CURRENT, HISTORY)]  # type: ignore[union-attr]

    steps = {step.what for step in maintain(lake, CHANGES, at=much_later())}

    assert "rewrote" in steps
    assert set(derived(lake).values()) == {UNCHANGED}
    assert hashes(lake) == before
    assert [lake.open(table).version for table in (CURRENT, HISTORY)] == versions  # type: ignore[union-attr]


def test_changes_after_maintenance_give_what_a_build_from_scratch_gives(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path / "maintained")
    calm = customers_lake(tmp_path / "calm")
    people = [change(f"c{number}", f"{DAY} 10:00:00") for number in range(20)]
    days = {
        DAY: people,
        NEXT: [change("c1", f"{NEXT} 10:00:00", city="Bonn"), gone("c2", f"{NEXT} 11:00:00")],
        THIRD: [change("c2", f"{DAY} 09:00:00", city="Kiel"), change("c3", f"{THIRD} 10:00:00", city="Jena")],
    }
    for day, rows in days.items():
        bring(crumbling(lake), day, rows)
        derived(lake)
        for table in (CHANGES, CURRENT, HISTORY):
            list(maintain(lake, table, at=much_later()))
        bring(calm, day, rows)
    bring(lake, DAY, people[:-1])
    bring(calm, DAY, people[:-1])
    derived(lake)
    derived(calm)

    assert hashes(lake) == hashes(calm)


def test_appended_batches_stay_appended_once(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="    load: append_once\n")
    for number in range(5):
        path = deliver(lake, DAY, [order(number)])
        path.rename(path.with_name(f"{DAY}-{number}.csv"))
        run(lake, RAW, DAY)
    ledger, publishes = served(lake, RAW)[DAY].of.ledger, lake.open(RAW).publishes_by_partition()  # type: ignore[union-attr]

    for _ in range(2):
        list(maintain(lake, RAW, at=much_later()))

    opened = lake.open(RAW)
    assert opened is not None
    assert (len(opened.files), opened.publishes_by_partition()) == (1, publishes)
    assert served(lake, RAW)[DAY].of.ledger == ledger
    assert statuses(run(lake, RAW, DAY)) == {DAY: "unchanged"}
    path = deliver(lake, DAY, [order(9)])
    path.rename(path.with_name(f"{DAY}-9.csv"))
    run(lake, RAW, DAY)
    assert sorted(rows_of(lake, RAW)["order_id"]) == ["0", "1", "2", "3", "4", "9"]


def test_going_back_over_a_rewrite_and_forth_again(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, [*[order(number) for number in range(12)], order(99, amount="many")])
    refresh(crumbling(lake), DAY)
    first = lake.open(ORDERS)
    assert first is not None
    list(maintain(lake, ORDERS))
    deliver(lake, DAY, [order(1, note="wrong")])
    refresh(lake, DAY)

    roll_back(lake, ORDERS, first.version, run_id="back")
    list(maintain(lake, ORDERS))

    assert len(rows_of(lake, ORDERS)) == 12
    rows = served_quarantine(lake, ORDERS)
    assert rows is not None
    assert len(lake.engine.collect(rows)) == 1
    newest = lake.open(ORDERS)
    assert newest is not None
    roll_back(lake, ORDERS, newest.version - 2, run_id="forth")
    assert rows_of(lake, ORDERS)["note"].to_list() == ["wrong"]
