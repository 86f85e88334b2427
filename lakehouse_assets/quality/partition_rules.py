"""Judging partitions: rules over all rows of a partition at once, such as uniqueness, volume and shares.

A rule gives `[by, failed_rows]` of the partitions that violate it; here these become results, one a partition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.quality.judge import RULE_ERRORS, Scope, reason_of, result_of, window_end_of
from lakehouse_assets.quality.literals import typed_arguments
from lakehouse_assets.quality.rule import FAILED_ROWS
from lakehouse_assets.results import Outcome, RuleResult

# Rules about the number of rows judge a partition without rows too, which no frame can show them.
_VOLUME = "row_count"


@dataclass(frozen=True, slots=True)
class PartitionRule:
    """A rule bound to a frame: `violations` holds `[by, failed_rows]` and is lazy. `error` says why it cannot run."""

    spec: RuleSpec
    violations: nw.LazyFrame | None
    error: str = ""


def judge_partitions(
    frame: nw.LazyFrame,
    by: str,
    specs: Sequence[RuleSpec],
    functions: Mapping[str, Callable[..., Any]],
    scope: Scope | None = None,
) -> tuple[PartitionRule, ...]:
    """Bind every partition rule to the frame of rows that would be published; nothing is computed yet."""
    scope = scope or Scope()
    wanted = [spec for spec in specs if spec.kind in {RuleKind.PARTITION, RuleKind.TABLE}]
    return tuple(_bound(spec, frame, by, functions.get(spec.rule), scope) for spec in wanted)


def collect_violations(
    rules: Sequence[PartitionRule], collect: Callable[[nw.LazyFrame], Any]
) -> tuple[dict[str, int] | str, ...]:
    """Compute every rule: failed rows by partition, or the reason why it could not be computed."""
    return tuple(_collected(rule, collect) for rule in rules)


def to_partition_results(
    rules: Sequence[PartitionRule],
    violations: Sequence[Mapping[str, int] | str],
    checked_rows: Mapping[str, int],
) -> dict[str, tuple[RuleResult, ...]]:
    """Return the results of every partition in `checked_rows` (partition -> rows), one a rule."""
    pairs = list(zip(rules, violations, strict=True))
    return {
        partition: tuple(_result(rule.spec, found, partition, rows) for rule, found in pairs)
        for partition, rows in checked_rows.items()
    }


def _bound(
    spec: RuleSpec, frame: nw.LazyFrame, by: str, function: Callable[..., Any] | None, scope: Scope
) -> PartitionRule:
    if function is None:
        return PartitionRule(spec, None, f"no rule is named {spec.rule!r}")
    run_time = scope.run_time if scope.run_time is not None else window_end_of()
    try:
        arguments = typed_arguments(spec.arguments, None, run_time)
        if any(parameter.name == "column" for parameter in function.signature.parameters):  # type: ignore[attr-defined]
            arguments.setdefault("column", spec.column)
        violations = function(frame, by, **arguments)
        violations.collect_schema()
    except RULE_ERRORS as error:
        return PartitionRule(spec, None, reason_of(error))
    return PartitionRule(spec, violations)


def _collected(rule: PartitionRule, collect: Callable[[nw.LazyFrame], Any]) -> dict[str, int] | str:
    if rule.violations is None:
        return rule.error
    try:
        found = nw.from_native(collect(rule.violations), eager_only=True, pass_through=False)
    except RULE_ERRORS as error:
        return reason_of(error)
    partition, failed = (found[name].to_list() for name in (found.columns[0], FAILED_ROWS))
    return {str(key): int(count) for key, count in zip(partition, failed, strict=True)}


def _result(spec: RuleSpec, found: Mapping[str, int] | str, partition: str, rows: int) -> RuleResult:
    if isinstance(found, str):
        return result_of(spec, Outcome.ERROR, checked=rows, reason=found)
    if partition in found:
        return result_of(spec, Outcome.FAIL, found[partition], rows)
    if not rows and spec.rule == _VOLUME and int(spec.arguments.get("min") or 0) > 0:
        return result_of(spec, Outcome.FAIL, 0, 0, reason="the partition has no rows")
    return result_of(spec, Outcome.PASS, 0, rows)
