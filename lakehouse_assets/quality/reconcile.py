"""Two numbers that should be one: a measure of a partition, and the same measure where its rows come from. No frames.

Which numbers these are is asked in `pipeline.reconciled`; the rules are in `rules/reconciliation.py`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lakehouse_assets.contracts.model import Column, Kind, RuleSpec
from lakehouse_assets.contracts.vocabulary import ArgumentError
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.judge import result_of
from lakehouse_assets.quality.sql_read import read_query
from lakehouse_assets.quality.sql_rule import checked as checked_sql
from lakehouse_assets.results import Expectation, Outcome, RuleResult, State

if TYPE_CHECKING:
    from sqlglot import exp

ROWS, SUM, SHA256 = "rows", "sum", "sha256"
TOLERANCE = 0.01
# Two sums of the same doubles differ by the order of their rows, which is no difference.
_ROUNDING = 1e-12
_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}


@dataclass(frozen=True, slots=True)
class Sides:
    """A measure of a partition and what it should be; None where nobody says, and `reason` is why.

    `said_by` names the other side in a sentence, `note` says more about a difference.
    """

    own: float | None
    other: float | None
    said_by: str = "where it comes from"
    reason: str = ""
    note: str = ""


def reconciled(sides: Sides, tolerance: float) -> Expectation:
    """Return whether both sides agree but for a share of the other one; raise LakehouseError where one is missing."""
    own, other = sides.own, sides.other
    if own is None or other is None or not (math.isfinite(own) and math.isfinite(other)):
        raise LakehouseError(sides.reason or "one side has no number to compare.")
    margin = max(tolerance, _ROUNDING) * abs(other)
    agrees = other - margin <= own <= other + margin
    apart = "" if agrees else f", {_apart(own, other)}"
    note = "" if agrees or not sides.note else f": {sides.note}"
    return Expectation(
        State.AGREES if agrees else State.DIFFERS,
        own,
        other,
        other - margin,
        other + margin,
        is_severe=not agrees,
        reason=f"{_shown(own)} here, {_shown(other)} {sides.said_by}{apart}{note}",
    )


def result_reconciled(spec: RuleSpec, told: Expectation, rows: int) -> RuleResult:
    """Return the result of a rule; a pass, too, says both numbers."""
    outcome = Outcome.PASS if told.state is State.AGREES else Outcome.FAIL
    return replace(result_of(spec, outcome, checked=rows, reason=told.reason), expectation=told)


def checked_measure(arguments: Mapping[str, Any], columns: Sequence[Column]) -> Mapping[str, Any]:
    """Return the arguments of a rule about what a source recorded; raise ArgumentError when they mean nothing."""
    _check_tolerance(arguments)
    measure, name = arguments.get("measure", ROWS), arguments.get("column")
    if measure not in {ROWS, SUM}:
        fix = f"Write {ROWS} or {SUM}; hashes are compared where files land (`reconcile.sha256` of the source file)."
        raise ArgumentError("LH409", f"measure is {measure!r}.", fix=fix)
    if measure == ROWS and name:
        raise ArgumentError("LH409", f"rows are counted, and {name!r} is named.", fix="Write measure: sum.")
    column = next((one for one in columns if one.name == name), None)
    if measure == SUM and (column is None or column.type.kind not in _NUMBERS):
        raise ArgumentError("LH409", "a sum needs a column of numbers.", fix="Write `column:`.")
    if measure == SUM and column is not None and column.is_classified:
        raise _classified(column)
    return arguments


def checked_queries(arguments: Mapping[str, Any], columns: Sequence[Column]) -> Mapping[str, Any]:
    """Return arguments with both queries in their normal form; `columns` are those that `query` is asked about.

    Raises ArgumentError for a query that cannot be asked, and for one that would tell values of classified columns.
    """
    _check_tolerance(arguments)
    own = checked_sql({"query": arguments["query"], "column": arguments.get("column"), "mustBe": 0}, columns)
    told = {name.lower() for name in _told(read_query(own["query"]).tree)}
    for column in columns:
        if column.is_classified and column.name.lower() in told:
            raise _classified(column)
    expected = read_query(arguments["expected"]).text
    return {**arguments, "query": own["query"], "expected": expected, "properties": own["properties"]}


def _told(tree: "exp.Select") -> Iterator[str]:
    """Yield the columns whose values become a part of the answer: all but those that are counted or only compared."""
    for node in tree.walk():
        if type(node).__name__ != "Column":
            continue
        parent: Any = node.parent
        while parent is not None and type(parent).__name__ not in {"Count", "Where"}:
            parent = parent.parent
        if parent is None:
            yield node.name


def _check_tolerance(arguments: Mapping[str, Any]) -> None:
    share = arguments.get("tolerance", TOLERANCE)
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share < 1:
        fix = "Write 0.01 for one percent, 0 for no difference at all."
        raise ArgumentError("LH409", "tolerance is no share from 0 to below 1.", fix=fix)


def _classified(column: Column) -> ArgumentError:
    what = f"both numbers are kept beside the data, and {column.name} is {column.classification}."
    return ArgumentError("LH422", what, fix="Count rows or different values instead.")


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.4f}".rstrip("0")


def _apart(own: float, other: float) -> str:
    return f"{abs(own - other) / abs(other):.2%} apart" if other else f"{_shown(own - other)} too many"
