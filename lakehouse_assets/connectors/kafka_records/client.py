"""The client of Kafka: one topic, assigned and never subscribed to, so that no other consumer moves what is read."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse_assets.connectors.kafka_records.positions import Topic
from lakehouse_assets.connectors.kafka_records.rows import Record
from lakehouse_assets.connectors.kafka_records.schemas import missing_extra
from lakehouse_assets.errors import PassingSourceError, SourceError

_log = logging.getLogger(__name__)
_SECURITY = {
    "securityProtocol": "security.protocol",
    "saslMechanism": "sasl.mechanism",
    "saslUsername": "sasl.username",
    "saslPassword": "sasl.password",  # pragma: allowlist secret
    "sslCa": "ssl.ca.location",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """That a partition has no record any more, for now."""

    partition: int


class Client:
    """Reads one topic. Every failure of a broker is a PassingSourceError; what a topic no longer has is not."""

    def __init__(self, connection: Mapping[str, Any], topic: str, group: str, *, timeout: float, where: str) -> None:
        try:
            import confluent_kafka
        except ImportError as error:
            raise missing_extra(where) from error
        self._kafka, self._topic, self._timeout, self._where = confluent_kafka, topic, timeout, where
        self.last_fault = ""
        self._settings = {
            "bootstrap.servers": str(connection.get("bootstrapServers", "")),
            "log_level": 0,
            **{ours: connection[key] for key, ours in _SECURITY.items() if connection.get(key)},
        }
        self._consumer = confluent_kafka.Consumer(
            {
                **self._settings,
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "error_cb": self._on_fault,
            }
        )

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()

    def topic(self) -> Topic:
        """Return the topic as it is now; raise PassingSourceError when brokers cannot be asked."""
        found = self._told(lambda: self._consumer.list_topics(self._topic, timeout=self._timeout))
        known = found.topics.get(self._topic)
        if known is None or known.error is not None:
            raise SourceError(
                "missing", f"there is no topic {self._topic!r}.", where=self._where, fix="Correct options.topic."
            )
        offsets = {partition: self._offsets(partition) for partition in sorted(known.partitions)}
        return Topic(self._topic, self._id(), offsets)

    def read_from(self, offsets: Mapping[int, int]) -> None:
        """Read from these offsets on."""
        self._consumer.assign(self._at(offsets))

    def at_moment(self, partitions: Sequence[int], moment: datetime) -> dict[int, int]:
        """Return the first offset at or after a moment of each partition, where there is one."""
        wanted = self._at(dict.fromkeys(partitions, int(moment.timestamp() * 1000)))
        found = self._told(lambda: self._consumer.offsets_for_times(wanted, timeout=self._timeout))
        return {one.partition: one.offset for one in found if one.offset >= 0}

    def poll(self, most: int, seconds: float) -> Iterator[Record | Ended]:
        """Yield what arrives; raise SourceError `offset_lost` when a record is no longer there."""
        codes = self._kafka.KafkaError
        found: list[Any] = self._consumer.consume(max(1, most), seconds)
        for message in found:
            error = message.error()
            if error is None:
                kind, at = message.timestamp()
                yield Record(
                    message.partition(),
                    message.offset(),
                    at if kind and at >= 0 else None,
                    kind,
                    message.key(),
                    message.value(),
                    message.headers(),
                )
            elif error.code() == codes._PARTITION_EOF:  # noqa: SLF001 - the client's public name of it
                yield Ended(message.partition())
            elif error.code() == codes._AUTO_OFFSET_RESET:  # noqa: SLF001 - same
                raise SourceError(
                    "offset_lost",
                    f"records of {self._topic!r} were deleted while they were read (partition {message.partition()}).",
                    where=self._where,
                    fix="Run again: it names what is lost.",
                )
            elif error.fatal():
                raise PassingSourceError("unreachable", f"the client gave up ({error.name()}).", where=self._where)
            else:
                self._on_fault(error)

    def newest(self, partition: int) -> int:
        """Return the next offset of a partition as its broker last said it; nobody is asked."""
        part = self._kafka.TopicPartition(self._topic, partition)
        _, high = self._consumer.get_watermark_offsets(part, cached=True)
        return int(high)

    def tell(self, offsets: Mapping[int, int]) -> None:
        """Tell the brokers how far the table is, for those who watch consumer groups; nothing is read from there."""
        try:
            self._consumer.commit(offsets=self._at(offsets), asynchronous=True)
        except self._kafka.KafkaException as error:
            _log.debug("offsets were not told: %s", error)

    def _at(self, offsets: Mapping[int, int]) -> list[Any]:
        return [self._kafka.TopicPartition(self._topic, partition, at) for partition, at in offsets.items()]

    def _offsets(self, partition: int) -> tuple[int, int]:
        part = self._kafka.TopicPartition(self._topic, partition)
        low, high = self._told(lambda: self._consumer.get_watermark_offsets(part, timeout=self._timeout))
        return int(low), int(high)

    def _id(self) -> str:
        from confluent_kafka import TopicCollection
        from confluent_kafka.admin import AdminClient

        admin = AdminClient(self._settings)
        asked = admin.describe_topics(TopicCollection([self._topic]), request_timeout=self._timeout)
        return str(self._told(asked[self._topic].result).topic_id)

    def _told(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the client returns
        try:
            found = ask()
        except self._kafka.KafkaException as error:
            name = error.args[0].name() if error.args else "unknown"
            raise PassingSourceError("unreachable", f"brokers did not answer ({name}).", where=self._where) from error
        if found is None:
            raise PassingSourceError("unreachable", "brokers did not answer in time.", where=self._where)
        return found

    def _on_fault(self, error: Any) -> None:  # noqa: ANN401 - the client's own type
        self.last_fault = error.name()
