"""Statistics of what was published: made after the commit from its files, kept beside the table, read as a history.

They are no part of a verdict: a publish that is done is not undone because nobody could look at it. What is measured
and how is `quality.column_statistics`' business.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Column, Contract
from lakehouse_assets.engines.faults import without_values
from lakehouse_assets.engines.protocol import DataFile, Engine
from lakehouse_assets.errors import DamagedRecordError, LakehouseError
from lakehouse_assets.naming import ROW_ID, TableName
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.profiling.stopwatch import stage
from lakehouse_assets.pipeline.recorded import recorded
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.column_statistics import (
    METHOD,
    ROWS,
    SAMPLE,
    VALUE,
    Known,
    bound_for,
    counted,
    counts,
    described,
    distinct_below,
    extremes,
    sampled,
    scaled,
    with_distinct,
)
from lakehouse_assets.results import ColumnStatistics, PartitionStatistics
from lakehouse_assets.storage.kept_statistics import read_statistics, write_statistics
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import OpenTable

_AT_ONCE = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class History:
    """What is kept about the partitions of a table, and those of which nothing can be told."""

    known: tuple[PartitionStatistics, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """One partition being looked at: its rows and their number, what its files say of themselves, types of columns."""

    engine: Engine
    rows: nw.LazyFrame
    total: int
    types: Mapping[str, nw.dtypes.DType]
    stats: tuple[str, ...] = ()


def keep_statistics(step: Step, draft: Draft, hashes: Mapping[str, str]) -> None:
    """Make and keep statistics of partitions that were just published (partition → content hash).

    A fault is told in the log and changes nothing: the partition is published.
    """
    if step.lake.settings.statistics != "columns" or not _has_statistics(step.contract):
        return
    with stage("statistics"):
        for partition, content_hash in hashes.items():
            try:
                with without_values(str(step.name)):
                    if not _is_known(step.lake, step.contract, partition, content_hash):
                        _write(step.lake, step.contract, (partition, content_hash), _staged(step, draft, partition))
            except LakehouseError as error:
                _log.warning(
                    "%s %s is published, but has no statistics: %s `lakehouse statistics make %s` makes them.",
                    *(step.name, partition, error.what, step.name),
                )


def make_statistics(lake: Lake, table: TableName, partitions: Sequence[str] = ()) -> list[str]:
    """Make the statistics that served partitions lack, and return which they were; raise LakehouseError on a fault."""
    contract, opened = lake.contract(table), lake.open(table)
    if not _has_statistics(contract):
        raise LakehouseError(
            f"{table} is a table without statistics.",
            where=str(contract.place),
            fix="Ask for a table of silver or gold; of one that is derived, for its change log.",
        )
    if opened is None:
        return []
    words = recorded(lake.objects_of(table), opened, sorted(partitions or opened.partitions))
    made = []
    for partition, word in words.items():
        if not _is_known(lake, contract, partition, word.of.content_hash):
            with without_values(str(table)):
                _write(lake, contract, (partition, word.of.content_hash), _served(lake, opened, partition))
            made.append(partition)
    return made


def statistics_of(
    lake: Lake, table: TableName, partitions: Sequence[str] = (), *, only_newest: bool = False
) -> History:
    """Return the statistics of what is served, by partition; columns that are classified today show only nulls."""
    contract, objects, opened = lake.contract(table), lake.objects_of(table), lake.open(table)
    if opened is None:
        return History((), tuple(partitions))
    served = sorted(partitions or opened.partitions)
    words = recorded(objects, opened, served[-1:] if only_newest else served, skip_damaged=True)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        hashes = {partition: word.of.content_hash for partition, word in words.items()}
        read = dict(zip(hashes, threads.map(lambda each: read_statistics(objects, *each), hashes.items()), strict=True))
    known = {partition: own for partition, own in sorted(read.items()) if own is not None}
    found = (replace(own, columns=tuple(_shown(contract, own.columns))) for own in known.values())
    return History(tuple(found), tuple(name for name in sorted({*read, *partitions}) if name not in known))


def _has_statistics(contract: Contract) -> bool:
    # What bronze holds nobody has classified; of a derived table a publish writes some buckets and knows no others.
    return contract.table.layer != "bronze" and contract.load.mode is not Mode.DERIVED


def _is_known(lake: Lake, contract: Contract, partition: str, content_hash: str) -> bool:
    try:
        known = read_statistics(lake.objects_of(contract.table), partition, content_hash)
    except DamagedRecordError:
        return False
    return known is not None and known.meaning == _meaning(contract)


def _write(lake: Lake, contract: Contract, content: tuple[str, str], look: _Look) -> None:
    columns = tuple(_columns(look, contract))
    write_statistics(
        lake.objects_of(contract.table), PartitionStatistics(*content, _meaning(contract), look.total, columns)
    )


def _staged(step: Step, draft: Draft, partition: str) -> _Look:
    files, by = draft.files({partition})[0], step.contract.partition_column
    types = in_memory({name: kind for name, kind in draft.columns.items() if name != by})
    data = [DataFile(file.path, file.rows, file.partition) for file in files]
    rows = step.lake.engine.scan(step.target().root, data, by, types)
    return _Look(step.lake.engine, rows, sum(file.rows for file in files), types, tuple(file.stats for file in files))


def _served(lake: Lake, table: OpenTable, partition: str) -> _Look:
    files = table.files_of([partition])
    types = in_memory({name: kind for name, kind in table.columns.items() if name != table.partition_column})
    return _Look(lake.engine, lake.scan(table, files), sum(file.rows for file in files), types)


def _meaning(contract: Contract) -> str:
    """Return what statistics follow from beside the rows: the method, and which columns may be looked at."""
    text = json.dumps([METHOD, *((column.name, str(column.type), _is_hidden(column)) for column in contract.columns)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_hidden(column: Column) -> bool:
    return column.is_classified or bool(column.masking) or bool(column.erasure)


def _shown(contract: Contract, columns: Iterable[ColumnStatistics]) -> Iterator[ColumnStatistics]:
    open_ones = {column.name for column in contract.columns if not _is_hidden(column)}
    for one in columns:
        if one.column in open_ones:
            yield one
        else:
            yield ColumnStatistics(one.column, one.type, one.nulls, is_classified=True)


def _columns(look: _Look, contract: Contract) -> Iterator[ColumnStatistics]:
    columns = [column for column in contract.columns if column.name in look.types]
    hidden = [column for column in columns if _is_hidden(column)]
    told = {one.column: one for one in (*_hidden(look, hidden), *_open(look, columns))}
    yield from (told[column.name] for column in columns)


def _hidden(look: _Look, columns: Sequence[Column]) -> Iterator[ColumnStatistics]:
    """Yield what may be said of classified columns: no value of theirs is read, but whether there is one."""
    names = [column.name for column in columns]
    is_null = [nw.col(name).is_null().cast(nw.Int64).sum().alias(f"n{at}") for at, name in enumerate(names)]
    nulls = look.engine.collect(look.rows.select(*is_null)).row(0) if names and look.total else ()
    for at, column in enumerate(columns):
        found = int(nulls[at] or 0) if nulls else 0
        yield ColumnStatistics(column.name, str(column.type), found, is_classified=True)


def _open(look: _Look, columns: Sequence[Column]) -> Iterator[ColumnStatistics]:
    kinds = {column.name: str(column.type) for column in columns if not _is_hidden(column)}
    if not kinds:
        return
    samples = {name: counted(values) for name, values in _sample(look, list(kinds)).items()}
    if look.total <= SAMPLE:
        yield from (described(name, kinds[name], sample) for name, sample in samples.items())
        return
    bounds = {name: bound_for(sample, look.total) for name, sample in samples.items()}
    few = [name for name, bound in bounds.items() if bound is None]
    whole = look.engine.collect_all([counts(look.rows, name) for name in few])
    yield from (described(name, kinds[name], every) for name, every in zip(few, whole, strict=True))
    many = {name: bound for name, bound in bounds.items() if bound is not None}
    if many:
        yield from _estimated(look, kinds, {name: samples[name] for name in many}, many)


def _sample(look: _Look, names: Sequence[str]) -> dict[str, pl.Series]:
    identity = {ROW_ID: look.types[ROW_ID]} if ROW_ID in look.types else {name: look.types[name] for name in look.types}
    rows = sampled(look.rows, identity, look.total).select(*names)
    return look.engine.collect(rows).to_dict(as_series=True)


def _estimated(
    look: _Look, kinds: Mapping[str, str], samples: Mapping[str, pl.DataFrame], bounds: Mapping[str, int]
) -> Iterator[ColumnStatistics]:
    """Yield the statistics of columns with many values: two numbers and the ends from all rows, the rest as sampled."""
    known = _told_by_files(look.stats, samples)
    unknown = {name: look.types[name] for name in samples if name not in known}
    distinct = [distinct_below(look.rows, name, look.types[name], bound) for name, bound in bounds.items()]
    wanted = [extremes(look.rows, unknown)] if unknown else []
    *found, last = look.engine.collect_all([*distinct, *(wanted or distinct[:1])])
    row: dict[str, Any] = last.row(0, named=True)
    known |= {
        name: Known(int(row[f"n{at}"] or 0), row.get(f"l{at}"), row.get(f"g{at}")) for at, name in enumerate(unknown)
    }
    for (name, sample), below in zip(samples.items(), found, strict=True):
        filled = look.total - known[name].nulls
        seen = int(sample.filter(pl.col(VALUE).is_not_null())[ROWS].sum())
        told = scaled(described(name, kinds[name], sample, known[name]), seen, filled)
        yield with_distinct(told, int(below[ROWS][0]), bounds[name], filled)


def _told_by_files(stats: Sequence[str], samples: Mapping[str, pl.DataFrame]) -> dict[str, Known]:
    """Return what staged files say of themselves: nulls and ends of whole numbers and dates."""
    said = [json.loads(text) for text in stats]
    found = {}
    for name, sample in samples.items() if said else ():
        ends = [[each[which][name] for each in said if name in each[which]] for which in ("minValues", "maxValues")]
        if all(name in each.get("nullCount", {}) for each in said) and all(ends):
            typed = pl.Series([min(ends[0]), max(ends[1])])
            typed = typed.str.to_date() if typed.dtype == pl.String else typed.cast(sample.schema[VALUE])
            found[name] = Known(sum(each["nullCount"][name] for each in said), typed[0], typed[1])
    return found
