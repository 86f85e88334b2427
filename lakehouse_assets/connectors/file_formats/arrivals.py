"""Which objects make up a partition, and whether they have arrived completely.

What belongs here: patterns, names of unfinished files, success markers, waiting until a file is stable.
What does not: opening locations (`locations`), reading content.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

from lakehouse_assets.connectors.clock import Clock
from lakehouse_assets.connectors.file_formats.control import without_controls
from lakehouse_assets.connectors.file_formats.locations import Entry, Location
from lakehouse_assets.contracts.model import ReadOptions
from lakehouse_assets.errors import SourceError

UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".inprogress", "~")
_HIDDEN = (".", "_")
_ROUNDS = 3
# A day, or an hour of one: `contracts.calendar`.
_PARTITION = "[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-[0-9]{2}:00)?"


def find_arrivals(
    location: Location, read: ReadOptions, partitions: Sequence[str], *, clock: Clock
) -> dict[str, list[Entry] | SourceError]:
    """Return the objects of every partition sorted by path, or why there are none to read."""
    found: dict[str, list[Entry] | SourceError] = {}
    for partition in partitions:
        try:
            found[partition] = _find(location, read, partition)
        except SourceError as error:
            found[partition] = error
    return _settle(location, read, found, clock)


def _find(location: Location, read: ReadOptions, partition: str) -> list[Entry]:
    path = read.pattern.replace("{partition}", partition)
    entries = without_controls(read, partition, _matching(location, path))
    where = f"{location.name}/{path}"
    if read.success_marker and not _is_marked(location, read.success_marker, partition, entries):
        raise SourceError(
            "incomplete" if entries else "missing",
            f"its marker {read.success_marker!r} has not arrived.",
            where=where,
            fix="The sender writes the marker last; run the partition again then.",
        )
    if entries:
        return entries
    if any(location.find(path + suffix) for suffix in UNFINISHED if "*" not in path):
        raise _incomplete(where)
    raise SourceError(
        "missing",
        "no file has arrived for this open day.",
        where=where,
        fix="Ask the sender, or close the day in the source's calendar.",
    )


def _matching(location: Location, path: str) -> list[Entry]:
    if "*" not in path:
        entry = location.find(path)
        return [entry] if entry else []
    prefix = path.partition("*")[0]
    shape = re.compile("[^/]*".join(re.escape(part) for part in path.split("*")))
    entries = location.entries(prefix, deep="/" in path[len(prefix) :])
    matching = [entry for entry in entries if shape.fullmatch(entry.path)]
    finished = [entry for entry in matching if not _is_unfinished(entry.path)]
    if matching and not finished:
        raise _incomplete(f"{location.name}/{path}")
    return sorted(finished, key=lambda entry: entry.path)


def _is_unfinished(path: str) -> bool:
    return path.endswith(UNFINISHED) or path.rpartition("/")[2].startswith(_HIDDEN)


def _is_marked(location: Location, marker: str, partition: str, entries: Sequence[Entry]) -> bool:
    # A bare name such as `_SUCCESS` lies beside the files; anything else is a path of its own.
    if "/" in marker or "{partition}" in marker:
        return location.find(marker.replace("{partition}", partition)) is not None
    folders = {entry.path.rpartition("/")[0] for entry in entries}
    paths = [f"{folder}/{marker}" if folder else marker for folder in folders]
    return bool(paths) and all(location.find(path) for path in paths)


def _settle(
    location: Location, read: ReadOptions, found: dict[str, list[Entry] | SourceError], clock: Clock
) -> dict[str, list[Entry] | SourceError]:
    """Wait until files written a moment ago have stopped growing; one wait serves all partitions."""
    if location.is_atomic or read.success_marker or read.stable_seconds <= 0:
        return found
    moving: set[str] = set()
    for _ in range(_ROUNDS):
        fresh = {
            partition: entries
            for partition, entries in found.items()
            if isinstance(entries, list) and any(_is_fresh(entry, read, clock) for entry in entries)
        }
        if not fresh:
            return found
        clock.sleep(read.stable_seconds)
        again = {partition: _looked_at_again(location, entries) for partition, entries in fresh.items()}
        found = {**found, **again}
        moving = {partition for partition, entries in fresh.items() if again[partition] != entries}
        if not moving:
            return found
    return {**found, **{partition: _incomplete(f"{location.name}/{partition}") for partition in moving}}


def _is_fresh(entry: Entry, read: ReadOptions, clock: Clock) -> bool:
    return clock.now() - entry.modified_at < read.stable_seconds


def _looked_at_again(location: Location, entries: Sequence[Entry]) -> list[Entry] | SourceError:
    try:
        found = [location.find(entry.path) for entry in entries]
    except SourceError as error:
        return error
    return [entry for entry in found if entry is not None]


def _incomplete(where: str) -> SourceError:
    return SourceError(
        "incomplete",
        "the file is still being written.",
        where=where,
        fix="Run the partition again when it is finished.",
    )


def complete_arrivals(
    location: Location, read: ReadOptions, partitions: Sequence[str], *, clock: Clock
) -> dict[str, str]:
    """Return the partitions whose objects are all there and no longer written to, each with a token of what they are.

    Never waits: what is too young is found the next time.
    """
    found = find_arrivals(location, replace(read, stable_seconds=0.0), partitions, clock=clock)
    is_marked = location.is_atomic or bool(read.success_marker)
    return {
        partition: _token(entries)
        for partition, entries in found.items()
        if isinstance(entries, list) and (is_marked or not any(_is_fresh(entry, read, clock) for entry in entries))
    }


def partitions_among(paths: Iterable[str], read: ReadOptions) -> frozenset[str]:
    """Return the partitions that objects, or the markers of deliveries, belong to by their paths."""
    patterns = [read.pattern]
    if read.success_marker:
        folder = read.pattern.rpartition("/")[0]
        is_path = "/" in read.success_marker or "{partition}" in read.success_marker
        patterns.append(read.success_marker if is_path or not folder else f"{folder}/{read.success_marker}")
    shapes = [_shape(pattern) for pattern in patterns if "{partition}" in pattern]
    matches = (shape.fullmatch(path) for path in paths for shape in shapes)
    return frozenset(match["partition"] for match in matches if match)


def _shape(pattern: str) -> re.Pattern[str]:
    first, *others = (re.escape(part).replace(re.escape("*"), "[^/]*") for part in pattern.split("{partition}"))
    return re.compile(f"{first}(?P<partition>{_PARTITION}){'(?P=partition)'.join(others)}")


def _token(entries: Sequence[Entry]) -> str:
    said = "\n".join(f"{entry.path} {entry.size} {entry.stamp}" for entry in entries)
    return sha256(said.encode()).hexdigest()[:16]
