"""The Delta log as objects: which versions there are, since when, what each removed; and making it shorter.

Times are those of the store that holds the log, never of a machine that wrote to it.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from lakehouse_assets.errors import StorageError
from lakehouse_assets.storage.objects import Entry, Objects, translated
from lakehouse_assets.storage.table import OpenTable

FOLDER = "_delta_log"
_COMMIT = re.compile(r"_delta_log/([0-9]{20})\.json")
_CHECKPOINT = re.compile(r"_delta_log/([0-9]{20})\.checkpoint(?:\.[0-9]+\.[0-9]+)?\.parquet")


@dataclass(frozen=True, slots=True)
class Log:
    """What lies in a log: commits and checkpoints by version."""

    commits: dict[int, Entry]
    checkpoints: dict[int, tuple[Entry, ...]]
    bytes: int

    def oldest_current(self, cutoff: datetime) -> int:
        """Return the oldest version that was the newest one at some time after `cutoff`."""
        later = [version for version, entry in self.commits.items() if entry.modified_at > cutoff]
        return max(0, min(later) - 1) if later else max(self.commits)

    def begins(self) -> int:
        """Return the oldest version from which on no entry is missing."""
        version = max(self.commits)
        while version - 1 in self.commits:
            version -= 1
        return version

    def reaches(self, version: int) -> bool:
        """Whether the log still tells everything that happened since a version was committed."""
        return self.begins() <= version


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit says: paths it added and removed, and the metadata that its writer left."""

    added: frozenset[str]
    removed: frozenset[str]
    metadata: dict[str, Any]


def read_log(objects: Objects) -> Log:
    """List the log of a table."""
    commits: dict[int, Entry] = {}
    checkpoints: dict[int, tuple[Entry, ...]] = {}
    entries = objects.entries(FOLDER)
    for entry in entries:
        if found := _COMMIT.fullmatch(entry.path):
            commits[int(found[1])] = entry
        elif found := _CHECKPOINT.fullmatch(entry.path):
            version = int(found[1])
            checkpoints[version] = (*checkpoints.get(version, ()), entry)
    return Log(commits, checkpoints, sum(entry.size for entry in entries))


def read_commit(objects: Objects, version: int) -> Commit:
    """Return what one commit did; raise StorageError when its entry is gone."""
    content = objects.read(f"{FOLDER}/{version:020}.json")
    if content is None:
        raise StorageError(
            f"the entry of version {version} is not in the log any more.",
            where=objects.root,
            fix="Somebody else cleans this log. Run maintenance again.",
        )
    actions = [json.loads(line) for line in content.decode().splitlines() if line.strip()]
    return Commit(
        added=frozenset(unquote(action["add"]["path"]) for action in actions if "add" in action),
        removed=frozenset(unquote(action["remove"]["path"]) for action in actions if "remove" in action),
        metadata=_metadata(actions),
    )


def removable_entries(log: Log, oldest: int, kept: Collection[int]) -> list[Entry]:
    """Return what a log no longer needs when `oldest` is the first version anybody may ask for, the oldest first.

    A version in `kept` stays readable from a checkpoint of its own.
    """
    before = [(version, entry) for version, entry in log.commits.items() if version < oldest]
    before += [(version, entry) for version, parts in log.checkpoints.items() for entry in parts if version < oldest]
    return [entry for version, entry in sorted(before, key=lambda pair: pair[0]) if version not in kept]


def write_checkpoints(table: OpenTable, versions: Collection[int]) -> None:
    """Write checkpoints of these versions and of the newest one, and insist that they can be read.

    Raises StorageError before anything is removed when one cannot.
    """
    objects = Objects(table.root, table.options)
    for version in [*sorted(set(versions) - {table.version}), table.version]:
        with translated(table.root):
            # The newest comes last: readers start from the one that was written last.
            DeltaTable(table.root, version=version, storage_options=dict(table.options) or None).create_checkpoint()
    found = read_log(objects).checkpoints
    for version in versions:
        paths = [entry.path for entry in found.get(version, ())]
        if not paths or not all(_is_readable(table, path) for path in paths):
            raise StorageError(
                f"the checkpoint of version {version} cannot be read; the log stays as it is.",
                where=table.root,
                fix="Check space and permissions of the store, then run maintenance again.",
            )


def _is_readable(table: OpenTable, path: str) -> bool:
    with translated(f"{table.root}/{path}"):
        scan = pl.scan_parquet(f"{table.root}/{path}", storage_options=dict(table.options) or None)
        return int(scan.select(pl.len()).collect().item()) > 0


def _metadata(actions: list[dict[str, Any]]) -> dict[str, Any]:
    texts: Iterator[object] = (action["commitInfo"].get("userMetadata") for action in actions if "commitInfo" in action)
    text = next(texts, None)
    try:
        said = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
