"""The run log: one JSON line per run, table, partition and stage, on stdout or in a file, and as rows for the store.

Counts, names and times only: no value of a row ever gets here. What a whole run amounted to is `run_summary`.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse_assets.naming import TableName
from lakehouse_assets.results import BLOCKED, Outcome, PartitionRecord, Record
from lakehouse_assets.state.times import to_utc

FILE = "run_log.jsonl"
SUCCESS, FAILED = "success", "failed"
STAGES = {"bronze": "ingest", "silver": "refine", "gold": "curate"}


@dataclass(frozen=True, slots=True)
class RunLogEntry:
    """What one stage of one run did to one partition. Watermarks are ends of the newest gap-free window."""

    pipeline_name: str
    run_id: str
    table: str
    partition: str
    stage: str
    status: str
    started_at: datetime
    completed_at: datetime
    duration_seconds: float
    rows_extracted: int = 0
    rows_transformed: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    quality_checks_passed: int = 0
    quality_checks_failed: int = 0
    error_message: str = ""
    watermark_before: str = ""
    watermark_after: str = ""
    tenant: str = ""
    trace_id: str = ""

    def to_json(self) -> str:
        """Return the line that is written."""
        times = {"started_at": self.started_at.isoformat(), "completed_at": self.completed_at.isoformat()}
        return json.dumps({**asdict(self), **times}, ensure_ascii=False)

    def to_row(self) -> dict[str, Any]:
        """Return the row that the state store keeps."""
        row = asdict(self)
        return {"table_name": row.pop("table"), **row}


def entries_of_record(record: Record, *, pipeline_name: str = "") -> tuple[RunLogEntry, ...]:
    """Return the lines of one publish; its time is shared equally by its partitions."""
    return tuple(_to_entry(record, partition, pipeline_name or record.table) for partition in record.partitions)


def write_run_log(entries: Iterable[RunLogEntry], where: str, folder: Path) -> None:
    """Write lines to `stdout`, to the file below `folder` (`file`), or nowhere (`off`)."""
    lines = "".join(f"{entry.to_json()}\n" for entry in entries)
    if where == "stdout":
        sys.stdout.write(lines)
    elif where == "file":
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / FILE).open("a", encoding="utf-8") as file:
            file.write(lines)


def _to_entry(record: Record, partition: PartitionRecord, pipeline_name: str) -> RunLogEntry:
    started_at, completed_at = to_utc(record.started_at), to_utc(record.finished_at)
    ledger, is_blocked = partition.ledger, partition.status == BLOCKED
    judged = [result for result in partition.results if result.outcome is not Outcome.SKIPPED]
    passed = sum(result.passed for result in judged)
    return RunLogEntry(
        pipeline_name=pipeline_name,
        run_id=record.run_id,
        table=record.table,
        partition=partition.partition,
        stage=STAGES.get(TableName.parse(record.table).layer, "publish"),
        status=FAILED if is_blocked else SUCCESS,
        started_at=started_at,
        completed_at=completed_at,
        duration_seconds=round((completed_at - started_at).total_seconds() / len(record.partitions), 6),
        rows_extracted=ledger.read,
        rows_transformed=ledger.read - ledger.deduplicated - ledger.filtered,
        rows_loaded=0 if is_blocked else ledger.published,
        rows_rejected=ledger.quarantined,
        quality_checks_passed=passed,
        quality_checks_failed=len(judged) - passed,
        error_message=_error(partition),
    )


def _error(partition: PartitionRecord) -> str:
    if partition.status != BLOCKED:
        return ""
    rules = (result.rule_id for result in partition.results if result.blocks)
    return f"blocked by {', '.join(rule for rule in rules if rule not in partition.overridden)}"
