"""A lake in a bucket whose tables Spark computes: the content that Polars gives it on a disk, and nothing left over."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakehouse_assets.naming import STAGING_FOLDER
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets_tests.entity_lakes import CHANGES, CUSTOMERS, derive_all, entity_lake, publish_changes
from lakehouse_assets_tests.entity_oracle import Event, customers
from lakehouse_assets_tests.lakes import retail_lake, stored
from lakehouse_assets_tests.places import Place, S3Server, bucket_name
from lakehouse_assets_tests.retail_files import DAYS, write_days
from lakehouse_assets_tests.soak.chain import BRONZE, DAILY, PRODUCTS, SILVER
from lakehouse_assets_tests.spark import reaching

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.versitygw, pytest.mark.timeout(900)]

EVENTS = {
    "2026-01-01": [Event("a", 1, "x", 1), Event("b", 1, "y", 2), Event("c", 3, None, 1)],
    "2026-01-02": [Event("a", 4, "y", 1), Event("b", 2, None, 2, deleted=True)],
}


@pytest.fixture
def bucket(versitygw: S3Server, spark_connect: "SparkSession", request: pytest.FixtureRequest) -> Iterator[Place]:
    """Yield a root that Spark reaches."""
    place = versitygw.place(bucket_name(request.node.nodeid))
    with reaching(spark_connect, place):
        yield place


def by(lake: Lake, session: "SparkSession") -> Lake:
    """Return the lake with all but bronze computed by Spark."""
    settings = replace(lake.settings, engine="spark")
    return replace(lake, settings=settings, open_spark=lambda _: session)


def run_tables(lake: Lake, day: str) -> list[str]:
    """Run a chain from bronze to a snapshot in gold; return what became of each table."""
    keys = {BRONZE: day, SILVER: day, DAILY: day, PRODUCTS: "0"}
    runs = (materialise(lake, table, [key], run_id=uuid.uuid4().hex) for table, key in keys.items())
    return [result.status for results in runs for result in results]


def test_silver_and_gold_have_the_content_that_polars_gives_them_on_a_disk(
    bucket: Place, spark_connect: "SparkSession", tmp_path: Path
) -> None:
    write_days(tmp_path / "drop", 200, DAYS[:1])
    disk = retail_lake(tmp_path / "lake", tmp_path / "drop")
    run_tables(disk, DAYS[0])
    lake = by(retail_lake(bucket.root, tmp_path / "drop", **bucket.environ), spark_connect)

    assert run_tables(lake, DAYS[0]) == ["published"] * 4
    first = stored(bucket)
    assert run_tables(lake, DAYS[0]) == ["unchanged"] * 4

    for table in (SILVER, DAILY, PRODUCTS):
        assert content_of(lake, table).hash == content_of(disk, table).hash
    assert stored(bucket) == first
    assert not [path for path in bucket.listing() if STAGING_FOLDER in path or "_temporary" in path]


def test_an_entity_has_the_content_that_polars_gives_it_on_a_disk(
    bucket: Place, spark_connect: "SparkSession", tmp_path: Path
) -> None:
    disk = entity_lake(tmp_path, *customers())
    lake = replace(entity_lake(tmp_path, *customers(), storage_options=bucket.options), root=bucket.root)
    for day, events in EVENTS.items():
        for one in (disk, lake):
            publish_changes(one, day, events)
        derive_all(disk)
        derive_all(by(lake, spark_connect))

    for table in (CHANGES, CUSTOMERS):
        assert content_of(lake, table).hash == content_of(disk, table).hash
    assert {each.status for each in derive_all(by(lake, spark_connect)).values()} == {"unchanged"}
    assert not [path for path in bucket.listing() if STAGING_FOLDER in path]
