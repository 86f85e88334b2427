"""The only place that commits: staged files replace a set of partitions, or nothing happens.

Compare-and-swap: the handle was opened before staging and `max_commit_retries=0`, so a table that moved
refuses the commit (see `docs/adr/0001-one-write-primitive.md`).
"""

import json
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deltalake import CommitProperties, PostCommitHookProperties, Schema, Transaction
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
from lakehouse_assets.storage.fence import Batch, is_at, moved
from lakehouse_assets.storage.objects import Objects, translated
from lakehouse_assets.storage.proof import require_atomic
from lakehouse_assets.storage.staged import check_present, check_staged
from lakehouse_assets.storage.table import OpenTable, delta_schema, open_table
from lakehouse_assets.storage.versions import note_version

ATTEMPTS = 12


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit does: `files` take the place of everything in `partitions`. `columns` are the run's Delta types.

    `adds_beside=True` leaves served files in place (quarantine); its readers join on publish ids.
    `last_wins=True` is for side tables that only mirror the newest attempt (`blocked/…`).
    `batches` are fenced: the commit happens only while each of them stands where it is expected to (`fence`).
    `returns=True` publishes files of an earlier version again; whatever else is committed meanwhile refuses it.
    `is_whole=True` says that the table follows from one input: other partitions must not have moved either.
    """

    files: tuple[StagedFile, ...]
    partitions: tuple[str, ...]
    columns: Mapping[str, str]
    metadata: Mapping[str, str]
    adds_beside: bool = False
    last_wins: bool = False
    batches: tuple[Batch, ...] = ()
    returns: bool = False
    is_whole: bool = False

    @property
    def is_indifferent(self) -> bool:
        """Whether it does not matter that another run published the same partitions meanwhile."""
        return self.adds_beside or self.last_wins


class PartitionsMovedError(StorageError):
    """Another run published one of these partitions meanwhile; the work must be redone on what it left."""


class FenceMovedError(PartitionsMovedError):
    """A batch does not stand where it was expected; `positions` says where each of these stands now."""

    def __init__(self, where: str, positions: Mapping[str, int]) -> None:
        self.positions = dict(positions)
        super().__init__(f"{len(self.positions)} batches were committed by another run.", where=where)


def commit(table: OpenTable, change: Change) -> OpenTable:
    """Publish `change` on the version that `table` was opened at and return the new version.

    Retries while only other partitions moved. Raises PartitionsMovedError when ours moved, StagedFileError,
    SchemaChangeError or ForeignPartitionError before anything is written, PublishConflictError at the end.
    """
    require_atomic(table.root, table.options)
    _check_partitions(table, change)
    _check_files(table, change)
    current = _widened_before(table, change)
    for attempt in range(ATTEMPTS):
        _check_fence(current, change)
        failure = _try_commit(current, change)
        newer = _reopen(table)
        if failure is None or _landed(newer, change):
            note_version(newer.root, newer.options, newer.version)
            return newer
        if not isinstance(failure, CommitFailedError):
            raise failure
        _check_ours_unmoved(table, newer, change)
        current = newer
        _wait(attempt)
    raise _gave_up(table)


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


def _check_files(table: OpenTable, change: Change) -> None:
    objects = Objects(table.root, table.options)
    if change.returns:
        # They were judged when they were published first, perhaps under fewer columns than there are today.
        check_present(objects, change.files)
        return
    stored = {name: kind for name, kind in change.columns.items() if name != table.partition_column}
    check_staged(objects, change.files, stored)


def _check_fence(table: OpenTable, change: Change) -> None:
    # On the handle that commits: an app-transaction alone lets a stale writer repeat what another one committed.
    positions = moved(table, change.batches)
    if positions:
        raise FenceMovedError(table.root, positions)


def _check_ours_unmoved(table: OpenTable, newer: OpenTable, change: Change) -> None:
    has_moved = not change.is_indifferent and not newer.holds_same(table, change.partitions)
    if has_moved or change.returns or (change.is_whole and newer.files != table.files):
        raise PartitionsMovedError("another run published the same partitions.", where=table.root)


def _widened_before(table: OpenTable, change: Change) -> OpenTable:
    """Add the columns that an append brings; only an overwrite changes a schema, so one of no partition does."""
    widened(table.columns, change.columns, where=table.root)
    new = change.columns.keys() - table.columns.keys() if change.adds_beside else set()
    for attempt in range(ATTEMPTS if new else 0):
        failure = _try_commit(table, Change((), (), change.columns, {"widened": ", ".join(new)}))
        if failure is not None and not isinstance(failure, CommitFailedError):
            raise failure
        table = _reopen(table)
        note_version(table.root, table.options, table.version)
        new = change.columns.keys() - table.columns.keys()
        if not new:
            break
        _wait(attempt)
    if new:
        raise _gave_up(table)
    return table


def longest_pause_seconds(attempt: int) -> float:
    """Return how long a writer waits at most after an attempt, counted from 0: twice as long each time, up to 0.64."""
    return min(0.02 * 2.0**attempt, 0.64)


def _wait(attempt: int) -> None:
    time.sleep(random.uniform(0, longest_pause_seconds(attempt)))  # noqa: S311 - only jitter


def _gave_up(table: OpenTable) -> PublishConflictError:
    return PublishConflictError(
        f"gave up after {ATTEMPTS} attempts: other writers commit to this table all the time.",
        where=table.root,
        fix="Run again when fewer runs write to it; nothing was published and nothing lost.",
    )


def _try_commit(table: OpenTable, change: Change) -> Exception | None:
    schema = widened(table.columns, change.columns, where=table.root)
    column = table.partition_column
    properties = CommitProperties(
        max_commit_retries=0,
        app_transactions=[Transaction(batch.app_id, batch.version) for batch in change.batches],
        custom_metadata={"userMetadata": json.dumps(dict(change.metadata), sort_keys=True)},
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
                # What the log still has to tell is known to maintenance alone: pins and releases reach further back.
                post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
            )
    except (CommitFailedError, StorageError) as error:
        return error
    return None


def _landed(table: OpenTable, change: Change) -> bool:
    # An object store may answer with an error after it took the commit; our own files tell.
    if change.returns:
        return is_at(table, change.batches)
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
