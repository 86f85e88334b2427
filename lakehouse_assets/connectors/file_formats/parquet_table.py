"""One Parquet object as a lazy frame: types are kept, names are matched as those of any other file.

What belongs here: what the footer, the path and the declaration say about each other. What does not: decoding, which
another process does (`sandbox`), and whether types fit what is declared (`connectors.joining`, `pipeline.drift`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import polars as pl

from lakehouse_assets.connectors.file_formats.csv_header import Columns, match_names
from lakehouse_assets.connectors.file_formats.folder_values import folder_values, require_equal
from lakehouse_assets.connectors.file_formats.frames import FIRST_RECORD, RECORD, Table, field, to_table
from lakehouse_assets.connectors.file_formats.parquet_footer import Footer, read_footer
from lakehouse_assets.connectors.file_formats.raw_file import RawFile
from lakehouse_assets.connectors.file_formats.sandbox import Sandbox
from lakehouse_assets.connectors.fitting import declared_type
from lakehouse_assets.contracts.model import ReadOptions, SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import REORDERED


def read_parquet(
    raw: RawFile, table: SourceTable, read: ReadOptions, sandbox: Sandbox
) -> tuple[Table, tuple[str, ...]]:
    """Return the rows of an object and warnings; raise SourceError when it must be refused whole."""
    where = raw.where
    footer = read_footer(raw.file, raw.object.size, max_expansion=read.max_expansion, where=where)
    said = folder_values(raw.object.path, table, where)
    added = [name for name in said if name not in footer.columns]
    columns = match_names([*footer.columns, *added], table, where)
    # Columns are asked for by name; that a folder is not in the file is no news.
    columns = replace(columns, drift=tuple(event for event in columns.drift if event.type != REORDERED))
    _refuse_nested(footer, columns, table, where)
    task = {"format": "parquet", "legacy": sorted(footer.legacy - footer.groups)}
    converted, found = sandbox.convert(task, raw.file, size=raw.object.size, where=where)
    with converted:
        rows = _rows(converted, footer, {name: said[name] for name in added})
        _refuse_other_count(rows, footer, where)
        for name, value in said.items():
            if name not in added:
                require_equal(rows, field(footer.columns.index(name)), name, value, where)
        fields = {place: name for name, place in columns.places.items()}
        empty = [place for place, name in enumerate(footer.columns) if name in found["empty"]]
        rows = rows.with_columns(
            pl.col(field(place)).cast(declared_type(table.columns[fields[place]])) for place in empty if place in fields
        )
        result = to_table(rows, columns, table, raw.object.path, rows=footer.rows, typed=True)
    return result, tuple(_warnings(footer, columns, found))


def _rows(file: BinaryIO, footer: Footer, added: Mapping[str, pl.Series]) -> pl.LazyFrame:
    rows = pl.scan_parquet(file, row_index_name=RECORD, row_index_offset=FIRST_RECORD, hive_partitioning=False)
    names = {name: field(place) for place, name in enumerate(footer.columns)}
    literals = [
        pl.lit(value).first().alias(field(place)) for place, value in enumerate(added.values(), len(footer.columns))
    ]
    return rows.rename(names).with_columns(*literals)


def _refuse_nested(footer: Footer, columns: Columns, table: SourceTable, where: str) -> None:
    nested = () if table.read is None else table.read.nested
    for name, place in columns.places.items():
        is_group = place is not None and place < len(footer.columns) and footer.columns[place] in footer.groups
        if is_group and name not in nested:
            raise SourceError(
                "type",
                f"the column {name!r} holds objects or lists.",
                where=where,
                fix=f"Ask for plain columns, or keep it as JSON text: `nested: [{name}]`.",
            )


def _refuse_other_count(rows: pl.LazyFrame, footer: Footer, where: str) -> None:
    count = rows.select(pl.len()).collect(engine="streaming").item()
    if count != footer.rows:
        what = f"its footer counts {footer.rows} rows, {count} were found."
        raise SourceError("damaged", what, where=where, fix="Ask for the file again.")


def _warnings(footer: Footer, columns: Columns, found: Mapping[str, Any]) -> list[str]:
    names = {
        footer.columns[place] for place in columns.places.values() if place is not None and place < len(footer.columns)
    }
    naive, finer = (sorted(names & set(found[key])) for key in ("naive", "finer"))
    said = []
    if naive:
        said.append(f"timestamps: {', '.join(naive)} say no zone and were taken as UTC")
    if finer:
        said.append(f"timestamps: {', '.join(finer)} were cut to microseconds")
    return said
