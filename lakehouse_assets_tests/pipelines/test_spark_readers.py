"""Real Spark with Delta reads every table that is published here."""

from typing import TYPE_CHECKING, Any

import pytest

from lakehouse_assets.naming import TableName, quarantine_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.customers import (
    CHANGES,
    CURRENT,
    HISTORY,
    PEOPLE,
    bring,
    change,
    customers_lake,
    derived,
    gone,
)
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, RAW, deliver, order, refresh, rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A JVM on a busy machine takes its time.
pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.timeout(900)]

TABLES = (RAW, ORDERS, quarantine_of(ORDERS), PEOPLE, CHANGES, CURRENT, HISTORY)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake with a table of every kind: landed, refined, refused, changed, current and history."""
    lake = customers_lake(tmp_path_factory.mktemp("readers"))
    for day, amount in ((DAY, 10), (NEXT, 900)):
        deliver(lake, day, [order(number, amount=amount + number) for number in range(5)] + [order(9, amount="x")])
    refresh(lake, DAY, NEXT)
    bring(lake, DAY, [change("c1", f"{DAY} 10:00:00"), change("c2", f"{DAY} 10:00:00")])
    bring(lake, NEXT, [change("c1", f"{NEXT} 10:00:00", city="Bonn"), gone("c2", f"{NEXT} 10:00:00")])
    derived(lake)
    return lake


def read(spark: "SparkSession", lake: Lake, table: TableName) -> Any:  # noqa: ANN401 - a frame of Spark
    return spark.read.format("delta").load(lake.root_of(table))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_spark_reads_the_rows_that_everybody_reads(table: TableName, lake: Lake, spark_classic: "SparkSession") -> None:
    seen = rows_of(lake, table)
    found = read(spark_classic, lake, table)
    assert found.count() == seen.height > 0
    assert set(found.columns) == set(seen.columns)
