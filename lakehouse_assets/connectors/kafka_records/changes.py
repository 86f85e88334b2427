"""What one record says: a row, or that a row is gone. Values as text that loses nothing; envelopes opened.

A plain value is the row itself. A Debezium envelope has the row before and after a change, what the change was, and its
place in the log of the database. Nothing at all (a tombstone) says that the row of this key is gone.
"""

import json
import math
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from lakehouse_assets.connectors.json_text import to_text
from lakehouse_assets.connectors.kafka_records.options import KafkaOptions
from lakehouse_assets.connectors.kafka_records.payload import Decode, Fields
from lakehouse_assets.connectors.kafka_records.schemas import Poison

UPSERT, INSERT, UPDATE, DELETE, SNAPSHOT = "upsert", "insert", "update", "delete", "snapshot"
_OPERATIONS = {"c": INSERT, "u": UPDATE, "d": DELETE, "r": SNAPSHOT}
# How databases say where in their log a change is: numbers, each with the digits that those after it need.
_PLACES = (("lsn",), ("file", "pos", "row"), ("change_lsn", "event_serial_no"), ("scn",), ("sec", "ord"))
_DIGITS = {"pos": 15}
_OTHER_DIGITS, _LARGEST = 9, 10**38
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+(?::[0-9a-fA-F]+)+")
_LAST_NUMBER = re.compile(r"([0-9]+)$")
_WRITTEN: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (float, repr),
    (bytes, bytes.hex),
    (date, lambda value: value.isoformat()),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a record says. `before` and `place` are those of an envelope."""

    values: Fields
    operation: str
    key: str | None = None
    before: str | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Reads records of one table."""

    options: KafkaOptions
    value: Decode
    key: Decode | None

    def read(self, key: bytes | None, value: bytes | None) -> Change:
        """Return what a record says; raise Poison for one that says nothing that can be told."""
        fields, shown = self._key(key)
        if value is None:
            return Change(self._of_key(fields, shown), DELETE, shown)
        found = self.value(value)
        if self.options.envelope == "debezium":
            return self._opened(found, shown)
        return Change(found, UPSERT, shown)

    def _key(self, key: bytes | None) -> tuple[Fields, str | None]:
        if key is None:
            return {}, None
        if self.key is not None:
            fields = self.key(key)
            return fields, as_text(fields)
        try:
            return {}, key.decode()
        except UnicodeDecodeError:
            reason = "the key is no text: say keyFormat"
            raise Poison(reason) from None

    def _of_key(self, fields: Fields, shown: str | None) -> Fields:
        names = self.options.key_columns
        if self.key is None and len(names) == 1 and shown is not None:
            return {names[0]: shown}
        absent = [name for name in names if fields.get(name) is None]
        if not names or absent:
            reason = "a tombstone whose key does not say which row is gone: say keyColumns"
            raise Poison(reason)
        return {name: fields[name] for name in names}

    def _opened(self, found: Fields, key: str | None) -> Change:
        envelope = _object(found["payload"]) if set(found) == {"schema", "payload"} else found
        operation = _OPERATIONS.get(str(envelope.get("op")))
        if operation is None:
            reason = "not an envelope of Debezium, or one of a change that is not about a row"
            raise Poison(reason)
        row = envelope.get("before" if operation == DELETE else "after")
        if row is None:
            reason = f"an envelope of Debezium without the row that the {operation} is about"
            raise Poison(reason)
        before, source = envelope.get("before"), envelope.get("source")
        place = None if source is None else place_of(_object(source))
        return Change(_object(row), operation, key, as_text(before), place)


def _object(value: Any) -> Fields:  # noqa: ANN401 - a field of any type
    if isinstance(value, Mapping):
        return value
    reason = "an envelope of Debezium with something else where an object should be"
    raise Poison(reason)


def place_of(source: Fields) -> int | None:
    """Return where a change is in the log of its database, as a number whose order is theirs; None where unknown."""
    for names in _PLACES:
        if source.get(names[0]) is not None:
            place = 0
            for name in names:
                place = place * 10 ** _DIGITS.get(name, _OTHER_DIGITS) + _number(as_text(source.get(name)) or "0")
            return place if place < _LARGEST else None
    return None


def as_text(value: Any) -> str | None:  # noqa: ANN401 - values of any type
    """Return a value as text from which it can be made again; bytes as hexadecimal digits, objects as JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict | list | tuple | Mapping):
        return to_text(_plain(value))
    written = next((write for kind, write in _WRITTEN if isinstance(value, kind)), str)
    return str(written(value))


def headers_text(headers: list[tuple[str, bytes | None]] | None) -> str | None:
    """Return headers as JSON: pairs in their order, repeated names too; what is no text in base64."""
    if not headers:
        return None
    return json.dumps([[name, _header(value)] for name, value in headers], ensure_ascii=False, separators=(",", ":"))


def _header(value: bytes | str | None) -> object:
    if value is None or isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - values of any type
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return as_text(value)
    return value if isinstance(value, int | float) else as_text(value)


def _number(text: str) -> int:
    if _HEXADECIMAL.fullmatch(text):
        return int(text.replace(":", ""), 16)
    found = _LAST_NUMBER.search(text)
    return int(found[1]) if found else 0
