"""When a table comes near the limits of one machine, `lakehouse doctor --sizes` says so; and not before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lakehouse_assets.naming import publish_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.upkeep.outgrown import signals_of
from lakehouse_assets.pipeline.upkeep.sizes import sizes_of
from lakehouse_assets.storage.records import read_record, write_record
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, deliver, order, refresh, shop_lake

pytestmark = pytest.mark.integration

GIBIBYTE = 2**30


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, [order(number) for number in range(3)])
    deliver(lake, NEXT, [order(number, changed_at=f"{NEXT} 09:00:00") for number in range(6)])
    refresh(lake, DAY)
    refresh(lake, NEXT)
    return lake


def lasted(lake: Lake, day: str, minutes: int, *, engine: str = "polars") -> None:
    """Let the record of a day's publish say how long it took."""
    table = lake.open(ORDERS)
    assert table is not None
    publish = publish_of(table.files_of([day])[0].path)
    assert publish is not None
    record = read_record(lake.objects_of(ORDERS), publish)
    assert record is not None
    started = datetime.fromisoformat(record.finished_at) - timedelta(minutes=minutes)
    write_record(lake.objects_of(ORDERS), replace(record, started_at=started.isoformat(), engine=engine))


def advice(lake: Lake) -> Sequence[str]:
    (table, *_) = sizes_of(lake, [ORDERS])
    return [sentence for sentence in table.advice if "engine: spark" in sentence]


def test_a_partition_that_takes_more_than_half_of_what_a_run_may_take_is_named(shop: Lake) -> None:
    lasted(shop, NEXT, 16)

    (sentence,) = advice(shop)

    assert f"{NEXT} with 6 rows, took 16 of the 30 minutes" in sentence
    assert "docs/how-to/scale-out.md" in sentence


def test_half_of_it_is_enough_to_live_with(shop: Lake) -> None:
    lasted(shop, NEXT, 14)

    assert advice(shop) == []


def test_it_is_the_largest_partition_that_counts(shop: Lake) -> None:
    lasted(shop, DAY, 25)

    assert advice(shop) == []


def test_a_table_that_spark_computes_already_gets_no_such_advice(shop: Lake) -> None:
    lasted(shop, NEXT, 25, engine="spark")

    assert advice(shop) == []


def test_hashes_of_a_partition_that_fill_half_the_memory_are_named(shop: Lake) -> None:
    table = shop.open(ORDERS)
    assert table is not None
    contract = shop.contract(ORDERS)

    # Six rows of sixteen bytes each: 96 of 191, and of 193.
    (sentence,) = signals_of(shop, contract, table, memory=191)
    spared = list(signals_of(shop, contract, table, memory=193))

    assert f"{NEXT} with 6 rows, needs" in sentence
    assert spared == []
    assert list(signals_of(shop, contract, table, memory=GIBIBYTE)) == []
