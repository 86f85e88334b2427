"""Bronze that is appended from a log: stretch by stretch, each judged and committed with the positions it moves to.

Dead letters come first, then the record, then the commit that adds the rows and moves the positions, or nothing. Two
readers of the same parts meet at the fence (`storage.fence`): the later one drops what it read and looks again.
"""

import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import narwhals as nw
import polars as pl

from lakehouse_assets.connectors.log import LogConnector, Span, Stretch
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.errors import PublishConflictError, SourceError
from lakehouse_assets.naming import PROC_DATE, ROW_ID
from lakehouse_assets.pipeline.arrival import log_results, settled
from lakehouse_assets.pipeline.audit import Audited, audit
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.drift import fitted
from lakehouse_assets.pipeline.ingest import landed, landing_columns, landing_totals, tally_of
from lakehouse_assets.pipeline.publish import keep_blocked, record_of, recover
from lakehouse_assets.pipeline.recorded import Recorded, recorded
from lakehouse_assets.pipeline.refused.dead_letters import add_dead_letters, settle_dead_letters
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import (
    BLOCKED,
    PUBLISHED,
    UNCHANGED,
    Ledger,
    PartitionRecord,
    PartitionResult,
    StagedFile,
)
from lakehouse_assets.storage.commit import Change, FenceMovedError, commit, remove_staged
from lakehouse_assets.storage.fence import Batch, position
from lakehouse_assets.storage.records import write_record
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import OpenTable

# Somebody moves on with every race that is lost; one who loses so many in a row is better started again later.
RACES = 50
Tell = Callable[[Sequence[PartitionResult]], None]


def _untold(_results: Sequence[PartitionResult]) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class _Done:
    """What became of a log so far: the table as it is now, and what was done to which partitions."""

    table: OpenTable
    appended: set[str] = field(default_factory=set)
    read_again: set[str] = field(default_factory=set)
    refused: dict[str, Audited] = field(default_factory=dict)
    stretches: int = 0
    races: int = 0


def append_log(
    step: Step, connector: LogConnector, span: Span | None = None, tell: Tell = _untold
) -> list[PartitionResult]:
    """Append what the table does not have; return what the partitions hold then that were asked for or added to.

    `tell` hears of every commit. A stretch with a partition that may not be published is not appended, nor is any
    after it: the blocked partitions are results.
    """
    started, done, span = time.perf_counter(), _Done(step.table), span or Span()
    while not _read(step, connector, span, done, tell):
        done.table = step.lake.open(step.name) or done.table
        done.races += 1
        if done.races >= RACES:
            raise PublishConflictError(
                f"{RACES} times another reader appended the same records first.",
                where=str(step.name),
                fix="Two readers of one topic compete; let one of them go on.",
            )
        time.sleep(random.uniform(0, 0.05))  # noqa: S311 - jitter, not a secret
    return _results(step, done, time.perf_counter() - started)


def _read(step: Step, connector: LogConnector, span: Span, done: _Done, tell: Tell) -> bool:
    """Append stretches until there are no more; return whether that is so, False when another reader was there."""
    table = step.lake.catalog.source_table(step.name)
    standing = done.table
    stretches = connector.read_log(table, lambda part: position(standing, part), span)
    try:
        with contextlib.closing(stretches):
            for stretch in stretches:
                before = frozenset(done.refused)
                results = _append(_next(step, stretch, done), stretch, done, is_again=span.window is not None)
                tell(results)
                done.races = 0
                if done.refused.keys() - before:
                    return True
    except FenceMovedError:
        return False
    except SourceError as error:
        if not step.partitions:
            raise
        source = step.lake.catalog.sources[step.name.path[0]]
        refused = [settled(source, Rejection(partition, error)) for partition in step.partitions]
        _refuse(step, [one for one in refused if isinstance(one, Rejection)], done)
    return True


def _next(step: Step, stretch: Stretch, done: _Done) -> Step:
    done.stretches += 1
    partitions = tuple(sorted(one.partition for one in stretch.arrivals))
    return replace(step, publish=f"{step.publish}{done.stretches:03d}", partitions=partitions, table=done.table)


