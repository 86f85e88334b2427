"""What incidents are told: facts from records of publishes and from runs that failed. Pure."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.incidents.incident import BY_SEVERITY, Fact, FailureClass
from lakehouse_assets.incidents.triage import classify_error, classify_rule, default_runbook
from lakehouse_assets.results import Outcome, PartitionRecord, Record, RuleResult, Severity
from lakehouse_assets.state.times import to_utc

RUN_FAILURE = "run."
# When the input of a partition is missing or refused, every other failure of that partition follows from it.
CAUSES = frozenset({"arrival", "input"})


def facts_of_record(record: Record, contract: Contract, partitions: Collection[str]) -> tuple[Fact, ...]:
    """Return what a record says about `partitions`: every rule that was due, and that the run itself came through.

    A rule that could not run counts as failed, a skipped one says nothing, and one that was overridden or whose rows
    were waived holds. A low score says nothing either: what lowered it are rules that speak for themselves.
    """
    at = to_utc(record.finished_at)
    return tuple(
        fact
        for partition in record.partitions
        if partition.partition in partitions
        for fact in _facts_of_partition(record, partition, contract, at)
    )


def facts_of_failure(
    error: BaseException, contract: Contract, partitions: Sequence[str], *, run_id: str, at: datetime
) -> tuple[Fact, ...]:
    """Return what a run that raised says about the partitions it was asked for."""
    kind = classify_error(error)
    # Only our own errors promise to hold no values; of all others the type must do.
    message = error.what if isinstance(error, LakehouseError) else type(error).__name__
    return tuple(
        Fact(
            table=str(contract.table),
            rule_id=f"{RUN_FAILURE}{kind.value}",
            partition=partition,
            failed=True,
            at=at,
            failure_class=kind,
            message=message,
            run_id=run_id,
            place=str(contract.place),
            owner=contract.owner,
            runbook=contract.runbook or default_runbook(kind),
        )
        for partition in partitions
    )


def _facts_of_partition(record: Record, partition: PartitionRecord, contract: Contract, at: datetime) -> Iterator[Fact]:
    causes = [result for result in partition.results if result.rule_id in CAUSES and not result.passed]
    for result in causes or partition.results:
        if result.outcome is not Outcome.SKIPPED:
            accepted = result.rule_id in {*partition.overridden, *partition.waived}
            yield _fact_of_result(result, contract, partition.partition, record.run_id, at, accepted=accepted)
    for kind in FailureClass:
        yield Fact(record.table, f"{RUN_FAILURE}{kind.value}", partition.partition, failed=False, at=at)


def _fact_of_result(
    result: RuleResult, contract: Contract, partition: str, run_id: str, at: datetime, *, accepted: bool
) -> Fact:
    kind = classify_rule(result.rule_id, result.dimension, result.reason)
    return Fact(
        table=str(contract.table),
        rule_id=result.rule_id,
        partition=partition,
        failed=not (result.passed or accepted),
        at=at,
        severity=_severity_of(result),
        failure_class=kind,
        failed_rows=result.failed_rows,
        checked_rows=result.checked_rows,
        column=result.column or "",
        message=result.reason,
        run_id=run_id,
        place=_place_of(result, contract),
        owner=contract.owner,
        runbook=contract.runbook or default_runbook(kind),
    )


def _severity_of(result: RuleResult) -> Severity:
    did_run = result.outcome in {Outcome.PASS, Outcome.FAIL}
    return result.severity if did_run else min(result.severity, Severity.ERROR, key=BY_SEVERITY.__getitem__)


def _place_of(result: RuleResult, contract: Contract) -> str:
    declared = (rule.place for rule in contract.rules if rule.id == result.rule_id)
    return str(next(declared, contract.place))
