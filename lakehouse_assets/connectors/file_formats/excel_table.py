"""One sheet of a workbook as a lazy frame of text: `excel_sheet` says how cells become text.

What belongs here: columns of the sheet. What does not: opening the workbook, which another process does (`sandbox`).
"""

from importlib.util import find_spec

import polars as pl

from lakehouse_assets import naming
from lakehouse_assets.connectors.file_formats.csv_header import Columns, columns_by_position, match_columns
from lakehouse_assets.connectors.file_formats.frames import FIRST_RECORD, RECORD, Table, field, to_table
from lakehouse_assets.connectors.file_formats.raw_file import RawFile
from lakehouse_assets.connectors.file_formats.sandbox import Sandbox
from lakehouse_assets.contracts.model import ReadOptions, SourceTable
from lakehouse_assets.errors import SourceError


def read_excel(raw: RawFile, table: SourceTable, read: ReadOptions, sandbox: Sandbox) -> tuple[Table, tuple[str, ...]]:
    """Return the rows of a sheet and warnings; raise SourceError when the workbook must be refused whole."""
    _require_library(str(table.place))
    task = {
        "format": "excel",
        "sheet": read.sheet,
        "header_row": read.header_row if read.header else 0,
        "merged_cells": read.merged_cells,
        "max_expansion": read.max_expansion,
        "fields": len(table.columns),
    }
    converted, found = sandbox.convert(task, raw.file, size=raw.object.size, where=raw.where)
    with converted:
        columns = _columns(found["header"], found["fields"], table, read, raw.where)
        rows = pl.scan_parquet(converted, row_index_name=RECORD, row_index_offset=FIRST_RECORD)
        names = {field(found["fields"]): naming.DEFECT, field(found["fields"] + 1): naming.DEFECT_LINE}
        return to_table(rows.rename(names), columns, table, raw.object.path, rows=found["rows"]), ()


def _columns(header: list[str], fields: int, table: SourceTable, read: ReadOptions, where: str) -> Columns:
    if read.header:
        return match_columns(header, table, where)
    columns = columns_by_position(table)
    if fields != columns.fields:
        raise SourceError(
            "schema",
            f"the sheet has {fields} columns, {columns.fields} are declared.",
            where=where,
            fix="Declare all of them in order, or ask for a header.",
        )
    return columns


def _require_library(where: str) -> None:
    if find_spec("python_calamine") is None:
        raise SourceError(
            "format",
            "reading Excel needs a library that is not installed.",
            where=where,
            fix="Install it: pip install 'lakehouse-assets[excel]'.",
        )
