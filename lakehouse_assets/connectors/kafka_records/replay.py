"""Which offsets a window of records begins at, when they are read again: by offset, by time, by the id of a row."""

from collections.abc import Mapping

from lakehouse_assets.connectors.kafka_records.client import Client
from lakehouse_assets.connectors.kafka_records.positions import Topic
from lakehouse_assets.connectors.log import Window
from lakehouse_assets.errors import SourceError


def window_of(client: Client, topic: Topic, stands: Mapping[int, int], window: Window, *, where: str) -> dict[int, int]:
    """Return the first offset of each part that is read again; raise SourceError `offset_lost` when it is gone."""
    starts = {int(part): at for part, at in window.starts.items() if int(part) in topic.offsets}
    if len(starts) != len(window.starts):
        raise SourceError("missing", f"{topic.name!r} has no such partition.", where=where, fix="Name one that it has.")
    if window.since is not None:
        starts = client.at_moment(list(topic.offsets), window.since)
    gone = [part for part, at in starts.items() if at < topic.offsets[part][0]]
    if gone:
        first = topic.offsets[gone[0]][0]
        raise SourceError(
            "offset_lost",
            f"partition {gone[0]} of {topic.name!r} begins at {first} by now; what landed from before stays.",
            where=where,
            fix=f"Begin at {gone[0]}@{first}.",
        )
    return {part: at for part, at in starts.items() if at < stands[part]}
