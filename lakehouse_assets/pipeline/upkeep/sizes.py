"""How big tables are, what of it is dead weight, and what to do about it, in a sentence each.

Counting only: what has to stay is `needed`'s business, removing is `maintain`'s.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import TableName, blocked_of, publish_of, quarantine_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.upkeep.compact import is_small, plan_rewrites
from lakehouse_assets.pipeline.upkeep.needed import Needs, cutoff_of, needs_of, pinned_versions
from lakehouse_assets.pipeline.upkeep.outgrown import signals_of

LONG_LOG = 500
MUCH_BYTES = 1_000_000_000
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What one table takes.

    `kept` are data files of earlier versions that somebody may still need; `orphans` are data files that nobody
    needs: replaced longer ago than the retention, or staged by runs that died. `versions` are entries of the log.
    """

    table: str
    partitions: int
    rows: int
    files: int
    small_files: int
    bytes: int
    kept_files: int
    kept_bytes: int
    orphans: int
    orphan_bytes: int
    versions: int
    log_bytes: int
    advice: tuple[str, ...]


def sizes_of(lake: Lake, tables: Iterable[TableName] = (), *, at: datetime | None = None) -> list[Sizes]:
    """Return the sizes of tables (default: all) and of their side tables; what was never published is left out.

    `at` is the time of now; raises LakehouseError when the retention is shorter than runs may take.
    """
    cutoff = cutoff_of(lake, at or datetime.now(UTC))
    pinned = pinned_versions(lake, cutoff)
    found = []
    for name in tuple(tables) or tuple(lake.catalog.contracts):
        contract = lake.contract(name)
        for folder in (name, quarantine_of(name), blocked_of(name)):
            needs = needs_of(lake, folder, cutoff, pinned.get(folder, ()))
            if needs is not None:
                found.append(_sizes(lake, contract, folder, needs, cutoff))
    return found


def in_words(count: float) -> str:
    """Return a number of bytes as people write it."""
    for unit in _UNITS[:-1]:
        if count < 1000:  # noqa: PLR2004 - the next unit
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"


def _sizes(lake: Lake, contract: Contract, folder: TableName, needs: Needs, cutoff: datetime) -> Sizes:
    table = needs.table
    active = {file.path for file in table.files}
    idle = [one for one in lake.objects_of(folder).entries() if publish_of(one.path) and one.path not in active]
    kept = [one for one in idle if one.path in needs.files]
    orphans = [one for one in idle if one.path not in needs.files and one.modified_at <= cutoff]
    bytes_now, kept_bytes, orphan_bytes = (sum(one.size for one in part) for part in (table.files, kept, orphans))
    is_table = folder == contract.table
    rewrites = len(plan_rewrites(contract, table)) if is_table else 0
    signals = tuple(signals_of(lake, contract, table)) if is_table else ()
    return Sizes(
        table=str(folder),
        partitions=len(table.partitions),
        rows=sum(file.rows for file in table.files),
        files=len(table.files),
        small_files=sum(is_small(file) for file in table.files),
        bytes=bytes_now,
        kept_files=len(kept),
        kept_bytes=kept_bytes,
        orphans=len(orphans),
        orphan_bytes=orphan_bytes,
        versions=len(needs.log.commits),
        log_bytes=needs.log.bytes,
        advice=(
            *_advice(contract, needs, rewrites, kept=(bytes_now, kept_bytes), orphans=(len(orphans), orphan_bytes)),
            *signals,
        ),
    )


def _advice(
    contract: Contract, needs: Needs, rewrites: int, *, kept: tuple[int, int], orphans: tuple[int, int]
) -> Iterator[str]:
    command = f"run `lakehouse maintain run {contract.table}`."
    if rewrites:
        yield f"{rewrites:,} partitions lie in many small files or are not sorted: {command}"
    if orphans[0]:
        yield f"{orphans[0]:,} files with {in_words(orphans[1])} are needed by nobody: {command}"
    if len(needs.log.commits) > LONG_LOG:
        yield f"opening it reads up to {len(needs.log.commits):,} log entries: {command}"
    if kept[1] > max(MUCH_BYTES, 2 * kept[0]):
        yield (
            f"earlier versions take {in_words(kept[1])}, more than twice the table: "
            "look for runs that publish again and again, or shorten maintenance.retention."
        )
