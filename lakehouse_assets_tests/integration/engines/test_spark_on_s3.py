"""Spark stages and reads in a bucket as on a disk; a store that it cannot open is one sentence with a remedy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import Branch, DataFile, Engine, Target
from lakehouse_assets.engines.spark_engine import SparkEngine
from lakehouse_assets.errors import StorageError
from lakehouse_assets_tests.places import Place, S3Server, bucket_name
from lakehouse_assets_tests.spark import reaching

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.versitygw, pytest.mark.timeout(900)]

TYPES = {"id": nw.Int64()}
# What hive folders escape, each in its own way; commits refuse what is not ASCII (`naming.is_partition_key`).
VALUES = ["2026-01-05", "a:b=c+d", "50%25", "x y/#?'*{}", "a~b.c"]
ROWS = pl.DataFrame({"id": range(len(VALUES)), "_proc_date": VALUES})
PUBLISH = "run-0000-abcd"
_SDK = "software.amazon.awssdk"


@pytest.fixture
def bucket(versitygw: S3Server, request: pytest.FixtureRequest) -> Place:
    return versitygw.place(bucket_name(request.node.nodeid))


@pytest.fixture(params=["disk", "versitygw"])
def root(request: pytest.FixtureRequest) -> Place:
    if request.param == "disk":
        return Place(str(request.getfixturevalue("tmp_path")))
    place: Place = request.getfixturevalue("bucket")
    return place


@pytest.fixture(params=["spark_connect", "spark_classic"])
def session(request: pytest.FixtureRequest) -> "SparkSession":
    found: SparkSession = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def spark(spark_connect: "SparkSession", root: Place) -> Iterator[Engine]:
    with reaching(spark_connect, root):
        yield SparkEngine(spark_connect, root.options)


def refused(session: "SparkSession", root: str) -> StorageError:
    """Return what is told when Spark looks for a file below a root."""
    engine = SparkEngine(session)
    with pytest.raises(StorageError) as caught:
        engine.collect(engine.scan(root, [DataFile("_proc_date=a/a.parquet", 1, "a")], "_proc_date", TYPES))
    return caught.value


def staged(engine: Engine, place: Place) -> list[DataFile]:
    (files,), _ = engine.stage([Branch(engine.lift(ROWS), Target(place.root, "_proc_date", PUBLISH))])
    return [DataFile(file.path, file.rows, file.partition) for file in files]


def test_any_value_of_a_partition_is_written_and_read_by_both_engines(spark: Engine, root: Place) -> None:
    polars = PolarsEngine(root.options)
    files = staged(spark, root)
    assert sorted(file.partition for file in files) == sorted(VALUES)
    for engine in (polars, spark):
        rows = engine.collect(engine.scan(root.root, files, "_proc_date", TYPES)).sort("id")
        assert rows.select(ROWS.columns).to_dicts() == ROWS.to_dicts()


def test_folders_are_named_alike_by_both_engines(spark: Engine, root: Place) -> None:
    by_spark = staged(spark, root)
    assert {file.path for file in staged(PolarsEngine(root.options), root)} == {file.path for file in by_spark}


def test_nothing_is_left_but_files_with_names_of_ours(spark: Engine, root: Place) -> None:
    files = staged(spark, root)
    assert [path.removeprefix("lake/") for path in root.listing()] == sorted(file.path for file in files)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"secret_key": "wrong"}, "the store does not let Spark in. Spark has credentials"),  # pragma: allowlist secret
        (
            {"aws_credentials_provider": f"{_SDK}.auth.credentials.EnvironmentVariableCredentialsProvider"},
            "Spark has no credentials for this store. Set AWS_ACCESS_KEY_ID",
        ),
        (
            {"endpoint": "http://127.0.0.1:1"},
            "Spark does not reach this store. Compare its spark.hadoop.fs.s3a.endpoint",
        ),
    ],
    ids=["wrong key", "no key", "no server"],
)
def test_a_store_that_does_not_open_is_told_with_a_remedy(
    changes: dict[str, str], said: str, session: "SparkSession", bucket: Place
) -> None:
    with reaching(session, bucket, **changes):
        error = refused(session, bucket.root)
    assert said in str(error)
    assert "docs/how-to/run-on-spark.md" in str(error)
    assert error.__cause__ is None


def test_a_bucket_that_is_not_there_is_told_with_a_remedy(
    session: "SparkSession", versitygw: S3Server, request: pytest.FixtureRequest
) -> None:
    place = versitygw.place(bucket_name(request.node.nodeid), make=False)
    with reaching(session, place):
        assert "Spark does not find this bucket. Compare its" in str(refused(session, place.root))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("org.apache.hadoop.fs.s3a.NotThere", "Spark lacks the libraries that open this store. Give it hadoop-aws"),
        (None, "Spark does not know what opens such a path. Start it with spark.hadoop.fs.s3.impl="),
    ],
    ids=["no libraries", "no setting"],
)
def test_a_spark_without_libraries_for_s3_is_told_with_a_remedy(
    setting: str | None, said: str, session: "SparkSession"
) -> None:
    if setting:
        session.conf.set("fs.s3.impl", setting)
    try:
        error = refused(session, "s3://bucket/lake" if setting else "s4://bucket/lake")
    finally:
        session.conf.unset("fs.s3.impl")
    assert said in str(error)
