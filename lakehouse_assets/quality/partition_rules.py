"""Judging partitions: rules over all rows of a partition at once, such as uniqueness, volume and shares.

A rule gives `[by, failed_rows]` of the partitions that violate it; here these become results, one a rule and partition.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.model import Column, RuleSpec
from lakehouse_assets.quality.judge import Scope, reason_of, result_of, rule_errors, window_end_of
from lakehouse_assets.quality.literals import typed_arguments
from lakehouse_assets.quality.rule import FAILED_ROWS
from lakehouse_assets.quality.sql_rule import SQL, answer_without_rows, holds_for
from lakehouse_assets.results import Outcome, RuleResult

ERROR = "error"
# A partition without rows is in no frame; rules about the number of rows judge it all the same.
_VOLUME = "row_count"
_NO_NUMBER = "it gives no number: null, or one that is not finite"
# What a rule compares with values of its column; its other bounds are about rows, sums and shares.
_COMPARED = frozenset({"value", "values", "validValues", "missingValues"})


def judge_partitions(
    frame: nw.LazyFrame,
    by: str,
    specs: Sequence[RuleSpec],
    functions: Mapping[str, Callable[..., Any]],
    scope: Scope | None = None,
) -> list[nw.LazyFrame]:
    """Return the violations of every rule, to be collected together; a rule that cannot run gives its reason instead.

    Each is tried on the frame without its rows first, so that one wrong rule does not fail the others.
    """
    scope = scope or Scope()
    empty = without_rows(frame)
    return [_violations(spec, (frame, empty), by, functions.get(spec.rule), scope) for spec in specs]


def to_partition_results(
    specs: Sequence[RuleSpec], collected: Sequence[Any], partition: str, checked_rows: int, scope: Scope | None = None
) -> tuple[RuleResult, ...]:
    """Return the results of one partition from the collected violations, in the order of `specs`.

    Queries need the columns in `scope` to say something about a partition without rows.
    """
    frames = [nw.from_native(found, eager_only=True) for found in collected]
    columns = (scope or Scope()).columns
    return tuple(
        _result(spec, found, partition, checked_rows)
        if checked_rows or spec.rule != SQL or found.columns == [ERROR]
        else _without_rows(spec, columns)
        for spec, found in zip(specs, frames, strict=True)
    )


def _violations(
    spec: RuleSpec,
    frames: tuple[nw.LazyFrame, nw.LazyFrame],
    by: str,
    function: Callable[..., Any] | None,
    scope: Scope,
) -> nw.LazyFrame:
    if function is None:
        return _reason(f"no rule is named {spec.rule!r}")
    try:
        arguments = arguments_of(spec, function, scope)
        _check(function(frames[1], by, **arguments).collect(), by)
        violations: nw.LazyFrame = function(frames[0], by, **arguments)
    except rule_errors() as error:
        return _reason(reason_of(error))
    return violations


def arguments_of(spec: RuleSpec, function: Callable[..., Any], scope: Scope) -> dict[str, Any]:
    """Return the arguments a rule is called with: values of the type of their column, and the column it is about."""
    run_time = scope.run_time if scope.run_time is not None else window_end_of()
    kind = scope.kind(spec.column or spec.arguments.get("column"))
    compared = {name: value for name, value in spec.arguments.items() if name in _COMPARED}
    arguments = typed_arguments(spec.arguments, None, run_time) | typed_arguments(compared, kind, run_time)
    signature = getattr(function, "signature", None)
    if spec.column and signature is not None and any(each.name == "column" for each in signature.parameters):
        arguments.setdefault("column", spec.column)
    return arguments


def without_rows(frame: nw.LazyFrame) -> nw.LazyFrame:
    """Return a frame of the same columns on which a rule can be tried before data is read."""
    schema = dict(frame.collect_schema())
    return nw.DataFrame.from_dict({name: [] for name in schema}, schema, backend="polars").lazy()


def _check(violations: nw.DataFrame, by: str) -> None:
    if violations.columns != [by, FAILED_ROWS]:
        msg = "a partition rule returns the partition and failed_rows"
        raise TypeError(msg)


def _reason(text: str) -> nw.LazyFrame:
    return nw.DataFrame.from_dict({ERROR: [text]}, backend="polars").lazy()


def _result(spec: RuleSpec, found: nw.DataFrame, partition: str, rows: int) -> RuleResult:
    if found.columns == [ERROR]:
        return result_of(spec, Outcome.ERROR, checked=rows, reason=str(found[ERROR][0]))
    by = found.columns[0]
    failed = found.filter(nw.col(by).cast(nw.String) == partition)[FAILED_ROWS].to_list()
    if failed and failed[0] is None:
        return result_of(spec, Outcome.ERROR, checked=rows, reason=_NO_NUMBER)
    if failed:
        return result_of(spec, Outcome.FAIL, int(failed[0]), rows)
    if not rows and spec.rule == _VOLUME and int(spec.arguments.get("min") or 0) > 0:
        return result_of(spec, Outcome.FAIL, reason="the partition has no rows")
    return result_of(spec, Outcome.PASS, 0, rows)


def _without_rows(spec: RuleSpec, columns: Sequence[Column]) -> RuleResult:
    """Judge what a query gives where there is nothing; with null it says nothing, and the publish gate decides."""
    try:
        answer = answer_without_rows(spec.arguments, columns)
    except rule_errors() as error:
        return result_of(spec, Outcome.ERROR, reason=reason_of(error))
    if answer is None or holds_for(answer, spec.arguments):
        return result_of(spec, Outcome.PASS)
    return result_of(spec, Outcome.FAIL, reason="the partition has no rows")
