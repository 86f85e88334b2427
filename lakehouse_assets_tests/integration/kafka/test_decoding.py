"""Avro, Protobuf and Debezium's envelopes, with schemas of a registry that checks them. No broker is needed here."""

import base64
import io
import json
import uuid
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3  # noqa: TID253 - moto stands for AWS Glue
import fastavro
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError  # noqa: TID253 - producers of the tests
from confluent_kafka.schema_registry.avro import AvroSerializer  # noqa: TID253 - producers of the tests
from confluent_kafka.serialization import MessageField, SerializationContext  # noqa: TID253 - producers of the tests
from google.protobuf import descriptor_pb2
from moto import mock_aws

from lakehouse_assets.connectors.kafka_records.changes import Changes, as_text, headers_text, place_of
from lakehouse_assets.connectors.kafka_records.options import KafkaOptions
from lakehouse_assets.connectors.kafka_records.payload import decoder_of
from lakehouse_assets.connectors.kafka_records.schemas import ConfluentRegistry, GlueRegistry, Poison, Registry
from lakehouse_assets.errors import PassingSourceError
from lakehouse_assets_tests.doubles.registry import RegistryDouble, registry_double

pytestmark = pytest.mark.integration

ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}
ROW = {"id": 7, "amount": Decimal("12.50"), "at": datetime(2026, 1, 5, 9, tzinfo=UTC), "tags": ["a"], "note": None}
STRING, INT64 = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_INT64


@pytest.fixture
def double() -> Iterator[RegistryDouble]:
    with registry_double() as one:
        yield one


@pytest.fixture
def registry(double: RegistryDouble) -> ConfluentRegistry:
    return ConfluentRegistry({"url": double.url}, where="shop")


def client(double: RegistryDouble) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": double.url})


def avro(double: RegistryDouble, row: Mapping[str, Any], schema: Mapping[str, Any] = ORDER) -> bytes:
    """Return a message as Confluent's own serializer writes it."""
    serializer = AvroSerializer(client(double), json.dumps(schema))
    return bytes(serializer(row, SerializationContext("orders", MessageField.VALUE)))


def proto(**fields: int) -> str:
    """Return a file of one message `Order` with these fields, as registries keep it."""
    file = descriptor_pb2.FileDescriptorProto(name="order.proto", syntax="proto3", package="shop")
    message = file.message_type.add(name="Order")
    for number, (name, kind) in enumerate(fields.items(), start=1):
        message.field.add(name=name, number=number, type=kind, label=1)
    return base64.b64encode(file.SerializeToString()).decode()


def poison(read: Any, payload: bytes) -> str:  # noqa: ANN401 - a decoder
    with pytest.raises(Poison) as caught:
        read(payload)
    return caught.value.reason


def test_avro_is_read_by_the_schema_that_it_names(double: RegistryDouble, registry: Registry) -> None:
    found = decoder_of("avro", registry)(avro(double, ROW))

    assert {name: as_text(value) for name, value in found.items()} == {
        "id": "7",
        "amount": "12.50",
        "at": "2026-01-05T09:00:00+00:00",
        "tags": '["a"]',
        "note": None,
    }


def test_messages_of_two_versions_are_each_read_by_their_own(double: RegistryDouble, registry: Registry) -> None:
    newer = {**ORDER, "fields": [*ORDER["fields"], {"name": "city", "type": "string", "default": "?"}]}
    read = decoder_of("avro", registry)

    assert "city" not in read(avro(double, ROW))
    assert read(avro(double, {**ROW, "city": "Leeds"}, newer))["city"] == "Leeds"


def test_the_registry_refuses_a_schema_that_old_data_does_not_fit(double: RegistryDouble) -> None:
    avro(double, ROW)
    wrong = {**ORDER, "fields": [*ORDER["fields"], {"name": "city", "type": "string"}]}

    with pytest.raises(SchemaRegistryError) as caught:
        avro(double, {**ROW, "city": "Leeds"}, wrong)

    assert caught.value.http_status_code == 409
    assert not client(double).test_compatibility("orders-value", Schema(json.dumps(wrong), "AVRO"))


def test_protobuf_is_read_without_generated_code(double: RegistryDouble, registry: Registry) -> None:
    number = client(double).register_schema("orders-value", Schema(proto(id=INT64, note=STRING), "PROTOBUF"))
    payload = b"\0" + number.to_bytes(4, "big") + b"\0" + b"\x08\x07\x12\x02hi"

    assert decoder_of("protobuf", registry)(payload) == {"id": 7, "note": "hi"}


def test_the_registry_refuses_a_number_that_changes_its_type(double: RegistryDouble) -> None:
    client(double).register_schema("orders-value", Schema(proto(id=INT64), "PROTOBUF"))

    with pytest.raises(SchemaRegistryError):
        client(double).register_schema("orders-value", Schema(proto(id=STRING), "PROTOBUF"))


@pytest.mark.parametrize("payload", [b"", b"\0\0", b"{}", b"\0\0\0\0\x63rest"])
def test_a_message_without_a_known_schema_is_poison(registry: Registry, payload: bytes) -> None:
    assert "schema" in poison(decoder_of("avro", registry), payload)


