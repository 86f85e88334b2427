"""Plain functions that build what tests talk about; every argument has a harmless default."""

from datetime import UTC, datetime
from typing import Any

from lakehouse_assets.contracts.model import Contract, Gate, Load, Place
from lakehouse_assets.incidents.incident import Fact
from lakehouse_assets.naming import TableName
from lakehouse_assets.results import (
    PUBLISHED,
    Dimension,
    Ledger,
    OnFailure,
    Outcome,
    PartitionRecord,
    Record,
    RuleResult,
    Severity,
)


def rule_result(
    rule_id: str,
    *,
    outcome: Outcome = Outcome.PASS,
    severity: Severity = Severity.ERROR,
    dimension: Dimension = Dimension.COMPLETENESS,
    on_failure: OnFailure = OnFailure.QUARANTINE,
    failed_rows: int = 0,
    checked_rows: int = 100,
) -> RuleResult:
    """Return what one rule said; `orders.required` is about the column before the dot."""
    return RuleResult(
        rule_id=rule_id,
        fingerprint=f"fp-{rule_id}",
        dimension=dimension,
        severity=severity,
        on_failure=on_failure,
        outcome=outcome,
        failed_rows=failed_rows,
        checked_rows=checked_rows,
        column=rule_id.partition(".")[0] if "." in rule_id else None,
    )


def partition_record(
    partition: str, *results: RuleResult, status: str = PUBLISHED, read: int = 10, quarantined: int = 0
) -> PartitionRecord:
    """Return what a publish says about one partition, with a ledger that balances."""
    return PartitionRecord(
        partition=partition,
        ledger=Ledger(read=read, published=read - quarantined, quarantined=quarantined),
        results=results,
        content_hash=f"hash-{partition}",
        quarantine_hash="",
        score=100.0,
        status=status,
    )


def publish_record(
    publish: str,
    *partitions: PartitionRecord,
    table: str = "silver/orders",
    run_id: str = "run",
    at: str = "2010-12-09T06:00:00+00:00",
) -> Record:
    """Return the record of one publish that started and finished at the same moment."""
    return Record(
        publish=publish,
        table=table,
        run_id=run_id,
        contract_version="1.0.0",
        rule_set="rules-1",
        started_at=at,
        finished_at=at,
        partitions=partitions,
    )


def run_log_row(run_id: str, partition: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field may change
    """Return one line of the run log as the store takes it."""
    at = datetime(2010, 12, 9, 6, tzinfo=UTC)
    row = {"run_id": run_id, "table_name": "silver/orders", "partition": partition, "stage": "refine"}
    times = {"started_at": at, "completed_at": at, "duration_seconds": 0.5}
    return row | times | {"status": "success", "pipeline_name": "lakehouse"} | changes


def fact(partition: str, *, at: datetime, failed: bool = True, **changes: Any) -> Fact:  # noqa: ANN401 - same
    """Return what one rule of silver/orders said about a partition."""
    return Fact("silver/orders", "quantity.between", partition, failed, at, **changes)


def bare_contract(table: str = "silver/orders") -> Contract:
    """Return a contract that promises nothing, for what only needs to know whose table it is."""
    return Contract(
        table=TableName.parse(table),
        version="1.0.0",
        columns=(),
        rules=(),
        load=Load(),
        gate=Gate(),
        place=Place(f"contracts/{table}.odcs.yaml"),
        owner="sales-data",
    )
