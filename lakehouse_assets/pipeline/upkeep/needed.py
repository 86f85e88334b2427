"""What of a table somebody may still need: the newest version, those younger than the retention, pinned and released.

Everything else may go. A run counts as alive while what it wrote is younger than the retention, which is at least
twice the longest `maxRuntime`: no heartbeat can be lost, and a run that is slower than that finds its files gone
and publishes nothing (`docs/adr/0012-maintenance.md`). Removing is `clean`'s business.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName, is_publish_set, probe_file, publish_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.storage.log import Log, read_commit, read_log
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.pins import list_pins, read_pins, read_releases
from lakehouse_assets.storage.publish_sets import read_set
from lakehouse_assets.storage.table import OpenTable, open_table

_LONGER = 2
_MINUTE = timedelta(minutes=1)
Pinned = Mapping[TableName, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Needs:
    """What of one table has to stay. `oldest` is the first version that must stay readable by its number.

    `released` are versions before it that stay readable from checkpoints. `publishes` has (partition folder, publish).
    """

    table: OpenTable
    log: Log
    files: frozenset[str]
    oldest: int
    released: frozenset[int]
    publishes: frozenset[tuple[str, str]]


def cutoff_of(lake: Lake, at: datetime) -> datetime:
    """Return the time before which replaced files may go; raise LakehouseError when a run may take longer than that."""
    longest = timedelta(minutes=max((one.max_runtime_minutes for one in lake.catalog.contracts.values()), default=0))
    retention = lake.settings.maintenance.retention
    if retention < _LONGER * longest:
        raise LakehouseError(
            f"a retention of {retention / _MINUTE:g} minutes is shorter than twice the longest maxRuntime, "
            f"{longest / _MINUTE:g} minutes: files of runs that are alive could be removed.",
            where=lake.settings.origins.get("maintenance.retention", "settings"),
            fix=f"Set maintenance.retention to {_LONGER * longest / _MINUTE:g}min or more.",
        )
    return at - retention


def store_time(objects: Objects) -> datetime:
    """Return what time it is for the store that dates the objects; clocks of machines differ."""
    path = probe_file(f"clock-{secrets.token_hex(4)}")
    objects.write(path, b"")
    try:
        (entry,) = [one for one in objects.entries(path.rsplit("/", 1)[0]) if one.path == path]
    finally:
        objects.delete([path])
    return entry.modified_at


def pinned_versions(lake: Lake, cutoff: datetime) -> Pinned:
    """Return the versions of every table that steps which may still run have pinned."""
    found: dict[TableName, set[int]] = {}
    for name in lake.catalog.contracts:
        objects = lake.objects_of(name)
        for entry in list_pins(objects):
            if entry.modified_at > cutoff:
                for upstream, version in read_pins(objects, entry.path).items():
                    found.setdefault(TableName.parse(upstream), set()).add(version)
    return {name: frozenset(versions) for name, versions in found.items()}


def needs_of(lake: Lake, name: TableName, cutoff: datetime, pinned: Iterable[int] = ()) -> Needs | None:
    """Return what of a table has to stay, or None when it was never published.

    Raises LakehouseError when its log does not tell what happened since `cutoff`.
    """
    table = lake.open(name)
    if table is None:
        return None
    objects = Objects(table.root, table.options)
    log = read_log(objects)
    current = log.oldest_current(cutoff)
    if not log.reaches(current):
        raise LakehouseError(
            "its log does not reach back to the retention: somebody else shortened it.",
            where=str(name),
            fix="Nothing is removed. Wait until what is left of the log is as old as maintenance.retention.",
        )
    files = {file.path for file in table.files}
    for version in range(current + 1, table.version + 1):
        files |= read_commit(objects, version).removed
    earlier = frozenset(version for version in pinned if version < current)
    for version in earlier:
        files |= _files_at(table, version)
    releases = read_releases(objects).values()
    for release in releases:
        files |= release.files
    oldest = min([current, *earlier])
    released = frozenset(release.version for release in releases if release.version < oldest)
    return Needs(table, log, frozenset(files), oldest, released, _publishes(objects, files))


def _files_at(table: OpenTable, version: int) -> set[str]:
    # A pin of a version that the log no longer has protects nothing: whoever took it cannot read it any more.
    found = open_table(table.root, table.options, version)
    return {file.path for file in found.files} if found else set()


def _publishes(objects: Objects, files: Iterable[str]) -> frozenset[tuple[str, str]]:
    sets: dict[str, tuple[str, ...]] = {}
    found: set[tuple[str, str]] = set()
    for path in files:
        name = publish_of(path)
        if name is None:
            continue
        if is_publish_set(name) and name not in sets:
            sets[name] = read_set(objects, name)
        found |= {(path.split("/", 1)[0], publish) for publish in sets.get(name, (name,))}
    return frozenset(found)
