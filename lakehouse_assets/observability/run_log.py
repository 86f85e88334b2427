"""The run log: one JSON line per run, table, partition and stage, on stdout or in a file, and as rows for the store.

Counts, names and times only: no value of a row ever gets here. What a whole run amounted to is `run_summary`.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.results import BLOCKED, Outcome, PartitionRecord, PartitionResult, Record
from lakehouse_assets.state.times import to_utc

FILE = "run_log.jsonl"
SUCCESS, FAILED = "success", "failed"
STAGES = {"bronze": "ingest", "silver": "refine", "gold": "curate"}


@dataclass(frozen=True, slots=True)
class Span:
    """Which run it was, and from when to when; `pipeline_name` is the table's name unless it is given."""

    run_id: str
    started_at: datetime
    completed_at: datetime
    pipeline_name: str = ""


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
    started_at, completed_at = to_utc(record.started_at), to_utc(record.finished_at)
    span = Span(record.run_id, started_at, completed_at, pipeline_name)
    seconds = (completed_at - started_at).total_seconds() / max(1, len(record.partitions))
    return tuple(_to_entry(record.table, partition, span, seconds) for partition in record.partitions)


def entries_of_results(results: Iterable[PartitionResult], span: Span) -> tuple[RunLogEntry, ...]:
    """Return the lines of what a run just did, partitions that did not change included."""
    return tuple(_to_entry(result.table, result.record, span, result.seconds) for result in results)


def entries_of_failure(
    error: BaseException, table: TableName, partitions: Sequence[str], span: Span
) -> tuple[RunLogEntry, ...]:
    """Return the lines of a run that raised: it says what went wrong only if the error is one of ours."""
    line = RunLogEntry(
        pipeline_name=span.pipeline_name or str(table),
        run_id=span.run_id,
        table=str(table),
        partition="",
        stage=_stage(str(table)),
        status=FAILED,
        started_at=span.started_at,
        completed_at=span.completed_at,
        duration_seconds=(span.completed_at - span.started_at).total_seconds() / max(1, len(partitions)),
        error_message=error.what if isinstance(error, LakehouseError) else type(error).__name__,
    )
    return tuple(replace(line, partition=partition) for partition in partitions)


def write_run_log(entries: Iterable[RunLogEntry], where: str, folder: Path) -> None:
    """Write lines to `stdout`, to the file below `folder` (`file`), or nowhere (`off`)."""
    lines = "".join(f"{entry.to_json()}\n" for entry in entries)
    if where == "stdout":
        sys.stdout.write(lines)
    elif where == "file":
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / FILE).open("a", encoding="utf-8") as file:
            file.write(lines)


def _stage(table: str) -> str:
    return STAGES.get(TableName.parse(table).layer, "publish")


def _to_entry(table: str, partition: PartitionRecord, span: Span, seconds: float) -> RunLogEntry:
    ledger, is_blocked = partition.ledger, partition.status == BLOCKED
    judged = [result for result in partition.results if result.outcome is not Outcome.SKIPPED]
    passed = sum(result.passed for result in judged)
    return RunLogEntry(
        pipeline_name=span.pipeline_name or table,
        run_id=span.run_id,
        table=table,
        partition=partition.partition,
        stage=_stage(table),
        status=FAILED if is_blocked else SUCCESS,
        started_at=span.started_at,
        completed_at=span.completed_at,
        duration_seconds=round(seconds, 6),
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
