"""Maintenance under Dagster: one job for all tables, and a schedule that is off until somebody wants it."""

import dataclasses
from pathlib import Path

import dagster as dg
import pytest

from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.maintenance import JOB, SCHEDULE, to_maintenance
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import held
from lakehouse_assets.pipeline.upkeep.compact import plan_rewrites
from lakehouse_assets.pipeline.upkeep.maintain import lease_of
from lakehouse_assets.settings import Maintenance
from lakehouse_assets_tests.lakes import DAY, ORDERS, deliver, order, refresh, shop_lake
from lakehouse_assets_tests.past import crumbling


def resource(folder: Path, **changes: object) -> LakeResource:
    lake = shop_lake(folder)
    maintenance = dataclasses.replace(Maintenance(cadence="weekly"), **changes)  # type: ignore[arg-type]
    return LakeResource(Lake(lake.root, lake.catalog, dataclasses.replace(lake.settings, maintenance=maintenance)))


def crumble(lake: Lake) -> None:
    deliver(lake, DAY, [order(number) for number in range(20)])
    refresh(crumbling(lake), DAY)


def is_compact(lake: Lake) -> bool:
    opened = lake.open(ORDERS)
    assert opened is not None
    return plan_rewrites(lake.contract(ORDERS), opened) == ()


def test_the_job_maintains_every_table(tmp_path: Path) -> None:
    shop = resource(tmp_path)
    crumble(shop.lake)
    (job,), _ = to_maintenance(shop)

    result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral())

    assert (result.success, job.name, is_compact(shop.lake)) == (True, JOB, True)


def test_tables_that_somebody_else_maintains_are_left_out(tmp_path: Path) -> None:
    shop = resource(tmp_path)
    crumble(shop.lake)
    (job,), _ = to_maintenance(shop)

    with held(shop.lake, lease_of(ORDERS)):
        result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral())

    assert (result.success, is_compact(shop.lake)) == (True, False)


def test_a_damaged_table_fails_the_job_and_not_the_others(tmp_path: Path) -> None:
    shop = resource(tmp_path)
    crumble(shop.lake)
    log = Path(shop.lake.root, "bronze/shop/orders/_delta_log")
    max(log.glob("*.json")).write_text("not a commit")
    (job,), _ = to_maintenance(shop)

    result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)

    assert (result.success, is_compact(shop.lake)) == (False, True)


@pytest.mark.parametrize(("automatic", "status"), [(False, "STOPPED"), (True, "RUNNING")])
def test_the_schedule_has_the_cadence_of_the_settings(tmp_path: Path, *, automatic: bool, status: str) -> None:
    _, (schedule,) = to_maintenance(resource(tmp_path, automatic=automatic))

    assert (schedule.name, schedule.cron_schedule) == (SCHEDULE, "0 4 * * 1")
    assert schedule.default_status is dg.DefaultScheduleStatus[status]


def test_without_a_cadence_there_is_no_schedule(tmp_path: Path) -> None:
    _, schedules = to_maintenance(resource(tmp_path, cadence=""))

    assert schedules == []


def test_a_cadence_that_nobody_declared_is_named(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match="weekley"):
        to_maintenance(resource(tmp_path, cadence="weekley"))
