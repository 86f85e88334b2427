"""What a table holds, as hashes and rows: the order-independent content hash of a table, and its quarantine as read.

Definitions are in `docs/glossary.md` under "content hash" and "quarantine".
"""

import hashlib
from dataclasses import dataclass

import narwhals as nw

from lakehouse_assets.engines import kit
from lakehouse_assets.errors import UnknownTableError
from lakehouse_assets.naming import BUCKET, SIDE_TABLES, SNAPSHOT_PARTITION, TableName, publish_of, quarantine_of
from lakehouse_assets.pipeline.hashes import hashed_partitions, with_content_hash, with_quarantine_hash
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.storage.table import OpenTable

_QUARANTINE = ("quarantine", "blocked")


@dataclass(frozen=True, slots=True)
class Content:
    """Rows and content hash of each partition, and one hash over all of them."""

    table: str
    version: int
    rows: int
    hash: str
    partitions: dict[str, tuple[int, str]]


def content_of(lake: Lake, table: TableName) -> Content:
    """Hash what readers of a table see now; raise UnknownTableError when it was never published."""
    opened = lake.open(table)
    if opened is None:
        if table.layer not in SIDE_TABLES:
            lake.contract(table)
        raise UnknownTableError(f"{table} was never published.", fix="Materialise it first.")
    rows = _hashed(lake, table, opened)
    totals = lake.engine.collect(hashed_partitions(rows, opened.partition_column))
    found = {str(p): (int(n), kit.content_hash(n, low, high)) for p, n, low, high in totals.iter_rows()}
    names = [SNAPSHOT_PARTITION] if opened.partition_column == BUCKET and opened.files else opened.partitions
    partitions = {p: found.get(p, (0, kit.content_hash(0, 0, 0))) for p in names}
    lines = "\n".join(f"{p} {n} {digest}" for p, (n, digest) in sorted(partitions.items()) if n or p in found)
    digest = hashlib.sha256(lines.encode()).hexdigest()[:32]
    return Content(str(table), opened.version, sum(n for n, _ in partitions.values()), digest, partitions)


def served_quarantine(lake: Lake, table: TableName) -> nw.LazyFrame | None:
    """Return the quarantined rows that belong to what `table` serves now, or None when there are none."""
    opened, side = lake.open(table), lake.open(quarantine_of(table))
    if opened is None or side is None:
        return None
    # One publish holds many partitions, and each of them is superseded by itself.
    served = {(file.partition, name) for file in opened.files for name in opened.publishes_of(file)}
    files = [file for file in side.files if (file.partition, publish_of(file.path)) in served]
    return lake.scan(side, files) if files else None


def _hashed(lake: Lake, table: TableName, opened: OpenTable) -> nw.LazyFrame:
    if table.layer not in _QUARANTINE:
        hashed = with_content_hash(lake.scan(opened), opened.columns, opened.partition_column)
        # The same rows are the same content, in however many buckets they lie.
        is_whole = opened.partition_column == BUCKET
        return hashed.with_columns(nw.lit(SNAPSHOT_PARTITION).alias(BUCKET)) if is_whole else hashed
    of = TableName(table.path[0], table.path[1:])
    rows = served_quarantine(lake, of) if table.layer == "quarantine" else lake.scan(opened)
    return with_quarantine_hash(lake.scan(opened, ()) if rows is None else rows)
