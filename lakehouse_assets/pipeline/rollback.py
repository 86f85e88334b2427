"""Going back: one commit that publishes the files of an earlier version again, and with them what their records say.

Batches that were appended later stand where they stood then, so they are loaded again; columns are never taken away.
A rollback is a publish with a record, and is itself undone by a second one.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import NothingToDoError, PublishConflictError, StorageError, UnknownTableError
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName, publish_id, publish_of_record, rollback_batch
from lakehouse_assets.pipeline.draft import EMPTY_HASH
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.leases import held
from lakehouse_assets.pipeline.notices import forget_notice, leave_notice
from lakehouse_assets.pipeline.recorded import blocked, readable_record, recorded
from lakehouse_assets.pipeline.upkeep.maintain import lease_of
from lakehouse_assets.results import WITHDRAWN, Ledger, PartitionRecord, Record, StagedFile
from lakehouse_assets.storage.commit import Change, PartitionsMovedError, commit, remove_staged
from lakehouse_assets.storage.earlier import Version, absent, copied, files_at, open_version, versions_of
from lakehouse_assets.storage.fence import Batch, position
from lakehouse_assets.storage.records import read_record, write_record
from lakehouse_assets.storage.table import OpenTable

ATTEMPTS = 5
WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PartitionChange:
    """What a rollback does to one partition: rows and files now, and then."""

    partition: str
    rows_now: int
    rows_then: int
    files_now: int
    files_then: int


@dataclass(frozen=True, slots=True)
class Rollback:
    """What going back to a version means: which partitions change, and which batches stand elsewhere again."""

    table: TableName
    now: OpenTable
    then: OpenTable
    partitions: tuple[PartitionChange, ...]
    batches: tuple[Batch, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """One version of a table, when it was committed, and what made it."""

    version: int
    at: str
    what: str


def list_versions(lake: Lake, table: TableName, limit: int = 20) -> list[Made]:
    """Return the newest versions of a table that one can go back to, the newest first."""
    return [_made(lake, table, version) for version in versions_of(_opened(lake, table), limit)]


def _made(lake: Lake, table: TableName, version: Version) -> Made:
    publish = publish_of_record(version.metadata.get("record", ""))
    record = readable_record(lake.objects_of(table), publish) if publish else None
    what = "created" if version.number == 0 else " ".join([*version.metadata, *version.metadata.values()][:2])
    if record is not None:
        what = _sentence(record)
    return Made(version.number, version.at, what)


def _sentence(record: Record) -> str:
    if record.returns_to is not None:
        return f"rollback to version {record.returns_to}"
    names = [one.partition for one in record.partitions]
    span = " … ".join(dict.fromkeys([names[0], names[-1]])) if names else "nothing"
    count = f" ({len(names)} partitions)" if len(names) > 1 else ""
    return f"{span}{count} by {record.purpose or 'run'} {record.run_id}"


def plan_rollback(lake: Lake, table: TableName, version: int) -> Rollback:
    """Return what going back to a version would do.

    Raises UnknownVersionError, NothingToDoError when the version is what is served, and StorageError when files of
    the version are gone.
    """
    now = _opened(lake, table)
    then = open_version(now, version)
    changed = [name for name in sorted({*now.partitions, *then.partitions}) if _paths(now, name) != _paths(then, name)]
    batches = _batches(lake, table, now, then, changed)
    if not changed and not batches:
        raise NothingToDoError(
            f"version {version} holds exactly what is served now.", where=str(table), fix="Nothing was changed."
        )
    gone = absent(lake.objects_of(table), files_at(then, changed))
    if gone:
        raise StorageError(
            f"{len(gone)} files of version {version} are gone, the first is {gone[0]}.",
            where=str(table),
            fix="Maintenance removes files that nothing serves any longer. Choose a later version, or run the "
            "partitions again.",
        )
    return Rollback(table, now, then, tuple(_change(now, then, name) for name in changed), batches)


def roll_back(lake: Lake, table: TableName, version: int, *, run_id: str) -> Rollback:
    """Publish the files of an earlier version again; return what that changed. Raises what `plan_rollback` raises.

    Waits for maintenance of the table: files beyond the retention could go between the look at them and the commit.
    """
    with held(lake, lease_of(table), wait_seconds=WAIT_SECONDS):
        return _roll_back(lake, table, version, run_id)


def _roll_back(lake: Lake, table: TableName, version: int, run_id: str) -> Rollback:
    for _ in range(ATTEMPTS):
        plan = plan_rollback(lake, table, version)
        publish = publish_id(run_id, 0, secrets.token_hex(4))
        notice = leave_notice(lake, table, publish)
        try:
            _commit(lake, plan, publish, run_id)
        except PartitionsMovedError:
            # Whatever was published meanwhile is taken back too, so it has to be looked at.
            forget_notice(lake, notice)
            continue
        return plan
    raise PublishConflictError(
        f"gave up after {ATTEMPTS} attempts: other runs publish to this table all the time.",
        where=str(table),
        fix="Let them finish, or stop them, and roll back again; nothing was changed.",
    )


def _opened(lake: Lake, table: TableName) -> OpenTable:
    lake.contract(table)
    opened = lake.open(table)
    if opened is None:
        raise UnknownTableError(f"{table} was never published.", fix="There is nothing to go back from.")
    return opened


def _paths(table: OpenTable, partition: str) -> set[str]:
    return {file.path for file in table.files_of([partition])}


def _change(now: OpenTable, then: OpenTable, partition: str) -> PartitionChange:
    files = (now.files_of([partition]), then.files_of([partition]))
    rows = [sum(file.rows for file in found) for found in files]
    return PartitionChange(partition, *rows, *map(len, files))


def _batches(
    lake: Lake, table: TableName, now: OpenTable, then: OpenTable, partitions: Iterable[str]
) -> tuple[Batch, ...]:
    """Return the batches of publishes that come or go, each from where it stands to where it stood."""
    wanted = set(partitions)
    publishes = {
        name
        for opened in (now, then)
        for partition, names in opened.publishes_by_partition().items()
        if partition in wanted
        for name in names
    }
    objects = lake.objects_of(table)
    records = (read_record(objects, publish) for publish in sorted(publishes))
    known = sorted({app_id for record in records if record is not None for app_id in record.batches})
    moved = (Batch(app_id, position(then, app_id), position(now, app_id)) for app_id in known)
    return tuple(batch for batch in moved if batch.version != batch.after)


def _commit(lake: Lake, plan: Rollback, publish: str, run_id: str) -> None:
    objects = lake.objects_of(plan.table)
    active = {file.path for file in plan.now.files}
    copies: list[StagedFile] = []
    files: list[StagedFile] = []
    for file in files_at(plan.then, [one.partition for one in plan.partitions]):
        # Served files are published again under another name.
        kept = file if file.path not in active else copied(objects, file)
        copies += [kept] if kept is not file else []
        files.append(kept)
    metadata = write_record(objects, _record(lake, plan, publish, run_id, files))
    change = Change(
        tuple(files),
        tuple(one.partition for one in plan.partitions),
        {**plan.then.columns, **plan.now.columns},
        metadata,
        batches=(*plan.batches, Batch(rollback_batch(publish))),
        returns=True,
    )
    try:
        commit(plan.now, change)
    except PartitionsMovedError:
        remove_staged(plan.now.root, lake.options, copies)
        raise


def _record(lake: Lake, plan: Rollback, publish: str, run_id: str, files: Sequence[StagedFile]) -> Record:
    contract = lake.contract(plan.table)
    partitions = _words(lake, plan)
    at = datetime.now(UTC).isoformat()
    return Record(
        publish=publish,
        table=str(plan.table),
        run_id=run_id,
        contract_version=contract.version,
        rule_set=contract.rule_set,
        started_at=at,
        finished_at=at,
        partitions=partitions,
        files=tuple(files),
        engine=lake.engine.name,
        batches={batch.app_id: batch.version for batch in plan.batches},
        returns_to=plan.then.version,
    )


def _words(lake: Lake, plan: Rollback) -> tuple[PartitionRecord, ...]:
    """Return what is true of the partitions again; an attempt that is blocked now stays the newest word on its own."""
    objects = lake.objects_of(plan.table)
    then = recorded(objects, plan.then, plan.then.partitions, skip_damaged=True)
    failing = blocked(lake, plan.table)
    names = [name for name in _named(lake.contract(plan.table), plan) if name not in failing]
    return tuple(then[name].of if name in then else _withdrawn(name) for name in names)


def _named(contract: Contract, plan: Rollback) -> list[str]:
    changed = [one.partition for one in plan.partitions]
    # However many buckets a table is kept in, it is one partition.
    return changed if contract.is_partitioned else [SNAPSHOT_PARTITION]


def _withdrawn(partition: str) -> PartitionRecord:
    return PartitionRecord(partition, Ledger(), (), EMPTY_HASH, EMPTY_HASH, 0.0, WITHDRAWN)
