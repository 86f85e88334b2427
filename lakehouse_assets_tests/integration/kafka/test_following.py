"""Following a topic, reading some of it again, how far behind a table is, and what Dagster hears of it."""

import json
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from lakehouse_assets.connectors.log import Window
from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.defs.logs import watch_logs
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.stream import behind, read_again
from lakehouse_assets_tests.kafka import Broker
from lakehouse_assets_tests.kafka_lakes import EVENTS, NINE, TEN, at, event, events, kafka_lake, landed
from lakehouse_assets_tests.lakes import rows_of, run, statuses, variables_of
from lakehouse_assets_tests.repository import ROOT, tool

pytestmark = [pytest.mark.integration, pytest.mark.kafka]

DEADLINE_SECONDS = 60


@pytest.fixture
def lake(tmp_path: Path, broker: Broker, topic: str) -> Lake:
    return kafka_lake(tmp_path, broker.address, topic=topic, maxWait="1s", maxLag=2)


def test_a_reader_that_is_told_to_stop_has_committed_what_it_read(lake: Lake, broker: Broker, topic: str) -> None:
    broker.send(topic, events(range(10)))
    command = [tool("lakehouse"), "stream", str(EVENTS)]
    pipe = subprocess.PIPE
    reader = subprocess.Popen(command, cwd=ROOT, env=variables_of(lake), text=True, stdout=pipe, stderr=pipe)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while lake.open(EVENTS) is None or not served(lake, EVENTS):
        assert reader.poll() is None, reader.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)

    reader.send_signal(signal.SIGTERM)
    said, errors = reader.communicate()

    assert (reader.returncode, len(landed(lake))) == (0, 10), errors
    assert f"{NINE} published: 10 rows" in said


@pytest.mark.parametrize("window", ["time", "offset", "row"])
def test_records_that_are_read_again_are_there_once(lake: Lake, broker: Broker, topic: str, window: str) -> None:
    broker.send(topic, [*events("123", partition=0), *events("456", partition=1, hour=10)])
    run(lake, EVENTS, NINE)
    before = content_of(lake, EVENTS)
    windows = {
        "time": Window(since=datetime(2026, 1, 5, 10, tzinfo=UTC)),
        "offset": Window(starts={"0": 1, "1": 0}),
        "row": Window(starts={"0": 0}),
    }

    said = read_again(lake, EVENTS, windows[window], run_id="again")

    assert set(statuses({one.partition: one for one in said}).values()) == {"unchanged"}
    assert content_of(lake, EVENTS) == before


def test_what_could_not_be_read_then_is_added_when_it_is_read_again(tmp_path: Path, broker: Broker, topic: str) -> None:
    lake = kafka_lake(tmp_path, broker.address, topic=topic)
    gone = {"key": "2", "value": None, "timestamp": at(9), "partition": 0}
    broker.send(topic, [event(1, partition=0), gone, event(3, partition=0)])
    run(lake, EVENTS, NINE)
    before = landed(lake)
    mended = kafka_lake(tmp_path, broker.address, topic=topic, keyColumns=["event_id"])

    read_again(mended, EVENTS, Window(starts={"0": 0}), run_id="again")
    run(mended, EVENTS, NINE)

    assert (before, landed(mended)) == (["1", "3"], ["1", "2", "3"])


def test_how_far_behind_a_table_is_is_known_and_told(lake: Lake, broker: Broker, topic: str) -> None:
    contract = lake.contract(EVENTS)
    broker.send(topic, events(range(5)))
    waiting = behind(lake, contract)

    run(lake, EVENTS, NINE)

    assert (waiting, behind(lake, contract)) == (5, 0)
    told = {one.rule_id: one for one in served(lake, EVENTS)[NINE].of.results}["lag"]
    assert (told.passed, served(lake, EVENTS)[NINE].of.measures["lag"]) == (True, 0.0)


def test_more_waiting_records_than_allowed_are_told(tmp_path: Path, broker: Broker, topic: str) -> None:
    broker.send(topic, events(range(20)))
    lake = kafka_lake(tmp_path, broker.address, topic=topic, maxLag=5, maxRecords=10)

    run(lake, EVENTS, NINE)

    # The rule is as bad as in its worst commit; the measure is that of the newest one.
    of = served(lake, EVENTS)[NINE].of
    assert not {one.rule_id: one for one in of.results}["lag"].passed
    assert of.measures["lag"] == 0.0


def test_dagster_requests_what_waits_and_hears_what_was_appended(
    lake: Lake, broker: Broker, topic: str, instance: dg.DagsterInstance
) -> None:
    broker.send(topic, events("12"))
    resource = LakeResource(lake)
    context = dg.build_sensor_context(instance=instance)

    asked = watch_logs(context, resource)
    (request,) = asked.run_requests or []
    run(lake, EVENTS, NINE)
    told = watch_logs(dg.build_sensor_context(instance=instance, cursor=asked.cursor), resource)
    rest = watch_logs(dg.build_sensor_context(instance=instance, cursor=told.cursor), resource)

    assert (request.partition_key, request.asset_selection) == ("2026-01-05-23:00", [dg.AssetKey(EVENTS.parts)])
    assert [event.partition for event in told.asset_events] == [NINE]
    assert (not rest.run_requests, list(rest.asset_events)) == (True, [])
    assert json.loads(str(rest.cursor)).keys() == {str(EVENTS)}


def test_a_run_of_dagster_materialises_the_hours_it_added_to(
    lake: Lake, broker: Broker, topic: str, instance: dg.DagsterInstance
) -> None:
    broker.send(topic, [event(1, hour=9), event(2, hour=10)])
    definitions = assemble(LakeResource(lake))

    done = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(EVENTS.parts)], partition_key=NINE
    )

    assert done.success
    found = instance.get_materialized_partitions(dg.AssetKey(EVENTS.parts))
    assert (found, rows_of(lake, EVENTS).height) == ({NINE, TEN}, 2)
