"""Values that are written in the folders of a path, `dt=2026-01-05/part-0.parquet`, as Hive and Spark lay files out.

What belongs here: which declared columns a path holds, as values of their type. What does not: columns of the file.
"""

from urllib.parse import unquote

import polars as pl

from lakehouse_assets.connectors.fitting import declared_type
from lakehouse_assets.connectors.typed_text import read_text
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.errors import SourceError

_NULL = "__HIVE_DEFAULT_PARTITION__"


def folder_values(path: str, table: SourceTable, where: str) -> dict[str, pl.Series]:
    """Return the value of each declared column that a folder names; raise SourceError for one that is none."""
    found: dict[str, pl.Series] = {}
    for folder in path.split("/")[:-1]:
        name, is_named, text = folder.partition("=")
        name = unquote(name)
        if is_named and name in table.columns:
            value = _value(name, unquote(text), table, where)
            if name in found and not value.equals(found[name]):
                raise _conflict(name, where)
            found[name] = value
    return found


def require_equal(rows: pl.LazyFrame, field: str, name: str, value: pl.Series, where: str) -> None:
    """Raise SourceError unless all rows of a column have the value that the path says."""
    cast = pl.col(field).cast(value.dtype, strict=False)
    others = rows.select((cast.ne_missing(pl.lit(value).first()) | (cast.is_null() != pl.col(field).is_null())).any())
    if others.collect(engine="streaming").item():
        raise _conflict(name, where)


def _value(name: str, text: str, table: SourceTable, where: str) -> pl.Series:
    declared = table.columns[name]
    if text == _NULL:
        return pl.Series(name, [None], declared_type(declared))
    read = read_text(pl.Series(name, [text]), declared, "UTC")
    if read.values[0] is None:
        raise SourceError(
            "folder_value",
            f"the folder of column {name!r} holds no {declared}.",
            where=where,
            fix="Ask the sender to correct the folder, or declare the column as text.",
        )
    return read.values.alias(name)


def _conflict(name: str, where: str) -> SourceError:
    return SourceError(
        "folder_conflict",
        f"the column {name!r} has another value in the file than in the path; nothing says which one is right.",
        where=where,
        fix="Ask the sender for files whose folders and columns agree.",
    )
