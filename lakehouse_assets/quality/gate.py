"""The publish gate: what the counts of a partition say about it, and the decision that all results lead to."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from lakehouse_assets.contracts.loading import Gate
from lakehouse_assets.results import Dimension, Ledger, OnFailure, Outcome, RuleResult, Severity

LEDGER_BALANCES, QUARANTINE_RATIO = "ledger_balances", "quarantine_ratio"
EMPTY_PARTITION, MIN_ROWS = "empty_partition", "min_rows"
_NAMED = 3


class Decision(NamedTuple):
    """Whether a partition keeps serving its previous version, and the sentence that says why."""

    blocked: bool
    sentence: str


def gate(bounds: Gate, ledger: Ledger, *, waived_rows: int = 0) -> tuple[RuleResult, ...]:
    """Judge the row ledger of one partition against the contract's gate; waived rows are no reason to block it."""
    return (
        _balance(ledger),
        _ratio(bounds, ledger, waived_rows),
        _emptiness(bounds, ledger),
        *([_volume(bounds, ledger)] if bounds.min_rows else []),
    )


def overridden(results: Sequence[RuleResult], accepted: Collection[str]) -> tuple[str, ...]:
    """Return which of the accepted rules failed and would have blocked the partition.

    A rule that raised or did not run was never judged: nobody can accept what it would have said.
    """
    failed = (result for result in results if result.blocks and result.outcome is Outcome.FAIL)
    return tuple(sorted({result.rule_id for result in failed} & set(accepted)))


def decide(results: Sequence[RuleResult], despite: Collection[str] = ()) -> Decision:
    """Return the decision despite rules that were overridden; the sentence names rules and counts, never values."""
    blocking = [
        result
        for result in results
        if result.blocks and not (result.rule_id in despite and result.outcome is Outcome.FAIL)
    ]
    if not blocking:
        return Decision(blocked=False, sentence="")
    # What an attestation finds missing is named by the missing rules themselves where there are any.
    ordered = sorted(blocking, key=lambda result: (result.severity is not Severity.CRITICAL, result.rule_id))
    named = "; ".join(_sentence(result) for result in ordered[:_NAMED])
    more = f"; and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return Decision(blocked=True, sentence=f"{named}{more}.")


def _balance(ledger: Ledger) -> RuleResult:
    accounted = ledger.published + ledger.quarantined + ledger.deduplicated + ledger.filtered
    reason = f"{ledger.read} rows were read and {accounted} are accounted for"
    if ledger.filtered < 0:
        reason = f"the transform returned {-ledger.filtered} rows more than it was given"
    return _result(LEDGER_BALANCES, ledger, is_fine=ledger.is_balanced, reason=reason, severity=Severity.CRITICAL)


def _ratio(bounds: Gate, ledger: Ledger, waived_rows: int) -> RuleResult:
    limit, counted = bounds.max_quarantine_ratio, ledger.quarantined - waived_rows
    waived = f" (and {waived_rows} more are waived)" if waived_rows else ""
    reason = f"{counted} of {ledger.read} rows are quarantined{waived}, more than {limit:.4g} of all"
    is_fine = counted <= ledger.read * limit
    ratio = _result(QUARANTINE_RATIO, ledger, is_fine=is_fine, reason=reason, meaning=str(limit))
    return replace(ratio, failed_rows=counted)


def _emptiness(bounds: Gate, ledger: Ledger) -> RuleResult:
    is_fine = ledger.published > 0 or bounds.empty_partition == "allow"
    warns = bounds.empty_partition == "warn"
    return _result(
        EMPTY_PARTITION,
        ledger,
        is_fine=is_fine,
        reason="no row would be published",
        meaning=bounds.empty_partition,
        severity=Severity.WARNING if warns else Severity.ERROR,
    )


def _volume(bounds: Gate, ledger: Ledger) -> RuleResult:
    reason = f"{ledger.published} rows would be published, at least {bounds.min_rows} are promised"
    return _result(
        MIN_ROWS, ledger, is_fine=ledger.published >= bounds.min_rows, reason=reason, meaning=str(bounds.min_rows)
    )


def _result(
    rule_id: str,
    ledger: Ledger,
    *,
    is_fine: bool,
    reason: str,
    meaning: str = "",
    severity: Severity = Severity.ERROR,
) -> RuleResult:
    return RuleResult(
        rule_id=rule_id,
        fingerprint=hashlib.sha256(f"{rule_id} {meaning}".encode()).hexdigest(),
        dimension=Dimension.COVERAGE,
        severity=severity,
        on_failure=OnFailure.KEEP if severity is Severity.WARNING else OnFailure.BLOCK,
        outcome=Outcome.PASS if is_fine else Outcome.FAIL,
        checked_rows=ledger.read,
        reason="" if is_fine else reason,
    )


def _sentence(result: RuleResult) -> str:
    if result.outcome is not Outcome.FAIL:
        return f"{result.rule_id} could not be judged ({result.reason})"
    if result.reason:
        return f"{result.rule_id} failed ({result.reason.removesuffix('.')})"
    plural = "" if result.failed_rows == 1 else "s"
    return f"{result.rule_id} failed for {result.failed_rows} row{plural}"
