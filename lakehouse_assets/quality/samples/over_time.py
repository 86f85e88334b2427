"""Canaries of rules over time: a usual day and one that is not, with a past that is the same every day."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from lakehouse_assets.contracts.model import RuleSpec
from lakehouse_assets.quality.measures import DRIFT, NULL_SHARE
from lakehouse_assets.quality.seen import FILLED, KNOWN, ROWS, SUM, Measured, Past, Seen
from lakehouse_assets.results import Expectation

_TESTED = date(2024, 6, 3)
_USUAL, _DAYS = 1_000, 28
_GAPS = "partitions_without_gaps"
# Bins of numbers and of anything else; half of the values lie in each.
_BINS = ("570", "580")


def proof(spec: RuleSpec, function: Callable[..., Any]) -> tuple[Expectation, Expectation]:
    """Return what a rule says about a usual day, and about one with a tenth of everything, other values, or a gap."""
    days = max(_DAYS, int(spec.arguments.get("partitions", _DAYS))) + _DAYS
    past = tuple(Past(_TESTED - timedelta(days=number), _measured(spec)) for number in range(days, 0, -1))
    usual = Seen(_TESTED, _measured(spec), past)
    odd = Seen(_TESTED, _measured(spec, is_odd=True), _with_gap(spec, past))
    return function(usual, **spec.arguments), function(odd, **spec.arguments)


def _with_gap(spec: RuleSpec, past: tuple[Past, ...]) -> tuple[Past, ...]:
    """Return the past of a day that is odd: where days themselves are counted, one too many is missing before it."""
    gone = int(spec.arguments.get("allowed", 0)) + 1 if spec.rule == _GAPS else 0
    return past[: len(past) - gone]


def _measured(spec: RuleSpec, *, is_odd: bool = False) -> Measured:
    rows = max(_USUAL, int(spec.arguments.get("minRows", 0)))
    column, share = str(spec.column), 0.1 if is_odd else 1.0
    if spec.rule in DRIFT:
        first = rows if is_odd else rows // 2
        return Measured(rows, {}, {column: dict(zip(_BINS, (first, rows - first), strict=True))})
    numbers: Mapping[str, float] = {f"{column}.{SUM}": rows * share, f"{column}.{KNOWN}": rows}
    if spec.arguments.get("metric") == NULL_SHARE:
        numbers = {ROWS: rows, f"{column}.{FILLED}": rows * share}
    return Measured(int(rows * share), numbers)
