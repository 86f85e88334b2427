"""Judging rows beside the others of their partition: a rule names combinations of values, and rows that have one fail.

The combinations are few, whatever the number of rows; they are found once on all rows of a chunk, so that a row's
verdict does not depend on the pass it is computed in. A rule that cannot run gives its reason instead.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.model import RuleSpec
from lakehouse_assets.quality.judge import NEVER, RowRule, Scope, reason_of, rule_errors
from lakehouse_assets.quality.partition_rules import arguments_of, without_rows


def violating_groups(
    frame: nw.LazyFrame,
    by: str,
    specs: Sequence[RuleSpec],
    functions: Mapping[str, Callable[..., Any]],
    scope: Scope | None = None,
) -> list[nw.LazyFrame | str]:
    """Return the combinations of values that violate each rule, to be collected together, or why it cannot run."""
    empty = without_rows(frame)
    return [_violating(spec, (frame, empty), by, functions.get(spec.rule), scope or Scope()) for spec in specs]


def group_rule(spec: RuleSpec, error: str = "") -> RowRule:
    """Return a group rule as a row rule over the column that `with_group` adds."""
    return RowRule(spec, NEVER, error) if error else RowRule(spec, nw.col(_flag(spec)))


def with_group(rows: nw.LazyFrame, spec: RuleSpec, found: nw.LazyFrame) -> nw.LazyFrame:
    """Add whether a row has one of the combinations of values that were found; a null is part of none."""
    flag, on = _flag(spec), found.collect_schema().names()
    joined = rows.join(found.with_columns(nw.lit(value=True).alias(flag)), on=on, how="left")
    return joined.with_columns(nw.col(flag).fill_null(value=False))


def _violating(
    spec: RuleSpec,
    frames: tuple[nw.LazyFrame, nw.LazyFrame],
    by: str,
    function: Callable[..., Any] | None,
    scope: Scope,
) -> nw.LazyFrame | str:
    if function is None:
        return f"no rule is named {spec.rule!r}"
    try:
        arguments = arguments_of(spec, function, scope)
        names = function(frames[1], by, **arguments).collect().columns
        if names[:1] != [by] or not set(names) <= set(frames[1].collect_schema().names()):
            return "a group rule returns the partition and columns of the frame"
        found: nw.LazyFrame = function(frames[0], by, **arguments).unique()
    except rule_errors() as error:
        return reason_of(error)
    return found


def _flag(spec: RuleSpec) -> str:
    return f"__group_{spec.fingerprint[:16]}"
