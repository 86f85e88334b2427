"""A Spark that is killed while it writes: nobody sees anything of it, and the next run makes it good."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse_assets.errors import EngineLostError
from lakehouse_assets.naming import STAGING_FOLDER
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import DAY, ORDERS, RAW, deliver, order, run, shop_lake, stored
from lakehouse_assets_tests.spark import connect_server, remote_session

pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(900)]

ROWS = 100_000


def once(happened: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
    """Watch for something in a thread of its own, and do something the moment it is there."""

    def watch() -> None:
        while not happened():
            time.sleep(0.002)
        then()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def delivered(folder: Path) -> Lake:
    lake = shop_lake(folder)
    deliver(lake, DAY, [order(number, amount=number % 1001) for number in range(ROWS)])
    run(lake, RAW, DAY)
    (folder / "server").mkdir()
    return lake


def data_files(lake: Lake) -> list[str]:
    return [path for path in stored(lake.root_of(ORDERS)) if path.endswith(".parquet") and "=" in path]


def executors(server: int) -> list[int]:
    """Return the processes in which the workers of a server compute."""
    listed = subprocess.run(["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True, check=True)  # noqa: S607 - of the system
    lines = (line.split(maxsplit=2) for line in listed.stdout.splitlines())
    return [int(pid) for pid, parent, command in lines if int(parent) == server and "ExecutorBackend" in command]


def test_a_killed_worker_is_made_up_for_by_the_others(tmp_path: Path) -> None:
    lake = delivered(tmp_path)
    staging = Path(lake.root_of(ORDERS), STAGING_FOLDER)
    killed: list[int] = []
    cluster = {"spark.master": "local-cluster[2,1,512]", "spark.executor.memory": "512m"}
    with connect_server(tmp_path / "server", **cluster) as server, remote_session(server.url) as session:

        def kill() -> None:
            killed.append(executors(server.pid)[0])
            os.kill(killed[0], signal.SIGKILL)

        on_spark = replace(lake, engine_name="spark", open_spark=lambda _: session)
        once(lambda: any(staging.rglob("*.parquet")), kill)
        result = run(on_spark, ORDERS, DAY)[DAY]

    opened = lake.open(ORDERS)
    assert opened is not None
    assert killed
    assert (result.status, content_of(lake, ORDERS).rows) == ("published", ROWS)
    assert sorted(data_files(lake)) == sorted(file.path for file in opened.files)
    assert not any(staging.rglob("*"))


@pytest.mark.filterwarnings("ignore:.RETRIES_EXCEEDED:UserWarning")
def test_a_killed_driver_leaves_nothing_that_anybody_sees(tmp_path: Path) -> None:
    from pyspark.sql.connect.client.retries import DefaultPolicy

    lake = delivered(tmp_path)
    staging = Path(lake.root_of(ORDERS), STAGING_FOLDER)
    with connect_server(tmp_path / "server") as server, remote_session(server.url) as session:
        # As a rule a client asks for minutes whether its server is back.
        session.client.set_retry_policies([DefaultPolicy(max_retries=2)])
        on_spark = replace(lake, engine_name="spark", open_spark=lambda _: session)
        # Some task writes: the moment after which there is something to lose.
        once(lambda: any(staging.rglob("*.parquet")), lambda: os.kill(server.pid, signal.SIGKILL))
        with pytest.raises(EngineLostError, match="Spark went away"):
            run(on_spark, ORDERS, DAY)

    opened = lake.open(ORDERS)
    assert opened is not None
    assert opened.files == ()
    assert not data_files(lake)
    again = run(lake, ORDERS, DAY)[DAY]
    assert (again.status, content_of(lake, ORDERS).rows) == ("published", ROWS)
