"""Running partitions again under today's contract, the newest first, and saying what that changed.

Each chunk pins its inputs like any run. Which partitions are outdated is `outdated`; asking first is `dry_run`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, served
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import Ledger, PartitionResult


@dataclass(frozen=True, slots=True)
class Restated:
    """What became of one partition. `before` is None where nothing was served; `is_changed`: its rows or quarantine."""

    partition: str
    status: str
    is_changed: bool
    before: Ledger | None
    after: Ledger
    message: str = ""


def restate(lake: Lake, table: TableName, partitions: Sequence[str], *, run_id: str) -> Iterator[Restated]:
    """Compute and publish partitions again, the newest first, and yield what changed.

    Raises UnknownTableError or UnknownPartitionError before anything is written.
    """
    wanted = lake.check_partitions(table, partitions)[::-1]
    size = lake.contract(table).load.partitions_per_chunk
    for start in range(0, len(wanted), size):
        before = served(lake, table, skip_damaged=True)
        results = list(materialise(lake, table, wanted[start : start + size], run_id=run_id))
        yield from (_restated(one, before.get(one.partition)) for one in reversed(results))


def _restated(result: PartitionResult, before: Recorded | None) -> Restated:
    after = result.record
    same = before is not None and (before.of.content_hash, before.of.quarantine_hash) == (
        after.content_hash,
        after.quarantine_hash,
    )
    ledger = before.of.ledger if before else None
    changed = not same and not result.is_blocked
    return Restated(result.partition, result.status, changed, ledger, after.ledger, result.message)
