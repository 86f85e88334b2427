"""Repeats in what is being split: which rows they are, found before any row is written, and how each row learns of it.

What makes a row a repeat is `quality.duplicates`; how candidates are found is the engine's.
"""

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.loading import Role
from lakehouse_assets.naming import RAW_HASH, ROW_ID
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.quality.duplicates import FATE, members_of_repeated_keys, older_versions

# So many are named in the plan; a join costs more, but not for each of them.
FEW_REPEATS = 1_000


def fates_of(step: Step, judged: nw.LazyFrame, refused: str) -> pl.DataFrame | None:
    """Return the rows that others take the place of, or that share a key with others, as `quality.duplicates` does.

    None when there are none. Rows of which the column `refused` is true are nobody's versions.
    """
    load, partition = step.contract.load, step.contract.partition_column
    if not load.keys:
        return None
    # A change log keeps every version of a key; only changes that claim the same time are versions of each other.
    keeps_versions = step.contract.role is Role.CHANGES
    named = (*load.keys, load.sequence_by) if keeps_versions else load.keys
    keys = [key for key in named if key != partition]
    # Ids of gold rows are computed like everything else; looking rows up by them would compute them twice.
    known_by = "" if step.name.layer == "gold" else ROW_ID
    candidates = step.lake.engine.repeated(judged, [partition, *keys], known_by=known_by)
    if candidates is None:
        return None
    sequence_by = "" if keeps_versions else load.sequence_by
    order = [sequence_by] if sequence_by else []
    columns = list(dict.fromkeys([partition, *keys, *order, RAW_HASH, ROW_ID]))
    found = step.lake.engine.collect(candidates.filter(~nw.col(refused)).select(*columns))
    if load.duplicates == "quarantine":
        # Equal rows of gold have equal row ids; a fate that is there twice would double its rows.
        return members_of_repeated_keys(found, partition=partition, keys=keys).unique()
    return older_versions(found, partition=partition, keys=keys, sequence_by=sequence_by)


def with_fate(step: Step, rows: nw.LazyFrame, fates: pl.DataFrame | None) -> nw.LazyFrame:
    """Add what becomes of each row: 0, or the fate it was found to have."""
    if fates is None or fates.is_empty():
        return rows.with_columns(nw.lit(0, nw.Int8).alias(FATE))
    if len(step.partitions) == 1 and fates.height <= FEW_REPEATS:
        (fate,) = fates[FATE].unique()
        is_repeat = nw.col(ROW_ID).is_in(fates[ROW_ID].to_list())
        return rows.with_columns(nw.when(is_repeat).then(nw.lit(fate)).otherwise(nw.lit(0)).cast(nw.Int8).alias(FATE))
    key = [step.contract.partition_column, ROW_ID]
    return rows.join(step.lake.engine.lift(fates), on=key, how="left").with_columns(nw.col(FATE).fill_null(0))
