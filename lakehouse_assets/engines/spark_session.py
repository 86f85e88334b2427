"""How a Spark session is opened: what keeps results equal is fixed, everything else is tuning.

Who runs us decides where Spark is: an address of Spark Connect, a session that spark-submit started, or this machine.
Importing this does not import Spark.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse_assets.contracts.performance import PARITY, Performance
from lakehouse_assets.engines.spark_s3 import s3_settings
from lakehouse_assets.errors import EngineLostError, MissingExtraError
from lakehouse_assets.naming import TableName
from lakehouse_assets.settings import SparkPlace

REMOTE = "spark.remote"
# A JVM of this machine that starts quickly and stays small; a server elsewhere has its own settings.
LAPTOP = {
    "spark.master": "local[*]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "2",
    # Listing in tasks costs seconds: 10,000 of them otherwise.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
}
# Python in a job that spark-submit started talks to the JVM that is already there.
_SUBMITTED = "PYSPARK_GATEWAY_PORT"
Opener = Callable[[Mapping[str, str]], Any]


def session_settings(
    place: SparkPlace, environ: Mapping[str, str], options: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the settings a session is opened with; `options` are those of the lake's store."""
    if place.remote:
        own = {name: value for name, value in place.settings.items() if name.startswith("spark.sql.")}
        return {REMOTE: place.remote, **own, **PARITY}
    ours = {} if _SUBMITTED in environ else LAPTOP | s3_settings(options or {}, environ)
    return {**ours, **place.settings, **PARITY}


def open_session(settings: Mapping[str, str]) -> Any:  # noqa: ANN401 - classic or Connect
    """Return the session of this process, opened when there is none; raise MissingExtraError without pyspark."""
    require_spark()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def tuned(session: Any, performance: Performance, table: TableName) -> Any:  # noqa: ANN401 - classic or Connect
    """Set what holds for one table on a session that another table may have used before."""
    own = performance.settings_for(table)
    others = {name for each in performance.tables.values() for name in each}
    from lakehouse_assets.engines.spark_faults import translated  # noqa: PLC0415 - imports Spark

    with translated():
        for name in others - own.keys():
            session.conf.unset(name)
        for name, value in {**own, **PARITY}.items():
            session.conf.set(name, value)
    return session


def opened(opener: Opener, place: SparkPlace, environ: Mapping[str, str], options: Mapping[str, str]) -> Any:  # noqa: ANN401 - classic or Connect
    """Return a session; raise EngineLostError when there is no Spark where one should be."""
    require_spark()
    from pyspark.errors import PySparkException

    try:
        return opener(session_settings(place, environ, options))
    except (PySparkException, OSError) as error:
        where = place.remote or "this machine"
        reason = getattr(error, "getCondition", lambda: None)() or type(error).__name__
        raise EngineLostError(
            f"no Spark session can be opened ({reason}).",
            where=where.partition(";")[0],  # what follows may be a token
            fix="Check that the server of `spark.remote` runs; without it, that Java is installed"
            " and the variable SPARK_REMOTE is not set.",
        ) from None


def require_spark() -> None:
    """Raise MissingExtraError when the libraries are not installed."""
    from importlib.util import find_spec  # noqa: PLC0415 - asked once a session

    if find_spec("pyspark") is None:
        raise MissingExtraError(
            "this table is computed by Spark, and pyspark is not installed.",
            fix="Install the extra: `pip install lakehouse-assets[spark]`; or set `engine: polars`.",
        )
