"""Order never decides content: rows refused because their reference came later are found again by a sensor."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

from lakehouse_assets.defs import sensors
from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.naming import TableName, bronze
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.stale import find_stale
from lakehouse_assets_tests.lakes import (
    CUSTOMERS_COLUMNS,
    CUSTOMERS_SOURCE,
    DAY,
    NEXT,
    ORDERS,
    THIRD,
    TO_CUSTOMERS,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    retail_lake,
    run,
    shop_lake,
)

pytestmark = pytest.mark.integration

CUSTOMERS, RAW_CUSTOMERS = TableName.parse("silver/customers"), bronze("shop", "customers")
DAYS = (DAY, NEXT, THIRD)


class Shop:
    """A shop whose orders refer to its customers, with the sensor and the place of its cursor."""

    def __init__(self, root: Path, instance: dg.DagsterInstance, gate: str = "{emptyPartition: allow}") -> None:
        customers = contract("customers", CUSTOMERS_COLUMNS, load="{}")
        orders = orders_contract(relationships=TO_CUSTOMERS, gate=gate)
        self.lake = shop_lake(root, orders, source_also=CUSTOMERS_SOURCE, contracts={"silver/customers": customers})
        self.instance, self.cursor = instance, ""
        definitions = assemble(LakeResource(self.lake))
        self.repository = definitions.get_repository_def()
        self.sensor = definitions.resolve_sensor_def(sensors.REFERENCES)
        self.job = definitions.resolve_implicit_global_asset_job_def()

    def know(self, day: str, *customers: str) -> None:
        """Publish customers that arrived on a day."""
        folder = Path(self.lake.catalog.sources["shop"].connection["location"]) / "customers"
        folder.mkdir(exist_ok=True)
        (folder / f"{day}.csv").write_text("\n".join(["customer", *customers, ""]))
        run(self.lake, RAW_CUSTOMERS, day)
        run(self.lake, CUSTOMERS, day)

    def sell(self, customers: Sequence[str] = ("ann", "bob", "ann")) -> None:
        """Publish one order a day."""
        for number, (day, customer) in enumerate(zip(DAYS, customers, strict=True)):
            deliver(self.lake, day, [order(2 * number), order(2 * number + 1, customer=customer)])
        refresh(self.lake, *DAYS)

    def tick(self) -> list[dg.RunRequest]:
        """Let the sensor look once."""
        with dg.build_sensor_context(self.instance, cursor=self.cursor, repository_def=self.repository) as context:
            said = self.sensor.evaluate_tick(context)
        self.cursor = said.cursor or ""
        return list(said.run_requests or ())

    def launch(self, requests: Sequence[dg.RunRequest]) -> None:
        """Run what was requested."""
        for request in requests:
            keys = list(request.asset_selection or ())
            assert self.job.execute_in_process(instance=self.instance, asset_selection=keys, tags=request.tags).success


def ranges(requests: Sequence[dg.RunRequest]) -> list[tuple[str, str]]:
    names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    return [(request.tags[names[0]], request.tags[names[1]]) for request in requests]


def refused(lake: Lake) -> int:
    rows = served_quarantine(lake, ORDERS)
    return 0 if rows is None else len(lake.engine.collect(rows))


def test_orders_before_their_customer_are_found_again_and_equal_the_other_order(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    late, early = Shop(tmp_path / "late", instance), Shop(tmp_path / "early", instance)
    early.know(DAY, "ann")
    early.know(NEXT, "bob")
    early.sell()
    late.know(DAY, "ann")
    late.sell()
    held_back = refused(late.lake)
    late.know(NEXT, "bob")

    requests = late.tick()
    late.launch(requests)

    assert (held_back, refused(late.lake)) == (1, 0)
    assert ranges(requests) == [(NEXT, NEXT)]
    assert content_of(late.lake, ORDERS).partitions == content_of(early.lake, ORDERS).partitions
    assert late.tick() == early.tick() == []


def test_orders_before_any_customer_was_published_equal_the_other_order(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    late, early = Shop(tmp_path / "late", instance), Shop(tmp_path / "early", instance)
    early.know(DAY, "ann")
    early.sell()
    late.sell()
    held_back = refused(late.lake)
    late.know(DAY, "ann")

    late.launch(late.tick())

    assert (held_back, refused(late.lake)) == (6, 1)
    assert content_of(late.lake, ORDERS).partitions == content_of(early.lake, ORDERS).partitions


def test_nothing_is_asked_for_twice_even_when_the_rerun_changes_nothing(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    shop = Shop(tmp_path, instance)
    shop.know(DAY, "ann")
    shop.sell(("bob", "ann", "bob"))
    shop.know(NEXT, "carl")

    first, repeated = shop.tick(), shop.tick()
    shop.launch(first)

    assert ranges(first) == [(DAY, DAY), (THIRD, THIRD)]
    assert (repeated, shop.tick()) == ([], [])
    shop.know(THIRD, "bob")
    assert ranges(shop.tick()) == [(DAY, DAY), (THIRD, THIRD)]


def test_a_cursor_that_was_lost_asks_under_the_same_run_keys(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    shop = Shop(tmp_path, instance)
    shop.sell()
    shop.know(DAY, "ann", "bob")
    first = shop.tick()

    shop.cursor = ""

    assert first
    assert [request.run_key for request in shop.tick()] == [request.run_key for request in first]


def test_neighbours_are_one_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    shop = Shop(tmp_path, instance)
    shop.sell()
    shop.know(DAY, "ann")

    assert ranges(shop.tick()) == [(DAY, THIRD)]


def test_days_kept_back_for_their_missing_references_are_found_again(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    shop = Shop(tmp_path, instance, gate="{maxQuarantineRatio: 0.2, emptyPartition: allow}")
    shop.know(DAY, "ann")
    shop.sell()
    shop.know(NEXT, "bob")

    shop.launch(shop.tick())

    assert content_of(shop.lake, ORDERS).rows == 6
    assert find_stale(shop.lake) == []


def test_there_is_no_such_sensor_without_foreign_keys(tmp_path: Path) -> None:
    retail = retail_lake(tmp_path / "lake", tmp_path / "drop")

    assert sensors.REFERENCES not in {one.name for one in sensors.to_sensors(LakeResource(retail))}
