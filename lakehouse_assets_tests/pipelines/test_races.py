"""Runs that meet: no row is doubled, no publish is lost, and what was read last is what is served."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import narwhals as nw
import pytest

from lakehouse_assets.naming import TableName, blocked_of, quarantine_of
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import blocked, newest
from lakehouse_assets.pipeline.refine import transform_of
from lakehouse_assets.pipeline.step import is_overtaken, open_step
from lakehouse_assets.state.reports import latest_partitions
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    THIRD,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
    transform,
)
from lakehouse_assets_tests.places import Place
from lakehouse_assets_tests.racing import finish, start

GOOD = [order(number) for number in range(1, 5)]
OTHER = [order(number, note="other") for number in range(1, 6)]
BAD = [*GOOD, *[order(number, amount="many") for number in range(5, 9)]]
GATE = "{maxQuarantineRatio: 0.2, emptyPartition: allow}"
SILVER_MODULE = "lakehouse_assets.transforms.silver.orders"

Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    return shop_lake(tmp_path, orders_contract(gate=GATE))


@pytest.fixture
def shop_anywhere(tmp_path: Path, place: Place) -> Lake:
    return shop_lake(tmp_path, orders_contract(gate=GATE), environ=place.environ)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meanwhile]:
    """Return a function whose argument runs once, in the middle of the next run of silver: after it read its input."""
    waiting: list[Callable[[], object]] = []

    def orders(rows: nw.LazyFrame) -> nw.LazyFrame:
        if waiting:
            waiting.pop()()
        return rows

    module = ModuleType(SILVER_MODULE)
    module.__spec__ = ModuleSpec(SILVER_MODULE, None)
    vars(module)["orders"] = orders
    monkeypatch.setitem(sys.modules, SILVER_MODULE, module)
    transform_of.cache_clear()
    yield waiting.append
    transform_of.cache_clear()


def ids(lake: Lake) -> list[str]:
    return sorted(rows_of(lake, ORDERS)["_row_id"])


def refused_ids(lake: Lake) -> list[str]:
    rows = served_quarantine(lake, ORDERS)
    return [] if rows is None else sorted(lake.engine.collect(rows)["_row_id"])


def expected(*days: str, rows: int) -> list[str]:
    return [f"{day}.csv#{number:09}" for day in sorted(days) for number in range(1, rows + 1)]


def test_two_processes_on_a_new_lake_and_the_same_day_double_nothing(shop_anywhere: Lake) -> None:
    deliver(shop_anywhere, DAY, [*GOOD, *GOOD, order(9, amount="many")])

    finish(*[start(shop_anywhere, 2, "bronze/shop/orders,silver/orders", DAY) for _ in range(2)])

    assert ids(shop_anywhere) == expected(DAY, rows=8)
    assert refused_ids(shop_anywhere) == [f"{DAY}.csv#000000009"]


def test_processes_on_different_days_lose_nothing(shop_anywhere: Lake) -> None:
    for day in (DAY, NEXT, THIRD):
        deliver(shop_anywhere, day, [*GOOD, *GOOD, order(9, amount="many")])

    finish(*[start(shop_anywhere, 2, "bronze/shop/orders,silver/orders", day) for day in (DAY, NEXT, THIRD)])

    assert ids(shop_anywhere) == expected(DAY, NEXT, THIRD, rows=8)
    assert len(refused_ids(shop_anywhere)) == 3


def test_input_that_changes_while_two_processes_run_ends_with_the_newest(shop: Lake) -> None:
    racers = [start(shop, 4, "bronze/shop/orders,silver/orders", DAY) for _ in range(2)]
    deliver(shop, DAY, GOOD)
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(Path(shop.root).parent / "drop"), DAY], stdin=None, text=True
    )

    finish(*racers)
    writer.wait()
    refresh(shop, DAY)

    table = content_of(shop, ORDERS)
    assert table.rows == 40
    assert set(rows_of(shop, ORDERS)["note"]) == {"v40"}


_WRITER = """
import sys, time
from pathlib import Path
folder, day = Path(sys.argv[1]), sys.argv[2]
for version in range(1, 41):
    fresh = folder / "fresh.tmp"
    rows = "".join(f"{number},ann,10,{day} 10:00:00,v{version}\\n" for number in range(version))
    fresh.write_text("order_id,customer,amount,changed_at,note\\n" + rows)
    fresh.replace(folder / f"{day}.csv")
    time.sleep(0.05)
