"""Partitions that are hours: files by the hour, silver by the hour, gold on the days that their rows are about."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.backfills.scope import affected_by, scope_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.watermark import watermark_of
from lakehouse_assets_tests.lakes import (
    ORDERS,
    RAW,
    contract,
    deliver,
    order,
    orders_contract,
    rows_of,
    run,
    shop_lake,
    statuses,
    transform,
)

DAILY = TableName.parse("gold/daily")
DAY, NEXT = "2010-12-01", "2010-12-02"
NINE, TEN, LATE = f"{DAY}-09:00", f"{DAY}-10:00", f"{NEXT}-01:00"
_COLUMNS = """\
      - {name: sold_on, logicalType: date, required: true, primaryKey: true,
         transformSourceObjects: [silver.orders.changed_at], transformLogic: date of changed_at}
      - {name: amount, logicalType: integer, physicalType: long, transformSourceObjects: [silver.orders.amount],
         transformLogic: sum}
"""
_FUNCTION = '''
import narwhals as nw


def daily(orders: nw.LazyFrame) -> nw.LazyFrame:
    """Sum amounts a day."""
    days = orders.with_columns(nw.col("changed_at").dt.date().alias("sold_on"))
    return days.group_by("sold_on").agg(nw.col("amount").sum())
'''


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    silver = orders_contract("{identicalRows: keep, eventTime: changed_at, lateness: 1d}")
    gold = contract("daily", _COLUMNS, layer="gold", load="{partitionColumn: sold_on, lateness: 1d}")
    with transform(tmp_path, "gold/daily", _FUNCTION):
        daily = shop_lake(tmp_path, silver, contracts={"gold/daily": gold})
        source = tmp_path / "config/sources/shop.yaml"
        source.write_text(source.read_text().replace('"2010-12-31"}', '"2010-12-31", hourly: true}'))
        yield open_lake(daily.settings)


def sell(lake: Lake, hour: str, day: str, amount: int) -> None:
    deliver(lake, hour, [order(hour, changed_at=f"{day} 09:30:00", amount=amount)])


def test_silver_has_the_hours_of_bronze_and_gold_their_days(lake: Lake) -> None:
    for hour, amount in ((NINE, 1), (TEN, 2), (LATE, 4)):
        sell(lake, hour, DAY, amount)
    run(lake, RAW, NINE, TEN, LATE)
    said = run(lake, ORDERS, NINE, TEN, LATE)

    run(lake, DAILY, DAY)

    assert set(statuses(said)) == {NINE, TEN, LATE}
    assert rows_of(lake, ORDERS)["_proc_date"].dtype == pl.String
    assert rows_of(lake, DAILY).select("sold_on", "amount").rows() == [(datetime(2010, 12, 1, tzinfo=UTC).date(), 7)]


def test_an_hour_without_its_file_is_missing(lake: Lake) -> None:
    sell(lake, NINE, DAY, 1)

    assert statuses(run(lake, RAW, NINE, TEN)) == {NINE: "published", TEN: "blocked"}


def test_a_table_is_complete_up_to_the_end_of_an_hour(lake: Lake) -> None:
    for hour in (NINE, TEN):
        sell(lake, hour, DAY, 1)
    run(lake, RAW, NINE, TEN)

    found = watermark_of(lake, RAW, datetime(2010, 12, 1, 12, 30, tzinfo=UTC))

    assert found.at == datetime(2010, 12, 1, 11, tzinfo=UTC)
    assert [gap.partition for gap in found.gaps] == [f"{DAY}-11:00"]


def test_a_range_of_days_is_a_range_of_their_hours(lake: Lake) -> None:
    now = datetime(2010, 12, 2, 1, 30, tzinfo=UTC)

    found = scope_of(lake, RAW, DAY, NEXT, now)
    some = scope_of(lake, RAW, NINE, TEN, now)

    assert (len(found.missing), len(found.not_due)) == (26, 0)
    assert some.missing == (NINE, TEN)


def test_days_that_read_an_hour_are_those_around_it(lake: Lake) -> None:
    found = {one.table: one.partitions for one in affected_by(lake, RAW, [LATE])}

    assert found == {str(ORDERS): (LATE,), str(DAILY): (NEXT,)}
