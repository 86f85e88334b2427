"""What Spark is told of a lake's store: only a Spark in this process, and what the environment's settings say wins."""

import pytest

from lakehouse_assets.engines.spark_s3 import s3_settings
from lakehouse_assets.engines.spark_session import session_settings
from lakehouse_assets.settings import SparkPlace

S3A = "spark.hadoop.fs.s3a."
IMPL = {"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"}
STORE = {"aws_endpoint_url": "http://127.0.0.1:9000", "AWS_REGION": "eu-west-1"}


def test_places_and_keys_of_a_lake_get_hadoops_names() -> None:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_session_token": "c", "aws_allow_http": "true"}
    assert s3_settings(STORE | keys, {}) == {
        **IMPL,
        f"{S3A}endpoint": "http://127.0.0.1:9000",
        f"{S3A}endpoint.region": "eu-west-1",
        f"{S3A}path.style.access": "true",
        f"{S3A}access.key": "a",
        f"{S3A}secret.key": "b",
        f"{S3A}session.token": "c",
    }


def test_variables_tell_where_the_store_is_and_options_come_first() -> None:
    environ = {"AWS_ENDPOINT_URL": "http://elsewhere", "AWS_DEFAULT_REGION": "us-east-2", "AWS_ACCESS_KEY_ID": "a"}
    found = s3_settings({"endpoint": "http://here"}, environ)
    assert (found[f"{S3A}endpoint"], found[f"{S3A}endpoint.region"]) == ("http://here", "us-east-2")
    assert f"{S3A}access.key" not in found


def test_aws_itself_needs_no_endpoint() -> None:
    assert s3_settings({}, {}) == IMPL


def test_buckets_in_the_names_of_hosts_stay_there() -> None:
    assert s3_settings(STORE | {"virtual_hosted_style_request": "true"}, {})[f"{S3A}path.style.access"] == "false"


@pytest.mark.parametrize(
    ("place", "environ"),
    [(SparkPlace(remote="sc://spark:15002"), {}), (SparkPlace(), {"PYSPARK_GATEWAY_PORT": "1"})],
    ids=["a server", "a job that was submitted"],
)
def test_a_spark_elsewhere_keeps_its_own(place: SparkPlace, environ: dict[str, str]) -> None:
    assert not [name for name in session_settings(place, environ, STORE) if "fs.s3" in name]


def test_settings_of_the_environment_come_first() -> None:
    place = SparkPlace(settings={f"{S3A}endpoint": "http://proxy"})
    assert session_settings(place, {}, STORE)[f"{S3A}endpoint"] == "http://proxy"
