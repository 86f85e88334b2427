"""The derive verb: the rows of touched keys follow from the pinned change log, all others of their buckets are carried.

The table is a function of its log: late, repeated, withdrawn and restated changes give what a build from scratch
gives. A log that only grew is folded into current rows where that is right; otherwise touched keys are read again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import narwhals as nw
import polars as pl

from lakehouse_assets.engines import kit
from lakehouse_assets.engines.protocol import Branch, DataFile
from lakehouse_assets.naming import BUCKET, DELETED, SNAPSHOT_PARTITION
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.entities.current import extreme, newest
from lakehouse_assets.pipeline.entities.derivation import difference, last_derivation, log_files
from lakehouse_assets.pipeline.entities.entity import entity_of
from lakehouse_assets.pipeline.entities.passes import Pass, cut, grouped, inside, passes_for, with_bucket
from lakehouse_assets.pipeline.entities.rules import (
    ROWS_CARRIED,
    entity_results,
    entity_rules,
    judge_computed,
    judge_rows,
)
from lakehouse_assets.pipeline.entities.spill import cut_by_key
from lakehouse_assets.pipeline.entities.work import Work
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import BucketContent, Derivation, Ledger, StagedFile
from lakehouse_assets.storage.staged import in_memory

_SOURCE = "__source"
KEYS_AT_ONCE = 5_000_000
ROWS_JUDGED_PER_ROW = 5  # rules look at a few columns only


@dataclass(slots=True)
class _Done:
    """What passes have staged and counted so far."""

    files: list[StagedFile] = field(default_factory=list)
    buckets: set[str] = field(default_factory=set)
    moved: dict[str, Counter[str]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    read: int = 0


@dataclass(frozen=True, slots=True)
class _Rows:
    """New rows of a pass, and the keys whose served rows they take the place of; `are_newer` than these for certain."""

    fresh: nw.LazyFrame
    replaced: nw.LazyFrame
    are_newer: bool = False


def derive(step: Step) -> Draft:
    """Stage the buckets whose rows change. A draft without files says that none does."""
    work = _opened(step)
    done = _Done()
    # Folding holds a change and the row it competes with.
    compute, held = (_folded, 2) if _can_fold(work) else (_read_again, 1)
    passes = cut({bucket: held * size for bucket, size in _sizes(work).items()}, whole=work.step.lake.engine.spills)
    # Folding reads what is new of the log, and that is little.
    with cut_by_key(work, 0 if _can_fold(work) else len(passes)) as prepared:
        for one in passes:
            _stage(prepared, one, compute(prepared, one, done), done)
    return _draft(work, done)


def _opened(step: Step) -> Work:
    entity = entity_of(step.contract)
    log = step.upstreams[step.contract.upstreams[0]]
    if log is None:
        raise AssertionError(step.name)
    last = last_derivation(step, entity)
    since = difference(step.lake.objects_of(step.contract.upstreams[0]), log, last.log) if last is not None else None
    if since is None:
        return Work(step, entity, log)
    return Work(step, entity, log, last, since)


def _can_fold(work: Work) -> bool:
    return not work.is_rebuild and not work.since.removed and work.entity.can_fold


def _sizes(work: Work) -> dict[str, int]:
    """Return about how many changes each touched bucket has to hold in memory; of a rebuild all buckets."""
    entity = work.entity
    if work.is_rebuild:
        sizes = {str(bucket): 0 for bucket in range(entity.buckets)}
        return sizes | _counted(work, work.keys(work.log.files))
    touched = _counted(work, work.keys(work.since.files))
    if _can_fold(work) or passes_for(sum(file.rows for file in work.log.files)) == 1:
        return touched
    read = work.keys(work.log.files)
    if sum(touched.values()) <= KEYS_AT_ONCE:
        read = read.join(work.keys(work.since.files).unique(), on=list(entity.keys), how="semi")
    return touched | {bucket: rows for bucket, rows in _counted(work, read).items() if bucket in touched}


def _counted(work: Work, keys: nw.LazyFrame) -> dict[str, int]:
    counted = with_bucket(keys, work.entity).group_by(BUCKET).agg(nw.len().alias("rows"))
    return {str(bucket): int(rows) for bucket, rows in work.collect(counted).iter_rows()}


def _read_again(work: Work, one: Pass, done: _Done) -> _Rows:
    """Compute the rows of all touched keys of a pass from all of their changes."""
    entity, keys = work.entity, list(work.entity.keys)
    if work.is_rebuild:
        replaced = work.hold(work.keys(()))
        changes = inside(work.log_of(one), entity, one)
    else:
        replaced = work.hold(inside(work.keys(work.since.files), entity, one).unique())
        changes = work.log_of(one).join(replaced, on=keys, how="semi")
    found = work.hold(changes)
    done.read += work.count(found)
    fresh = work.hold(work.computed(found))
    done.failed += judge_computed(fresh, found, entity, work.collect)
    return _Rows(fresh, replaced)


def _folded(work: Work, one: Pass, done: _Done) -> _Rows:
    """Let the newest change of each key take the place of its served row, if it is newer."""
    entity, keys = work.entity, list(work.entity.keys)
    new = work.hold(newest(inside(work.changes(work.since.added), entity, one), entity))
    claim = list(dict.fromkeys([*keys, *entity.order]))
    have = work.hold(work.served(one).select(*claim).join(new.select(*keys), on=keys, how="semi"))
    deletions = _deletions(work, new, have)
    done.read += work.count(new) + work.count(deletions)
    claims = nw.concat(
        [rows.select(*claim, nw.lit(number).alias(_SOURCE)) for number, rows in enumerate((new, have, deletions))]
    )
    winners = extreme(claims, keys, [*entity.order, _SOURCE]).filter(nw.col(_SOURCE) == 0).select(*keys)
    won = work.hold(new.join(winners, on=keys, how="semi"))
    gone = won.filter(nw.col(DELETED)).join(have.select(*keys), on=keys, how="semi")
    live = won.filter(~nw.col(DELETED))
    replaced = work.hold(nw.concat([live.select(*keys), gone.select(*keys)]))
    fresh = work.hold(with_bucket(live.select(*entity.stored), entity))
    return _Rows(fresh, replaced, are_newer=True)


def _deletions(work: Work, new: nw.LazyFrame, have: nw.LazyFrame) -> nw.LazyFrame:
    """Return the newest deletion of every key that is not served: without it a late change would bring it back."""
    entity, keys = work.entity, list(work.entity.keys)
    absent = work.hold(new.filter(~nw.col(DELETED)).join(have, on=keys, how="anti").select(*keys))
    columns = list(dict.fromkeys([*keys, *entity.order, DELETED]))
    files = work.log.files if work.count(absent) else ()
    deleted = work.changes(files, columns).filter(nw.col(DELETED)).join(absent, on=keys, how="semi")
    return work.hold(newest(deleted, entity))


def _stage(work: Work, one: Pass, rows: _Rows, done: _Done) -> None:
    sizes = dict.fromkeys(_changed(work, one, rows), 0)
    for file in work.step.table.files_of(() if work.is_rebuild else sizes):
        sizes[file.partition] += file.rows // one.parts
    done.buckets |= set(sizes)
    _move(done, work.collect(work.totals(rows.fresh.filter(nw.col(BUCKET).is_in(list(sizes))))), sign=1)
    files: list[StagedFile] = []
    # Files of several buckets are written side by side, and each of them is held until a row group is full.
    for group in [tuple(sizes)] if work.step.lake.engine.spills else grouped(sizes):
        frame, old = _split(work, one, group, rows)
        staged, totals = work.step.lake.engine.stage(
            [Branch(work.written(frame), work.step.target(pass_number=one.part))], work.totals(old)
        )
        _move(done, totals, sign=-1)
        files += staged[0]
    done.files += files
    done.failed += _judged(work, files, rows)


def _changed(work: Work, one: Pass, rows: _Rows) -> list[str]:
    """Return the buckets of a pass whose rows will not be what they are."""
    if work.is_rebuild or one.parts > 1:
        return list(one.buckets)
    if rows.are_newer:
        touched = (with_bucket(rows.replaced, work.entity), rows.fresh)
        return sorted({bucket for frame in touched for bucket in work.collect(frame.select(BUCKET).unique())[BUCKET]})
    old = work.served(one).join(rows.replaced, on=list(work.entity.keys), how="semi")
    before, after = (_by_bucket(work.collect(work.totals(frame))) for frame in (old, rows.fresh))
    return [bucket for bucket in one.buckets if before.get(bucket) != after.get(bucket)]


def _split(work: Work, one: Pass, group: Sequence[str], rows: _Rows) -> tuple[nw.LazyFrame, nw.LazyFrame]:
    """Return the rows of some buckets as they will be, and the served ones that are replaced; read only once."""
    keys, columns = list(work.entity.keys), [*work.entity.stored, BUCKET]
    served = work.served(one, group).select(*columns)
    carried, old = (served.join(rows.replaced, on=keys, how=how) for how in ("anti", "semi"))
    fresh = rows.fresh.filter(nw.col(BUCKET).is_in(list(group)))
    return nw.concat([carried, fresh.select(*columns)]), old


def _move(done: _Done, totals: pl.DataFrame, *, sign: int) -> None:
    for bucket, sums in _by_bucket(totals).items():
        done.moved.setdefault(bucket, Counter()).update({name: sign * number for name, number in sums.items()})


def _by_bucket(totals: pl.DataFrame) -> dict[str, dict[str, int]]:
    return {str(row.pop(BUCKET)): {name: int(n) for name, n in row.items()} for row in totals.to_dicts()}


def _judged(work: Work, staged: list[StagedFile], made: _Rows) -> Counter[str]:
    """Judge what was staged. Rows of untouched keys were judged when they were made; `_miscounted` finds them all."""
    entity, engine = work.entity, work.step.lake.engine
    files = [DataFile(file.path, file.rows, file.partition) for file in staged]
    columns = [*entity.keys, *(name for name in ("valid_from", "valid_to", "is_current") if entity.is_history)]
    rows = engine.scan(work.step.table.root, files, BUCKET, in_memory({name: entity.stored[name] for name in columns}))
    if not work.is_rebuild:
        return judge_rows(rows.join(made.replaced, on=list(entity.keys), how="semi"), entity, work.collect)
    # A few rows at a time: whole keys again, because parts are cut by key.
    count = 1 if engine.spills else passes_for(sum(file.rows for file in files) // ROWS_JUDGED_PER_ROW)
    failed: Counter[str] = Counter()
    for part in range(count):
        some = inside(rows, entity, Pass(tuple(map(str, range(entity.buckets))), part, count))
        failed += judge_rows(some, entity, work.collect)
    return failed


def _draft(work: Work, done: _Done) -> Draft:
    step, last = work.step, work.last
    contents = _contents(work, done)
    derivation = Derivation(work.entity.meaning, log_files(work.log), contents)
    rows = sum(content.rows for content in contents.values())
    before = 0 if last is None else sum(content.rows for content in last.buckets.values())
    read = before + done.read
    low, high = (sum(getattr(content, name) for content in contents.values()) for name in ("low", "high"))
    ledger = Ledger(read=read, published=rows, deduplicated=read - rows)
    results = entity_results(work.entity, done.failed + _miscounted(done, contents), rows)
    tally = Tally(SNAPSHOT_PARTITION, ledger, results, kit.content_hash(rows, low, high))
    obsolete = set(step.table.partitions) - set(contents) if done.buckets else set()
    return Draft(
        (tally,),
        valid=(*done.files, *_empty(work, done)),
        columns=step.columns,
        built_in=entity_rules(work.entity),
        replaces=tuple(sorted(done.buckets | obsolete)),
        derivation=derivation,
    )


def _contents(work: Work, done: _Done) -> dict[str, BucketContent]:
    contents = {} if work.last is None else dict(work.last.buckets)
    for bucket in done.buckets:
        moved = done.moved.get(bucket, Counter())
        old = contents.get(bucket, BucketContent("", 0, 0, 0))
        sums = (old.rows + moved["rows"], old.low + moved["content_low"], old.high + moved["content_high"])
        contents[bucket] = BucketContent(work.step.publish, *sums)
    return contents


def _miscounted(done: _Done, contents: dict[str, BucketContent]) -> Counter[str]:
    """Compare the staged rows of each bucket with those it had, without the replaced and with the fresh ones."""
    staged: Counter[str] = Counter()
    for file in done.files:
        staged[file.partition] += file.rows
    return Counter({ROWS_CARRIED: sum(abs(staged[bucket] - contents[bucket].rows) for bucket in done.buckets)})


def _empty(work: Work, done: _Done) -> list[StagedFile]:
    filled = {file.partition for file in done.files}
    columns = {name: kind for name, kind in work.step.columns.items() if name != BUCKET}
    engine, schema = work.step.lake.engine, in_memory(columns)
    return [engine.stage_empty(work.step.target(), each, schema) for each in sorted(done.buckets - filled)]
