"""Real Spark with Delta reads every table that is published here, prunes it, and writes tables that are read here."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse_assets.naming import TableName, quarantine_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.storage.table import open_table
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


def test_spark_gives_the_values_that_polars_gives(lake: Lake, spark_classic: "SparkSession") -> None:
    names = ["order_id", "amount", "note", "_row_id"]
    found = sorted(tuple(row) for row in read(spark_classic, lake, ORDERS).select(*names).collect())
    assert found == sorted(rows_of(lake, ORDERS).select(names).rows())


@pytest.mark.parametrize("where", [f"_proc_date = '{DAY}'", "amount < 100"], ids=["by partition", "by statistics"])
def test_spark_opens_only_the_files_it_needs(where: str, lake: Lake, spark_classic: "SparkSession") -> None:
    rows = read(spark_classic, lake, ORDERS).where(where)
    plan = rows._jdf.queryExecution().optimizedPlan()  # noqa: SLF001 - what Spark will do, not what it was asked
    opened = plan.collectLeaves().head().relation().location().inputFiles()
    assert rows.count() == 5
    assert [str(path).rsplit("/", 2)[1] for path in opened] == [f"_proc_date={DAY}"]


def test_a_count_needs_no_data_file(lake: Lake, spark_classic: "SparkSession") -> None:
    counted = read(spark_classic, lake, ORDERS).groupBy().count()
    assert "LocalTableScan" in counted._jdf.queryExecution().executedPlan().toString()  # noqa: SLF001
    assert counted.collect()[0][0] == 10


def test_a_table_that_spark_wrote_is_read_here(tmp_path: Path, lake: Lake, spark_classic: "SparkSession") -> None:
    root = str(tmp_path / "written")
    rows = read(spark_classic, lake, ORDERS)
    rows.write.format("delta").partitionBy("_proc_date").save(root)
    opened = open_table(root, {})
    assert opened is not None
    assert sum(file.rows for file in opened.files) == 10
    assert opened.columns == lake.open(ORDERS).columns  # type: ignore[union-attr]
    assert lake.engine.collect(lake.scan(opened)).height == content_of(lake, ORDERS).rows
