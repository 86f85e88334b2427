"""Bronze that is appended once: each object of a source is a batch, judged by itself and added exactly once.

A batch that is known is not read; a bad one is kept back without its neighbours. What identifies a batch and what
several publishes say together is `batches`; the fence that two runs meet at is `storage.fence`'s.
"""

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import narwhals as nw

from lakehouse_assets.connectors.log import LogConnector
from lakehouse_assets.connectors.protocol import Extraction, ObjectConnector, Rejection
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.errors import LakehouseError, StorageError
from lakehouse_assets.naming import DEFECT, PROC_DATE, RAW_HASH, ROW_ID, SOURCE_OBJECT
from lakehouse_assets.pipeline.append_log import append_log
from lakehouse_assets.pipeline.arrival import near_partitions
from lakehouse_assets.pipeline.audit import Audited, audit
from lakehouse_assets.pipeline.batches import batch_of, together
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.drift import fitted
from lakehouse_assets.pipeline.ingest import confirmed, landed, landing_columns, tally_of
from lakehouse_assets.pipeline.publish import keep_blocked, record_of, recover
from lakehouse_assets.pipeline.recorded import Recorded, recorded
from lakehouse_assets.pipeline.refused.dead_letters import keep_dead_letters, supersede_dead_letters
from lakehouse_assets.pipeline.step import Step, remove_files_of
from lakehouse_assets.results import (
    BLOCKED,
    PUBLISHED,
    UNCHANGED,
    Ledger,
    PartitionRecord,
    PartitionResult,
    SourceObject,
    StagedFile,
)
from lakehouse_assets.storage.commit import Change, commit, remove_staged
from lakehouse_assets.storage.fence import Batch, position
from lakehouse_assets.storage.records import write_record
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import OpenTable

# One commit and one record for so many batches; of each, as many files as a publish may number.
BATCHES_PER_PUBLISH = 100


