"""Taking over what publishes said: records into ledger, rule results and publishes, each exactly once.

Reading them back is `reports`; opening incidents from them is the room `incidents`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from lakehouse_assets.results import LATE_ROWS, PartitionRecord, Record, RuleResult
from lakehouse_assets.state import schema
from lakehouse_assets.state.times import to_utc


def absorb_record(connection: sa.Connection, record: Record) -> frozenset[str]:
    """Store a record; return the partitions of which it is now the newest word.

    Idempotent by table, publish and partition: a publish that kept some partitions and blocked others has a record
    for each half. Records may come in any order: what is older than the stored word is kept as history and not
    returned.
    """
    _insert_publish(connection, record)
    known = _absorbed(connection, record)
    partitions = [partition for partition in record.partitions if partition.partition not in known]
    finished_at = to_utc(record.finished_at)
    newer = _newer_elsewhere(connection, record, finished_at)
    _insert_all(
        connection, schema.partition_ledger, [_ledger_row(record, partition, finished_at) for partition in partitions]
    )
    _insert_all(
        connection,
        schema.rule_results,
        [_result_row(record, entry.partition, result) for entry in partitions for result in entry.results],
    )
    return frozenset(partition.partition for partition in partitions) - newer


def write_run_log(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store lines of the run log; a retry of the same step replaces its line."""
    keys = ("run_id", "table_name", "partition", "stage")
    for row in rows:
        statement = upsert(connection, schema.run_log).values(**row)
        rest = {name: statement.excluded[name] for name in row if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))


def upsert(connection: sa.Connection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an insert that can say what happens on conflict, for the database at hand."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _insert_publish(connection: sa.Connection, record: Record) -> None:
    row = {
        "table_name": record.table,
        "publish": record.publish,
        "run_id": record.run_id,
        "contract_version": record.contract_version,
        "rule_set": record.rule_set,
        "engine": record.engine,
        "purpose": record.purpose,
        "upstreams": dict(record.upstreams),
        "started_at": to_utc(record.started_at),
        "finished_at": to_utc(record.finished_at),
    }
    connection.execute(upsert(connection, schema.publishes).values(**row).on_conflict_do_nothing())


def _absorbed(connection: sa.Connection, record: Record) -> frozenset[str]:
    ledger = schema.partition_ledger.c
    query = sa.select(ledger.partition).where(ledger.table_name == record.table, ledger.publish == record.publish)
    return frozenset(connection.execute(query).scalars())


def _insert_all(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(sa.insert(table), rows)


def _newer_elsewhere(connection: sa.Connection, record: Record, finished_at: datetime) -> frozenset[str]:
    ledger = schema.partition_ledger.c
    same_time_wins = sa.and_(ledger.finished_at == finished_at, ledger.publish > record.publish)
    query = (
        sa.select(ledger.partition)
        .distinct()
        .where(ledger.table_name == record.table)
        .where(ledger.partition.in_([partition.partition for partition in record.partitions]))
        .where(sa.or_(ledger.finished_at > finished_at, same_time_wins))
    )
    return frozenset(connection.execute(query).scalars())


def _ledger_row(record: Record, partition: PartitionRecord, finished_at: datetime) -> dict[str, Any]:
    return {
        "table_name": record.table,
        "publish": record.publish,
        "partition": partition.partition,
        "status": partition.status,
        **asdict(partition.ledger),
        "score": partition.score,
        "content_hash": partition.content_hash,
        "quarantine_hash": partition.quarantine_hash,
        "overridden": list(partition.overridden),
        "drift": [asdict(event) for event in partition.drift],
        "finished_at": finished_at,
        "late_rows": partition.measures.get(LATE_ROWS),
    }


def _result_row(record: Record, partition: str, result: RuleResult) -> dict[str, Any]:
    return {
        "table_name": record.table,
        "publish": record.publish,
        "partition": partition,
        "rule_id": result.rule_id,
        "fingerprint": result.fingerprint,
        "dimension": result.dimension.value,
        "severity": result.severity.value,
        "on_failure": result.on_failure.value,
        "outcome": result.outcome.value,
        "column_name": result.column or "",
        "reason": result.reason,
        "failed_rows": result.failed_rows,
        "checked_rows": result.checked_rows,
        "line": result.line,
    }
