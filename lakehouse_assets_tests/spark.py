"""Spark in tests: one classic session, one Spark Connect server and Sail a worker, small and ended with it.

Sail is a Spark Connect server without Java: it runs with every commit. What needs Java carries the marker `spark`, for
which `make spark-jars` fetches the jars that let real Spark read Delta tables and reach S3.
Fixtures in `conftest` start each once.
"""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pytest

from lakehouse_assets.contracts.performance import PARITY
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.engines.spark_engine import SparkEngine
from lakehouse_assets.engines.spark_s3 import s3_settings
from lakehouse_assets.engines.spark_session import LAPTOP
from lakehouse_assets.engines.spark_types import spark_schema
from lakehouse_assets_tests.places import Place
from lakehouse_assets_tests.ports import await_port, free_port

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# For fixtures that give a test each kind of Spark, by their names in `conftest`.
KINDS = [
    "sail",
    pytest.param("spark_connect", marks=pytest.mark.spark),
    pytest.param("spark_classic", marks=pytest.mark.spark),
]
_DELTA_JARS = ("delta-spark_4.2_2.13-4.4.0.jar", "delta-storage-4.4.0.jar")
_S3A_JARS = "s3a-3.5.0"
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "1",
}
_S3A = "spark.hadoop.fs.s3a."
# A bucket that no test has opened is nowhere, and Spark does not try for minutes to reach it.
_NO_STORE = {f"{_S3A}attempts.maximum": "2", f"{_S3A}retry.limit": "2", f"{_S3A}endpoint": "http://127.0.0.1:1"}
IS_SAIL = "spark.lakehouse.tests.sail"
_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
# A machine that is busy with other tests takes its time.
START_SECONDS = 300


class SailEngine(SparkEngine):
    """The engine on Sail, which does not know `basePath`: here each partition is read by itself and told its value."""

    def scan(
        self, root: str, files: Sequence[DataFile], partition_column: str, schema: Mapping[str, nw.dtypes.DType]
    ) -> nw.LazyFrame:
        """Return the rows of exactly these files."""
        if not files:
            return super().scan(root, files, partition_column, schema)
        stored = spark_schema({name: dtype for name, dtype in schema.items() if name != partition_column})
        paths: dict[str, list[str]] = {}
        for file in files:
            paths.setdefault(file.partition, []).append(f"{root}/{file.path}")
        read = self.session.read.schema(stored)
        frames = [nw.from_native(read.parquet(*some)) for some in paths.values()]
        told = zip(frames, paths, strict=True)
        return nw.concat([frame.with_columns(nw.lit(value).alias(partition_column)) for frame, value in told])


def spark_engine(session: Any) -> SparkEngine:  # noqa: ANN401 - three kinds of session
    """Return the engine on any of `KINDS`."""
    is_sail = session.conf.get(IS_SAIL, "") == "true"
    return SailEngine(session) if is_sail else SparkEngine(session)


def spark_jars() -> list[Path]:
    """Return the jars that `make spark-jars` fetches, for Delta tables and for S3, or nothing when some are missing."""
    delta, s3a = [s3a_jars().parent / name for name in _DELTA_JARS], sorted(s3a_jars().glob("*.jar"))
    return [*delta, *s3a] if s3a and all(jar.is_file() for jar in delta) else []


