"""Signals that a table outgrows one machine: the time its largest partition takes, and what that holds in memory.

What to do about it, and what it costs, is in docs/how-to/scale-out.md.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import publish_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.storage.records import read_record
from lakehouse_assets.storage.table import OpenTable

# Looking for repeats keeps one 64-bit hash a row, twice while it is sorted; everything else goes in passes.
BYTES_PER_ROW = 16
# Above a half, one slow day or one large delivery more is an incident.
SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Largest:
    """The partition with the most rows, and the seconds that its publish took for each of its rows."""

    partition: str
    rows: int
    seconds: float


def signals_of(lake: Lake, contract: Contract, table: OpenTable, *, memory: int | None = None) -> Iterator[str]:
    """Yield a sentence for every limit of one machine that the table comes near; nothing for a table on Spark.

    `memory` is that of this machine in bytes unless given.
    """
    largest = _largest(lake, contract, table)
    if largest is None:
        return
    what = f"its largest partition, {largest.partition} with {largest.rows:,} rows,"
    remedy = "cut its partitions finer, or set `lakehouse.engine: spark` (docs/how-to/scale-out.md)."
    limit = contract.max_runtime_minutes
    if largest.seconds > SHARE * 60 * limit:
        yield f"{what} took {largest.seconds / 60:.0f} of the {limit} minutes a run may take: {remedy}"
    held, memory = largest.rows * BYTES_PER_ROW, memory or _memory()
    if held > SHARE * memory:
        yield f"{what} needs {held / 2**30:.1f} of {memory / 2**30:.1f} GiB of memory to find repeats: {remedy}"


def _largest(lake: Lake, contract: Contract, table: OpenTable) -> Largest | None:
    rows: dict[str, int] = {}
    for file in table.files:
        rows[file.partition] = rows.get(file.partition, 0) + file.rows
    if not rows or not contract.is_partitioned:
        # A derived table or a snapshot is one partition for its reader and for its run.
        rows = {"the whole table": sum(rows.values())} if rows else {}
    if not rows:
        return None
    partition = max(rows, key=lambda name: (rows[name], name))
    files = [file for file in table.files if file.partition == partition or not contract.is_partitioned]
    record = read_record(lake.objects_of(contract.table), publish_of(files[0].path) or "")
    if record is None or record.engine != "polars":
        return None
    took = (datetime.fromisoformat(record.finished_at) - datetime.fromisoformat(record.started_at)).total_seconds()
    published = sum(one.ledger.published for one in record.partitions)
    share = rows[partition] / published if contract.is_partitioned and published else 1.0
    return Largest(partition, rows[partition], took * share)


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