def _append(step: Step, stretch: Stretch, done: _Done, *, is_again: bool) -> list[PartitionResult]:
    """Append one stretch, or keep it back whole."""
    answers = fitted(step, {one.partition: one for one in stretch.arrivals})
    wrong = [one for one in answers.values() if isinstance(one, Rejection)]
    if wrong:
        return _refuse(step, wrong, done)
    arrivals = [one for one in answers.values() if isinstance(one, Extraction)]
    add_dead_letters(step, [letter for one in arrivals for letter in one.dead_letters])
    if is_again:
        arrivals = [_without_landed(step, one) for one in arrivals]
    columns = landing_columns(step, arrivals)
    files, counts = _staged(step, arrivals, columns)
    tallies = [_tally(step, one, stretch, counts.get(one.partition, {})) for one in arrivals]
    draft = Draft(tuple(tallies), files, (), columns)
    audited = [_with_counts(_judged(step, draft, one), counts.get(one.partition, {})) for one in tallies]
    blocked = [one for one in audited if one.is_blocked]
    if blocked:
        remove_staged(step.table.root, step.lake.options, files)
        return _keep(step, blocked, done)
    batches = [Batch(part, version, after) for part, (after, version) in stretch.moves.items()]
    if is_again and not files:
        done.read_again |= set(step.partitions)
        return [_told(step, one, UNCHANGED, step.table) for one in audited]
    done.table = _committed(step, columns, audited, files, batches)
    done.appended |= set(step.partitions)
    done.refused = {}
    if is_again:
        settle_dead_letters(step, [name for one in arrivals for name in _ids(one)])
    return [_told(step, one, PUBLISHED, done.table) for one in audited]


def _without_landed(step: Step, arrival: Extraction) -> Extraction:
    """Return an arrival without the rows that the table has: they came from the same records."""
    files = step.table.files_of([arrival.partition])
    ids = step.lake.engine.collect(step.lake.scan(step.table, files).select(ROW_ID)) if files else None
    rows: pl.DataFrame = arrival.frame.collect().to_native()
    fresh = rows if ids is None else rows.filter(~pl.col(ROW_ID).is_in(ids[ROW_ID].implode()))
    return replace(arrival, frame=nw.from_native(fresh.lazy()), rows=fresh.height)


def _ids(arrival: Extraction) -> list[str]:
    rows: pl.DataFrame = arrival.frame.select(ROW_ID).collect().to_native()
    return rows[ROW_ID].to_list()


def _staged(
    step: Step, arrivals: Sequence[Extraction], columns: Mapping[str, str]
) -> tuple[tuple[StagedFile, ...], dict[str, dict[str, int]]]:
    filled = [landed(one, columns) for one in arrivals if one.rows]
    if not filled:
        return (), {}
    rows = nw.concat(filled, how="vertical")
    (files,), totals = step.lake.engine.stage([Branch(rows.select(*columns), step.target())], landing_totals(rows))
    return tuple(files), {row[PROC_DATE]: row for row in totals.iter_rows(named=True)}


def _tally(step: Step, arrival: Extraction, stretch: Stretch, counted: Mapping[str, int]) -> Tally:
    tally = tally_of(arrival, counted, {})
    most = step.lake.catalog.source_table(step.name).options.get("maxLag")
    # A number that is added up over commits is an integer, one of which the newest holds is none.
    measures = {**tally.measures, "gaps": stretch.gaps, "lag": float(stretch.behind)}
    letters = len(arrival.dead_letters)
    results = (*tally.results, *log_results(letters, arrival.rows + letters, stretch.behind, most))
    return replace(tally, results=results, measures=measures | {"dead_letters": letters})


def _judged(step: Step, draft: Draft, tally: Tally) -> Audited:
    if not tally.ledger.published:
        # Nothing but dead letters: no row that rules or bounds could be about.
        record = PartitionRecord(
            tally.partition,
            tally.ledger,
            tally.results,
            tally.content_hash,
            tally.quarantine_hash,
            100.0,
            PUBLISHED,
            measures=tally.measures,
        )
        return Audited(tally.partition, tally, record, is_blocked=False, sentence="")
    files = tuple(file for file in draft.valid if file.partition == tally.partition)
    (audited,) = audit(step, replace(draft, tallies=(tally,), valid=files))
    return audited


