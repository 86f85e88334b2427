"""Messages of Protobuf by the descriptor that a registry has: no code is generated, no compiler is needed."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lakehouse_assets.connectors.kafka_records.schemas import Poison, Schema

_WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
_TIMESTAMP = "google.protobuf.Timestamp"
_MOST_INDEXES, _MOST_BYTES_OF_NUMBER = 100, 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Messages:
    """Reads messages of one schema. Raises Poison when its descriptor cannot be used."""

    def __init__(self, schema: Schema) -> None:
        from google.protobuf import descriptor_pb2, descriptor_pool, timestamp_pb2, wrappers_pb2  # noqa: PLC0415

        pool = descriptor_pool.DescriptorPool()
        for known in (timestamp_pb2, wrappers_pb2):
            pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        self._schema, self._classes = schema, dict[tuple[int, ...], Any]()
        texts = {**schema.references, f"schema-{schema.id}.proto": schema.text}
        try:
            for name, text in texts.items():
                file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text))
                file.name = name
                if not name.startswith("google/protobuf/"):
                    pool.Add(file)
            self._file = pool.FindFileByName(name)
        except (ValueError, TypeError, KeyError) as error:
            reason = f"schema {schema.id} cannot be read ({type(error).__name__})"
            raise Poison(reason) from None

    def read(self, payload: bytes) -> Mapping[str, Any]:
        """Return the fields of a message, after the list of indexes that says which of the file's it is."""
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - comes with the extra

        indexes, rest = _indexes(payload)
        message = self._class(indexes)()
        try:
            message.ParseFromString(rest)
        except DecodeError as error:
            reason = f"the message is not of schema {self._schema.id}"
            raise Poison(reason) from error
        return _fields(message)

    def _class(self, indexes: tuple[int, ...]) -> Any:  # noqa: ANN401 - made from a descriptor
        from google.protobuf import message_factory  # noqa: PLC0415

        if indexes not in self._classes:
            try:
                found = list(self._file.message_types_by_name.values())[indexes[0]]
                for index in indexes[1:]:
                    found = found.nested_types[index]
            except IndexError as error:
                reason = f"schema {self._schema.id} has no message {'.'.join(map(str, indexes))}"
                raise Poison(reason) from error
            self._classes[indexes] = message_factory.GetMessageClass(found)
        return self._classes[indexes]


def _fields(message: Any) -> dict[str, Any]:  # noqa: ANN401 - made from a descriptor
    return {field.name: _value(message, field) for field in message.DESCRIPTOR.fields}


def _value(message: Any, field: Any) -> Any:  # noqa: ANN401 - values of any type
    value = getattr(message, field.name)
    if _is_map(field):
        return {str(key): _plain(one, field.message_type.fields_by_name["value"]) for key, one in value.items()}
    if _is_repeated(field):
        return [_plain(one, field) for one in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _plain(value, field)


def _plain(value: Any, field: Any) -> Any:  # noqa: ANN401 - values of any type
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    if field.message_type is None:
        return value
    if field.message_type.full_name == _TIMESTAMP:
        return _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    if field.message_type.full_name in _WRAPPERS:
        return value.value
    return _fields(value)


def _is_repeated(field: Any) -> bool:  # noqa: ANN401 - a descriptor
    return bool(field.is_repeated)


def _is_map(field: Any) -> bool:  # noqa: ANN401 - a descriptor
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _indexes(payload: bytes) -> tuple[tuple[int, ...], bytes]:
    count, rest = _number(payload)
    if count == 0:
        return (0,), rest
    if not 0 < count <= _MOST_INDEXES:
        reason = "the message does not say which of a schema it is"
        raise Poison(reason)
    found = []
    for _ in range(count):
        index, rest = _number(rest)
        found.append(index)
    if min(found) < 0:
        reason = "the message does not say which of a schema it is"
        raise Poison(reason)
    return tuple(found), rest


def _number(payload: bytes) -> tuple[int, bytes]:
    """Return a number in zigzag encoding and what comes after it."""
    value = 0
    for index, byte in enumerate(payload[:_MOST_BYTES_OF_NUMBER]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that there is more
            return (value >> 1) ^ -(value & 1), payload[index + 1 :]
    reason = "the message does not say which of a schema it is"
    raise Poison(reason)
