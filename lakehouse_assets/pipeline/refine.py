"""Bronze to silver: parse, drop identical rows, transform, conform, judge, split. One chunk of partitions at a time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module, util

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import Contract, RuleKind
from lakehouse_assets.engines.conform import conform
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.errors import TransformError
from lakehouse_assets.naming import BRONZE_COLUMNS, PROC_DATE, RAW_HASH, ROW_ID, TableName
from lakehouse_assets.pipeline.built_in import RAW, one_cause, repeated_key, window_rules
from lakehouse_assets.pipeline.deletions import spare_deletions, with_deleted
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.groups import Groups, find_groups
from lakehouse_assets.pipeline.on_read import READ, lookups, raw_columns
from lakehouse_assets.pipeline.references import reference_rules, with_references
from lakehouse_assets.pipeline.split import Rules, key_rule, split
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.duplicates import identical_rows
from lakehouse_assets.quality.judge import Scope, bind, window_end_of
from lakehouse_assets.quality.parse import Parsing, parse_columns
from lakehouse_assets.results import Dimension, Ledger, OnFailure, Outcome, RuleResult, Severity
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import OpenTable

ROWS_PER_PASS = 1_000_000


def refine(step: Step) -> Draft:
    """Stage the silver rows of a chunk; partitions that never landed get a tally that blocks them."""
    bronze = _bronze(step)
    landed = [partition for partition in step.partitions if partition in set(bronze.partitions)]
    missing = tuple(_never_landed(step, p, bronze) for p in step.partitions if p not in landed)
    if not landed:
        return Draft(missing, columns=step.columns)
    repeats = _identical(step, bronze, landed)
    looked_up = lookups(step.contract, step.lake.catalog.source_table(step.contract.upstreams[0]), bronze.columns)
    parsing = parsing_of(step.contract, bronze.columns, looked_up)

    def computed(files: Sequence[DataFile]) -> nw.LazyFrame:
        rows = _raw(_without(step, step.lake.scan(bronze, files), repeats))
        return _computed(step, rows.with_columns(nw.col(ROW_ID), *looked_up.values()), parsing)

    files = bronze.files_of(landed)
    groups = find_groups(step, computed(files), scope_of(step.contract))
    rules = _rules(step, parsing, groups)
    raw = {name: f"{RAW}{name}" for name in bronze.columns if name not in {PROC_DATE, RAW_HASH}}
    parts = [groups.mark(computed(part)) for part in passes_of(step, files)]
    done = split(step, parts, groups.mark(computed(files)), rules=rules, raw=raw)
    dropped = dict(repeats.group_by(PROC_DATE).len().iter_rows()) if repeats is not None else {}
    read = {partition: sum(file.rows for file in files if file.partition == partition) for partition in landed}
    tallies = (done.tally(p, read=read[p], identical=dropped.get(p, 0)) for p in landed)
    return replace(done.draft, tallies=(*missing, *tallies))


def passes_of(step: Step, files: Sequence[DataFile]) -> list[Sequence[DataFile]]:
    """Group files into what fits into memory; all of them, where the engine sees to that itself."""
    return [files] if step.lake.engine.spills else [*passes(files)]


def passes(files: Sequence[DataFile], rows: int = ROWS_PER_PASS) -> list[list[DataFile]]:
    """Group files so that one pass reads about `rows` rows; memory then does not grow with the partition."""
    groups: list[list[DataFile]] = [[]]
    size = 0
    for file in files:
        if groups[-1] and size + file.rows > rows:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.rows
    return groups


@cache
def transform_of(table: TableName) -> Callable[..., nw.LazyFrame] | None:
    """Return the function that computes a table, or None when it needs no code."""
    module = f"lakehouse_assets.transforms.{table.layer}.{table.short}"
    if util.find_spec(module) is None:
        return None
    function: Callable[..., nw.LazyFrame] = getattr(import_module(module), table.short)
    return function


def parsing_of(
    contract: Contract, bronze_columns: Mapping[str, str], looked_up: Collection[str] = frozenset()
) -> Parsing:
    """Return how the columns that come straight from one raw column are parsed; `bronze_columns` has Delta types."""
    raw = {}
    for name, source in raw_columns(contract).items():
        if source in looked_up or source in bronze_columns:
            raw[name] = f"{READ if source in looked_up else RAW}{source}"
    have = {f"{RAW}{name}": dtype for name, dtype in in_memory(bronze_columns).items()}
    return parse_columns([column for column in contract.columns if column.name in raw], raw, have=have)


def _bronze(step: Step) -> OpenTable:
    table = step.upstreams[step.contract.upstreams[0]]
    if table is None:
        raise TransformError(
            f"{step.contract.upstreams[0]} was never published.",
            where=str(step.name),
            fix=f"Run `lakehouse run {step.contract.upstreams[0]}` first.",
        )
    return table


def _identical(step: Step, bronze: OpenTable, landed: Sequence[str]) -> pl.DataFrame | None:
    if step.contract.load.identical_rows == "keep":
        return None
    rows = step.lake.scan(bronze, bronze.files_of(landed))
    candidates = step.lake.engine.repeated(rows, [PROC_DATE, RAW_HASH])
    if candidates is None:
        return None
    columns = [name for name in bronze.columns if name not in set(BRONZE_COLUMNS)]
    compared = [*columns, "_defect", "_line", "_unknown"]
    found = step.lake.engine.collect(candidates.select(PROC_DATE, ROW_ID, *compared))
    return identical_rows(found, partition=PROC_DATE, columns=compared)


def _without(step: Step, rows: nw.LazyFrame, repeats: pl.DataFrame | None) -> nw.LazyFrame:
    if repeats is None or repeats.is_empty():
        return rows
    return rows.join(step.lake.engine.lift(repeats), on=[step.contract.partition_column, ROW_ID], how="anti")


def _raw(rows: nw.LazyFrame) -> nw.LazyFrame:
    raw = [name for name in rows.collect_schema().names() if name != PROC_DATE]
    rows = rows.with_columns(*[nw.col(name).alias(f"{RAW}{name}") for name in raw])
    return rows.drop(*[name for name in raw if name not in {ROW_ID, RAW_HASH}])


def _computed(step: Step, rows: nw.LazyFrame, parsing: Parsing) -> nw.LazyFrame:
    rows = rows.with_columns(nw.col(ROW_ID), *parsing.typed)
    before = rows.collect_schema().names()
    transform = transform_of(step.name)
    if transform is not None:
        rows = transform(rows)
    _check_kept(step, before, rows.collect_schema().names())
    rows = rows.with_columns(*conform(step.contract.columns, rows.collect_schema()))
    return with_references(step, with_deleted(step, rows))


def _check_kept(step: Step, before: Sequence[str], after: Sequence[str]) -> None:
    lost = [name for name in before if name not in after]
    promised = [column.name for column in step.contract.columns if column.name not in after]
    if lost or promised:
        what = f"drops {lost[0]}" if lost else f"does not produce the promised column {promised[0]}"
        raise TransformError(
            f"the transform {what}.",
            where=f"lakehouse_assets/transforms/{step.name.layer}/{step.name.short}.py",
            fix="Add columns with `with_columns` and remove rows with `filter`; never `select`, `drop` or `rename`.",
        )


def _rules(step: Step, parsing: Parsing, groups: Groups) -> Rules:
    specs = [spec for spec in step.contract.rules if spec.kind is RuleKind.ROW]
    duplicate = repeated_key(step.contract)
    repeated = [key_rule(duplicate)] if duplicate is not None else []
    later = (*reference_rules(step.contract), *repeated)
    declared = bind(specs, step.lake.rule_functions, scope_of(step.contract))
    first = one_cause((*window_rules(step.contract), *declared, *groups.rules), parsing.rules)
    return Rules(spare_deletions(first, step.contract), spare_deletions(later, step.contract))


def scope_of(contract: Contract) -> Scope:
    """Return what a table's rules are bound to; `run_time` is the end of the row's partition."""
    return Scope(contract.columns, window_end_of(contract.partition_column, hourly=contract.is_hourly))


def _never_landed(step: Step, partition: str, bronze: OpenTable) -> Tally:
    reason = f"{step.contract.upstreams[0]} has no partition {partition}; {len(bronze.partitions)} others landed"
    kind = (Dimension.COMPLETENESS, Severity.ERROR, OnFailure.BLOCK)
    return Tally(partition, Ledger(), (RuleResult("input", "input", *kind, Outcome.FAIL, reason=reason),))
