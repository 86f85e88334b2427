"""Three kinds of Spark answer in one process, all with the settings that keep engines equal."""

from typing import TYPE_CHECKING

import pytest

from lakehouse_assets.contracts.performance import PARITY
from lakehouse_assets_tests.spark import KINDS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(params=KINDS)
def spark(request: pytest.FixtureRequest) -> "SparkSession":
    session: SparkSession = request.getfixturevalue(request.param)
    return session


def test_a_session_computes(spark: "SparkSession") -> None:
    (row,) = spark.sql("select 20 + 22 as answer").collect()
    assert row["answer"] == 42


def test_a_session_has_the_settings_that_keep_engines_equal(spark: "SparkSession") -> None:
    assert {name: spark.conf.get(name) for name in PARITY} == PARITY