"""


def test_a_run_that_read_older_input_loses_to_the_newer_one(shop_anywhere: Lake, meanwhile: Meanwhile) -> None:
    deliver(shop_anywhere, DAY, GOOD)
    run(shop_anywhere, RAW, DAY)

    def newer() -> None:
        deliver(shop_anywhere, DAY, OTHER)
        refresh(shop_anywhere, DAY)

    meanwhile(newer)
    results = run(shop_anywhere, ORDERS, DAY)

    assert statuses(results) == {DAY: "unchanged"}
    assert rows_of(shop_anywhere, ORDERS)["note"].to_list() == ["other"] * 5


def test_a_run_on_older_input_is_repeated_when_the_newer_one_found_nothing_to_do(
    shop: Lake, meanwhile: Meanwhile
) -> None:
    deliver(shop, DAY, GOOD)
    refresh(shop, DAY)
    deliver(shop, DAY, OTHER)
    run(shop, RAW, DAY)

    def back_again() -> None:
        deliver(shop, DAY, GOOD)
        assert statuses(refresh(shop, DAY)) == {DAY: "unchanged"}

    meanwhile(back_again)
    run(shop, ORDERS, DAY)

    assert len(rows_of(shop, ORDERS)) == 4


def test_a_verdict_of_unchanged_is_not_the_last_word_when_the_table_moved(shop: Lake, meanwhile: Meanwhile) -> None:
    deliver(shop, DAY, GOOD)
    refresh(shop, DAY)

    def other_and_back() -> None:
        deliver(shop, DAY, OTHER)
        refresh(shop, DAY)
        deliver(shop, DAY, GOOD)
        run(shop, RAW, DAY)

    meanwhile(other_and_back)
    run(shop, ORDERS, DAY)

    assert len(rows_of(shop, ORDERS)) == 4


def test_a_failure_on_older_input_does_not_stay_the_newest_word(shop: Lake, meanwhile: Meanwhile) -> None:
    deliver(shop, DAY, BAD)
    run(shop, RAW, DAY)

    def corrected() -> None:
        deliver(shop, DAY, GOOD)
        refresh(shop, DAY)

    meanwhile(corrected)
    results = run(shop, ORDERS, DAY)

    assert statuses(results) == {DAY: "unchanged"}
    assert (blocked(shop, ORDERS), newest(shop, ORDERS)[DAY].of.status) == ({}, "published")


def test_a_lost_race_leaves_every_table_readable_and_nothing_doubled(shop_anywhere: Lake, meanwhile: Meanwhile) -> None:
    deliver(shop_anywhere, DAY, [*GOOD, order(9, amount="many")])
    run(shop_anywhere, RAW, DAY)
    meanwhile(lambda: run(shop_anywhere, ORDERS, DAY))

    run(shop_anywhere, ORDERS, DAY)

    assert refused_ids(shop_anywhere) == [f"{DAY}.csv#000000005"]
    # A quarantine file that was committed stays, although nothing refers to it: other tools read this table whole.
    assert set(rows_of(shop_anywhere, quarantine_of(ORDERS))["_row_id"]) == {f"{DAY}.csv#000000005"}


def test_a_record_without_its_commit_does_not_become_the_newest_word(shop: Lake, meanwhile: Meanwhile) -> None:
    deliver(shop, DAY, [*GOOD, *GOOD, order(9, amount="many")])
    run(shop, RAW, DAY)
    meanwhile(lambda: run(shop, ORDERS, DAY))
    run(shop, ORDERS, DAY)

    with store_of(shop) as store:
        store.prepare()
        absorb(shop, store)
        with store.reading() as connection:
            (word,) = latest_partitions(connection, str(ORDERS))

    assert word.publish == newest(shop, ORDERS)[DAY].publish


def test_two_processes_that_are_refused_at_once_keep_one_attempt(shop: Lake) -> None:
    deliver(shop, DAY, BAD)
    run(shop, RAW, DAY)

    said = finish(*[start(shop, 2, "silver/orders", DAY) for _ in range(2)])

    assert set("".join(said).splitlines()) == {f"silver/orders {DAY} blocked"}
    assert sorted(rows_of(shop, blocked_of(ORDERS))["_row_id"]) == [f"{DAY}.csv#{n:09}" for n in range(5, 9)]


def test_a_snapshot_is_overtaken_by_another_day_of_what_it_reads(tmp_path: Path) -> None:
    origin = "transformSourceObjects: [silver.orders.order_id]"
    column = f"      - {{name: order_id, logicalType: string, required: true, {origin}}}\n"
    totals = contract("totals", column, layer="gold", load="{mode: snapshot}")
    code = tmp_path / "code"
    code.mkdir()
    with transform(code, "gold/totals", "def totals(orders):\n    return orders.select('order_id')\n"):
        lake = shop_lake(tmp_path, contracts={"gold/totals": totals})
        deliver(lake, DAY, GOOD)
        refresh(lake, DAY)
        step = open_step(lake, lake.contract(TableName.parse("gold/totals")), ["0"], run_id="late", chunk=0)
        assert not is_overtaken(step)

        deliver(lake, NEXT, [order(9, changed_at=f"{NEXT} 09:00:00")])
        refresh(lake, NEXT)

        assert is_overtaken(step)
