"""Which engine computes a table: the one a run asks for, else its contract's, else that of the environment."""

import os
from dataclasses import replace

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines.protocol import Engine
from lakehouse_assets.engines.spark_session import opened, tuned
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.lake import Lake

POLARS, SPARK = "polars", "spark"


def engine_of(lake: Lake, contract: Contract) -> str:
    """Return the name of the engine of a table; raise LakehouseError when a run asks for one that cannot compute it."""
    if contract.has_one_engine:
        if lake.engine_name == SPARK:
            raise LakehouseError(
                "bronze cannot be computed by Spark: the client of its source lands the rows, here.",
                where=str(contract.table),
                fix="Leave --engine out; silver and gold are computed by either engine.",
            )
        return POLARS
    return lake.engine_name or contract.engine or lake.settings.engine


def computing(lake: Lake, contract: Contract) -> Lake:
    """Return the lake with the engine that computes a table; a session is opened or found when that is Spark."""
    if lake.computes is not None or engine_of(lake, contract) == POLARS:
        return lake
    return replace(lake, computes=_spark(lake, contract))


def _spark(lake: Lake, contract: Contract) -> Engine:
    session = opened(lake.open_spark, lake.settings.spark, os.environ, lake.options)
    from lakehouse_assets.engines.spark_engine import SparkEngine  # noqa: PLC0415 - only where a table needs it

    return SparkEngine(tuned(session, lake.catalog.performance, contract.table), lake.options)
