"""Whole graphs through Dagster, once on Polars, once on Spark Connect: the same rows, ledgers, verdicts, hashes."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lakehouse_assets.demo import found
from lakehouse_assets.demo.story import write_story
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.recorded import newest
from lakehouse_assets.results import PartitionRecord
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.repository import ROOT
from lakehouse_assets_tests.spark import without_connect

# Nine tables in a JVM that a busy machine shares.
pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1800)]

LONG_AGO = 1_000_000_000  # a file that stopped growing


@dataclass(frozen=True)
class World:
    """Where files are delivered, which days they are about, and the tables made of them, upstream ones first."""

    environment: str
    drop: Path
    first: str
    last: str
    tables: Sequence[TableName]

    def environ(self, root: Path) -> dict[str, str]:
        """Return the variables of a lake of this world."""
        return {
            "LAKEHOUSE_ROOT": str(root),
            "LAKEHOUSE_RUN_LOG": "off",
            "LAKEHOUSE_SOURCES__RETAIL__CONNECTION__LOCATION": str(self.drop),
            "LAKEHOUSE_ENV": self.environment,
        }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return the demo's shop when all its mistakes were made and mended."""
    drop, mornings = tmp_path_factory.mktemp("drop"), write_story().mornings
    for delivery in (delivery for morning in mornings for delivery in morning.deliveries):
        path = drop / delivery.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(delivery.content)
        os.utime(path, (LONG_AGO, LONG_AGO))
    days = sorted(day for morning in mornings for day in morning.days)
    daily = (*found.DAILY, *found.DESK_DAILY)
    return World("demo", drop, days[0], days[-1], (*daily, *found.DERIVED, found.PRODUCTS, found.CUSTOMERS))


@pytest.fixture(scope="module")
def month(retail_folder: Path) -> World:
    """Return twenty days of a real shop, 42,481 lines."""
    return World("local", retail_folder, "2010-12-01", "2010-12-31", (*found.DAILY, found.PRODUCTS, found.CUSTOMERS))


def test_the_demo_ends_the_same_on_spark(shop: World, tmp_path: Path, spark_connect_url: str) -> None:
    polars, spark = both(shop, tmp_path, spark_connect_url)

    assert told(spark, shop) == told(polars, shop)
    assert {one.record.engine for one in newest(spark, found.LINES).values()} == {"spark"}
    assert sum(record.ledger.quarantined for record in told(spark, shop)[found.LINES].values()) > 0


@pytest.mark.real_data
def test_a_month_of_a_real_shop_ends_the_same_on_spark(month: World, tmp_path: Path, spark_connect_url: str) -> None:
    polars, spark = both(month, tmp_path, spark_connect_url)

    assert told(spark, month) == told(polars, month)
    assert sum(record.ledger.read for record in told(spark, month)[found.LINES].values()) == 42_481


def both(world: World, folder: Path, url: str) -> tuple[Lake, Lake]:
    """Run the world's graph on each engine; both must hold the same when read by one."""
    polars = run_graph(world, world.environ(folder / "polars"))
    spark = run_graph(
        world, world.environ(folder / "spark") | {"LAKEHOUSE_ENGINE": "spark", "LAKEHOUSE_SPARK__REMOTE": url}
    )
    for table in world.tables:
        assert content_of(spark, table).partitions == content_of(polars, table).partitions, table
    return polars, spark


def run_graph(world: World, environ: dict[str, str]) -> Lake:
    """Let Dagster materialise every table for all days in a process of its own, and return the lake."""
    lake = open_lake(load_settings(environ, ROOT / "config"))
    days = [day for day in lake.partitions(found.ORDER_LINES) if world.first <= day <= world.last]
    module = [sys.executable, "-m", "lakehouse_assets_tests.soak.scheduler"]
    ran = subprocess.run(
        [*module, "1", ",".join(map(str, world.tables)), *days],
        cwd=ROOT,
        env=without_connect(os.environ) | environ,
        input="\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert ran.stdout.splitlines() == ["GO", *(f"{table} succeeded" for table in world.tables)], ran.stderr[-4000:]
    return lake


def told(lake: Lake, world: World) -> dict[TableName, dict[str, PartitionRecord]]:
    """Return everything that was found out about every partition, without what differs between any two lakes."""
    return {
        table: {name: replace(one.of, inputs="") for name, one in newest(lake, table).items()} for table in world.tables
    }
