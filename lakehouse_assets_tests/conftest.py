"""What every test may ask for: a place for a lake on three kinds of storage, a Dagster instance, a clock, real data.

The network ends at this machine (`--allow-hosts` in pyproject.toml; a guard proves it). Builders of values are in
`builders`, the choice of tests that can run here in `tiers`.
"""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from hypothesis import settings

from lakehouse_assets_tests.kafka import Broker, broker_in
from lakehouse_assets_tests.places import SWIFT, Place, S3Server, bucket_name, moto_server, versitygw_server
from lakehouse_assets_tests.spark import IS_SAIL, classic_session, connect_server, remote_session, sail_server
from lakehouse_assets_tests.tiers import (
    RETAIL,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

RETAIL_FILES = 305

# A shared machine has slow moments; a seed is printed with every failure.
settings.register_profile("lakehouse", deadline=None, print_blob=True)
settings.load_profile("lakehouse")


@pytest.fixture
def lake_root(tmp_path: Path) -> Path:
    """Return the empty folder of a temporary lake."""
    root = tmp_path / "lake"
    root.mkdir()
    return root


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """Yield an S3 server that is always there."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Yield an independent S3 server; whoever asks for it by name carries the marker `versitygw`."""
    with versitygw_server(tmp_path_factory.mktemp("versitygw")) as server:
        yield server


@pytest.fixture(params=["moto", *SWIFT])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return an empty root for a lake: on the disk, and in both S3 servers. `shop_lake(…, environ=place.environ)`."""
    if request.param == "disk":
        return Place(str(tmp_path / "lake"))
    server: S3Server = request.getfixturevalue(request.param)
    return server.place(bucket_name(request.node.nodeid))


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """Yield a Kafka broker that is there for the whole session; whoever asks for it carries the marker `kafka`."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-kafka-") as folder, broker_in(Path(folder)) as one:
        yield one


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Yield a Dagster instance that keeps nothing."""
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as ephemeral:
        yield ephemeral


@pytest.fixture
def now() -> datetime:
    """Return the time it is in every test: a Monday noon in UTC."""
    return datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def retail_folder() -> Path:
    """Return the real data set, read in place; its tests carry the marker `real_data`.

    Raises when the folder is there but a file of it is not: an incomplete set would prove less than it says.
    """
    files = sorted(RETAIL.glob("*.csv"))
    if len(files) != RETAIL_FILES:
        pytest.fail(f"{RETAIL.name} has {len(files)} of {RETAIL_FILES} daily files")
    return RETAIL


@pytest.fixture(scope="session")
def spark_classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """Yield Spark in a JVM of this process; whoever asks for it carries the marker `spark`."""
    with classic_session(tmp_path_factory.mktemp("spark")) as session:
        yield session


@pytest.fixture(scope="session")
def spark_connect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a Spark Connect server; whoever asks for it carries the marker `spark`."""
    with connect_server(tmp_path_factory.mktemp("connect")) as server:
        yield server.url


@pytest.fixture(scope="session")
def spark_connect(spark_connect_url: str) -> Iterator["SparkSession"]:
    """Yield a client of the Spark Connect server."""
    with remote_session(spark_connect_url) as session:
        yield session


@pytest.fixture(scope="session")
def sail() -> Iterator["SparkSession"]:
    """Yield a client of Sail, the Spark Connect server that needs no Java."""
    with sail_server() as url, remote_session(url) as session:
        session.conf.set(IS_SAIL, "true")
        yield session
