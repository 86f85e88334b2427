"""Where a machine stands decides nothing: equal input gives equal days and equal content in every time zone."""

from pathlib import Path

import pytest

from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import DAY, ORDERS, deliver, order, refresh, rows_of, shop_lake
from lakehouse_assets_tests.racing import finish, start

pytestmark = pytest.mark.integration

# In Auckland and in Los Angeles these are on another day than in UTC.
LATE, EARLY = f"{DAY} 23:30:00", f"{DAY} 00:30:00"


def shop(folder: Path) -> Lake:
    folder.mkdir()
    lake = shop_lake(folder)
    deliver(lake, DAY, [order(1, changed_at=LATE), order(2, changed_at=EARLY), order(3, amount="many")])
    return lake


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_a_run_in_another_time_zone_publishes_the_same(tmp_path: Path, zone: str) -> None:
    here, there = shop(tmp_path / "here"), shop(tmp_path / "there")
    refresh(here, DAY)

    finish(start(there, 1, "bronze/shop/orders,silver/orders", DAY, TZ=zone))

    assert content_of(there, ORDERS).hash == content_of(here, ORDERS).hash
    assert [str(value) for value in rows_of(there, ORDERS).sort("order_id")["changed_at"]] == [
        f"{LATE}+00:00",
        f"{EARLY}+00:00",
    ]