def s3a_jars() -> Path:
    """Return the folder of the jars with which Spark opens S3; it need not be there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "lakehouse-assets" / "jars" / _S3A_JARS


def settings_of(folder: Path, *, cores: int = 2) -> dict[str, str]:
    """Return what a small Spark needs that reads Delta tables and leaves its files in `folder`."""
    own = {
        "spark.master": f"local[{cores}]",
        "spark.jars": ",".join(map(str, spark_jars())),
        "spark.hadoop.hadoop.tmp.dir": str(folder / "hadoop"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "local"),
        "spark.log.level": "ERROR",
    }
    return {**LAPTOP, **s3_settings({}, {}), **_NO_STORE, **PARITY, **DELTA, **own}


@contextmanager
def classic_session(folder: Path) -> Iterator["SparkSession"]:
    """Run Spark in a JVM of this process."""
    from pyspark.sql.classic.dataframe import DataFrame  # noqa: F401 - fails early where Java's bridge is not
    from pyspark.sql.session import SparkSession

    builder = SparkSession.builder
    for name, value in settings_of(folder).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        gateway = session.sparkContext._gateway  # noqa: SLF001 - the only way to end the JVM with its session
        session.stop()
        if gateway is not None:
            gateway.shutdown()
            gateway.proc.stdin.close()
            gateway.proc.wait(timeout=START_SECONDS)


@dataclass(frozen=True, slots=True)
class ConnectServer:
    """Where a Spark Connect server answers, and its process."""

    url: str
    pid: int


@contextmanager
def connect_server(folder: Path, **own: str) -> Iterator[ConnectServer]:
    """Run a Spark Connect server in a process of its own, which a test may kill; `own` are more settings."""
    port = free_port()
    server = _start_connect_server(folder, port, own)
    try:
        await_port(server, port, seconds=START_SECONDS)
        # Errors that tests provoke are logged: into a pipe that nobody reads until it is full, and the server waits.
        log = threading.Thread(target=deque, args=(server.stdout, 0), daemon=True)
        log.start()
        yield ConnectServer(f"sc://127.0.0.1:{port}", server.pid)
    finally:
        server.terminate()
        server.wait(timeout=START_SECONDS)
    log.join()
    server.communicate()


def _start_connect_server(folder: Path, port: int, own: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start what the wheel of PySpark has the classes of, but no script for."""
    import pyspark

    home = Path(pyspark.__file__).parent
    binding = {"spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": str(port)}
    settings = {**settings_of(folder), **binding, **own}
    options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    return subprocess.Popen(
        [home / "bin" / "spark-submit", "--class", _SERVER, *options, "spark-internal"],
        cwd=folder,
        env=without_connect(os.environ) | {"SPARK_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def sail_server() -> Iterator[str]:
    """Run Sail in a process of its own, which a fault of it ends alone, and yield its address."""
    port = free_port()
    start = f"from pysail.spark import SparkConnectServer as S; S('127.0.0.1', {port}).start(background=False)"
    # A session that no test of this worker asks for during twenty minutes would be gone for the next one.
    patience = {"SAIL_SPARK__SESSION_TIMEOUT_SECS": str(24 * 60 * 60)}
    server = subprocess.Popen(
        [sys.executable, "-c", start],
        env=os.environ | patience,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        await_port(server, port, seconds=START_SECONDS)
        yield f"sc://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait(timeout=START_SECONDS)


@contextmanager
def remote_session(url: str) -> Iterator["SparkSession"]:
    """Connect to a server with the settings that keep both engines equal, beside any classic session."""
    from pyspark.sql.connect.session import SparkSession

    session = SparkSession.builder.remote(url).create()
    for name, value in PARITY.items():
        session.conf.set(name, value)
    try:
        yield session  # type: ignore[misc]  # one interface, two classes
    finally:
        session.client.close()


@contextmanager
def reaching(session: Any, place: Place, **changes: str) -> Iterator[None]:  # noqa: ANN401 - classic or Connect
    """Let a session open the bucket of a place; `changes` are settings of S3A by their last words, dots as `_`."""
    if "://" not in place.root:
        yield
        return
    bucket = place.root.split("/")[2]
    told = {name.removeprefix(_S3A): text for name, text in s3_settings(place.options, {}).items()}
    told |= {name.replace("_", "."): text for name, text in changes.items()}
    settings = {f"fs.s3a.bucket.{bucket}.{name}": text for name, text in told.items() if not name.startswith("spark.")}
    for name, text in settings.items():
        session.conf.set(name, text)
    try:
        yield
    finally:
        for name in settings:
            session.conf.unset(name)


def without_connect(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Spark does not take itself for a client."""
    return {name: value for name, value in environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
