"""Earlier versions of a table: which there are, and their files as a commit can publish them again.

Committing is `commit`'s; which version to go back to, and what that means, is the pipeline's.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

import polars as pl

from lakehouse_assets.errors import StorageError, UnknownVersionError
from lakehouse_assets.naming import renumbered_file
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.objects import Objects, translated
from lakehouse_assets.storage.table import OpenTable, open_table


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a table; `metadata` is what its commit says about itself, such as where its record is."""

    number: int
    at: str
    metadata: Mapping[str, str]


def versions_of(table: OpenTable, limit: int) -> list[Version]:
    """Return the newest versions that the log still tells of, the newest first."""
    with translated(table.root):
        history = table.delta.history(limit)
    return [_version(entry) for entry in history]


def open_version(table: OpenTable, version: int) -> OpenTable:
    """Open an earlier version of a table; raise UnknownVersionError when there is none of this number."""
    if not 0 <= version <= table.version:
        raise UnknownVersionError(
            f"there is no version {version}; the newest is {table.version}.",
            where=table.root,
            fix="`lakehouse rollback <table>` lists the versions.",
        )
    try:
        earlier = open_table(table.root, table.options, version)
    except StorageError as error:
        raise UnknownVersionError(
            f"version {version} can no longer be opened: its entries of the log were cleaned up.",
            where=table.root,
            fix="Choose a later one: `lakehouse rollback <table>` lists the versions.",
        ) from error
    return earlier or table


def files_at(table: OpenTable, partitions: Iterable[str]) -> list[StagedFile]:
    """Return the files of some partitions as they were committed, statistics included."""
    wanted = {file.path: file for file in table.files_of(partitions)}
    with translated(table.root):
        actions = pl.DataFrame(table.delta.get_add_actions(flatten=False)).to_dicts()
    found = ((unquote(action["path"]), action) for action in actions)
    return [
        StagedFile(path, action["size_bytes"], wanted[path].rows, wanted[path].partition, "", _stats(action))
        for path, action in sorted(found, key=lambda one: one[0])
        if path in wanted
    ]


def absent(objects: Objects, files: Iterable[StagedFile]) -> list[str]:
    """Return the files that are gone or not whole."""
    return [file.path for file in files if objects.size(file.path) != file.size]


def copied(objects: Objects, file: StagedFile) -> StagedFile:
    """Copy a file to a free name of the same publish: no commit may add and remove the same path."""
    taken = objects.names(file.path.rpartition("/")[0])
    path = renumbered_file(file.path, taken)
    objects.copy(file.path, path)
    return StagedFile(path, file.size, file.rows, file.partition, file.sha256, file.stats)


def _version(entry: Mapping[str, Any]) -> Version:
    at = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC).isoformat(timespec="seconds")
    said = entry.get("userMetadata")
    return Version(int(entry["version"]), at, json.loads(said) if said else {})


def _stats(action: Mapping[str, Any]) -> str:
    # Bounds of integers and dates only, as they were staged; Delta's reader names every column, most of them null.
    lowest, highest, nulls = (action.get(name) or {} for name in ("min", "max", "null_count"))
    return json.dumps(
        {
            "numRecords": action["num_records"] or 0,
            "minValues": _bounds(lowest),
            "maxValues": _bounds(highest),
            "nullCount": {name: count for name, count in nulls.items() if count is not None},
        }
    )


def _bounds(values: Mapping[str, Any]) -> dict[str, int | str]:
    whole = {name: value for name, value in values.items() if isinstance(value, int) and not isinstance(value, bool)}
    dates = {
        name: value.isoformat()
        for name, value in values.items()
        if isinstance(value, date) and not isinstance(value, datetime)
    }
    return {**whole, **dates}