@dataclass(frozen=True, slots=True)
class _Judged:
    """One batch and the verdict on it; `id` is "" where nothing could be read."""

    id: str
    audited: Audited
    files: tuple[StagedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class _Landed:
    """What was staged of one batch and counted of all, and where contents were met before."""

    files: tuple[StagedFile, ...]
    counts: Mapping[tuple[str, str], Mapping[str, int]]
    seen: dict[str, str]


@dataclass(slots=True)
class _Done:
    """What became of the batches of a step so far; `seen` says where each content was met first."""

    table: OpenTable
    seen: dict[str, str]
    appended: Counter[str] = field(default_factory=Counter)
    refused: dict[str, list[Audited]] = field(default_factory=dict)

    def rests(self, partition: str) -> bool:
        """Whether nothing is known against a partition, and nothing was added to it."""
        return not self.refused.get(partition) and partition not in self.appended


def append(step: Step, *, was_refused: bool = False) -> list[PartitionResult]:
    """Append the batches of some partitions that the table does not have; return what the partitions hold then.

    Raises FenceMovedError when another run appended one of them meanwhile (the caller looks again, `was_refused`).
    """
    started = time.perf_counter()
    log = step.lake.connector(step.name.path[0])
    if isinstance(log, LogConnector) and not step.intent.re_extract:
        return append_log(step, log)
    before = _words(step, step.table, step.partitions)
    done = _Done(step.table, _seen(step, before))
    for number, group in enumerate(_groups(_arriving(step, before, was_refused=was_refused))):
        publish = f"{step.publish}{number:03d}" if number else step.publish
        _append_group(replace(step, publish=publish, table=done.table), group, done)
    _keep_refused(step, done)
    newest = step.lake.open(step.name) or done.table
    after = _words(step, newest, step.partitions)
    good = {partition for partition in step.partitions if not done.refused.get(partition)}
    recover(step, good, [_as_audited(word.of) for partition, word in after.items() if done.rests(partition)])
    seconds = (time.perf_counter() - started) / max(1, len(step.partitions))
    results = [_result(step, partition, done, after.get(partition)) for partition in step.partitions]
    supersede_dead_letters(step, Draft(()), {one.partition: one.publish for one in results if not one.is_blocked})
    return [replace(result, version=newest.version, seconds=seconds) for result in results]


def _words(step: Step, table: OpenTable, partitions: Iterable[str]) -> dict[str, Recorded]:
    return recorded(step.lake.objects_of(step.name), table, partitions, skip_damaged=True)


def _seen(step: Step, before: Mapping[str, Recorded]) -> dict[str, str]:
    words = {**_words(step, step.table, near_partitions(step)), **before}
    found = [(one.sha256, f"{one.path} of {name}") for name, word in sorted(words.items()) for one in word.of.objects]
    return dict(reversed(found))


def _arriving(step: Step, before: Mapping[str, Recorded], *, was_refused: bool) -> Iterator[Extraction | Rejection]:
    source, _ = step.name.path
    if step.intent.re_extract:
        raise LakehouseError(
            "a table that is appended once is never replaced.",
            where=str(step.name),
            fix="`lakehouse rollback` takes batches back; a run then loads them again.",
        )
    connector = step.lake.connector(source)
    if not isinstance(connector, ObjectConnector):
        raise LakehouseError(
            f"sources of kind {connector.kind!r} have no objects that could be appended once.",
            where=str(step.contract.place),
            fix="Write load: partition.",
        )
    loaded = {batch_of(partition, one) for partition, word in before.items() for one in word.of.objects}

    def is_known(partition: str, source_object: SourceObject) -> bool:
        batch = batch_of(partition, source_object)
        # Records tell it in one go; asking the log for each batch is slow in an object store, so only in doubt.
        return batch in loaded or (was_refused and position(step.table, batch) > 0)

    answers = connector.extract_objects(step.lake.catalog.source_table(step.name), step.partitions, is_known)
    # Files may leave the source once they are loaded: that nothing is there is no failure then.
    return (one for one in answers if one.partition not in before or not _is_missing(one))


def _groups(answers: Iterator[Extraction | Rejection]) -> Iterator[list[Extraction | Rejection]]:
    while group := list(itertools.islice(answers, BATCHES_PER_PUBLISH)):
        yield group


def _append_group(step: Step, group: Sequence[Extraction | Rejection], done: _Done) -> None:
    with contextlib.ExitStack() as undo:
        undo.callback(_forget_staged, step)
        columns, judged = _judged(step, [fitted(step, {one.partition: one})[one.partition] for one in group], done.seen)
        undo.pop_all()
    for one in judged:
        if one.audited.is_blocked:
            done.refused.setdefault(one.audited.partition, []).append(one.audited)
            remove_staged(step.lake.root_of(step.name), step.lake.options, one.files)
    good = [one for one in judged if not one.audited.is_blocked]
    if good:
        done.table = _commit(step, columns, good)
        done.appended.update(one.audited.partition for one in good)


def _forget_staged(step: Step) -> None:
    with contextlib.suppress(StorageError):
        remove_files_of(step)


def _judged(
    step: Step, answers: Sequence[Extraction | Rejection], seen: dict[str, str]
) -> tuple[dict[str, str], list[_Judged]]:
    arrived = [answer for answer in answers if isinstance(answer, Extraction)]
    columns = landing_columns(step, arrived)
    rows = [_identified(answer, columns) for answer in arrived]
    staged: list[list[StagedFile]] = []
    counts: dict[tuple[str, str], dict[str, int]] = {}
    if arrived:
        branches = [Branch(one, step.target(pass_number=number)) for number, one in enumerate(rows)]
        staged, totals = step.lake.engine.stage(branches, _totals(rows))
        counts = {(row[PROC_DATE], row[SOURCE_OBJECT]): row for row in totals.iter_rows(named=True)}
    judged = [
        _landed(step, columns, one, _Landed(tuple(files), counts, seen))
        for one, files in zip(arrived, staged, strict=True)
    ]
    refused = [_verdict(step, columns, one) for one in answers if isinstance(one, Rejection)]
    return columns, [*judged, *refused]


def _identified(answer: Extraction, columns: Mapping[str, str]) -> nw.LazyFrame:
    """Return the rows of a batch; their ids name it, for one path may bring several contents to a partition."""
    batch = batch_of(answer.partition, answer.objects[0])
    row_id = nw.concat_str(nw.col(ROW_ID), nw.lit(f"@{batch[:16]}"))
    return landed(replace(answer, frame=answer.frame.with_columns(row_id.alias(ROW_ID))), columns)


def _totals(rows: Sequence[nw.LazyFrame]) -> nw.LazyFrame:
    everything = nw.concat(rows, how="vertical").with_columns(nw.lit(value=True).alias("__all"))
    return everything.group_by(PROC_DATE, SOURCE_OBJECT).agg(
        nw.len().cast(nw.Int64).alias("rows"),
        nw.col(DEFECT).count().cast(nw.Int64).alias("defects"),
        *kit.content_totals(RAW_HASH, where="__all", prefix="valid"),
    )


def _landed(step: Step, columns: dict[str, str], came: Extraction, staged: _Landed) -> _Judged:
    (source_object,) = came.objects
    counted = staged.counts.get((came.partition, source_object.path), {})
    first = staged.seen.setdefault(source_object.sha256, f"{source_object.path} of {came.partition}")
    repeats = {} if first == f"{source_object.path} of {came.partition}" else {source_object.path: first}
    tally = tally_of(confirmed(came), counted, repeats)
    (audited,) = audit(step, Draft((tally,), staged.files, (), columns))
    totals = tuple(int(counted.get(name, 0)) for name in ("rows", "valid_low", "valid_high"))
    judged = replace(audited, record=replace(audited.record, content_totals=totals))
    return _Judged(batch_of(came.partition, source_object), judged, staged.files)


def _verdict(step: Step, columns: dict[str, str], refused: Rejection) -> _Judged:
    (audited,) = audit(step, Draft((tally_of(refused, {}, {}),), (), (), columns))
    return _Judged("", audited)


def _commit(step: Step, columns: Mapping[str, str], good: Sequence[_Judged]) -> OpenTable:
    parts: dict[str, list[Audited]] = {}
    for one in good:
        parts.setdefault(one.audited.partition, []).append(one.audited)
    audited = [replace(found[-1], record=together([one.record for one in found])) for found in parts.values()]
    files = [file for one in good for file in one.files]
    bare = sorted(parts.keys() - {file.partition for file in files})
    schema = in_memory({name: kind for name, kind in columns.items() if name != step.contract.partition_column})
    target = step.target(pass_number=len(good))
    files += [step.lake.engine.stage_empty(target, partition, schema) for partition in bare]
    batches = tuple(Batch(one.id) for one in good)
    record = record_of(step, audited, tuple(files), PUBLISHED)
    record = replace(record, batches={batch.app_id: batch.version for batch in batches})
    metadata = write_record(step.lake.objects_of(step.name), record)
    change = Change(tuple(files), tuple(sorted(parts)), columns, metadata, adds_beside=True, batches=batches)
    return commit(step.table, change)


def _keep_refused(step: Step, done: _Done) -> None:
    refused = {partition: found for partition, found in done.refused.items() if found}
    tallies = tuple(one.tally for found in refused.values() for one in found)
    keep_dead_letters(step, Draft(tallies))
    keep_blocked(step, Draft(tallies), [_as_one(found) for found in refused.values()])


def _as_one(refused: Sequence[Audited]) -> Audited:
    """Return the verdict on all refused batches of a partition as one."""
    record = together([one.record for one in refused])
    count = len(refused) - 1
    more = f" (and {count} more {'file' if count == 1 else 'files'})" if count else ""
    return Audited(
        record.partition,
        Tally(record.partition, record.ledger),
        record,
        is_blocked=True,
        sentence=refused[0].sentence + more,
    )


def _is_missing(answer: Extraction | Rejection) -> bool:
    return isinstance(answer, Rejection) and answer.error.code == "missing"


def _as_audited(record: PartitionRecord) -> Audited:
    return Audited(record.partition, Tally(record.partition, record.ledger), record, is_blocked=False, sentence="")


def _result(step: Step, partition: str, done: _Done, served: Recorded | None) -> PartitionResult:
    refused = done.refused.get(partition)
    added = done.appended[partition]
    if refused:
        one = _as_one(refused)
        others = f" {added} other {'file was' if added == 1 else 'files were'} appended." if added else ""
        record = replace(one.record, status=BLOCKED)
        return PartitionResult(
            str(step.name), partition, BLOCKED, step.publish, record, step.table.version, message=one.sentence + others
        )
    status = PUBLISHED if added else UNCHANGED
    record = served.of if served else PartitionRecord(partition, Ledger(), (), "", "", 0.0, status)
    name = served.publish if served else step.publish
    return PartitionResult(str(step.name), partition, status, name, replace(record, status=status), step.table.version)
