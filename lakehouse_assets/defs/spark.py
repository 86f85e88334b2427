"""The Spark session of Dagster's steps: that of dagster-pyspark's resource, made when a step first needs it.

Neither pyspark nor the resource is imported when definitions load.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lakehouse_assets.engines import spark_session
from lakehouse_assets.pipeline.lake import Lake


def with_resource(lake: Lake) -> Lake:
    """Return the lake with sessions of Dagster's resource, unless it was told how to open them."""
    return replace(lake, open_spark=open_session) if lake.open_spark is spark_session.open_session else lake


def open_session(settings: Mapping[str, str]) -> Any:  # noqa: ANN401 - classic or Connect
    """Return the session that the resource makes of these settings."""
    from dagster_pyspark import LazyPySparkResource

    return LazyPySparkResource(spark_config=dict(settings)).spark_session
