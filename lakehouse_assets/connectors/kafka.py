"""Kafka: topics as logs that are appended exactly once, on the client that Confluent keeps (extra `kafka`).

What belongs here: the connection, and reading records in stretches. What does not: what records say (`kafka_records`),
and where a table stands: its own commits say that, so the client never stores offsets (docs/adr/0011-appended-once.md).
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.kafka_records.changes import Changes
from lakehouse_assets.connectors.kafka_records.client import Client, Ended
from lakehouse_assets.connectors.kafka_records.options import KafkaConnection, KafkaOptions
from lakehouse_assets.connectors.kafka_records.payload import decoder_of
from lakehouse_assets.connectors.kafka_records.positions import Topic, identity_of, part_of, starts_of
from lakehouse_assets.connectors.kafka_records.replay import window_of
from lakehouse_assets.connectors.kafka_records.rows import Record, Rows
from lakehouse_assets.connectors.kafka_records.schemas import ConfluentRegistry, GlueRegistry, Registry
from lakehouse_assets.connectors.log import Span, Standing, Stretch
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import PassingSourceError, SourceError

_POLL_SECONDS = 0.2
_AT_ONCE = 500


@dataclass(slots=True)
class _Place:
    """Where reading is: `next` offset and the `end` of each part, those that are `done`, and where the table stands."""

    stands: dict[int, int]
    next: dict[int, int]
    end: dict[int, int]
    identity: int
    done: set[int] = field(default_factory=set)


class Kafka:
    """Topics of Apache Kafka."""

    kind: ClassVar[str] = "kafka"
    options_block: ClassVar[type[Block]] = KafkaOptions
    connection_block: ClassVar[type[Block]] = KafkaConnection

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Refuse: records have no partitions of their own that could be read again and replaced."""
        error = SourceError("load", "a topic is appended once.", where=str(table.place), fix="Write load: append_once.")
        return {partition: Rejection(partition, error) for partition in partitions}

    def behind(self, table: SourceTable, standing: Standing) -> int:
        """Return how many offsets of the topic come after where a table stands; gaps count like records."""
        options = _options(table)
        with closing(self._client(table, options)) as client:
            topic = self._access.attempt(f"topic {options.topic}", client.topic)
        starts = starts_of(topic, options, standing, where=str(table.place))
        return sum(topic.offsets[partition][1] - at for partition, at in starts.items())

    def read_log(self, table: SourceTable, standing: Standing, span: Span) -> Generator[Stretch, None, None]:
        """Yield records after where the table stands, or those of a window again, and how each part moves."""
        options = _options(table)
        connection = self._access.connection(self._source)
        with closing(self._client(table, options)) as client:
            topic = self._access.attempt(f"topic {options.topic}", client.topic)
            place = self._begin(client, topic, table, standing, span)
            changes = _changes(options, connection, where=str(table.place))
            rows = Rows(table, self._source.calendar, changes, _prefix(topic))
            client.read_from(place.next)
            yield from self._stretches(client, topic, rows, place, span)

    def _begin(self, client: Client, topic: Topic, table: SourceTable, standing: Standing, span: Span) -> _Place:
        starts = starts_of(topic, _options(table), standing, where=str(table.place))
        stands = {partition: standing(part_of(topic.name, partition)) for partition in topic.offsets}
        identity = standing(identity_of(topic.name))
        if span.window is None:
            return _Place(stands, starts, {part: high for part, (_, high) in topic.offsets.items()}, identity)
        first = window_of(client, topic, stands, span.window, where=str(table.place))
        return _Place(stands, first, {part: stands[part] for part in first}, identity)

    def _stretches(self, client: Client, topic: Topic, rows: Rows, place: _Place, span: Span) -> Iterator[Stretch]:
        place.done |= {part for part, at in place.next.items() if not span.follows and at >= place.end[part]}
        while not span.is_over() and not place.next.keys() <= place.done:
            records = self._gather(client, place, rows.changes.options, span)
            if records:
                yield self._stretch(topic, rows, place, records, is_again=span.window is not None)
                if span.follows:
                    place.end = {part: max(end, client.newest(part)) for part, end in place.end.items()}
                client.tell(place.stands)

    def _gather(self, client: Client, place: _Place, options: KafkaOptions, span: Span) -> list[Record]:
        """Return the next records, as many as one commit takes; none when there is nothing more, or it is over."""
        gathered, size, begun = list[Record](), 0, 0.0
        quiet_since = time.monotonic()
        while not span.is_over():
            for one in client.poll(min(_AT_ONCE, options.max_records - len(gathered)), _POLL_SECONDS):
                quiet_since = time.monotonic()
                if isinstance(one, Ended):
                    place.done |= set() if span.follows else {one.partition}
                elif one.partition not in place.done:
                    begun = begun or quiet_since
                    gathered.append(one)
                    size += one.size
                    self._ended_at(place, one, span)
            now = time.monotonic()
            is_full = len(gathered) >= options.max_records or size >= options.max_bytes
            has_waited = bool(begun) and now - begun >= options.max_wait.total_seconds()
            if is_full or has_waited or place.next.keys() <= place.done:
                break
            if not span.follows and now - quiet_since > self._access.timeout_seconds:
                said = f"brokers say nothing ({client.last_fault or 'no error'})."
                raise PassingSourceError("unreachable", said, where=str(self._source.place))
        return [one for one in gathered if span.window is None or one.offset < place.end[one.partition]]

    def _ended_at(self, place: _Place, record: Record, span: Span) -> None:
        if not span.follows and record.offset + 1 >= place.end[record.partition]:
            place.done.add(record.partition)

    def _stretch(
        self, topic: Topic, rows: Rows, place: _Place, records: Sequence[Record], *, is_again: bool
    ) -> Stretch:
        moves, gaps = {identity_of(topic.name): (place.identity, topic.number)}, 0
        for part in sorted({record.partition for record in records}):
            inside = [record.offset for record in records if record.partition == part]
            after = inside[-1] + 1
            gaps += after - place.next[part] - len(inside)
            stands = place.stands[part]
            moves[part_of(topic.name, part)] = (stands, stands if is_again else after)
            place.next[part] = after
            if not is_again:
                place.stands[part] = after
        place.identity = topic.number
        behind = sum(max(0, place.end[part] - at) for part, at in place.next.items())
        arrivals = rows.of(records, datetime.now(UTC))
        return Stretch(tuple(arrivals), moves, behind=behind, gaps=gaps)

    def _client(self, table: SourceTable, options: KafkaOptions) -> Client:
        connection = self._access.connection(self._source)
        group = connection.get("group") or f"lakehouse-{table.source}-{table.name}"
        return Client(connection, options.topic, group, timeout=self._access.timeout_seconds, where=str(table.place))


