"""A sensor asks for a partition when its files are there: once for each content, whoever tells of it and how often."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3  # noqa: TID253 - puts messages into the queue of the tests
import dagster as dg
import pytest

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.errors import SourceError
from lakehouse_assets_tests.lakes import RAW, deliver, order, run, shop_lake
from lakehouse_assets_tests.places import S3Server, bucket_name

pytestmark = pytest.mark.integration

DAY, NEXT, OLD = "2010-12-30", "2010-12-31", "2010-12-06"
SENSOR = "arrivals_shop"
WATCH = "watch: 30s\n"


class Watcher:
    """A shop whose sensor looks when it is told to, with the place of its cursor."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, *, also: str = WATCH, **connection: str) -> None:
        settings = {f"LAKEHOUSE_SOURCES__SHOP__CONNECTION__{key.upper()}": text for key, text in connection.items()}
        self.lake = shop_lake(folder, source_also=also, environ=settings)
        definitions = assemble(LakeResource(self.lake))
        self.instance, self.cursor = instance, ""
        self.repository = definitions.get_repository_def()
        self.sensor = definitions.resolve_sensor_def(SENSOR)
        self.job = definitions.resolve_implicit_global_asset_job_def()

    def tick(self) -> list[tuple[str, str]]:
        """Let the sensor look once and return the ranges it asked for; their runs are left to the test."""
        with dg.build_sensor_context(self.instance, cursor=self.cursor, repository_def=self.repository) as context:
            said = self.sensor.evaluate_tick(context)
        self.cursor = said.cursor or ""
        self.requests: Sequence[Any] = said.run_requests or ()
        ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
        assert all(request.asset_selection == [dg.AssetKey(RAW.parts)] for request in self.requests)
        return [(request.tags[ends[0]], request.tags[ends[1]]) for request in self.requests]


@pytest.fixture
def watcher(tmp_path: Path, instance: dg.DagsterInstance) -> Watcher:
    return Watcher(tmp_path, instance)


def test_a_partition_is_asked_for_when_its_file_arrives_and_lands(watcher: Watcher) -> None:
    assert watcher.tick() == []
    deliver(watcher.lake, DAY, [order(1)])

    assert watcher.tick() == [(DAY, DAY)]
    request = watcher.requests[0]
    done = watcher.job.execute_in_process(
        instance=watcher.instance, asset_selection=request.asset_selection, tags=request.tags
    )
    assert done.success
    assert watcher.tick() == []


def test_neighbours_are_one_run(watcher: Watcher) -> None:
    for day in (DAY, NEXT):
        deliver(watcher.lake, day, [order(1)])

    assert watcher.tick() == [(DAY, NEXT)]


def test_a_file_that_is_replaced_is_asked_for_again(watcher: Watcher) -> None:
    deliver(watcher.lake, DAY, [order(1)])
    first = watcher.tick()
    keys = [request.run_key for request in watcher.requests]
    deliver(watcher.lake, DAY, [order(1), order(2)])

    assert watcher.tick() == first
    assert keys != [request.run_key for request in watcher.requests]


def test_what_has_landed_before_the_first_look_is_not_asked_for(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    watcher = Watcher(tmp_path, instance)
    for day in (DAY, NEXT):
        deliver(watcher.lake, day, [order(1)])
    run(watcher.lake, RAW, DAY)

    assert watcher.tick() == [(NEXT, NEXT)]


def test_a_location_that_cannot_be_opened_fails_the_tick_and_keeps_the_place(watcher: Watcher) -> None:
    deliver(watcher.lake, DAY, [order(1)])
    watcher.tick()
    before = watcher.cursor
    drop = Path(watcher.lake.catalog.sources["shop"].connection["location"])
    drop.rename(drop.with_name("away"))

    with pytest.raises(SourceError, match="missing"):
        watcher.tick()
    assert watcher.cursor == before


class Store:
    """A bucket, and the queue that is told of it."""

    def __init__(self, server: S3Server, name: str) -> None:
        server.make_bucket(name)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}  # pragma: allowlist secret
        options: Any = {"endpoint_url": server.endpoint, "region_name": "us-east-1", **keys}
        self.bucket, self.s3, self.sqs = name, boto3.client("s3", **options), boto3.client("sqs", **options)
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.connection = {
            "location": f"s3://{name}/drop",
            "endpoint": server.endpoint,
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "${STORE_SECRET}",
            "notifications": self.url,
        }

    def put(self, key: str, content: bytes) -> dict[str, Any]:
        """Store an object and return the event that S3 would send."""
        told = self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        stored = {"key": quote_plus(key), "eTag": told["ETag"].strip('"')}
        record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": self.bucket}, "object": stored}}
        return {"Records": [record]}

    def tell(self, *events: object) -> None:
        """Send messages."""
        for event in events:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=event if isinstance(event, str) else json.dumps(event))

    def waiting(self) -> int:
        """Return how many messages are left, seen or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def store(moto: S3Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("STORE_SECRET", "test")
    return Store(moto, bucket_name(request.node.nodeid))


HEAD = b"order_id,customer,amount,changed_at,note\n"


def test_s2_what_the_store_tells_twice_is_asked_for_once(
    store: Store, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    watcher = Watcher(tmp_path, instance, **store.connection)
    watcher.tick()
    event = store.put(f"drop/{OLD} a.csv", HEAD + b"1,ann,10,2010-12-06 10:00:00,\n")

    store.tell(event, event)
    assert watcher.tick() == [(OLD, OLD)]
    store.tell(event)
    assert watcher.tick() == []
    store.tell(store.put(f"drop/{OLD} a.csv", HEAD + b"2,bob,10,2010-12-06 10:00:00,\n"))
    assert watcher.tick() == [(OLD, OLD)]


def test_messages_are_deleted_once_what_they_led_to_was_asked_for(
    store: Store, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    watcher = Watcher(tmp_path, instance, **store.connection)
    watcher.tick()
    store.tell(store.put(f"drop/{DAY}.csv", HEAD))

    watcher.tick()
    assert store.waiting() == 1
    watcher.tick()
    assert store.waiting() == 0


@pytest.mark.parametrize("shape", ["sns", "eventbridge"])
def test_messages_come_through_other_services_too(
    shape: str, store: Store, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    watcher = Watcher(tmp_path, instance, **store.connection)
    watcher.tick()
    key = f"drop/{DAY}.csv"
    event = store.put(key, HEAD)

    detail = {"bucket": {"name": store.bucket}, "object": {"key": key}}
    shapes = {
        "sns": {"Type": "Notification", "Message": json.dumps(event)},
        "eventbridge": {"detail-type": "Object Created", "detail": detail},
    }
    store.tell(shapes[shape])

    assert watcher.tick() == [(DAY, DAY)]


def test_messages_that_tell_of_nothing_of_ours_are_passed_over(
    store: Store, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    watcher = Watcher(tmp_path, instance, **store.connection)
    watcher.tick()
    gone = {"eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": store.bucket}, "object": {"key": "x"}}}

    store.tell(
        "no JSON",
        '{"Service": "Amazon S3", "Event": "s3:TestEvent"}',
        "[1]",
        {"Records": [gone]},
        store.put(f"elsewhere/{DAY}.csv", HEAD),
        store.put("drop/1999-01-01.csv", HEAD),
    )

    assert watcher.tick() == []
