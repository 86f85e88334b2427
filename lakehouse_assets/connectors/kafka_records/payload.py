"""Bytes of keys and values as fields: JSON, and Avro and Protobuf by the schema they name."""

import io
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from lakehouse_assets.connectors.json_rows import NOT_OBJECT
from lakehouse_assets.connectors.json_text import read_text
from lakehouse_assets.connectors.kafka_records.protobuf import Messages
from lakehouse_assets.connectors.kafka_records.schemas import Poison, Registry, Schema

Fields = Mapping[str, Any]
Decode = Callable[[bytes], Fields]
# What readers of Avro and Protobuf raise for bytes that are no message of theirs.
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, ArithmeticError, struct.error)


def decoder_of(written: str, registry: Registry | None) -> Decode:
    """Return what turns bytes of a format into fields; it raises Poison for bytes that are not of it.

    JSON needs no registry.
    """
    if registry is None:
        return _json
    readers: dict[str, Decode] = {}

    def decode(payload: bytes) -> Fields:
        schema, rest = registry.read(payload)
        if schema.kind != written.upper():
            reason = f"schema {schema.id} is of {schema.kind.lower()}, not of {written}"
            raise Poison(reason)
        read = readers.get(schema.id) or readers.setdefault(schema.id, _reader_of(schema))
        try:
            return read(rest)
        except _UNREADABLE as error:
            # Their texts quote what they could not read.
            reason = f"the message is not of schema {schema.id} ({type(error).__name__})"
            raise Poison(reason) from None

    return decode


def _json(payload: bytes) -> Fields:
    try:
        record = read_text(payload.decode())
    except UnicodeDecodeError:
        reason = "the message is no UTF-8"
        raise Poison(reason) from None
    if record.defect or not isinstance(record.value, Mapping):
        reason = f"the message is no JSON object ({record.defect or NOT_OBJECT})"
        raise Poison(reason)
    return record.value


def _reader_of(schema: Schema) -> Decode:
    return Messages(schema).read if schema.kind == "PROTOBUF" else _avro(schema)


def _avro(schema: Schema) -> Decode:
    import fastavro  # noqa: PLC0415 - comes with the extra

    named: dict[str, Any] = {}
    try:
        for text in schema.references.values():
            fastavro.parse_schema(json.loads(text), named_schemas=named)
        parsed = fastavro.parse_schema(json.loads(schema.text), named_schemas=named)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"schema {schema.id} cannot be read ({type(error).__name__})"
        raise Poison(reason) from None

    def read(payload: bytes) -> Fields:
        content = io.BytesIO(payload)
        found = fastavro.schemaless_reader(content, parsed, None)
        if content.read(1):
            reason = f"the message is longer than schema {schema.id} says"
            raise Poison(reason)
        if not isinstance(found, dict):
            reason = f"schema {schema.id} is not one of a record"
            raise Poison(reason)
        return found

    return read
