"""A rollback made on a command line reaches Dagster: a materialisation each partition, with its earlier version."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from lakehouse_assets.defs import sensors
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.notices import leave_notice
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.rollback import roll_back
from lakehouse_assets.results import Record
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.records import write_record
from lakehouse_assets_tests.builders import publish_record
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, deliver, order, refresh, shop_lake

pytestmark = pytest.mark.integration

KEY = dg.AssetKey(ORDERS.parts)
NOTICES = "_lakehouse/rollbacks/"
Tick = Callable[[], str]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return shop_lake(tmp_path)


@pytest.fixture
def tick(lake: Lake, instance: dg.DagsterInstance) -> Tick:
    def look() -> str:
        definition = {one.name: one for one in sensors.to_sensors(LakeResource(lake))}[sensors.ROLLBACKS]
        with dg.build_sensor_context(instance) as context:
            return definition.evaluate_tick(context).skip_message or ""

    return look


def rolled_back(lake: Lake) -> None:
    deliver(lake, DAY, [order(1)])
    refresh(lake, DAY)
    first = lake.open(ORDERS)
    assert first is not None
    for day, number in ((DAY, 2), (NEXT, 3)):
        deliver(lake, day, [order(number)])
    refresh(lake, DAY, NEXT)
    roll_back(lake, ORDERS, first.version, run_id="rollback")


def versions(instance: dg.DagsterInstance) -> dict[str | None, str]:
    found = instance.fetch_materializations(KEY, limit=100).records
    return {one.partition_key: str((one.event_log_entry.tags or {})["dagster/data_version"]) for one in found}


def test_each_partition_is_told_with_the_version_it_has_again(
    lake: Lake, tick: Tick, instance: dg.DagsterInstance
) -> None:
    rolled_back(lake)

    said = tick()

    told = versions(instance)
    assert said == "1 rollbacks told"
    assert told[DAY] == served(lake, ORDERS)[DAY].of.content_hash
    assert told[NEXT].startswith("rollback-0000-")


def test_a_rollback_is_told_once(lake: Lake, tick: Tick, instance: dg.DagsterInstance) -> None:
    rolled_back(lake)
    tick()

    assert tick() == "nothing new"
    assert len(instance.fetch_materializations(KEY, limit=100).records) == 2


def left(lake: Lake, record: Record) -> list[str]:
    refresh(lake, DAY)
    write_record(lake.objects_of(ORDERS), record)
    leave_notice(lake, ORDERS, record.publish)
    return Objects(lake.root, lake.options).names(NOTICES)


def test_a_rollback_that_was_never_committed_is_not_told_and_its_notice_goes(
    lake: Lake, tick: Tick, instance: dg.DagsterInstance
) -> None:
    deliver(lake, DAY, [order(1)])
    before = left(lake, publish_record("x-0000-1", at="2010-12-09T06:00:00+00:00"))

    said = tick()

    assert (len(before), said) == (1, "nothing new")
    assert Objects(lake.root, lake.options).names(NOTICES) == []
    assert versions(instance) == {}


def test_a_notice_waits_for_a_commit_that_may_still_come(lake: Lake, tick: Tick) -> None:
    deliver(lake, DAY, [order(1)])
    before = left(lake, publish_record("x-0000-1", at="2999-12-09T06:00:00+00:00"))

    tick()

    assert Objects(lake.root, lake.options).names(NOTICES) == before
