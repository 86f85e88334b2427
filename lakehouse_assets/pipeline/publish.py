"""The one write primitive: what was staged is audited, recorded, and published by one commit, or removed.

Order of writing: record, quarantine, table. The table's commit is the decision; an unpaired quarantine file
is invisible to every reader. No commit when nothing changed.
"""

import dataclasses
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lakehouse_assets.naming import BUCKET, TableName, blocked_of, quarantine_of
from lakehouse_assets.pipeline.audit import Audited, audit
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.profiling.stopwatch import stage
from lakehouse_assets.pipeline.recorded import BLOCKED_SUFFIX, Recorded, recorded
from lakehouse_assets.pipeline.refused.dead_letters import keep_dead_letters, supersede_dead_letters
from lakehouse_assets.pipeline.step import Step, files_behind, open_quarantine, quarantine_columns
from lakehouse_assets.pipeline.table_statistics import keep_statistics
from lakehouse_assets.results import (
    BLOCKED,
    PUBLISHED,
    UNCHANGED,
    PartitionRecord,
    PartitionResult,
    Record,
    StagedFile,
)
from lakehouse_assets.storage.commit import Change, PartitionsMovedError, commit, remove_staged
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.records import write_record
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import OpenTable


def publish(step: Step, draft: Draft) -> list[PartitionResult]:
    """Publish the good partitions of a chunk, keep serving the previous version of the others.

    Raises PartitionsMovedError when another run published one of them first (the caller redoes the chunk).
    """
    started = time.perf_counter()
    with stage("audit"):
        audited = {one.partition: one for one in audit(step, draft)}
    served = recorded(step.lake.objects_of(step.name), step.table, step.partitions, skip_damaged=True)
    good = {name for name, one in audited.items() if not one.is_blocked}
    same = {name for name in good if _is_kept(step, draft, audited[name], served.get(name))}
    changed = sorted(good - same)
    keep_dead_letters(step, draft)
    keep_blocked(step, draft, [one for one in audited.values() if one.is_blocked])
    _discard(step, draft, set(audited) - set(changed))
    try:
        _check_unmoved(step, set(audited) - set(changed))
    except PartitionsMovedError:
        _discard(step, draft, set(changed))
        raise
    table = _publish_changed(step, draft, [audited[name] for name in changed])
    recover(step, good, [audited[name] for name in sorted(same)])
    seconds = time.perf_counter() - started
    results = [
        _result(step, one, served if name in same else {}, table, seconds / len(audited))
        for name, one in sorted(audited.items())
    ]
    supersede_dead_letters(step, draft, {one.partition: one.publish for one in results if not one.is_blocked})
    # Last: what a publish owes to readers and to its own records never waits for them.
    keep_statistics(step, draft, {name: audited[name].tally.content_hash for name in changed})
    return results


def _check_unmoved(step: Step, partitions: set[str]) -> None:
    """Raise PartitionsMovedError when a partition that makes no commit was published by another run meanwhile.

    Without a commit there is no compare-and-swap, and a verdict on older input must not be the last word.
    """
    newest = step.lake.open(step.name) if partitions else None
    if newest is None:
        return
    # A table kept in buckets is one partition.
    wanted = {*newest.partitions, *step.table.partitions} if newest.partition_column == BUCKET else partitions
    if not newest.holds_same(step.table, wanted):
        raise PartitionsMovedError("another run published the same partitions.", where=step.table.root)


def _is_kept(step: Step, draft: Draft, audited: Audited, served: Recorded | None) -> bool:
    # A derivation compares its buckets itself, and derives all of them again when anything else is not as recorded.
    return not draft.replaces if draft.derivation is not None else _is_same(step, audited, served)


def _is_same(step: Step, audited: Audited, served: Recorded | None) -> bool:
    if served is None or not is_whole(step, audited.partition):
        return False
    of, record = served.of, served.record
    contract, tally, new = step.contract, audited.tally, audited.record
    have = (of.content_hash, of.quarantine_hash, record.rule_set, record.contract_version)
    is_equal = have == (tally.content_hash, tally.quarantine_hash, contract.rule_set, contract.version)
    return is_equal and (of.waived, of.overridden) == (new.waived, new.overridden)


def is_whole(step: Step, partition: str) -> bool:
    """Whether every served file is there; one that somebody deleted comes back, although its content is the same."""
    objects = step.lake.objects_of(step.name)
    return all(objects.size(file.path) is not None for file in files_behind(step.table, [partition]))


def _publish_changed(step: Step, draft: Draft, audited: list[Audited]) -> OpenTable:
    if not audited:
        return step.table
    partitions = {one.partition for one in audited}
    valid, refused = draft.files(partitions)
    is_derived = draft.derivation is not None
    valid = valid if is_derived else (*valid, *_empty_files(step, draft, partitions, valid))
    record = record_of(step, audited, (*valid, *refused), PUBLISHED)
    with stage("write record"):
        record = dataclasses.replace(record, derivation=draft.derivation)
        metadata = write_record(step.lake.objects_of(step.name), record)
    names = draft.replaces or tuple(sorted(partitions))
    if refused:
        columns = quarantine_columns(step.contract)
        with stage("commit quarantine"):
            commit(open_quarantine(step), Change(refused, names, columns, metadata, adds_beside=True))
    with stage("commit table"):
        return commit(step.table, Change(valid, names, draft.columns, metadata, is_whole=is_derived))


