"""Schemas of Avro and Protobuf, by the ids that messages begin with: Confluent's registry, and AWS Glue's.

What a message says without its schema is nothing: one whose id no registry knows is poison, a registry that cannot be
reached is a fault that may pass.
"""

import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lakehouse_assets.errors import MissingExtraError, PassingSourceError

_CONFLUENT, _GLUE, _ZLIB = 0, 3, 5
_CONFLUENT_HEADER, _GLUE_HEADER = 5, 18
_NOT_FOUND = 404
# What a message of a few bytes may become: more is a bomb.
LARGEST_BYTES = 64 << 20


class Poison(Exception):  # noqa: N818 - a record, not a fault of ours
    """A record that cannot become a row; `reason` never holds a value."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema of a registry: its text (of Protobuf, a descriptor), and those it refers to by name."""

    id: str
    kind: str
    text: str
    references: Mapping[str, str] = field(default_factory=dict)


class Registry(Protocol):
    """Where schemas are."""

    def read(self, payload: bytes) -> tuple[Schema, bytes]:
        """Return the schema that a payload names, and the rest of it; raise Poison where it names none."""
        ...


class ConfluentRegistry:
    """A registry that speaks Confluent's REST protocol."""

    def __init__(self, settings: Mapping[str, Any], *, where: str) -> None:
        try:
            from confluent_kafka.schema_registry import SchemaRegistryClient
        except ImportError as error:
            raise missing_extra(where) from error
        self._client, self._known = SchemaRegistryClient(dict(settings)), dict[int, Schema | Poison]()

    def read(self, payload: bytes) -> tuple[Schema, bytes]:
        """Return the schema of a payload of magic byte 0 and four bytes of id."""
        if len(payload) < _CONFLUENT_HEADER or payload[0] != _CONFLUENT:
            reason = "the message does not begin with the id of a schema"
            raise Poison(reason)
        number = int.from_bytes(payload[1:_CONFLUENT_HEADER], "big")
        found = self._known.get(number) or self._fetched(number)
        if isinstance(found, Poison):
            raise Poison(found.reason)
        self._known[number] = found
        return found, payload[_CONFLUENT_HEADER:]

    def _fetched(self, number: int) -> Schema | Poison:
        # Not kept where it is unknown: a producer may be ahead of its registry's replica.
        found = _asked(lambda: self._client.get_schema(number))
        if found is None:
            return Poison(f"the registry has no schema {number}")
        if found.schema_type == "PROTOBUF":
            found = _asked(lambda: self._client.get_schema(number, fmt="serialized"))
        references = {one.name: self._referred(one, found.schema_type) for one in found.references or ()}
        return Schema(str(number), found.schema_type, found.schema_str, references)

    def _referred(self, reference: Any, kind: str) -> str:  # noqa: ANN401 - of the client's own type
        fmt = "serialized" if kind == "PROTOBUF" else None
        version = _asked(lambda: self._client.get_version(reference.subject, reference.version, fmt=fmt))
        return "" if version is None else str(version.schema.schema_str)


class GlueRegistry:
    """The schema registry of AWS Glue."""

    def __init__(self, region: str, endpoint: str, *, where: str) -> None:
        try:
            import boto3
        except ImportError as error:
            raise MissingExtraError(
                "AWS Glue needs boto3.", where=where, fix="pip install 'lakehouse-assets[aws,kafka]'"
            ) from error
        self._client = boto3.client("glue", region_name=region or None, endpoint_url=endpoint or None)
        self._known = dict[str, Schema]()

    def read(self, payload: bytes) -> tuple[Schema, bytes]:
        """Return the schema of a payload of version 3, a compression and a UUID."""
        if len(payload) < _GLUE_HEADER or payload[0] != _GLUE or payload[1] not in {0, _ZLIB}:
            reason = "the message does not begin with the id of a schema of AWS Glue"
            raise Poison(reason)
        name = str(uuid.UUID(bytes=payload[2:_GLUE_HEADER]))
        if name not in self._known:
            self._known[name] = self._fetched(name)
        rest = payload[_GLUE_HEADER:]
        return self._known[name], _inflated(rest) if payload[1] == _ZLIB else rest

    def _fetched(self, name: str) -> Schema:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._client.get_schema_version(SchemaVersionId=name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "EntityNotFoundException":
                reason = f"AWS Glue has no schema {name}"
                raise Poison(reason) from error
            raise PassingSourceError("registry", "AWS Glue did not answer.") from error
        except BotoCoreError as error:
            raise PassingSourceError("registry", "AWS Glue cannot be reached.") from error
        return Schema(name, str(found["DataFormat"]), str(found["SchemaDefinition"]))


def missing_extra(where: str) -> MissingExtraError:
    """Return what to say where the client of Kafka is not installed."""
    return MissingExtraError(
        "sources of kind 'kafka' need confluent-kafka.", where=where, fix="pip install 'lakehouse-assets[kafka]'"
    )


def _asked(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the client returns
    """Return what the registry says, None where it has no such thing."""
    import httpx  # noqa: PLC0415 - comes with the extra
    from confluent_kafka.schema_registry import SchemaRegistryError

    try:
        return ask()
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return None
        raise PassingSourceError("registry", f"the schema registry said {error.http_status_code}.") from error
    except httpx.HTTPError as error:
        raise PassingSourceError("registry", "the schema registry cannot be reached.") from error


def _inflated(content: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(content, LARGEST_BYTES)
    except zlib.error as error:
        reason = "the message is not compressed as it says"
        raise Poison(reason) from error
    if not unpacking.eof:
        reason = "the message is cut off, or becomes too large"
        raise Poison(reason)
    return found
