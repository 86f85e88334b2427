"""Row rules a table has without declaring them: malformed lines, rows outside their window, repeated keys.

Also what keeps one cause from being told twice: a malformed line breaks no other rule, and a value that could not be
read is not also missing.
"""

from collections.abc import Sequence
from dataclasses import replace

import narwhals as nw

from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec
from lakehouse_assets.engines import kit
from lakehouse_assets.naming import DEFECT, PROC_DATE
from lakehouse_assets.quality.judge import RowRule, window_end_of
from lakehouse_assets.results import TOO_LATE, Dimension, OnFailure, Severity

RAW = "__raw_"
REQUIRED = "required"
TOO_EARLY = "too_early"
WINDOW_RULES = frozenset({TOO_LATE, TOO_EARLY})
_MALFORMED = ~nw.col(f"{RAW}{DEFECT}").is_null()


def window_rules(contract: Contract) -> tuple[RowRule, ...]:
    """Return the rules that refuse rows which no business date of gold would ever read.

    A date `D` is computed from the partitions `D - 1` to `D + lateness`; a row outside would just be gone.
    """
    load = contract.load
    if not load.event_time:
        return ()
    arrived, happened = _days(contract)
    earliest = kit.days_after(arrived, -load.lateness.days)
    return (
        RowRule(_spec(TOO_LATE, Dimension.TIMELINESS, f"lateness {load.lateness.days}d"), happened < earliest),
        RowRule(_spec(TOO_EARLY, Dimension.TIMELINESS, "1d"), happened > kit.days_after(arrived, 1)),
    )


def is_late(contract: Contract) -> nw.Expr | None:
    """Return whether a row arrived after the day it happened on, or None where rows say no such day."""
    if not contract.load.event_time or contract.load.partition_column != PROC_DATE:
        return None
    arrived, happened = _days(contract)
    return (happened < arrived).fill_null(value=False)


def repeated_key(contract: Contract) -> RuleSpec | None:
    """Return the rule under which every member of a repeated key is refused, where the contract calls them errors."""
    load = contract.load
    if load.duplicates != "quarantine" or not load.keys:
        return None
    return _spec("repeated_key", Dimension.UNIQUENESS, ",".join(load.keys))


def one_cause(rules: Sequence[RowRule], parsed: Sequence[RowRule]) -> tuple[RowRule, ...]:
    """Return all rules, `well_formed` first, so that each bad row is reported for what is wrong with it."""
    unread: dict[str, nw.Expr] = {}
    for rule in parsed:
        column = rule.spec.column
        if column and rule.spec.on_failure is OnFailure.QUARANTINE:
            unread[column] = unread[column] | rule.violated if column in unread else rule.violated
    told = [_unless(rule, unread.get(str(rule.spec.column))) for rule in rules]
    return (WELL_FORMED, *(_unless(rule, _MALFORMED, always=True) for rule in (*parsed, *told)))


def _unless(rule: RowRule, cause: nw.Expr | None, *, always: bool = False) -> RowRule:
    if cause is None or rule.error or not (always or rule.spec.rule == REQUIRED):
        return rule
    return replace(rule, violated=rule.violated & ~cause.fill_null(value=False))


def _spec(name: str, dimension: Dimension, meaning: str) -> RuleSpec:
    return RuleSpec(
        id=name,
        rule=name,
        kind=RuleKind.ROW,
        dimension=dimension,
        severity=Severity.ERROR,
        on_failure=OnFailure.QUARANTINE,
        fingerprint=f"{name} {meaning}".strip(),
    )


def _days(contract: Contract) -> tuple[nw.Expr, nw.Expr]:
    event = nw.col(contract.load.event_time)
    arrived = window_end_of(contract.partition_column, hourly=contract.is_hourly).dt.date()
    return arrived, event if _is_date(contract) else event.dt.date()


def _is_date(contract: Contract) -> bool:
    return contract.column(contract.load.event_time).type.kind == "date"


WELL_FORMED = RowRule(_spec("well_formed", Dimension.CONFORMITY, ""), _MALFORMED)