def _empty_files(step: Step, draft: Draft, partitions: Iterable[str], valid: Iterable[StagedFile]) -> list[StagedFile]:
    filled = {file.partition for file in valid}
    columns = {name: kind for name, kind in draft.columns.items() if name != step.contract.partition_column}
    schema = in_memory(columns)
    return [
        step.lake.engine.stage_empty(step.target(), partition, schema) for partition in sorted(set(partitions) - filled)
    ]


def record_of(
    step: Step, audited: Iterable[Audited], files: tuple[StagedFile, ...], status: str, *, suffix: str = ""
) -> Record:
    """Return the record of what a step did to some partitions."""
    return Record(
        publish=step.publish + suffix,
        table=str(step.name),
        run_id=step.run_id,
        contract_version=step.contract.version,
        rule_set=step.contract.rule_set,
        started_at=step.started_at.isoformat(),
        finished_at=datetime.now(UTC).isoformat(),
        partitions=tuple(dataclasses.replace(one.record, status=status) for one in audited),
        files=files,
        upstreams={str(name): table.version for name, table in step.upstreams.items() if table is not None},
        engine=step.lake.engine.name,
        purpose=step.intent.purpose,
    )


def keep_blocked(step: Step, draft: Draft, blocked: list[Audited]) -> None:
    """Put the attempt into `blocked/<table>`, in place of the attempt before, unless it says the same."""
    side = blocked_of(step.name)
    blocked = _not_known(step, side, blocked)
    if not blocked:
        return
    table = open_quarantine(step, side)
    partitions = {one.partition for one in blocked}
    _, refused = draft.files(partitions)
    everything = Objects(step.lake.root, step.lake.options)
    for file in refused:
        everything.copy(f"{quarantine_of(step.name)}/{file.path}", f"{side}/{file.path}")
    columns = quarantine_columns(step.contract)
    schema = in_memory({name: kind for name, kind in columns.items() if name != step.contract.partition_column})
    bare = sorted(partitions - {file.partition for file in refused})
    empty = [step.lake.engine.stage_empty(step.target(side), partition, schema) for partition in bare]
    files = (*refused, *empty)
    metadata = write_record(step.lake.objects_of(side), record_of(step, blocked, files, BLOCKED, suffix=BLOCKED_SUFFIX))
    commit(table, Change(files, tuple(sorted(partitions)), columns, metadata, last_wins=True))


def _not_known(step: Step, side: TableName, blocked: list[Audited]) -> list[Audited]:
    table = step.lake.open(side) if blocked else None
    if table is None:
        return blocked
    partitions = [one.partition for one in blocked]
    known = recorded(step.lake.objects_of(side), table, partitions, suffix=BLOCKED_SUFFIX, skip_damaged=True)
    return [one for one in blocked if not _says_the_same(step, one, known.get(one.partition))]


def _says_the_same(step: Step, audited: Audited, known: Recorded | None) -> bool:
    if known is None:
        return False
    same_rules = known.record.rule_set == step.contract.rule_set
    return same_rules and _without_score(known.of) == _without_score(audited.record)


def _without_score(record: PartitionRecord) -> PartitionRecord:
    return dataclasses.replace(record, score=0.0, low_score=None)


def recover(step: Step, good: set[str], same: list[Audited]) -> None:
    """Take good partitions out of `blocked/<table>`.

    Looked for after the commit: a run on older input that blocked meanwhile either sees our commit or is seen here.
    """
    side = step.lake.open(blocked_of(step.name))
    partitions = good & set(side.partitions) if side else set()
    if side is None or not partitions:
        return
    recovered = [one for one in same if one.partition in partitions]
    if recovered:
        # Input that went back to what is served makes no commit, but its failure must not stay the newest word.
        write_record(step.lake.objects_of(step.name), record_of(step, recovered, (), UNCHANGED, suffix="-recovered"))
    columns, metadata = quarantine_columns(step.contract), {"resolved_by": step.publish}
    commit(side, Change((), tuple(sorted(partitions)), columns, metadata, last_wins=True))


def _discard(step: Step, draft: Draft, partitions: set[str]) -> None:
    """Remove staged files that no commit was ever offered; a file a commit may have taken is never touched."""
    valid, refused = draft.files(partitions)
    remove_staged(step.lake.root_of(step.name), step.lake.options, valid)
    remove_staged(step.lake.root_of(quarantine_of(step.name)), step.lake.options, refused)


def _result(
    step: Step, audited: Audited, served: Mapping[str, Recorded], table: OpenTable, seconds: float
) -> PartitionResult:
    same = served.get(audited.partition)
    status = BLOCKED if audited.is_blocked else UNCHANGED if same else PUBLISHED
    record = dataclasses.replace(audited.record, status=status)
    name = same.publish if same else step.publish
    return PartitionResult(
        str(step.name), audited.partition, status, name, record, table.version, seconds, audited.sentence
    )
