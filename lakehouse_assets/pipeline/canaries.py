"""Proof that rules can fail: for every rule of a contract a partition that breaks it, judged as a run would judge it.

Nothing is read or written. A rule that passes its canary, that refuses fine rows, or for which no canary can be made,
is found here before data is: docs/adr/0020-canaries.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import Contract, Kind, RuleKind, RuleSpec
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.built_in import window_rules
from lakehouse_assets.pipeline.references import flag_missing, reference_rules
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.quality.attest import attest
from lakehouse_assets.quality.group_rules import group_rule, violating_groups, with_group
from lakehouse_assets.quality.judge import RowRule, bind, counts, flag, flag_of, to_results
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.samples.over_time import proof
from lakehouse_assets.quality.samples.promise import Promise, promise
from lakehouse_assets.quality.samples.reconciled import alarm, silence
from lakehouse_assets.quality.samples.row_meaning import Row
from lakehouse_assets.quality.samples.rows import fine_rows
from lakehouse_assets.quality.samples.violations import MEANING, Violation, violation_of
from lakehouse_assets.results import Outcome, RuleResult, State

SINGS, SILENT, ALARMS, MISSING, NOTHING = "rejects", "does not reject", "rejects fine rows", "no canary", "no promise"
BAD = frozenset({SILENT, ALARMS, MISSING})
_ORPHAN = "not_in_the_referenced_table"
_FINE, _CANARY = "__fine", "__canary"
# Rules that are shown numbers, not rows.
_OF_NUMBERS = frozenset({RuleKind.OVER_TIME, RuleKind.RECONCILED})
_Judged = Mapping[str, Mapping[str, RuleResult]]


@dataclass(frozen=True, slots=True)
class Canary:
    """What became of one rule: `verdict` in a word, `known_by` who said that the canary breaks it, `reason` why not."""

    table: str
    rule_id: str
    rule: str
    verdict: str
    known_by: str = ""
    reason: str = ""
    place: str = ""


def canaries(contract: Contract, functions: Mapping[str, Callable[..., Any]], *, seed: int = 0) -> tuple[Canary, ...]:
    """Judge a fine partition and one canary a rule; return what became of every rule, in the contract's order."""
    numbers = {spec.id: _of_numbers(contract, spec, functions) for spec in contract.rules if spec.kind in _OF_NUMBERS}
    now = replace(contract, rules=tuple(spec for spec in contract.rules if spec.kind not in _OF_NUMBERS))
    said = {one.rule_id: one for one in _of_rows(now, functions, seed)}
    return tuple({**said, **numbers}[spec.id] for spec in contract.rules)


def _of_rows(contract: Contract, functions: Mapping[str, Callable[..., Any]], seed: int) -> tuple[Canary, ...]:
    made = promise(contract, functions=functions)
    try:
        rows = fine_rows(made, Random(seed))  # noqa: S311 - samples
    except LakehouseError as error:
        return tuple(_said(contract, spec, MISSING, reason=str(error)) for spec in contract.rules)
    judge = _Judge(contract, functions, made)
    broken = {spec.id: _violation(judge, spec, rows) for spec in contract.rules if not _promises_nothing(spec)}
    frames = {name: found.frame for name, found in broken.items() if found is not None}
    judged = judge.results({_FINE: made.frame(rows), **frames})
    wrong = _wrongly_refused(broken, judged)
    return tuple(_became(judge, spec, broken.get(spec.id), judged, wrong) for spec in contract.rules)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges frames with the promised columns as a run judges computed rows, each as a partition of its own."""

    contract: Contract
    functions: Mapping[str, Callable[..., Any]]
    made: Promise

    def results(self, frames: Mapping[str, pl.DataFrame]) -> dict[str, dict[str, RuleResult]]:
        """Return what every declared rule says about every frame; one that nobody judged says so."""
        contract, specs, scope = self.contract, self.contract.rules, scope_of(self.contract)
        together = pl.concat(frame.with_columns(pl.lit(name).alias(_CANARY)) for name, frame in frames.items())
        rows = nw.from_native(together.with_columns(pl.col(contract.partition_column).cast(pl.String)).lazy())
        rows, groups = self._grouped(rows)
        rules = (*window_rules(contract), *bind(specs, self.functions, scope), *reference_rules(contract), *groups)
        counted = self._counted(rows, rules)
        whole = [spec for spec in specs if spec.kind in {RuleKind.PARTITION, RuleKind.TABLE}]
        judged = [one.collect() for one in judge_partitions(rows, _CANARY, whole, self.functions, scope)]
        return {
            name: {
                result.rule_id: result
                for result in attest(
                    specs,
                    (
                        *to_results(rules, counted.get(name, _none(rules)), frame.height),
                        *to_partition_results(whole, judged, name, frame.height, scope),
                    ),
                )
            }
            for name, frame in frames.items()
        }

    def _grouped(self, rows: nw.LazyFrame) -> tuple[nw.LazyFrame, list[RowRule]]:
        specs = [spec for spec in self.contract.rules if spec.kind is RuleKind.GROUP]
        found = violating_groups(rows, _CANARY, specs, self.functions, scope_of(self.contract))
        for spec, each in zip(specs, found, strict=True):
            rows = rows if isinstance(each, str) else with_group(rows, spec, each.collect().lazy())
        named = zip(specs, found, strict=True)
        return rows, [group_rule(spec, each if isinstance(each, str) else "") for spec, each in named]

    def _counted(self, rows: nw.LazyFrame, rules: Sequence[RowRule]) -> dict[str, dict[str, int]]:
        for spec in self.contract.rules:
            if spec.kind is RuleKind.FOREIGN_KEY:
                rows = flag_missing(rows, spec, self._keys(spec, rows))
        totals = flag(rows, rules).group_by(_CANARY).agg(nw.len().alias("__rows"), *counts(rules))
        return {row[_CANARY]: row for row in totals.collect().rows(named=True)}

    def _keys(self, spec: RuleSpec, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Return the referenced keys as if all but the canary's were there."""
        column = str(spec.column)
        known = rows.select(nw.col(column)).drop_nulls().unique()
        return known.filter(nw.col(column) != (_ORPHAN if self._is_text(column) else -1))

    def _is_text(self, column: str) -> bool:
        return self.contract.column(column).type.kind is Kind.STRING

    def orphaned(self, spec: RuleSpec, rows: Sequence[Row]) -> pl.DataFrame:
        """Return the rows, the first of which points to nothing."""
        column = str(spec.column)
        first = {**rows[0], column: _ORPHAN if self._is_text(column) else -1}
        return self.made.frame([first, *rows[1:]])


