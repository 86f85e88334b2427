"""Head and tail of a CSV text: where the records begin and end, and what is wrong before the first and after the last.

What belongs here: byte order mark, line ends, header, padding, trailer, last line end. What does not: the records.
"""

import re
from dataclasses import dataclass

from lakehouse_assets.connectors.file_formats.content import Content, bad_encoding
from lakehouse_assets.connectors.file_formats.csv_header import (
    Columns,
    columns_by_position,
    match_columns,
    refuse_other_delimiter,
)
from lakehouse_assets.connectors.file_formats.csv_lines import Dialect
from lakehouse_assets.connectors.file_formats.csv_records import Shape, read_header
from lakehouse_assets.contracts.model import ReadOptions, SourceTable
from lakehouse_assets.errors import SourceError

_HEAD_BYTES = 1 << 20
_TAIL_BYTES = 1 << 16
BOM = b"\xef\xbb\xbf"
_PADDING = b"\x00\x1a"


@dataclass(frozen=True, slots=True)
class Body:
    """The records between two byte offsets; `expected_rows` is what a trailer counts."""

    shape: Shape
    columns: Columns
    start: int
    end: int
    header_lines: int
    expected_rows: int | None


def find_body(content: Content, table: SourceTable, read: ReadOptions) -> Body | None:
    """Return where the records are, or None for an empty file that may be empty; raise SourceError otherwise."""
    if not any(chunk.removeprefix(BOM).strip() for chunk in content.text.chunks()):
        refuse_nothing(content.where, table)
        return None
    head = content.text.slice(0, _HEAD_BYTES)
    begin = len(BOM) if head.startswith(BOM) else 0
    lines = _first_lines(head[begin:], begin, content.where)
    refuse_padding(content)
    dialect = Dialect.of(read)
    _refuse_line_ends(lines[0], dialect, content.where)
    names, taken = read_header(lines, Shape(dialect, 0, None, content.where))
    if read.header:
        columns = match_columns(names, table, content.where)
        header = "\n".join(lines[:taken])
        shape = Shape(dialect, columns.fields, header.removesuffix("\r"), content.where)
        begin, header_lines = min(begin + len(header.encode()) + 1, content.text.size), taken
    else:
        refuse_other_delimiter(names, table, content.where)
        columns, header_lines = columns_by_position(table), 0
        shape = Shape(dialect, columns.fields, None, content.where)
    end, expected = _find_end(content, read, begin)
    return Body(shape, columns, begin, end, header_lines, expected)


def truncated(where: str, what: str) -> SourceError:
    """Return the refusal of a file whose end is missing."""
    return SourceError("truncated", what, where=where, fix="Ask for the file again.")


def refuse_nothing(where: str, table: SourceTable) -> None:
    """Raise SourceError for a text without a record where one is needed."""
    if table.arrival.min_rows > 0:
        raise SourceError(
            "empty", "the file is empty.", where=where, fix="Ask for the file again, or allow it: `arrival.minRows: 0`."
        )


def refuse_padding(content: Content) -> None:
    """Raise SourceError for a text that ends with what is no text."""
    tail = content.text.slice(max(0, content.text.size - _TAIL_BYTES), content.text.size)
    last = tail.removesuffix(b"\n").removesuffix(b"\r").rpartition(b"\n")[2]
    if tail.endswith((b"\x00", b"\x1a")) or (last and not last.strip(_PADDING)):
        raise SourceError(
            "trailing_garbage",
            "the file ends with NUL padding or other control characters.",
            where=content.where,
            fix="Ask for the file again.",
        )


def _first_lines(head: bytes, begin: int, where: str) -> list[str]:
    first = head.partition(b"\n")[0]
    if first.count(b"\x00") * 4 > len(first):
        raise SourceError(
            "encoding",
            "the text is full of NUL bytes; it seems to be UTF-16 without a byte order mark.",
            where=where,
            fix="Declare `encoding: utf-16-le`, or ask for UTF-8.",
        )
    whole = head if len(head) < _HEAD_BYTES else head[: head.rfind(b"\n") + 1]
    try:
        return (whole or head).decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise bad_encoding("utf-8", begin + error.start, where) from error


def _refuse_line_ends(first: str, dialect: Dialect, where: str) -> None:
    quote = re.escape(dialect.quote)
    bare = re.sub(f"{quote}[^{quote}]*{quote}", "", first) if quote else first
    if "\r" in bare.removesuffix("\r"):
        raise SourceError(
            "line_terminator",
            "lines end with a carriage return only.",
            where=where,
            fix="Ask for line feeds (`\\n` or `\\r\\n`).",
        )


def _find_end(content: Content, read: ReadOptions, start: int) -> tuple[int, int | None]:
    end = content.text.size
    if read.trailer:
        return _find_trailer(content, read.trailer, start)
    if read.final_newline and start < end and content.text.slice(end - 1, end) != b"\n":
        raise SourceError(
            "truncated",
            "the last line has no end, so its last value may be cut off.",
            where=content.where,
            fix="Ask for the file again; if the sender never ends the last line, declare `finalNewline: false`.",
        )
    return end, None


def _find_trailer(content: Content, trailer: str, start: int) -> tuple[int, int | None]:
    tail = content.text.slice(max(start, content.text.size - _TAIL_BYTES), content.text.size)
    last = tail.rstrip(b"\r\n").rpartition(b"\n")[2]
    shape = re.escape(trailer).replace(re.escape("{rows}"), "(?P<rows>[0-9]+)").replace(re.escape("*"), ".*")
    match = re.fullmatch(shape, last.decode(errors="replace"))
    if match is None:
        raise truncated(content.where, "the last line is not the declared trailer.")
    end = content.text.size - len(tail) + tail.rfind(last)
    return end, int(match["rows"]) if "rows" in match.groupdict() else None
