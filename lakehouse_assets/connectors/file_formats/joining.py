"""The rows of several objects as those of one partition: columns that only some have, numbers of different width.

What belongs here: one frame of many. What does not: which objects belong together (`connectors.files`), and whether
the types of all fit what is declared (`pipeline.drift`).
"""

from collections.abc import Sequence

import polars as pl

from lakehouse_assets.connectors.file_formats.frames import Table
from lakehouse_assets.connectors.fitting import declared_type
from lakehouse_assets.contracts.model import ColumnType, Kind, SourceTable
from lakehouse_assets.contracts.types import narrows
from lakehouse_assets.errors import SourceError

_EXACT = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL}


def joined(tables: Sequence[Table], table: SourceTable) -> pl.LazyFrame:
    """Return all rows with the columns of all; raise SourceError where objects differ in a type that loses something.

    Whole numbers and decimals may differ in width where the declared type holds them all.
    """
    evolved = list(dict.fromkeys(name for one in tables for name in one.evolved))
    frames = [
        one.frame.with_columns(pl.lit(None, pl.String).alias(name) for name in evolved if name not in one.evolved)
        for one in tables
    ]
    if len(frames) == 1:
        return frames[0]
    schemas = [frame.collect_schema() for frame in frames]
    mixed = [name for name in table.columns if len({str(schema[name]) for schema in schemas}) > 1]
    for name in mixed:
        if not all(_fits(schema[name], table.columns[name]) for schema in schemas):
            raise SourceError(
                "schema_drift",
                f"the column {name!r} is of another type in some files than in others.",
                where=str(table.place),
                fix="Ask the sender for one type, or declare one that holds all of these numbers.",
            )
    cast = [pl.col(name).cast(declared_type(table.columns[name])) for name in mixed]
    names = schemas[0].names()
    return pl.concat([frame.with_columns(cast).select(names) for frame in frames], how="vertical")


def _fits(dtype: pl.DataType, declared: ColumnType) -> bool:
    if isinstance(dtype, pl.Decimal):
        found = ColumnType(Kind.DECIMAL, dtype.precision or 0, dtype.scale)
    elif dtype in {pl.Int32, pl.Int64}:
        found = ColumnType(Kind.INTEGER if dtype == pl.Int32 else Kind.LONG)
    else:
        return False
    return declared.kind in _EXACT and not narrows(found, declared)
