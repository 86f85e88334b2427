"""A contract evolves on a disk and in object stores alike: tried out without a trace, then restated."""

from pathlib import Path

import pytest

from lakehouse_assets.pipeline.dry_run import RowChanges, dry_run
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.outdated import find_outdated
from lakehouse_assets.pipeline.restate import restate
from lakehouse_assets_tests.lakes import (
    DAY,
    HEADER,
    NEXT,
    ORDERS,
    RAW_COLUMNS,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    shop_lake,
)
from lakehouse_assets_tests.places import Place

pytestmark = pytest.mark.integration

COUPON = "      - {name: coupon, logicalType: string, transformSourceObjects: [bronze.shop.orders.coupon]}\n"


def before(folder: Path, place: Place) -> Lake:
    return shop_lake(folder, environ=place.environ)


def after(folder: Path, place: Place) -> Lake:
    silver = orders_contract(more=COUPON, version="1.1.0")
    return shop_lake(folder, silver, raw=f"{RAW_COLUMNS}, coupon: text", environ=place.environ)


def test_a_column_is_declared_tried_out_and_filled_from_what_landed(place: Place, tmp_path: Path) -> None:
    lake = before(tmp_path, place)
    for day in (DAY, NEXT):
        deliver(lake, day, [[*order(1), "x"], [*order(2), ""]], header=(*HEADER, "coupon"))
    refresh(lake, DAY, NEXT)
    lake = after(tmp_path, place)
    objects = place.listing()

    forecasts = list(dry_run(lake, ORDERS, [DAY, NEXT]))
    untouched = place.listing()
    done = list(restate(lake, ORDERS, [one.partition for one in find_outdated(lake, ORDERS)], run_id="restate"))

    assert [(one.columns_added, one.rows) for one in forecasts] == [(("coupon",), RowChanges(changed=1))] * 2
    assert untouched == objects
    assert [(one.partition, one.is_changed) for one in done] == [(NEXT, True), (DAY, True)]
    assert rows_of(lake, ORDERS).sort("_proc_date", "order_id")["coupon"].to_list() == ["x", None] * 2
    assert find_outdated(lake, ORDERS) == []
