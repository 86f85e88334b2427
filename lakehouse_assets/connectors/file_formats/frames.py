"""The rows of one object as a lazy frame of the declared columns and the technical ones, whatever its format.

What belongs here: naming columns, undeclared ones, row ids. What does not: how a format is read.
"""

from dataclasses import dataclass

import polars as pl

from lakehouse_assets import naming
from lakehouse_assets.connectors.file_formats.csv_header import Columns
from lakehouse_assets.connectors.fitting import declared_type
from lakehouse_assets.contracts.model import ColumnType, SourceTable
from lakehouse_assets.results import DriftEvent

RECORD = "__record"
# Records count from 1,000,000,001: replacing the first digit pads with zeros at half the cost of `zfill`.
FIRST_RECORD = 1_000_000_001


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one object; `frame` has the columns of `connectors.protocol.Extraction`."""

    frame: pl.LazyFrame
    rows: int
    evolved: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    drift: tuple[DriftEvent, ...] = ()


def to_table(
    scanned: pl.LazyFrame, columns: Columns, table: SourceTable, path: str, *, rows: int, typed: bool = False
) -> Table:
    """Return `rows` records with columns named `field`, and maybe `_defect` and `_line`, as a Table.

    `typed`: fields have types of their own, so an absent one is of the declared type; else all of them are text.
    """
    evolved = tuple(columns.extra) if table.unknown_columns == "evolve" else ()
    absent = tuple(name for name, place in columns.places.items() if place is None)
    return Table(_to_frame(scanned, columns, table, path, typed=typed), rows, evolved, absent, columns.drift)


def _to_frame(scanned: pl.LazyFrame, columns: Columns, table: SourceTable, path: str, *, typed: bool) -> pl.LazyFrame:
    have = scanned.collect_schema()
    has_defects = naming.DEFECT in have
    text = pl.lit(None, pl.String)
    declared = [
        (_absent(table.columns[name], typed=typed) if place is None else pl.col(field(place))).alias(name)
        for name, place in columns.places.items()
    ]
    defect, line = (pl.col(name) if has_defects else text.alias(name) for name in (naming.DEFECT, naming.DEFECT_LINE))
    evolved = _extra(columns) if table.unknown_columns == "evolve" else []
    unknown = pl.col(naming.UNKNOWN) if naming.UNKNOWN in have else text
    if columns.extra and table.unknown_columns == "quarantine" and naming.UNKNOWN not in have:
        values = pl.struct(_extra(columns)).struct.json_encode()
        unknown = pl.when(pl.col(naming.DEFECT).is_null()).then(values) if has_defects else values
    return scanned.select(
        *declared,
        *evolved,
        _row_id(path),
        pl.lit(path).alias(naming.SOURCE_OBJECT),
        defect,
        line,
        unknown.alias(naming.UNKNOWN),
    )


def _row_id(path: str) -> pl.Expr:
    """Return the id of each record: the path and its number in nine digits."""
    number = pl.col(RECORD).cast(pl.String)
    return number.str.replace("1", f"{path}#", literal=True).alias(naming.ROW_ID)


def field(place: int) -> str:
    """Return what the field at a place is called in a scanned frame."""
    return f"field_{place}"


def _absent(declared: ColumnType, *, typed: bool) -> pl.Expr:
    return pl.lit(None, declared_type(declared) if typed else pl.String)


def _extra(columns: Columns) -> list[pl.Expr]:
    return [pl.col(field(place)).cast(pl.String).alias(name) for name, place in columns.extra.items()]