def _none(rules: Sequence[RowRule]) -> dict[str, int]:
    return {flag_of(number): 0 for number in range(len(rules))}


def _of_numbers(contract: Contract, spec: RuleSpec, functions: Mapping[str, Callable[..., Any]]) -> Canary:
    if spec.rule not in functions:
        return _said(contract, spec, MISSING, reason=f"no rule is named {spec.rule!r}")
    judge = _over_time if spec.kind is RuleKind.OVER_TIME else _reconciled
    return judge(contract, spec, functions[spec.rule])


def _over_time(contract: Contract, spec: RuleSpec, function: Callable[..., Any]) -> Canary:
    usual, odd = proof(spec, function)
    if usual.state is not State.USUAL:
        return _said(contract, spec, ALARMS, MEANING, usual.reason)
    is_silent = odd.state is not State.UNUSUAL
    return _said(contract, spec, SILENT if is_silent else SINGS, MEANING, "its canary is usual" if is_silent else "")


def _reconciled(contract: Contract, spec: RuleSpec, function: Callable[..., Any]) -> Canary:
    refused = alarm(spec, function)
    passed = "" if refused else silence(spec, function)
    verdict = ALARMS if refused else SILENT if passed else SINGS
    return _said(contract, spec, verdict, MEANING, refused or passed)


def _promises_nothing(spec: RuleSpec) -> bool:
    return spec.rule == "row_count" and not spec.arguments.get("min") and spec.arguments.get("max") is None


def _became(
    judge: _Judge,
    spec: RuleSpec,
    violation: Violation | None,
    judged: _Judged,
    wrong: Mapping[str, str],
) -> Canary:
    contract, fine = judge.contract, judged[_FINE][spec.id]
    if not fine.passed:
        return _said(contract, spec, ALARMS, reason=fine.reason or f"{fine.failed_rows} fine rows")
    if _promises_nothing(spec):
        return _said(contract, spec, NOTHING, reason="any number of rows is fine")
    if violation is None:
        reason = "nothing was found that breaks it: give a failing row in lakehouse.example"
        return _said(contract, spec, MISSING, reason=reason)
    silence = _silence(violation, judged[spec.id][spec.id])
    if silence:
        return _said(contract, spec, SILENT, violation.known_by, silence)
    other = wrong.get(spec.id)
    reason = f"it refuses the canary of {other}, which keeps it" if other else ""
    return _said(contract, spec, ALARMS if other else SINGS, violation.known_by, reason)


def _silence(violation: Violation, result: RuleResult) -> str:
    """Return why a rule did not reject its canary as it should, or ""."""
    if result.outcome is not Outcome.FAIL:
        return result.reason or "its canary passed"
    is_exact = not violation.rows or result.failed_rows == len(violation.rows)
    return "" if is_exact else f"{result.failed_rows} rows were refused instead of {len(violation.rows)}"


def _wrongly_refused(broken: Mapping[str, Violation | None], judged: _Judged) -> dict[str, str]:
    """Return rules that refuse a canary of another rule although it keeps them."""
    return {
        name: other
        for other, violation in broken.items()
        if violation is not None
        for name, result in judged[other].items()
        if name in broken and not result.passed and name not in {other, *violation.also}
    }


def _violation(judge: _Judge, spec: RuleSpec, rows: Sequence[Row]) -> Violation | None:
    if spec.kind is RuleKind.FOREIGN_KEY:
        return Violation(spec.id, judge.orphaned(spec, rows), (0,), (), MEANING)
    rule = next((rule for rule in judge.made.rules if rule.spec is spec), None)
    return violation_of(rule, rows, judge.made) if rule is not None else None


def _said(contract: Contract, spec: RuleSpec, verdict: str, known_by: str = "", reason: str = "") -> Canary:
    return Canary(str(contract.table), spec.id, spec.rule, verdict, known_by, reason, str(spec.place))
