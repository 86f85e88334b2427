"""What a rule over time is shown: one partition, those before it, and what was measured of each. No frames.

Measured are sums and counts a column and, for distributions, compact histograms: numbers by magnitude, texts by hash.
None of it tells a value of a row; columns that are classified are not measured at all (`contracts.over_time`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from lakehouse_assets.contracts.calendar import Calendar, day_of
from lakehouse_assets.contracts.model import RuleSpec
from lakehouse_assets.quality.baseline import Earlier
from lakehouse_assets.quality.judge import result_of
from lakehouse_assets.results import Expectation, Outcome, PartitionRecord, RuleResult, Severity, State

ROWS, SUM, KNOWN, FILLED = "rows", "sum", "known", "filled"
# A partition of which a larger share was refused says little about how many rows are usual.
_MOST_REFUSED = 0.1
_OUTCOMES: Mapping[State, Outcome] = {
    State.LEARNING: Outcome.SKIPPED,
    State.NAMED: Outcome.SKIPPED,
    State.USUAL: Outcome.PASS,
    State.UNUSUAL: Outcome.FAIL,
}
_MILD = {Severity.INFO, Severity.WARNING}


@dataclass(frozen=True, slots=True)
class Measured:
    """Numbers of one partition: rows, and what `quality.measures` took of its columns."""

    rows: int
    numbers: Mapping[str, float] = field(default_factory=dict)
    histograms: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def total(self, column: str) -> float | None:
        """Return the sum of a column; None where it was not measured."""
        return self.numbers.get(f"{column}.{SUM}")

    def mean(self, column: str) -> float | None:
        """Return the mean of a column; None where it was not measured or has no value."""
        total, known = self.total(column), self.numbers.get(f"{column}.{KNOWN}")
        return total / known if total is not None and known else None

    def null_share(self, column: str) -> float | None:
        """Return the share of rows without a value; None where it was not measured or there are no rows."""
        rows, filled = self.numbers.get(ROWS), self.numbers.get(f"{column}.{FILLED}")
        return 1 - filled / rows if filled is not None and rows else None


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier partition: what was measured, whether this rule called it an alarm, and whether it is doubtful."""

    day: date
    measured: Measured
    alarm: int = 0
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a rule over time looks at. `may_be_empty`: the contract allows a partition without rows."""

    day: date
    measured: Measured
    earlier: tuple[Past, ...] = ()
    calendar: Calendar | None = None
    may_be_empty: bool = False

    def series(self, value: Callable[[Measured], float | None]) -> Iterator[Earlier]:
        """Yield one number of every earlier partition."""
        for one in self.earlier:
            yield Earlier(one.day, value(one.measured), one.alarm, one.is_doubtful)


def measured_of(record: PartitionRecord) -> Measured:
    """Return what the record of a partition says was measured; older records say less."""
    return Measured(record.ledger.published, record.metrics, record.histograms)


def past_of(record: PartitionRecord, rule_id: str) -> Past:
    """Return an earlier partition as a rule sees it: what it said itself about that day is what makes it an alarm."""
    told = next((one.expectation for one in record.results if one.rule_id == rule_id), None)
    refused = record.ledger.quarantined > _MOST_REFUSED * max(1, record.ledger.read)
    return Past(
        day_of(record.partition),
        measured_of(record),
        side_of(told) if told is not None else 0,
        is_doubtful=bool(record.overridden) or refused,
    )


def side_of(told: Expectation) -> int:
    """Return 1 for an alarm above what is expected, -1 for one below, 0 for none."""
    if not told.is_severe:
        return 0
    return 1 if told.observed > (told.expected or 0) else -1


def result_over_time(spec: RuleSpec, told: Expectation, rows: int) -> RuleResult:
    """Return the result of a rule: nothing learned yet is skipped, and what is only odd is a warning at most."""
    found = result_of(spec, _OUTCOMES[told.state], checked=rows, reason=told.reason)
    is_mild = told.state is State.UNUSUAL and not told.is_severe
    severity = Severity.WARNING if is_mild and spec.severity not in _MILD else spec.severity
    return RuleResult(
        found.rule_id,
        found.fingerprint,
        found.dimension,
        severity,
        found.on_failure,
        found.outcome,
        checked_rows=rows,
        column=found.column,
        reason=found.reason,
        line=found.line,
        expectation=told,
    )
