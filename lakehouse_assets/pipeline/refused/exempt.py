"""What waivers and overrides in force do to the partitions of a step: which rules they take out of its verdict.

What was decided is the set of rules that failed and were accepted, so a rerun that accepts the same ones changes
nothing, whoever signed for it; one that accepts others, because an entry came, went or expired, is a new publish.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import narwhals as nw

from lakehouse_assets.contracts.exemption import Exemption, ExemptionKind, in_force
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.gate import overridden
from lakehouse_assets.quality.judge import RowRule, flag_of
from lakehouse_assets.results import AppliedExemption, OnFailure, Outcome, PartitionRecord, RuleResult

_NONE: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """Rules that failed in one partition and were accepted: those that quarantined rows, those that would block it."""

    waived: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    exemptions: tuple[AppliedExemption, ...] = ()


def accept(lake: Lake, table: TableName, partition: str, results: Sequence[RuleResult], today: date) -> Accepted:
    """Return what is accepted of the results of a partition today."""
    entries = lake.catalog.waivers.get(table, ())
    if not entries:
        return Accepted()
    waivers = in_force(entries, ExemptionKind.WAIVER, partition, today)
    overrides = in_force(entries, ExemptionKind.OVERRIDE, partition, today)
    refusing = {
        one.rule_id for one in results if one.outcome is Outcome.FAIL and one.on_failure is OnFailure.QUARANTINE
    }
    waived = tuple(sorted(refusing & _rules(waivers)))
    despite = overridden(results, _rules(overrides))
    return Accepted(waived, despite, (*_applied(waivers, waived), *_applied(overrides, despite)))


def is_as_accepted(lake: Lake, table: TableName, record: PartitionRecord) -> bool:
    """Whether today's waivers and overrides accept exactly what those did under which a partition was published."""
    now = accept(lake, table, record.partition, record.results, datetime.now(UTC).date())
    return (now.waived, now.overridden) == (record.waived, record.overridden)


def expiry_note(step: Step, partition: str, results: Sequence[RuleResult]) -> str:
    """Return which expired entries would have accepted what failed in a partition; nobody should have to guess."""
    failed = {result.rule_id for result in results if result.outcome is Outcome.FAIL}
    entries = step.lake.catalog.waivers.get(step.name, ())
    expired = [one for one in entries if one.covers(partition) and not one.is_in_force(step.started_at.date())]
    told = (
        f" The {one.kind} of {', '.join(sorted(failed.intersection(one.rules)))} expired on {one.expires_on}"
        f" ({one.place})."
        for one in expired
        if failed.intersection(one.rules)
    )
    return "".join(told)


def is_unwaived(step: Step, rules: Sequence[RowRule]) -> nw.Expr | None:
    """Return whether a flagged row breaks a rule that nobody waived in its partition; None where nothing is waived."""
    waived = _waived_partitions(step)
    if not waived:
        return None
    flags = [
        _unless(step, nw.col(flag_of(number)), waived.get(rule.spec.id, _NONE))
        for number, rule in enumerate(rules)
        if rule.spec.on_failure is OnFailure.QUARANTINE and not rule.error
    ]
    return nw.any_horizontal(*flags, ignore_nulls=True) if flags else nw.lit(value=False)


def _unless(step: Step, broken: nw.Expr, partitions: Sequence[str]) -> nw.Expr:
    return broken & ~nw.col(step.contract.partition_column).is_in(list(partitions)) if partitions else broken


def _waived_partitions(step: Step) -> dict[str, list[str]]:
    entries, today = step.lake.catalog.waivers.get(step.name, ()), step.started_at.date()
    found: dict[str, list[str]] = {}
    for partition in step.partitions if entries else ():
        for rule in _rules(in_force(entries, ExemptionKind.WAIVER, partition, today)):
            found.setdefault(rule, []).append(partition)
    return found


def _rules(exemptions: Sequence[Exemption]) -> set[str]:
    return {rule for one in exemptions for rule in one.rules}


def _applied(exemptions: Sequence[Exemption], rules: Sequence[str]) -> Iterator[AppliedExemption]:
    for one in exemptions:
        used = tuple(rule for rule in one.rules if rule in rules)
        if used:
            yield AppliedExemption(one.kind.value, used, one.owner, one.reason, one.expires_on.isoformat())
