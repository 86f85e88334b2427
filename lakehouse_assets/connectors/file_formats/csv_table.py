"""One CSV object as a lazy frame: proof or repair, columns in declared order, technical columns.

What belongs here: choosing between reading in place and reading repaired text, and naming columns.
What does not: checks of head and tail (`csv_body`), which objects belong together (`connectors.files`).
"""

from contextlib import closing
from dataclasses import dataclass, replace

import polars as pl

from lakehouse_assets import naming
from lakehouse_assets.connectors.file_formats.content import Content, Text
from lakehouse_assets.connectors.file_formats.csv_body import Body, find_body, truncated
from lakehouse_assets.connectors.file_formats.csv_header import Columns, columns_by_position
from lakehouse_assets.connectors.file_formats.csv_lines import LINE, Dialect, count_irregularities, scan_lines
from lakehouse_assets.connectors.file_formats.csv_records import Shape
from lakehouse_assets.connectors.file_formats.csv_repair import repair
from lakehouse_assets.contracts.model import ReadOptions, SourceTable
from lakehouse_assets.results import DriftEvent

_RECORD = "__record"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one object; `frame` has the columns of `connectors.protocol.Extraction`."""

    frame: pl.LazyFrame
    rows: int
    evolved: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    drift: tuple[DriftEvent, ...] = ()


def read_csv(content: Content, table: SourceTable, read: ReadOptions) -> Table:
    """Return the rows of an object; raise SourceError when it must be refused whole."""
    body = find_body(content, table, read)
    if body is None:
        return Table(
            _frame(
                _scan(Text(b"", 0), len(table.columns), Dialect.of(read), 0), columns_by_position(table), table, content
            ),
            0,
        )
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
    frame = _frame(scanned, body.columns, table, content)
    evolved = tuple(body.columns.extra) if table.unknown_columns == "evolve" else ()
    absent = tuple(name for name, place in body.columns.places.items() if place is None)
    return Table(frame, rows, evolved, absent, body.columns.drift)


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
        schema={_field(place): pl.String for place in range(fields)},
        row_index_name=_RECORD,
        row_index_offset=1_000_000_001,
        raise_if_empty=False,
    )


def _scan_repaired(text: Text, shape: Shape) -> pl.LazyFrame:
    plain = replace(shape.dialect, delimiter=shape.dialect.written_delimiter, quote='"')
    scanned = _scan(text, shape.fields + 2, plain, 0)
    return scanned.rename({_field(shape.fields): naming.DEFECT, _field(shape.fields + 1): naming.DEFECT_LINE})


def _frame(scanned: pl.LazyFrame, columns: Columns, table: SourceTable, content: Content) -> pl.LazyFrame:
    absent = pl.lit(None, pl.String)
    declared = [
        (absent if place is None else pl.col(_field(place))).alias(name) for name, place in columns.places.items()
    ]
    is_repaired = naming.DEFECT in scanned.collect_schema()
    defect, line = (pl.col(name) if is_repaired else absent.alias(name) for name in (naming.DEFECT, naming.DEFECT_LINE))
    evolved = _extra(columns) if table.unknown_columns == "evolve" else []
    unknown = absent
    if columns.extra and table.unknown_columns == "quarantine":
        values = pl.struct(_extra(columns)).struct.json_encode()
        unknown = pl.when(pl.col(naming.DEFECT).is_null()).then(values) if is_repaired else values
    # Records count from 1,000,000,001: replacing the first digit pads with zeros at half the cost of `zfill`.
    number = pl.col(_RECORD).cast(pl.String)
    path = content.object.path
    return scanned.select(
        *declared,
        *evolved,
        number.str.replace("1", f"{path}#", literal=True).alias(naming.ROW_ID),
        pl.lit(path).alias(naming.SOURCE_OBJECT),
        defect,
        line,
        unknown.alias(naming.UNKNOWN),
    )


def _extra(columns: Columns) -> list[pl.Expr]:
    return [pl.col(_field(place)).alias(name) for name, place in columns.extra.items()]


def _field(place: int) -> str:
    return f"field_{place}"


def _refuse_cut_record(content: Content, last_defect: str | None, read: ReadOptions) -> None:
    # Where the last line needs no end, a short last record is the sign of a cut.
    ends = content.text.slice(content.text.size - 1, content.text.size) == b"\n"
    if not ends and not read.trailer and last_defect in {"ragged_short", "unclosed_quote"}:
        raise truncated(content.where, "the last record is not complete.")
