"""Canaries of reconciling rules: two sides that agree, two that do not, and one that nobody said anything about.

What breaks such a rule is a partition whose measure is not that of fine rows, which is what the other side says here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.arguments import columns_of
from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.reconcile import ROWS, SUM, TOLERANCE, Sides
from lakehouse_assets.quality.samples.promise import Meant, Promise
from lakehouse_assets.quality.samples.row_meaning import Row
from lakehouse_assets.quality.samples.violations import Violation, violation_of
from lakehouse_assets.quality.sql_query import VALUE
from lakehouse_assets.quality.sql_rule import asked
from lakehouse_assets.quality.sums import sums
from lakehouse_assets.results import State

_MUCH = 1_000_000.0


def silence(spec: RuleSpec, function: Callable[..., Any]) -> str:
    """Return what a rule lets through that it should not, or ""."""
    share = float(spec.arguments.get("tolerance", TOLERANCE))
    for own in (_MUCH * (1 + 2 * share) + 1, _MUCH * (1 - 2 * share) - 1, 0.0):
        if function(Sides(own, _MUCH), **spec.arguments).state is not State.DIFFERS:
            return f"{own:,.0f} passed for {_MUCH:,.0f}"
    try:
        function(Sides(_MUCH, None), **spec.arguments)
    except LakehouseError:
        return ""
    return "it passes where the other side says nothing"


def alarm(spec: RuleSpec, function: Callable[..., Any]) -> str:
    """Return what a rule refuses that is fine, or ""."""
    try:
        told = function(Sides(_MUCH, _MUCH), **spec.arguments)
    except LakehouseError as error:
        return str(error)
    return "" if told.state is State.AGREES else "it refuses a partition that is equal"


def reconciliation_of(
    spec: RuleSpec, function: Callable[..., Any], rows: Sequence[Row], promise: Promise
) -> Violation | None:
    """Return a partition that differs from fine rows by what a rule measures, or None when none was found."""
    if spec.kind is not RuleKind.RECONCILED or spec.arguments.get("measure", ROWS) not in {ROWS, SUM}:
        return None
    fine = _measure(spec, rows, promise)

    def breaks(candidate: Sequence[Row]) -> list[bool]:
        sides = Sides(_measure(spec, candidate, promise), fine)
        return [function(sides, **spec.arguments).state is State.DIFFERS]

    given: Mapping[str, Any] = {}
    return violation_of(Meant(spec, given, columns_of(spec), breaks), rows, promise)


def _measure(spec: RuleSpec, rows: Sequence[Row], promise: Promise) -> float:
    by, query = promise.contract.partition_column, spec.arguments.get("query")
    if query is None and spec.arguments.get("measure", ROWS) == ROWS:
        return float(len(rows))
    text = promise.frame(rows).with_columns(pl.lit(promise.partition).alias(by))
    frame = nw.from_native(text.lazy())
    found = sums(frame, by, str(spec.column)) if query is None else asked(frame, by, str(query), spec.column)
    numbers = found.collect()[VALUE].to_list()
    return float(numbers[0] or 0) if numbers else 0.0
