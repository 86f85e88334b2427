"""Which rows are repeats: identical rows, and older versions of a key. Decided exactly, on the few candidates only.

The engine finds candidates by hash (a superset); here they are compared by value. The answer is a small
frame `[partition, _row_id, __fate]` that the pipeline joins to the rows.
"""

from collections.abc import Sequence

import polars as pl

from lakehouse_assets.naming import RAW_HASH, ROW_ID

FATE = "__fate"
OLDER, REPEATED_KEY = 1, 2


def identical_rows(candidates: pl.DataFrame, *, partition: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return `[partition, _row_id]` of every row that repeats an earlier one in all `columns`.

    Of equal rows the one with the smallest `_row_id` stays.
    """
    group = [partition, *columns]
    keeps = candidates.select(*group, ROW_ID).group_by(group).agg(pl.col(ROW_ID).min())
    return candidates.select(partition, ROW_ID).join(keeps, on=[partition, ROW_ID], how="anti")


def older_versions(candidates: pl.DataFrame, *, partition: str, keys: Sequence[str], sequence_by: str) -> pl.DataFrame:
    """Return `[partition, _row_id, __fate]` of every row whose key has a newer version in its partition.

    Newest by `sequence_by` (null is oldest), then by the greatest raw-row hash, then by the greatest `_row_id`.
    Rows with a null key are nobody's version: completeness rules decide about them.
    """
    order = [*([sequence_by] if sequence_by else []), RAW_HASH, ROW_ID]
    group = [partition, *keys]
    ranked = candidates.drop_nulls(keys).sort(order, nulls_last=False)
    newest = ranked.group_by(group, maintain_order=True).agg(pl.col(ROW_ID).last())
    older = ranked.select(partition, ROW_ID).join(newest, on=[partition, ROW_ID], how="anti")
    return older.with_columns(pl.lit(OLDER, pl.Int8).alias(FATE))


def members_of_repeated_keys(candidates: pl.DataFrame, *, partition: str, keys: Sequence[str]) -> pl.DataFrame:
    """Return `[partition, _row_id, __fate]` of every row whose key occurs more than once in its partition."""
    group = [partition, *keys]
    counted = candidates.drop_nulls(keys).with_columns(pl.len().over(group).alias("__n"))
    members = counted.filter(pl.col("__n") > 1).select(partition, ROW_ID)
    return members.with_columns(pl.lit(REPEATED_KEY, pl.Int8).alias(FATE))
