"""Judging rows: every row rule becomes one boolean column, all of them evaluated in one pass over the data.

A rule that cannot run is not dropped: it stays in its place and its outcome is `error`, which blocks.
Rules over whole partitions are in `partition_rules`, what the verdicts lead to in `gate`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.compared import column_of_list
from lakehouse_assets.contracts.model import Column, Kind, RuleKind, RuleSpec
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.engines.faults import engine_errors
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import PROC_DATE
from lakehouse_assets.quality.literals import typed_arguments
from lakehouse_assets.results import Dimension, OnFailure, Outcome, RuleResult

_OF_RULES: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    LakehouseError,
)
NEVER = nw.lit(value=False)
_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule bound to columns: `violated` is true for a bad row. `error` says why the rule cannot run."""

    spec: RuleSpec
    violated: nw.Expr
    error: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What rules are bound to: the promised columns, and what `run_time` means for a row.

    Without `columns` arguments are taken as they are written. `run_time` is an expression of a UTC timestamp.
    """

    columns: tuple[Column, ...] = ()
    run_time: nw.Expr | None = None

    def kind(self, name: str | None) -> Kind | None:
        """Return the kind of a promised column."""
        return next((column.type.kind for column in self.columns if column.name == name), None)


def rule_errors() -> tuple[type[Exception], ...]:
    """Return what a rule that cannot run may raise, whichever engine runs it."""
    return (*engine_errors(), *_OF_RULES)


def window_end_of(partition_column: str = PROC_DATE, *, hourly: bool = False) -> nw.Expr:
    """Return what `run_time` means: the last microsecond of the row's partition, never the clock."""
    pattern, length = ("%Y-%m-%d-%H:%M", "1h") if hourly else ("%Y-%m-%d", "1d")
    start = kit.try_datetime(nw.col(partition_column), pattern)
    return start.dt.offset_by(length).dt.offset_by("-1us")


def bind(
    specs: Sequence[RuleSpec], functions: Mapping[str, Callable[..., Any]], scope: Scope | None = None
) -> tuple[RowRule, ...]:
    """Turn declared row rules into expressions; one that cannot be bound keeps its place with the reason.

    With the columns in `scope` every rule is also tried on an empty frame, which finds wrong types before data does.
    """
    scope = scope or Scope()
    rows = [spec for spec in specs if spec.kind is RuleKind.ROW]
    rules = tuple(_bound(spec, functions.get(spec.rule), scope) for spec in rows)
    return _tried(rules, scope) if scope.columns else rules


def flag(frame: nw.LazyFrame, rules: Sequence[RowRule]) -> nw.LazyFrame:
    """Add `__v0`, `__v1`, … one boolean a rule, true where a row violates it, never null."""
    flags = [_never_null(rule).alias(flag_of(number)) for number, rule in enumerate(rules)]
    return frame.with_columns(*flags) if flags else frame


def flag_of(number: int) -> str:
    """Return the name of the flag of the rule at `number`."""
    return f"__v{number}"


def is_refused(rules: Sequence[RowRule]) -> nw.Expr:
    """Whether a flagged row violates any rule that quarantines."""
    flags = [
        nw.col(flag_of(number))
        for number, rule in enumerate(rules)
        if rule.spec.on_failure is OnFailure.QUARANTINE and not rule.error
    ]
    return nw.any_horizontal(*flags, ignore_nulls=True) if flags else NEVER


def counts(rules: Sequence[RowRule]) -> list[nw.Expr]:
    """Return the number of violations of every rule, for one select or one aggregation of a flagged frame."""
    return [nw.col(flag_of(number)).cast(nw.Int8).sum().alias(flag_of(number)) for number in range(len(rules))]


def to_results(rules: Sequence[RowRule], counted: Mapping[str, Any], checked_rows: int) -> tuple[RuleResult, ...]:
    """Turn the counts of one partition into one result a rule; a rule without a count did not run."""
    return tuple(_result(rule, counted.get(flag_of(number)), checked_rows) for number, rule in enumerate(rules))


def isolate(
    frame: nw.LazyFrame, rules: Sequence[RowRule], collect: Callable[[nw.LazyFrame], Any]
) -> tuple[RowRule, ...]:
    """Run every rule alone and mark those that raise: for a pass that failed, to learn which rule it was."""
    return tuple(rule if rule.error else _alone(frame, rule, collect) for rule in rules)


