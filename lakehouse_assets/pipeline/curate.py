"""Silver to gold: run the table's function on pinned upstreams, conform, judge, split."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import narwhals as nw

from lakehouse_assets.contracts.calendar import day_key
from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.conform import conform
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.errors import TransformError
from lakehouse_assets.naming import NULL_FOLDER, RAW_HASH, ROW_ID, SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.built_in import repeated_key
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.groups import find_groups
from lakehouse_assets.pipeline.references import reference_rules, with_references
from lakehouse_assets.pipeline.refine import scope_of, transform_of
from lakehouse_assets.pipeline.renamed import fill_renamed
from lakehouse_assets.pipeline.split import Rules, key_rule, split
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.judge import bind
from lakehouse_assets.results import StagedFile
from lakehouse_assets.storage.table import OpenTable


def curate(step: Step) -> Draft:
    """Stage the gold rows of a chunk. `read` in the ledger is the number of rows the function returned."""
    function = transform_of(step.name)
    if function is None:
        raise TransformError(
            "there is no function for this table.",
            where=str(step.name),
            fix=f"Write `{step.name.short}` in lakehouse_assets/transforms/{step.name.layer}/{step.name.short}.py.",
        )
    return draft_of(step, function(**{name.short: input_of(step, name) for name in step.contract.upstreams}))


def draft_of(step: Step, computed: nw.LazyFrame) -> Draft:
    """Judge and stage rows that were computed for the partitions of a step."""
    rows = _promised(step, computed)
    specs = [spec for spec in step.contract.rules if spec.kind is RuleKind.ROW]
    duplicate = repeated_key(step.contract)
    repeated = [key_rule(duplicate)] if duplicate is not None else []
    groups = find_groups(step, rows, scope_of(step.contract))
    rows = groups.mark(rows)
    declared = bind(specs, step.lake.rule_functions, scope_of(step.contract))
    rules = Rules((*declared, *groups.rules), (*reference_rules(step.contract), *repeated))
    raw = {column.name: column.name for column in step.contract.columns}
    done = split(step, [rows], rows, rules=rules, raw=raw)
    _check_partitions(step, (*done.draft.valid, *done.draft.refused))
    tallies = tuple(done.tally(p, read=done.counts[p].get("rows", 0)) for p in step.partitions)
    return replace(done.draft, tallies=tallies)


def input_of(step: Step, name: TableName) -> nw.LazyFrame:
    """Return the rows of an upstream that the function is given: those of the business dates of a step."""
    table = step.upstreams[name]
    if table is None:
        raise TransformError(f"{name} was never published.", where=str(step.name), fix=f"Materialise {name} first.")
    if step.contract.load.mode is Mode.SNAPSHOT:
        return fill_renamed(step.lake.scan(table), step.lake.contract(name))
    return _on_business_dates(step, name, table)


def _on_business_dates(step: Step, name: TableName, table: OpenTable) -> nw.LazyFrame:
    contract = step.lake.contract(name)
    rows = fill_renamed(step.lake.scan(table, files_read(step, name, table, step.partitions)), contract)
    event_time = contract.load.event_time
    if not contract.is_partitioned or not event_time:
        return rows
    day = nw.col(event_time)
    if rows.collect_schema()[event_time] != nw.Date():
        day = day.dt.date()
    return rows.filter(day.is_in([date.fromisoformat(partition) for partition in step.partitions]))


def files_read(step: Step, name: TableName, table: OpenTable, partitions: tuple[str, ...]) -> tuple[DataFile, ...]:
    """Return the files of an upstream that some partitions are computed from."""
    contract = step.lake.contract(name)
    if not step.contract.is_partitioned or not contract.is_partitioned:
        # One for all dates: of a day it has no part.
        return table.files
    if not contract.load.event_time:
        return tuple(file for file in table.files if day_key(file.partition) in partitions)
    window = window_of(partitions, step.contract.load.lateness)
    return tuple(file for file in table.files if window[0] <= day_key(file.partition) <= window[1])


def window_of(partitions: tuple[str, ...], lateness: timedelta) -> tuple[str, str]:
    """Return the first and last `_proc_date` that may hold rows of these business dates: `D - 1` to `D + lateness`."""
    first = date.fromisoformat(min(partitions)) - timedelta(days=1)
    last = date.fromisoformat(max(partitions)) + lateness
    return first.isoformat(), last.isoformat()


def _promised(step: Step, rows: nw.LazyFrame) -> nw.LazyFrame:
    have = rows.collect_schema()
    _check_columns(step, have)
    promised = rows.select(*conform(step.contract.columns, have))
    partition = step.contract.partition_column
    if step.contract.load.mode is Mode.SNAPSHOT:
        promised = promised.with_columns(nw.lit(SNAPSHOT_PARTITION).alias(partition))
    else:
        promised = promised.with_columns(nw.col(partition).cast(nw.String))
    types = promised.collect_schema()
    promised = promised.with_columns(
        kit.row_hash({c.name: types[c.name] for c in step.contract.columns}).alias(RAW_HASH)
    )
    return with_references(step, promised.with_columns(nw.col(RAW_HASH).cast(nw.String).alias(ROW_ID)))


def _check_columns(step: Step, have: Mapping[str, nw.dtypes.DType]) -> None:
    missing = [column.name for column in step.contract.columns if column.name not in have]
    if missing:
        raise TransformError(
            f"the function does not return the promised column {missing[0]!r}.",
            where=f"lakehouse_assets/transforms/{step.name.layer}/{step.name.short}.py",
            fix="Return every column of the contract.",
        )


def _check_partitions(step: Step, files: Iterable[StagedFile]) -> None:
    foreign = sorted({file.partition for file in files} - set(step.partitions))
    if foreign:
        raise TransformError(
            f"the function returned rows of {_word(foreign[0])}, which this run does not own.",
            where=f"lakehouse_assets/transforms/{step.name.layer}/{step.name.short}.py",
            fix=f"`{step.contract.partition_column}` must be the business date of the rows it was given.",
        )


def _word(partition: str) -> str:
    return "no date" if partition == NULL_FOLDER else partition
