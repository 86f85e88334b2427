"""Which columns make up the content hash of a table and of its quarantine; how a row is hashed is `engines.kit`."""

from collections.abc import Collection

import narwhals as nw

from lakehouse_assets.engines import kit
from lakehouse_assets.naming import (
    DEFECT,
    DEFECT_LINE,
    DELETED,
    PROC_DATE,
    RAW_HASH,
    ROW_ID,
    SOURCE_OBJECT,
    UNKNOWN,
)

HASH = "__hash"
_TECHNICAL = frozenset({ROW_ID, RAW_HASH, SOURCE_OBJECT, DEFECT, DEFECT_LINE, UNKNOWN, PROC_DATE})


def with_raw_hash(rows: nw.LazyFrame, *, absent: Collection[str] = frozenset()) -> nw.LazyFrame:
    """Add the hash of what was received to the rows of one partition, malformed lines included.

    Columns that only other partitions of the chunk have do not count: the hash must not depend on company. Nor do
    declared ones that did not arrive (`absent`): a column that is declared later changes nothing about a file without.
    """
    left_out = _TECHNICAL.union(absent)
    received = {name: dtype for name, dtype in rows.collect_schema().items() if name not in left_out}
    told = {DEFECT: nw.String(), DEFECT_LINE: nw.String(), UNKNOWN: nw.String()}
    return rows.with_columns(kit.row_hash({**received, **told}).alias(RAW_HASH))


def with_content_hash(rows: nw.LazyFrame, columns: Collection[str], partition_column: str) -> nw.LazyFrame:
    """Add the hash of each row over `columns` without technical ones and without the partition column, by name.

    Bronze rows have theirs: the hash of what was received, malformed lines included. Of an entity, it also counts which
    changes are deletions and as what a change was received: both decide about what is derived.
    """
    if DEFECT in columns:
        return rows.with_columns(nw.col(RAW_HASH).alias(HASH))
    types = rows.collect_schema()
    counted = (name for name in columns if name[0] != "_" or name in {DELETED, RAW_HASH})
    names = sorted(name for name in counted if name != partition_column)
    return rows.with_columns(kit.row_hash({name: types[name] for name in names}).alias(HASH))


def with_quarantine_hash(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Add the hash of each quarantined row: which row, which rules it broke in declared order, and its raw content."""
    rows = rows.with_columns(kit.joined_field(nw.col("reasons"), "rule_id").alias("__reasons"))
    text = nw.String()
    return rows.with_columns(kit.row_hash({ROW_ID: text, "__reasons": text, "raw": text}).alias(HASH))


def hashed_partitions(rows: nw.LazyFrame, partition_column: str) -> nw.LazyFrame:
    """Return rows and hash totals of each partition of a frame with a hash column."""
    return rows.group_by(partition_column).agg(nw.len().cast(nw.Int64).alias("rows"), *kit.content_totals(HASH))
