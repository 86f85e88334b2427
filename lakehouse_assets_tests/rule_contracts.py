"""Contracts with one rule, as the rule's own example declares it: what tests of all rules start from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, RuleKind, RuleSpec
from lakehouse_assets.pipeline.references import flag_missing, reference_rules
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.quality.group_rules import group_rule, violating_groups, with_group
from lakehouse_assets.quality.judge import RowRule, bind, counts, flag, isolate, rule_errors, to_results
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.rule import RuleFunction
from lakehouse_assets.quality.samples.promise import promise, typed_row
from lakehouse_assets.results import Dimension, OnFailure, RuleResult, Severity
from lakehouse_assets_tests.builders import bare_contract

DAY = "2026-01-05"
# The keys that a referenced table has.
KNOWN = ("a", "b")

KINDS = {int: Kind.LONG, float: Kind.DOUBLE, str: Kind.STRING, date: Kind.DATE, bool: Kind.BOOLEAN}


def spec_of(function: RuleFunction, column: str | None, arguments: Mapping[str, Any], **changes: Any) -> RuleSpec:  # noqa: ANN401 - YAML values
    found = function.signature
    is_row = found.kind in {RuleKind.ROW, RuleKind.GROUP}
    spec = RuleSpec(
        id=f"promised.{found.name}",
        rule=found.name,
        kind=found.kind,
        dimension=found.dimension,
        severity=Severity.ERROR,
        on_failure=OnFailure.QUARANTINE if is_row else OnFailure.BLOCK,
        fingerprint=found.name,
        column=column,
        arguments=arguments,
    )
    return replace(spec, **changes)


def contract_of(spec: RuleSpec, columns: Mapping[str, Kind]) -> Contract:
    bare = bare_contract()
    load = replace(bare.load, mode=Mode.PARTITION)
    promised = tuple(Column(name, ColumnType(kind, 18, 4)) for name, kind in columns.items())
    return replace(bare, columns=promised, rules=(spec,), load=load)


def by_example(rule: RuleFunction) -> Contract:
    """Return a contract with this one rule, as its own example declares it."""
    example = rule.example
    rows = example.passing if isinstance(example.passing, list) else [example.passing]
    rows = [row if isinstance(row, dict) else {"x": row} for row in [*rows, example.failing]
            if not isinstance(row, list)]  # fmt: skip
    values = {name: [row[name] for row in rows if row.get(name) is not None] for name in rows[0]}
    kinds = {name: KINDS[type(found[0])] if found else Kind.STRING for name, found in values.items()}
    dated = [name for name, found in values.items() if found and str(found[0])[4:5] == "-"]
    if rule.signature.dimension is Dimension.TIMELINESS:
        kinds |= dict.fromkeys(dated, Kind.DATE)
    arguments = dict(example.arguments)
    if rule.signature.check is not None:
        promised = [Column(name, ColumnType(kind, 18, 4)) for name, kind in kinds.items()]
        arguments = dict(rule.signature.check(arguments, promised))
    column = "x" if rule.signature.needs_column else arguments.get("column")
    return contract_of(spec_of(rule, column, arguments), kinds)


def foreign_key(*, nulls: str = "allow") -> Contract:
    """Return a contract whose column `x` points to one of `KNOWN`."""
    spec = RuleSpec(
        "x.foreign_key",
        "foreign_key",
        RuleKind.FOREIGN_KEY,
        Dimension.CONSISTENCY,
        Severity.ERROR,
        OnFailure.QUARANTINE,
        "f" * 64,
        "x",
        {"table": "silver/customers", "column": "id", "nulls": nulls},
    )
    return contract_of(spec, {"x": Kind.STRING})


def frame_of(contract: Contract, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return rows as they are written as a frame of the promised types."""
    made = promise(contract, DAY)
    return made.frame([typed_row(dict(row), made) for row in rows])


def rows_of(example: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a value, a row or rows
    """Return an example of a rule as rows: a value is that of the column `x`."""
    rows = example if isinstance(example, list) else [example]
    return [row if isinstance(row, dict) else {"x": row} for row in rows]


def judged(contract: Contract, rows: pl.DataFrame, functions: Mapping[str, Any]) -> RuleResult:
    """Return what the one rule of a contract says of a partition, by the functions that a run asks."""
    (spec,) = contract.rules
    by, scope = contract.partition_column, scope_of(contract)
    frame = nw.from_native(rows.with_columns(pl.col(by).cast(pl.String)).lazy())
    if spec.kind is RuleKind.PARTITION:
        found = [one.collect() for one in judge_partitions(frame, by, [spec], functions, scope)]
        return to_partition_results([spec], found, DAY, rows.height, scope)[0]
    if spec.kind is RuleKind.GROUP:
        (groups,) = violating_groups(frame, by, [spec], functions, scope)
        bound: tuple[RowRule, ...] = (group_rule(spec, groups if isinstance(groups, str) else ""),)
        frame = frame if isinstance(groups, str) else with_group(frame, spec, groups)
    elif spec.kind is RuleKind.FOREIGN_KEY:
        keys = nw.from_native(pl.LazyFrame({str(spec.column): KNOWN}, schema={str(spec.column): pl.String}))
        frame, bound = flag_missing(frame, spec, keys), reference_rules(contract)
    else:
        bound = bind([spec], functions, scope)
    try:
        counted = flag(frame, bound).select(*counts(bound)).collect()
    except rule_errors():
        bound = isolate(frame, bound, lambda each: each.collect())
        counted = flag(frame, bound).select(*counts(bound)).collect()
    return to_results(bound, counted.rows(named=True)[0], rows.height)[0]
