"""The run log of every chunk: one line a partition, written where the settings say and left for the state store.

The store is never on the publish path: lines wait as small objects below `run_log/` until `absorb` takes them in.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakehouse_assets.naming import RUN_LOG_FOLDER
from lakehouse_assets.observability.run_log import RunLogEntry, entries_of_record, write_run_log
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import PartitionResult, Record
from lakehouse_assets.storage.objects import Objects


def log_chunk(step: Step, results: Sequence[PartitionResult]) -> None:
    """Write the run log lines of one chunk, unchanged partitions included."""
    record = Record(
        publish=step.publish,
        table=str(step.name),
        run_id=step.run_id,
        contract_version=step.contract.version,
        rule_set=step.contract.rule_set,
        started_at=step.started_at.isoformat(),
        finished_at=datetime.now(UTC).isoformat(),
        partitions=tuple(result.record for result in results),
    )
    entries = entries_of_record(record)
    lake = step.lake
    write_run_log(entries, lake.settings.run_log, Path(lake.root) if lake.settings.is_local else Path.cwd())
    lines = "\n".join(entry.to_json() for entry in entries)
    Objects(lake.root, lake.options).write(f"{RUN_LOG_FOLDER}/{step.publish}.jsonl", lines.encode())


def waiting_lines(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that wait for the state store, by the object that holds them."""
    objects = Objects(lake.root, lake.options)
    waiting = {}
    for path in objects.names(RUN_LOG_FOLDER):
        content = objects.read(path) or b""
        waiting[path] = [_to_row(json.loads(line)) for line in content.decode().splitlines()]
    return waiting


def forget_lines(lake: Lake, path: str) -> None:
    """Remove lines that the state store has taken in."""
    Objects(lake.root, lake.options).delete([path])


def _to_row(line: dict[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(line[name]) for name in ("started_at", "completed_at")}
    return RunLogEntry(**{**line, **times}).to_row()
