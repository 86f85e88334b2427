"""The quality score, 0 to 100: what share of the declared checks held, weighted by severity and dimension.

A rule that did not run counts as failed, so leaving a declared rule out never raises the score; one that was skipped,
because there is nothing yet to compare with, is no part of it. `coverage` is shown beside it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from lakehouse_assets.results import LABELS, Dimension, Outcome, RuleResult, Severity

WARN_BELOW, CRITICAL_BELOW = 98.0, 95.0
SEVERITY_WEIGHTS: Mapping[Severity, int] = {
    Severity.INFO: 1,
    Severity.WARNING: 2,
    Severity.ERROR: 4,
    Severity.CRITICAL: 8,
}
# By the words shown to people, so that volume counts as completeness; the others share .1 each when present.
DIMENSION_WEIGHTS: Mapping[str, float] = {
    LABELS[Dimension.COMPLETENESS]: 0.3,
    LABELS[Dimension.UNIQUENESS]: 0.3,
    LABELS[Dimension.CONFORMITY]: 0.3,
    LABELS[Dimension.TIMELINESS]: 0.1,
    LABELS[Dimension.ACCURACY]: 0.1,
    LABELS[Dimension.CONSISTENCY]: 0.1,
}


def score(results: Sequence[RuleResult], waived: Collection[str] = ()) -> float:
    """Return the weighted score of attested results; without any rule nothing is known, and that is 0.

    A failed rule among `waived` counts as held: its rows were accepted where they are, in quarantine.
    """
    by_dimension = dimension_scores(results, waived)
    total = sum(DIMENSION_WEIGHTS[label] for label in by_dimension)
    weighted = sum(DIMENSION_WEIGHTS[label] * points for label, points in by_dimension.items())
    return round(weighted / total, 4) if total else 0.0


def dimension_scores(results: Iterable[RuleResult], waived: Collection[str] = ()) -> dict[str, float]:
    """Return the score of each dimension that has rules, by the word shown to people."""
    held: dict[str, float] = {}
    weights: dict[str, int] = {}
    for result in (result for result in results if result.outcome is not Outcome.SKIPPED):
        label, weight = LABELS[result.dimension], SEVERITY_WEIGHTS[result.severity]
        is_waived = result.outcome is Outcome.FAIL and result.rule_id in waived
        held[label] = held.get(label, 0.0) + weight * (1.0 if is_waived else _share_held(result))
        weights[label] = weights.get(label, 0) + weight
    return {label: 100 * held[label] / weights[label] for label in held}


def severity_of(points: float, results: Sequence[RuleResult], waived: Collection[str] = ()) -> Severity | None:
    """Return how badly a score is too low, or None when it is high enough.

    Warnings alone are no more than a warning, however few rules a table has beside them.
    """
    if points >= WARN_BELOW:
        return None
    is_mild = bool(results) and all(_is_mild(result, waived) for result in results)
    return Severity.WARNING if points >= CRITICAL_BELOW or is_mild else Severity.CRITICAL


def coverage(results: Sequence[RuleResult]) -> float:
    """Return the share of rules that were executed, 0 to 100."""
    executed = sum(result.outcome in {Outcome.PASS, Outcome.FAIL} for result in results)
    return 100 * executed / len(results) if results else 0.0


def _is_mild(result: RuleResult, waived: Collection[str]) -> bool:
    if result.outcome is Outcome.FAIL:
        return result.severity in {Severity.INFO, Severity.WARNING} or result.rule_id in waived
    return result.outcome in {Outcome.PASS, Outcome.SKIPPED}


def _share_held(result: RuleResult) -> float:
    if result.outcome is Outcome.PASS:
        return 1.0
    if result.outcome is not Outcome.FAIL or not 0 < result.failed_rows <= result.checked_rows:
        return 0.0
    return 1 - result.failed_rows / result.checked_rows
