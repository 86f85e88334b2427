"""The fence of appends: where each batch of a table stands, by Delta's app-transactions.

A batch is whatever must be appended exactly once: a file, the records of one Kafka partition up to an offset. Its
app-transaction moves in the very commit that appends its rows (`docs/adr/0011-appended-once.md`). Comparing is done
here; committing, on the same handle, is `commit`'s.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lakehouse_assets.storage.objects import translated
from lakehouse_assets.storage.table import OpenTable


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that a commit moves from `after` to `version`. What was never appended, or was rolled back, is at 0."""

    app_id: str
    version: int = 1
    after: int = 0


def position(table: OpenTable, app_id: str) -> int:
    """Return where a batch stands in exactly this version of a table."""
    with translated(table.root):
        return table.delta.transaction_version(app_id) or 0


def moved(table: OpenTable, batches: Iterable[Batch]) -> dict[str, int]:
    """Return the batches that do not stand where they are expected, with their positions."""
    found = {batch.app_id: position(table, batch.app_id) for batch in batches}
    expected = {batch.app_id: batch.after for batch in batches}
    return {app_id: at for app_id, at in found.items() if at != expected[app_id]}


def is_at(table: OpenTable, batches: Iterable[Batch]) -> bool:
    """Whether every batch stands where a commit was to take it; there must be one."""
    found = [position(table, batch.app_id) == batch.version for batch in batches]
    return bool(found) and all(found)
