"""What may be removed of a table, as a plan first and for good then: files, records, left-overs, entries of the log.

What has to stay is `needed`'s business. Records of publishes that landed are never removed: they are the history.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lakehouse_assets.naming import (
    META_FOLDER,
    PAGES_FOLDER,
    PINS_FOLDER,
    SETS_FOLDER,
    STAGING_FOLDER,
    TableName,
    partition_folder,
    publish_of,
    record_file,
)
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import readable_record
from lakehouse_assets.pipeline.upkeep.needed import Needs
from lakehouse_assets.results import PUBLISHED
from lakehouse_assets.storage.log import read_commit, removable_entries, write_checkpoints
from lakehouse_assets.storage.objects import Entry, Objects
from lakehouse_assets.storage.table import open_table

DATA, RECORDS, LEFT_OVERS, LOG = "data files", "records without a publish", "left-overs", "log entries"
KINDS = (RECORDS, DATA, LEFT_OVERS, LOG)
_SUFFIX = ".json.zst"
_NOTE = re.compile(rf"{META_FOLDER}/maintenance/([0-9a-f]{{8}})\.json")
_PROBES = f"{META_FOLDER}/probes/"


@dataclass(frozen=True, slots=True)
class Removal:
    """Objects of one kind that may go, below one table (or one of its side tables)."""

    table: str
    kind: str
    paths: tuple[str, ...]
    bytes: int


def plan_removals(lake: Lake, name: TableName, needs: Needs, cutoff: datetime) -> tuple[Removal, ...]:
    """Return what of a table nobody needs any more."""
    objects = lake.objects_of(name)
    entries = [entry for entry in objects.entries() if entry.modified_at <= cutoff]
    found = {
        RECORDS: _unlanded_records(objects, needs, entries),
        DATA: _unneeded_files(needs, entries),
        LEFT_OVERS: [*_left_overs(needs, entries), *(one for one in objects.unfinished() if one.modified_at <= cutoff)],
        LOG: removable_entries(needs.log, needs.oldest, needs.released),
    }
    return tuple(
        Removal(str(name), kind, tuple(entry.path for entry in found[kind]), sum(entry.size for entry in found[kind]))
        for kind in KINDS
        if found[kind]
    )


def remove(needs: Needs, removal: Removal) -> None:
    """Remove what a plan says. What became active since it was made stays; so does a log without its checkpoints."""
    objects = Objects(needs.table.root, needs.table.options)
    if removal.kind == LOG:
        write_checkpoints(needs.table, [needs.oldest, *needs.released])
    if removal.kind == DATA:
        newest = open_table(needs.table.root, needs.table.options)
        active = {file.path for file in newest.files} if newest else set()
        removal = Removal(removal.table, removal.kind, tuple(p for p in removal.paths if p not in active), 0)
    objects.delete_unfinished(removal.paths)
    objects.delete(path for path in removal.paths if "#" not in path)


def _unneeded_files(needs: Needs, entries: Sequence[Entry]) -> list[Entry]:
    # Files that others put into the folder are theirs: only names that we give are looked at.
    folder = partition_folder(needs.table.partition_column, "")
    return [
        entry
        for entry in entries
        if entry.path.startswith(folder) and publish_of(entry.path) is not None and entry.path not in needs.files
    ]


def _unlanded_records(objects: Objects, needs: Needs, entries: Sequence[Entry]) -> list[Entry]:
    """Return records whose commit never came: none of those that the log still has is theirs.

    Older ones than the log stay, since nobody can tell any more.
    """
    begins = needs.log.commits[needs.log.begins()].modified_at
    doubtful = [entry for entry in entries if _is_record(entry.path) and entry.modified_at > begins]
    doubtful = [entry for entry in doubtful if _publish(entry.path) not in {name for _, name in needs.publishes}]
    if not doubtful:
        return []
    landed = _landed(objects, needs)
    return [entry for entry in doubtful if entry.path not in landed and _promises(objects, entry.path)]


def _landed(objects: Objects, needs: Needs) -> set[str]:
    found: set[str] = set()
    for version in needs.log.commits:
        commit = read_commit(objects, version)
        found |= {record_file(name) for name in map(publish_of, commit.added | commit.removed) if name}
        found.add(str(commit.metadata.get("record", "")))
    return found


def _is_record(path: str) -> bool:
    return path.startswith(f"{META_FOLDER}/") and path.endswith(_SUFFIX) and path.count("/") == 1


def _publish(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(_SUFFIX)


def _promises(objects: Objects, path: str) -> bool:
    """Whether a record says that it published; others, of blocked or unchanged partitions, need no commit."""
    record = readable_record(objects, _publish(path))
    return record is not None and any(one.status == PUBLISHED for one in record.partitions)


def _left_overs(needs: Needs, entries: Sequence[Entry]) -> Iterator[Entry]:
    files = " ".join(needs.files)
    for entry in entries:
        if entry.path.startswith((f"{PAGES_FOLDER}/", f"{PINS_FOLDER}/", f"{STAGING_FOLDER}/", _PROBES)):
            yield entry
        elif entry.path.startswith(f"{SETS_FOLDER}/"):
            if entry.path.rsplit("/", 1)[-1].removesuffix(".json") not in files:
                yield entry
        elif (note := _NOTE.fullmatch(entry.path)) and f"-{note[1]}-" not in files:
            yield entry