def result_of(spec: RuleSpec, outcome: Outcome, failed: int = 0, checked: int = 0, *, reason: str = "") -> RuleResult:
    """Return what a rule said, with everything that is known from its declaration."""
    return RuleResult(
        rule_id=spec.id,
        fingerprint=spec.fingerprint,
        dimension=spec.dimension,
        severity=spec.severity,
        on_failure=spec.on_failure,
        outcome=outcome,
        failed_rows=failed,
        checked_rows=checked,
        column=spec.column,
        reason=reason,
        line=spec.place.line,
    )


def reason_of(error: Exception) -> str:
    """Return why a rule could not run: our own sentences whole, of others only the type, which holds no value."""
    return str(error) if isinstance(error, LakehouseError) else f"the rule raised {type(error).__name__}"


def _bound(spec: RuleSpec, function: Callable[..., Any] | None, scope: Scope) -> RowRule:
    if function is None:
        return RowRule(spec, NEVER, f"no rule is named {spec.rule!r}")
    try:
        violated = ~_evaluated(spec, function, scope).fill_null(spec.dimension is not Dimension.COMPLETENESS)
    except rule_errors() as error:
        return RowRule(spec, NEVER, reason_of(error))
    return RowRule(spec, violated)


def _evaluated(spec: RuleSpec, function: Callable[..., Any], scope: Scope) -> nw.Expr:
    signature = getattr(function, "signature", None)
    takes_column = spec.column is not None if signature is None else signature.needs_column
    # Arguments of a rule over several columns are not all values of the column it is declared at.
    kind = scope.kind(spec.column) if takes_column else None
    run_time = scope.run_time if scope.run_time is not None else window_end_of()
    arguments = typed_arguments(spec.arguments, kind, run_time)
    if not takes_column:
        arguments |= _typed_lists(spec, scope, run_time)
    if signature is not None and any(each.name == "column" for each in signature.parameters):
        arguments.setdefault("column", spec.column)
    is_fine: nw.Expr = function(nw.col(str(spec.column)), **arguments) if takes_column else function(**arguments)
    if takes_column and kind is Kind.DOUBLE and spec.dimension is not Dimension.COMPLETENESS:
        return is_fine & nw.col(str(spec.column)).is_finite()
    return is_fine


def _typed_lists(spec: RuleSpec, scope: Scope, run_time: nw.Expr) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name, values in spec.arguments.items():
        column = column_of_list(name, spec.rule, spec.column or spec.arguments.get("column"), spec.arguments)
        if column is not None:
            typed |= typed_arguments({name: values}, scope.kind(column), run_time)
    return typed


def _tried(rules: tuple[RowRule, ...], scope: Scope) -> tuple[RowRule, ...]:
    schema = {column.name: to_narwhals(column.type) for column in scope.columns}
    empty = nw.DataFrame.from_dict(
        {name: [] for name in {**schema, PROC_DATE: None}}, {PROC_DATE: nw.String(), **schema}, backend="polars"
    ).lazy()
    try:
        _boolean(empty.select(*[rule.violated.alias(flag_of(n)) for n, rule in enumerate(rules)]).collect())
    except rule_errors():
        return isolate(empty, rules, lambda frame: _boolean(frame.collect()))
    return rules


def _boolean(frame: nw.DataFrame) -> None:
    wrong = [name for name, dtype in frame.schema.items() if dtype != nw.Boolean()]
    if wrong:
        msg = "a row rule returns a boolean expression"
        raise TypeError(msg)


def _alone(frame: nw.LazyFrame, rule: RowRule, collect: Callable[[nw.LazyFrame], Any]) -> RowRule:
    try:
        collect(frame.select(_never_null(rule).alias(flag_of(0))))
    except rule_errors() as error:
        return replace(rule, violated=NEVER, error=reason_of(error))
    return rule


def _never_null(rule: RowRule) -> nw.Expr:
    return rule.violated.fill_null(value=False)


def _result(rule: RowRule, count: Any, checked_rows: int) -> RuleResult:  # noqa: ANN401 - engines count in their own types
    if rule.error:
        return result_of(rule.spec, Outcome.ERROR, checked=checked_rows, reason=rule.error)
    if count is None:
        return result_of(rule.spec, Outcome.NOT_RUN, checked=checked_rows, reason="the rule was not evaluated")
    failed = int(count)
    return result_of(rule.spec, Outcome.FAIL if failed else Outcome.PASS, failed, checked_rows)