def _with_counts(audited: Audited, counted: Mapping[str, int]) -> Audited:
    totals = tuple(int(counted.get(name, 0)) for name in ("rows", "valid_low", "valid_high"))
    return replace(audited, record=replace(audited.record, content_totals=totals))


def _committed(
    step: Step,
    columns: Mapping[str, str],
    audited: Sequence[Audited],
    files: tuple[StagedFile, ...],
    batches: Sequence[Batch],
) -> OpenTable:
    bare = sorted(set(step.partitions) - {file.partition for file in files})
    schema = in_memory({name: kind for name, kind in columns.items() if name != step.contract.partition_column})
    target = step.target(pass_number=1)
    files += tuple(step.lake.engine.stage_empty(target, partition, schema) for partition in bare)
    record = record_of(step, audited, files, PUBLISHED)
    record = replace(record, batches={batch.app_id: batch.version for batch in batches})
    metadata = write_record(step.lake.objects_of(step.name), record)
    change = Change(files, step.partitions, columns, metadata, adds_beside=True, batches=tuple(batches))
    try:
        return commit(step.table, change)
    except FenceMovedError:
        # The fence was found moved by another commit, so no commit of ours took these files.
        remove_staged(step.table.root, step.lake.options, files)
        raise


def _refuse(step: Step, wrong: Sequence[Rejection], done: _Done) -> list[PartitionResult]:
    tallies = [tally_of(one, {}, {}) for one in wrong]
    audited = [one for tally in tallies for one in audit(step, Draft((tally,), (), (), dict(step.columns)))]
    return _keep(step, audited, done)


def _keep(step: Step, blocked: Sequence[Audited], done: _Done) -> list[PartitionResult]:
    done.refused |= {one.partition: one for one in blocked}
    keep_blocked(step, Draft(tuple(one.tally for one in blocked)), list(blocked))
    return [_told(step, one, BLOCKED, step.table) for one in blocked]


def _results(step: Step, done: _Done, seconds: float) -> list[PartitionResult]:
    _add_empty(step, done)
    partitions = sorted({*step.partitions, *done.appended, *done.read_again, *done.refused})
    good = {partition for partition in partitions if partition not in done.refused}
    recover(replace(step, table=done.table), good, [])
    said = recorded(step.lake.objects_of(step.name), done.table, good, skip_damaged=True)
    results = []
    for partition in partitions:
        if partition in done.refused:
            results.append(_told(step, done.refused[partition], BLOCKED, done.table))
        else:
            status = PUBLISHED if partition in done.appended else UNCHANGED
            results.append(_holds(step, partition, said.get(partition), status, done.table))
    return [replace(one, seconds=seconds / max(1, len(results))) for one in results]


def _add_empty(step: Step, done: _Done) -> None:
    """Publish partitions that were asked for and have no record: that nothing came is known, it is not missing."""
    bare = [one for one in step.partitions if one not in done.table.partitions and one not in done.refused]
    if not bare:
        return
    empty = replace(step, publish=f"{step.publish}000", partitions=tuple(bare), table=done.table)
    columns = landing_columns(empty, [])
    tallies = tuple(tally_of(_nothing(one), {}, {}) for one in bare)
    audited = audit(empty, Draft(tallies, (), (), columns))
    _keep(empty, [one for one in audited if one.is_blocked], done)
    good = [one for one in audited if not one.is_blocked]
    if good:
        empty = replace(empty, partitions=tuple(one.partition for one in good))
        done.table = _committed(empty, columns, [_with_counts(one, {}) for one in good], (), ())
        done.appended |= set(empty.partitions)


def _nothing(partition: str) -> Extraction:
    return Extraction(partition, nw.from_native(pl.LazyFrame()), 0)


def _told(step: Step, audited: Audited, status: str, table: OpenTable) -> PartitionResult:
    record = replace(audited.record, status=status)
    return PartitionResult(
        str(step.name), audited.partition, status, step.publish, record, table.version, message=audited.sentence
    )


def _holds(step: Step, partition: str, said: Recorded | None, status: str, table: OpenTable) -> PartitionResult:
    record = said.of if said else PartitionRecord(partition, Ledger(), (), "", "", 0.0, status)
    publish = said.publish if said else step.publish
    return PartitionResult(str(step.name), partition, status, publish, replace(record, status=status), table.version)
