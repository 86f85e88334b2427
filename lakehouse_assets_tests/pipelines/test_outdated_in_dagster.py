"""Dagster's assets say how many of their partitions are outdated, once for every change of that number."""

import json
from pathlib import Path

import dagster as dg
import pytest

from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.outdated import observe_outdated
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.restate import restate
from lakehouse_assets.state.reports import drift_events
from lakehouse_assets_tests.lakes import DAY, HEADER, NEXT, ORDERS, deliver, order, orders_contract, refresh, shop_lake

pytestmark = pytest.mark.integration


def looked(instance: dg.DagsterInstance, lake: Lake, cursor: str | None) -> tuple[dict[str, int], str]:
    """Absorb, let the sensor look once, and return the counts it told and its cursor."""
    with store_of(lake) as store:
        absorb(lake, store)
    with dg.build_sensor_context(instance, cursor=cursor) as context:
        result = observe_outdated(context, LakeResource(lake))
    told = {event.asset_key.to_user_string(): event.metadata for event in result.asset_events}
    return {key: int(str(one["lakehouse/outdated_partitions"].value)) for key, one in told.items()}, str(result.cursor)


def test_each_change_of_the_number_is_told_once(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    for day in (DAY, NEXT):
        deliver(lake, day, [order(1)])
    refresh(lake, DAY, NEXT)
    fresh, cursor = looked(instance, lake, None)

    lake = shop_lake(tmp_path, orders_contract(version="1.0.1"))
    told, cursor = looked(instance, lake, cursor)
    again, cursor = looked(instance, lake, cursor)
    list(restate(lake, ORDERS, [DAY], run_id="again"))
    later, cursor = looked(instance, lake, cursor)

    assert fresh == again == {}
    assert told == {"silver/orders": 2}
    assert later == {"silver/orders": 1}
    assert json.loads(cursor) == {"bronze/shop/orders": 0, "silver/orders": 1}


def test_drift_reaches_the_state_store(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, [[*order(1), "x"]], header=(*HEADER, "coupon"))
    refresh(lake, DAY)

    with store_of(lake) as store:
        absorb(lake, store)
        with store.reading() as connection:
            (event,) = drift_events(connection)
            nothing = drift_events(connection, "silver/orders")

    assert (event.table, event.partition, event.type, event.added) == ("bronze/shop/orders", DAY, "added", ("coupon",))
    assert nothing == ()
