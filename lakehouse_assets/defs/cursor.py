"""A sensor's place in the event log: one storage id a stream, stored as the sensor's cursor."""

import json
from collections.abc import Mapping, Sequence

import dagster as dg

from lakehouse_assets.defs import preview

PAGE = 500


def newest(instance: dg.DagsterInstance, streams: Sequence[dg.DagsterEventType]) -> dict[str, int]:
    """Return a place behind everything that happened so far: a sensor that starts tells of nothing older."""
    places = {}
    for stream in streams:
        last = preview.read_events(instance, stream, after=None, limit=1, ascending=False)
        places[stream.value] = last[0].storage_id if last else 0
    return places


def read(
    instance: dg.DagsterInstance, streams: Sequence[dg.DagsterEventType], places: Mapping[str, int]
) -> tuple[dict[dg.DagsterEventType, list[dg.EventLogRecord]], dict[str, int]]:
    """Return the next page of each stream and the place behind it."""
    pages = {
        stream: list(preview.read_events(instance, stream, after=places.get(stream.value, 0), limit=PAGE))
        for stream in streams
    }
    behind = {stream.value: page[-1].storage_id for stream, page in pages.items() if page}
    return pages, {**places, **behind}


def dump(places: Mapping[str, int]) -> str:
    """Return places as a sensor stores them."""
    return json.dumps(dict(places), sort_keys=True)


def load(cursor: str | None) -> dict[str, int] | None:
    """Return stored places, or None at the first start."""
    return json.loads(cursor) if cursor else None
