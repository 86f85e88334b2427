"""Which dates a request for arrivals reaches, on this repository's own catalog and calendar."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse_assets.defs.partitions import to_mapping, to_partitions
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import retail_lake

pytestmark = pytest.mark.integration

BRONZE, SILVER, GOLD = (
    TableName.parse(name)
    for name in ("bronze/retail/order_lines", "silver/retail_order_lines", "gold/retail_sales_daily")
)


@pytest.fixture
def retail(tmp_path: Path) -> Lake:
    return retail_lake(tmp_path / "lake", tmp_path / "drop")


def reached(lake: Lake, upstream: TableName, table: TableName, days: Iterable[str]) -> list[str]:
    """Return the partitions of a table that a request for days of its upstream also asks for."""
    contract, above = lake.contract(table), lake.contract(upstream)
    mapping, here, there = to_mapping(contract, above), to_partitions(contract), to_partitions(above)
    assert mapping is not None
    assert here is not None
    assert there is not None
    asked = there.subset_with_partition_keys(list(days))
    return sorted(mapping.get_downstream_partitions_for_partitions(asked, there, here).get_partition_keys())


@pytest.mark.parametrize("month", ["2010-12", "2011-01", "2011-04", "2011-07"])
def test_a_backfill_of_a_month_reaches_no_date_of_the_next_one(retail: Lake, month: str) -> None:
    days = [day for day in retail.partitions(BRONZE, datetime(2012, 1, 1, tzinfo=UTC)) if day.startswith(month)]

    silver = reached(retail, BRONZE, SILVER, days)
    gold = reached(retail, SILVER, GOLD, silver)

    assert silver == days
    assert gold[-len(days) :] == days
