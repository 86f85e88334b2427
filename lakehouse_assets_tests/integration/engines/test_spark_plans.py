"""What tuning does to Spark's plans: a small side of a join goes to everybody, unless a table says otherwise."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.performance import Performance, read_performance
from lakehouse_assets.documents.findings import Report
from lakehouse_assets.documents.strict_yaml import parse_document
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.engines.spark_engine import SparkEngine
from lakehouse_assets.engines.spark_session import tuned
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.repository import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.timeout(900)]

ORDERS, OTHER = TableName.parse("silver/orders"), TableName.parse("silver/other")
NEVER_FOR_ORDERS = "spark: {broadcastThreshold: 10MB}\ntables:\n  silver/orders: {broadcastThreshold: 0B}\n"
COLUMNS = {"product": nw.Int64(), "name": nw.String()}


def performance(text: str) -> Performance:
    report = Report()
    document = parse_document(text.encode(), "config/performance.yaml", report)
    found = read_performance(document, [ORDERS, OTHER], report)
    assert report.sorted() == ()
    return found


@pytest.fixture
def session(spark_classic: "SparkSession") -> Iterator["SparkSession"]:
    yield spark_classic
    for name in ("spark.sql.autoBroadcastJoinThreshold", "spark.sql.adaptive.enabled"):
        spark_classic.conf.unset(name)


def plan_of_a_join(session: "SparkSession", folder: Path) -> str:
    """Return the plan that Spark ran for lines joined with a dimension of ten rows, both from files."""
    for name, rows in (("lines", 1000), ("products", 10)):
        path = folder / name / "_proc_date=2026-01-05" / "a.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        numbers = [number % 10 for number in range(rows)]
        pl.DataFrame({"product": numbers, "name": [f"n{number}" for number in numbers]}).write_parquet(path)
    engine = SparkEngine(session)

    def scan(name: str, rows: int) -> nw.LazyFrame:
        file = DataFile("_proc_date=2026-01-05/a.parquet", rows, "2026-01-05")
        return engine.scan(str(folder / name), [file], "_proc_date", COLUMNS)

    joined = scan("lines", 1000).join(scan("products", 10), on="product", how="left").to_native()
    assert joined.count() == 1000
    return str(joined._jdf.queryExecution().executedPlan().toString())  # noqa: SLF001 - Spark prints plans only


def test_a_small_dimension_goes_to_everybody(session: "SparkSession", tmp_path: Path) -> None:
    shipped = performance((ROOT / "config" / "performance.yaml").read_text(encoding="utf-8"))

    plan = plan_of_a_join(tuned(session, shipped, ORDERS), tmp_path)

    assert "BroadcastHashJoin" in plan
    assert "SortMergeJoin" not in plan


def test_a_table_may_say_that_nothing_does(session: "SparkSession", tmp_path: Path) -> None:
    plan = plan_of_a_join(tuned(session, performance(NEVER_FOR_ORDERS), ORDERS), tmp_path)

    assert "BroadcastHashJoin" not in plan


def test_what_one_table_says_is_forgotten_at_the_next(session: "SparkSession", tmp_path: Path) -> None:
    said = performance(NEVER_FOR_ORDERS)
    tuned(session, said, ORDERS)

    plan = plan_of_a_join(tuned(session, said, OTHER), tmp_path)

    assert "BroadcastHashJoin" in plan
