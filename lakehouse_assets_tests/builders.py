"""Plain functions that build what tests talk about; every argument has a harmless default."""

from datetime import UTC, date, datetime
from typing import Any

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.loading import Gate, Load
from lakehouse_assets.contracts.model import (
    Arrival,
    ColumnType,
    Contract,
    Kind,
    Place,
    ReadOptions,
    Source,
    SourceTable,
)
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


def file_source(location: object, *columns: str, **options: Any) -> Source:  # noqa: ANN401 - options of `read`
    """Return a source of daily files with one table, `orders`; `unknown`, `optional` and `min_rows` are the table's."""
    table = SourceTable(
        "shop",
        "orders",
        {name: ColumnType(Kind.STRING) for name in columns},
        optional_columns=options.pop("optional", ()),
        unknown_columns=options.pop("unknown", "quarantine"),
        arrival=Arrival(min_rows=options.pop("min_rows", 1)),
        read=ReadOptions(**{"pattern": "{partition}.csv", "stable_seconds": 0, **options}),
        place=Place("config/sources/shop.yaml", 9),
    )
    connection = location if isinstance(location, dict) else {"location": str(location)}
    words: dict[str, Any] = {
        "description": "",
        "owner": "",
        "cadence": "daily",
        "replay": "exact",
        "retry_policy": "fixed",
    }
    return Source(
        "shop",
        "files",
        connection=connection,
        calendar=Calendar(date(2026, 1, 1)),
        on_error="dead-letter",
        tables={"orders": table},
        place=Place("config/sources/shop.yaml", 4),
        **words,
    )
