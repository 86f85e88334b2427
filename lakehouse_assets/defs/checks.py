"""Quality dimensions as Dagster checks: one check a dimension, one evaluation a partition, rules as a table in it."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs import scores
from lakehouse_assets.defs.expectations import to_markdown, to_reconciliation
from lakehouse_assets.defs.preview import Target
from lakehouse_assets.defs.rule_rows import Beside, to_list, to_table
from lakehouse_assets.quality.trend import Scored, scored
from lakehouse_assets.results import (
    LABELS,
    Dimension,
    OnFailure,
    Outcome,
    PartitionRecord,
    PartitionResult,
    RuleResult,
    Severity,
)

# Rules nobody has to declare (arrival, ledger, schema, gate) belong to these, so every table has them; those of derived
# tables are also about uniqueness.
BUILT_IN = (Dimension.COMPLETENESS, Dimension.CONFORMITY, Dimension.CONSISTENCY)
_QUESTIONS: Mapping[str, str] = {
    "Completeness": "Is everything there: required values, rows, whole files?",
    "Uniqueness": "Is everything there only once?",
    "Validity": "Do values have the promised type, form and range?",
    "Accuracy": "Do numbers agree with the source and with each other?",
    "Consistency": "Does it fit together: references, row ledger, rules between columns?",
    "Timeliness": "Is it on time, and not from the future?",
}
SCORE: Mapping[str, str] = {"Score": "Is the quality score of 100 high enough?"}
_FALLBACK = LABELS[Dimension.CONSISTENCY]


def to_questions(contract: Contract) -> dict[str, str]:
    """Return the dimensions a table is judged in, as shown to people, each with the question it answers."""
    own = (*BUILT_IN, Dimension.UNIQUENESS) if contract.role in {Role.CURRENT, Role.HISTORY} else BUILT_IN
    present = {LABELS[dimension] for dimension in (*own, *(rule.dimension for rule in contract.rules))}
    return {label: question for label, question in _QUESTIONS.items() if label in present}


def by_dimension(results: Iterable[RuleResult], labels: Sequence[str]) -> dict[str, list[RuleResult]]:
    """Return results under the labels of a table's checks; one whose dimension has no check is never lost."""
    grouped: dict[str, list[RuleResult]] = {label: [] for label in labels}
    for result in results:
        label = LABELS[result.dimension]
        grouped[label if label in grouped else _FALLBACK].append(result)
    return grouped


def to_evaluation(
    spec: dg.AssetCheckSpec,
    result: PartitionResult,
    rules: Sequence[RuleResult],
    *,
    partition: str | None,
    target: Target | None,
    beside: Beside | None = None,
) -> dg.AssetCheckEvaluation:
    """Return what one dimension says about one partition.

    Red (blocking error) when a rule keeps the partition back, amber (warning) when rules failed and the rest is
    published (for information only: green), green otherwise. An overridden rule stays amber, one whose rows were
    waived is green. Reasons and counts only, never a value of a row.
    """
    waived = set(result.record.waived)
    broken = [rule for rule in rules if not rule.passed and rule.outcome is not Outcome.SKIPPED]
    failed = [rule for rule in broken if rule.rule_id not in waived]
    blocks = result.is_blocked and any(_holds_back(rule, result) for rule in failed)
    beside = beside or Beside()
    compared, listed, place = to_markdown(rules), to_list(broken, result.record, beside), beside.contract_place
    return dg.AssetCheckEvaluation(
        asset_key=spec.asset_key,
        check_name=spec.name,
        partition=partition,
        passed=all(rule.severity is Severity.INFO for rule in failed),
        blocking=True,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description=_describe(failed, rules, result.record),
        metadata={
            "failed_rows": sum(rule.failed_rows for rule in failed),
            **({"broken rules": dg.MetadataValue.md(listed)} if listed else {}),
            **({"beside earlier partitions": dg.MetadataValue.md(compared)} if compared else {}),
            **({"where it comes from": dg.MetadataValue.md(both)} if (both := to_reconciliation(rules)) else {}),
            "rules": to_table(rules, result.record, beside),
            **({"contract": place} if place is not None else {}),
        },
        target_materialization_data=target,
    )


def to_score(
    spec: dg.AssetCheckSpec,
    record: PartitionRecord,
    *,
    partition: str | None,
    target: Target | None,
    history: Sequence[Scored] = (),
) -> dg.AssetCheckEvaluation:
    """Return whether the score of a partition is high enough: amber below the first bound, red below the second.

    It blocks nothing and opens no incident: whatever lowers it is a rule that does. `history` ends with the partition.
    """
    severe = record.low_score is Severity.CRITICAL
    own, trend = scored("", record), scores.to_markdown(history)
    return dg.AssetCheckEvaluation(
        asset_key=spec.asset_key,
        check_name=spec.name,
        partition=partition,
        passed=record.low_score is None,
        blocking=False,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=f"{record.score:.2f} of 100.",
        metadata={
            "score": record.score,
            "coverage": own.coverage,
            **own.dimensions,
            **({"trend": dg.MetadataValue.md(trend)} if trend else {}),
        },
        target_materialization_data=target,
    )


def _holds_back(rule: RuleResult, result: PartitionResult) -> bool:
    return rule.blocks and rule.rule_id not in result.record.overridden


def _describe(failed: Sequence[RuleResult], rules: Sequence[RuleResult], record: PartitionRecord) -> str:
    if not failed:
        return _passed(rules)
    shown = failed[:5]
    told = "; ".join(describe(rule) + _fate(rule, record) for rule in shown)
    return told + (" …" if len(failed) > len(shown) else "")


def _passed(rules: Sequence[RuleResult]) -> str:
    count = len(rules)
    idle = sum(rule.outcome is Outcome.SKIPPED for rule in rules)
    if not count:
        return "No rule applied."
    return f"{count - idle} rule{'s' if count - idle != 1 else ''} passed." + (
        f" {idle} could say nothing yet." if idle else ""
    )


def describe(rule: RuleResult) -> str:
    """Return what a failed rule found, in a few words that any sentence can go on after."""
    if rule.outcome is not Outcome.FAIL:
        return f"{rule.rule_id} did not run ({rule.outcome.value})"
    if rule.failed_rows:
        return f"{rule.rule_id}: {rule.failed_rows:,} of {rule.checked_rows:,} rows"
    return f"{rule.rule_id}: {rule.reason.removesuffix('.') or 'failed'}"


def _fate(rule: RuleResult, record: PartitionRecord) -> str:
    if rule.outcome is not Outcome.FAIL:
        return ""
    if rule.rule_id in record.overridden:
        return ", published all the same by an override"
    return {OnFailure.QUARANTINE: ", quarantined", OnFailure.BLOCK: ", partition kept back"}.get(rule.on_failure, "")