def _options(table: SourceTable) -> KafkaOptions:
    return KafkaOptions.model_validate(dict(table.options))


def _prefix(topic: Topic) -> str:
    # Offsets of a topic that was made anew begin at 0 again.
    return f"{topic.name}-{topic.number % (1 << 32):08x}"


def _changes(options: KafkaOptions, connection: Mapping[str, Any], *, where: str) -> Changes:
    needs_registry = {options.format, options.key_format} & {"avro", "protobuf"}
    registry = _registry(connection, where=where) if needs_registry else None
    value = decoder_of(options.format, registry if options.format != "json" else None)
    if options.key_format == "text":
        return Changes(options, value, None)
    return Changes(options, value, decoder_of(options.key_format, registry if options.key_format != "json" else None))


def _registry(connection: Mapping[str, Any], *, where: str) -> Registry:
    if connection.get("glueRegion") or connection.get("glueEndpoint"):
        return GlueRegistry(connection.get("glueRegion", ""), connection.get("glueEndpoint", ""), where=where)
    url = str(connection.get("schemaRegistry", ""))
    if not url:
        raise SourceError(
            "registry",
            "Avro and Protobuf name schemas of a registry, and the connection has none.",
            where=where,
            fix="Add schemaRegistry: or glueRegion: to the connection.",
        )
    settings: dict[str, Any] = {"url": url}
    name, password = connection.get("schemaRegistryUsername"), connection.get("schemaRegistryPassword")
    if name:
        settings["basic.auth.user.info"] = f"{name}:{password or ''}"
    if connection.get("sslCa"):
        settings["ssl.ca.location"] = connection["sslCa"]
    return ConfluentRegistry(settings, where=where)
