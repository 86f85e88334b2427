"""The only place that commits: staged files replace a set of partitions, or nothing happens.

Compare-and-swap: the handle was opened before staging and `max_commit_retries=0`, so a table that moved
refuses the commit (see `docs/adr/0003-one-write-primitive.md`).
"""

import json
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deltalake import CommitProperties, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from lakehouse_assets.errors import (
    ForeignPartitionError,
    PublishConflictError,
    SchemaChangeError,
    StorageError,
)
from lakehouse_assets.naming import is_partition_key
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.objects import Objects, translated
from lakehouse_assets.storage.staged import check_staged
from lakehouse_assets.storage.table import OpenTable, delta_schema, open_table

ATTEMPTS = 12


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit does: `files` take the place of everything in `partitions`. `columns` are the run's Delta types.

    `adds_beside=True` leaves served files in place (quarantine); its readers join on publish ids.
    `last_wins=True` is for side tables that only mirror the newest attempt (`blocked/…`).
    """

    files: tuple[StagedFile, ...]
    partitions: tuple[str, ...]
    columns: Mapping[str, str]
    metadata: Mapping[str, str]
    adds_beside: bool = False
    last_wins: bool = False

    @property
    def is_indifferent(self) -> bool:
        """Whether it does not matter that another run published the same partitions meanwhile."""
        return self.adds_beside or self.last_wins


class PartitionsMovedError(StorageError):
    """Another run published one of these partitions meanwhile; the work must be redone on what it left."""


def commit(table: OpenTable, change: Change) -> OpenTable:
    """Publish `change` on the version that `table` was opened at and return the new version.

    Retries while only other partitions moved. Raises PartitionsMovedError when ours moved, StagedFileError,
    SchemaChangeError or ForeignPartitionError before anything is written, PublishConflictError at the end.
    """
    _check_partitions(table, change)
    stored = {name: kind for name, kind in change.columns.items() if name != table.partition_column}
    check_staged(Objects(table.root, table.options), change.files, stored)
    current = table
    for attempt in range(ATTEMPTS):
        failure = _try_commit(current, change)
        newer = _reopen(table)
        if failure is None or _landed(newer, change):
            return newer
        if not isinstance(failure, CommitFailedError):
            raise failure
        if not change.is_indifferent and newer.files_of(change.partitions) != table.files_of(change.partitions):
            raise PartitionsMovedError("another run published the same partitions.", where=table.root)
        current = newer
        time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 5)))  # noqa: S311 - jitter, not a secret
    raise PublishConflictError(
        f"gave up after {ATTEMPTS} attempts: other writers commit to this table all the time.",
        where=table.root,
        fix="Run again when fewer runs write to it; nothing was published and nothing lost.",
    )


def widened(have: Mapping[str, str], want: Mapping[str, str], *, where: str) -> Schema:
    """Return the table's columns plus the new nullable ones of `want`; refuse any other difference."""
    changed = [f"{name} {have[name]} → {kind}" for name, kind in want.items() if have.get(name, kind) != kind]
    if changed:
        raise SchemaChangeError(
            f"a publish may only add columns, not change their type: {', '.join(changed)}.",
            where=where,
            fix="Give the contract a new major version (a new table), or keep the type.",
        )
    return delta_schema({**have, **want})


def _try_commit(table: OpenTable, change: Change) -> Exception | None:
    schema = widened(table.columns, change.columns, where=table.root)
    column = table.partition_column
    properties = CommitProperties(
        max_commit_retries=0, custom_metadata={"userMetadata": json.dumps(dict(change.metadata), sort_keys=True)}
    )
    adds = [_add_action(file, column) for file in change.files]
    beside = change.adds_beside
    try:
        with translated(table.root):
            table.delta.create_write_transaction(
                adds,
                "append" if beside else "overwrite",
                schema,
                [column],
                partition_filters=None if beside else [(column, "in", list(change.partitions))],
                commit_properties=properties,
            )
    except (CommitFailedError, StorageError) as error:
        return error
    return None


def _landed(table: OpenTable, change: Change) -> bool:
    # An object store may answer with an error after it took the commit; our own files tell.
    return bool(change.files) and {file.path for file in change.files} <= {file.path for file in table.files}


def _add_action(file: StagedFile, partition_column: str) -> AddAction:
    written_at = int(time.time() * 1000)
    return AddAction(file.path, file.size, {partition_column: file.partition}, written_at, True, file.stats)  # noqa: FBT003


def _check_partitions(table: OpenTable, change: Change) -> None:
    foreign = sorted({file.partition for file in change.files} - set(change.partitions))
    if foreign or not change.partitions:
        raise ForeignPartitionError(
            f"the publish would write partitions its run does not own: {', '.join(foreign[:5]) or 'none named'}.",
            where=table.root,
            fix="A load mode may only return rows of the partitions it was asked for.",
        )
    hostile = [partition for partition in change.partitions if not is_partition_key(partition)]
    if hostile:
        raise ForeignPartitionError(
            f"{hostile[0]!r} cannot be a partition: readers would take it for another one.",
            where=table.root,
            fix="Use ISO dates or words of `[A-Za-z0-9_.:=+-]`, at most 128 characters.",
        )


def _reopen(table: OpenTable) -> OpenTable:
    newer = open_table(table.root, table.options)
    if newer is None:
        raise StorageError("the table disappeared while it was written.", where=table.root)
    return newer


def remove_staged(root: str, options: Mapping[str, str], files: Iterable[StagedFile]) -> None:
    """Delete files that no commit references."""
    Objects(root, options).delete(file.path for file in files)