def test_a_message_that_is_cut_off_or_too_long_is_poison(double: RegistryDouble, registry: Registry) -> None:
    whole, read = avro(double, ROW), decoder_of("avro", registry)

    assert "schema 1" in poison(read, whole[:-2])
    assert "longer" in poison(read, whole + b"x")


def test_a_registry_that_is_away_is_no_poison() -> None:
    registry = ConfluentRegistry({"url": "http://127.0.0.1:1", "max.retries": 0}, where="shop")

    with pytest.raises(PassingSourceError, match="registry"):
        registry.read(b"\0\0\0\0\x01")


def test_a_schema_is_asked_for_once(double: RegistryDouble, registry: Registry) -> None:
    read, payload = decoder_of("avro", registry), avro(double, ROW)
    double.asked.clear()
    for _ in range(3):
        read(payload)

    assert len(double.asked) == 1


@pytest.mark.parametrize("compressed", [False, True])
def test_schemas_of_glue_are_known_by_their_uuid(*, compressed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        glue = boto3.client("glue", region_name="eu-west-1")
        glue.create_registry(RegistryName="shop")
        made = glue.create_schema(
            RegistryId={"RegistryName": "shop"},
            SchemaName="orders",
            DataFormat="AVRO",
            Compatibility="BACKWARD",
            SchemaDefinition=json.dumps(ORDER),
        )
        content = io.BytesIO()
        fastavro.schemaless_writer(content, fastavro.parse_schema(ORDER), ROW)
        body = zlib.compress(content.getvalue()) if compressed else content.getvalue()
        head = bytes([3, 5 if compressed else 0]) + uuid.UUID(made["SchemaVersionId"]).bytes

        read = decoder_of("avro", GlueRegistry("eu-west-1", "", where="shop"))

        assert read(head + body)["id"] == 7
        assert "AWS Glue has no schema" in poison(read, bytes([3, 0]) + uuid.uuid4().bytes)


def changes(**options: Any) -> Changes:  # noqa: ANN401 - any option
    known = KafkaOptions.model_validate({"topic": "orders", **options})
    return Changes(known, decoder_of("json", None), decoder_of("json", None) if "keyFormat" in options else None)


def envelope(op: str, before: object, after: object, **source: object) -> bytes:
    return json.dumps({"op": op, "before": before, "after": after, "source": source}).encode()


@pytest.mark.parametrize(
    ("op", "word", "row"),
    [("c", "insert", {"id": 2}), ("u", "update", {"id": 2}), ("r", "snapshot", {"id": 2}), ("d", "delete", {"id": 1})],
)
def test_an_envelope_is_the_row_that_it_is_about(op: str, word: str, row: dict[str, int]) -> None:
    found = changes(envelope="debezium").read(b"k", envelope(op, {"id": 1}, {"id": 2}, lsn=42))

    assert (found.operation, {name: int(value) for name, value in found.values.items()}) == (word, row)
    assert (found.before, found.place) == ('{"id":1}', 42)


def test_an_envelope_with_its_schema_beside_it_is_opened_too() -> None:
    inner = json.loads(envelope("c", None, {"id": 1}))

    found = changes(envelope="debezium").read(None, json.dumps({"schema": {}, "payload": inner}).encode())

    assert found.values == {"id": "1"}


def test_places_in_the_log_of_a_database_are_in_its_order() -> None:
    said = [("bin.9", 99, 1), ("bin.9", 100, 0), ("bin.9", 100, 2), ("bin.10", 4, 0)]
    places = [place_of({"file": file, "pos": pos, "row": row}) for file, pos, row in said]
    of_server = [place_of({"change_lsn": lsn}) for lsn in ("00000027:00000758:0003", "00000027:0000075a:0001")]

    assert places == sorted(place or 0 for place in places)
    assert of_server == sorted(place or 0 for place in of_server)


@pytest.mark.parametrize("value", [b'{"op": "t"}', b'{"op": "c", "after": null}', b'{"op": "u", "after": [1]}', b"{}"])
def test_an_envelope_without_a_row_is_poison(value: bytes) -> None:
    with pytest.raises(Poison):
        changes(envelope="debezium").read(None, value)


def test_a_tombstone_says_that_the_row_of_its_key_is_gone() -> None:
    plain = changes(keyColumns=["id"]).read(b"7", None)
    fields = changes(keyFormat="json", keyColumns=["id"]).read(b'{"id": 7}', None)

    assert [(one.operation, one.values) for one in (plain, fields)] == [("delete", {"id": "7"})] * 2


def test_a_tombstone_whose_key_says_nothing_is_poison() -> None:
    with pytest.raises(Poison, match="keyColumns"):
        changes().read(b"7", None)


def test_numbers_keep_their_digits() -> None:
    found = changes().read(None, b'{"a": 12345678901234567890.10, "b": [1.50], "c": 1e400}').values

    assert {name: as_text(value) for name, value in found.items()} == {
        "a": "12345678901234567890.10",
        "b": "[1.50]",
        "c": "1e400",
    }


def test_headers_keep_their_order_repetitions_and_bytes() -> None:
    assert headers_text([("a", b"1"), ("a", None), ("b", b"\xff")]) == '[["a","1"],["a",null],["b",{"base64":"/w=="}]]'
