"""Where a table stands in a topic, and whether the topic still has what comes next.

The positions are app-transactions of the table: one for each partition of the topic with the next offset to read, and
one for the topic itself with its id, so that a topic that was made anew is not taken for the one before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lakehouse_assets.connectors.kafka_records.options import KafkaOptions
from lakehouse_assets.connectors.log import Standing
from lakehouse_assets.errors import SourceError

_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as the brokers know it: its id ("" where they have none), and the first and next offset of each part."""

    name: str
    id: str
    offsets: Mapping[int, tuple[int, int]]

    @property
    def number(self) -> int:
        """The id as a position that is never 0."""
        return (int.from_bytes(self.id.encode(), "big") % _LARGEST or 1) if self.id else 1


def part_of(topic: str, partition: int) -> str:
    """Return the name of a partition of a topic."""
    return f"kafka:{topic}:{partition}"


def identity_of(topic: str) -> str:
    """Return the name under which a table remembers which topic it is loaded from."""
    return f"kafka:{topic}"


def starts_of(topic: Topic, options: KafkaOptions, standing: Standing, *, where: str) -> dict[int, int]:
    """Return the next offset to read of each partition.

    Raises SourceError `recreated` when it is not the topic that the table was loaded from, `offset_lost` when records
    that the table does not have are gone; both name what to write to go on.
    """
    stands = {partition: standing(part_of(topic.name, partition)) for partition in topic.offsets}
    known = standing(identity_of(topic.name))
    if known == topic.number:
        return _continued(topic, options, stands, where=where)
    if known and options.topic_id != topic.id:
        raise _recreated(topic, where=where)
    # A topic is loaded from the first record that it still has.
    return {partition: low for partition, (low, _) in topic.offsets.items()}


def _continued(topic: Topic, options: KafkaOptions, stands: Mapping[int, int], *, where: str) -> dict[int, int]:
    beyond = [partition for partition, at in stands.items() if at > topic.offsets[partition][1]]
    if beyond:
        raise SourceError(
            "truncated_log",
            f"the topic {topic.name!r} ends before what was loaded of partition {beyond[0]}: brokers lost records.",
            where=where,
            fix="`lakehouse rollback` to a version from before; a run then loads again what the brokers have.",
        )
    lost = {partition: (at, topic.offsets[partition][0]) for partition, at in stands.items()}
    gone = [f"{part}@{at}-{low - 1}" for part, (at, low) in sorted(lost.items()) if at < low]
    check_lost(gone, topic.name, options, where=where)
    return {partition: max(at, topic.offsets[partition][0]) for partition, at in stands.items()}


def check_lost(gone: Iterable[str], topic: str, options: KafkaOptions, *, where: str) -> None:
    """Raise SourceError `offset_lost` for ranges that nobody accepted as lost."""
    unknown = [span for span in gone if span not in options.accept_lost]
    if unknown:
        spans = ", ".join(unknown)
        raise SourceError(
            "offset_lost",
            f"the topic {topic!r} has deleted records that were not loaded yet: {spans}.",
            where=where,
            fix=f"Load them from another place if there is one; to go on without: options.acceptLost: [{spans}].",
        )


def _recreated(topic: Topic, *, where: str) -> SourceError:
    return SourceError(
        "recreated",
        f"the topic {topic.name!r} is not the one that the table was loaded from: it was deleted and made anew.",
        where=where,
        fix=f"To load the new one from its beginning, beside what landed: options.topicId: {topic.id}.",
    )
