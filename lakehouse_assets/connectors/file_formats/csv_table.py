"""One CSV object as a lazy frame: proof or repair.

What belongs here: choosing between reading in place and reading repaired text. What does not: checks of head and tail
(`csv_body`), technical columns (`frames`), which objects belong together (`connectors.files`).
"""

from contextlib import closing
from dataclasses import replace

import polars as pl

from lakehouse_assets import naming
from lakehouse_assets.connectors.file_formats.content import Content, Text
from lakehouse_assets.connectors.file_formats.csv_body import Body, find_body, truncated
from lakehouse_assets.connectors.file_formats.csv_header import columns_by_position
from lakehouse_assets.connectors.file_formats.csv_lines import LINE, Dialect, count_irregularities, scan_lines
from lakehouse_assets.connectors.file_formats.csv_records import Shape
from lakehouse_assets.connectors.file_formats.csv_repair import repair
from lakehouse_assets.connectors.file_formats.frames import FIRST_RECORD, RECORD, Table, field, to_table
from lakehouse_assets.contracts.model import ReadOptions, SourceTable


def read_csv(content: Content, table: SourceTable, read: ReadOptions) -> Table:
    """Return the rows of an object; raise SourceError when it must be refused whole."""
    path = content.object.path
    body = find_body(content, table, read)
    if body is None:
        nothing = _scan(Text(b"", 0), len(table.columns), Dialect.of(read), 0)
        return to_table(nothing, columns_by_position(table), table, path, rows=0)
    shape = body.shape
    rows = _proven_rows(content, body)
    if rows is not None:
        scanned = _scan(content.text, shape.fields, shape.dialect, body.header_lines)
    else:
        repaired = repair(content, shape, start=body.start, end=body.end)
        with closing(repaired.text):
            _refuse_cut_record(content, repaired.last_defect, read)
            rows, scanned = repaired.rows, _scan_repaired(repaired.text, shape)
    if body.expected_rows not in {None, rows}:
        raise truncated(content.where, f"the trailer counts {body.expected_rows} rows, the file holds {rows}.")
    return to_table(scanned, body.columns, table, path, rows=rows)


def _proven_rows(content: Content, body: Body) -> int | None:
    """Return the number of records when every line is exactly one well-formed record, else None."""
    shape = body.shape
    if not shape.dialect.is_native or body.header_lines > 1 or body.end != content.text.size:
        return None
    irregular = count_irregularities(shape.dialect, shape.fields, shape.header).alias("irregular")
    first = (pl.col(LINE).first() == shape.header) if body.header_lines else pl.lit(0, pl.Int8)
    counts = scan_lines(content.text.source, shape.dialect).select(pl.len(), irregular, first.alias("first"))
    try:
        lines, bad, headers = counts.collect(engine="streaming").row(0)
    except pl.exceptions.PolarsError:
        return None  # not UTF-8, or a control character of ours in the text: the repair tells which and where
    return lines - body.header_lines if bad == body.header_lines == int(headers) else None


def _scan(text: Text, fields: int, dialect: Dialect, skipped_lines: int) -> pl.LazyFrame:
    return pl.scan_csv(
        text.source,
        has_header=False,
        skip_lines=skipped_lines,
        separator=dialect.delimiter,
        quote_char=dialect.quote or None,
        schema={field(place): pl.String for place in range(fields)},
        row_index_name=RECORD,
        row_index_offset=FIRST_RECORD,
        raise_if_empty=False,
    )


def _scan_repaired(text: Text, shape: Shape) -> pl.LazyFrame:
    plain = replace(shape.dialect, delimiter=shape.dialect.written_delimiter, quote='"')
    scanned = _scan(text, shape.fields + 2, plain, 0)
    return scanned.rename({field(shape.fields): naming.DEFECT, field(shape.fields + 1): naming.DEFECT_LINE})


def _refuse_cut_record(content: Content, last_defect: str | None, read: ReadOptions) -> None:
    # Where the last line needs no end, a short last record is the sign of a cut.
    ends = content.text.slice(content.text.size - 1, content.text.size) == b"\n"
    if not ends and not read.trailer and last_defect in {"ragged_short", "unclosed_quote"}:
        raise truncated(content.where, "the last record is not complete.")
