"""Rewrites a file that is not all regular: well-formed lines pass through, each other record is read leniently.

What belongs here: one pass over the text in bounded memory, giving text in plain CSV with two more fields, the defect
and the original line. What does not: naming columns or building the frame (`csv_table`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lakehouse_assets.connectors.file_formats.content import Content, Spool, Text, bad_encoding
from lakehouse_assets.connectors.file_formats.csv_lines import irregular_lines
from lakehouse_assets.connectors.file_formats.csv_records import Parsed, Shape, read_record
from lakehouse_assets.errors import SourceError

LONGEST_LINE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Repaired:
    """Plain CSV without a header; every record has `fields + 2` fields."""

    text: Text
    rows: int
    last_defect: str | None


@dataclass(frozen=True, slots=True)
class _Block:
    """Rewritten records, and lines that need the next block."""

    written: list[str]
    carried: list[str]
    last_defect: str | None


def repair(content: Content, shape: Shape, *, start: int, end: int) -> Repaired:
    """Return the records between two byte offsets; raise SourceError when the text cannot be read at all."""
    rows, carried, defect = 0, list[str](), None
    with Spool() as spool:
        for lines, is_end in line_blocks(content, start, end):
            block = _repaired([*carried, *lines], shape, is_end=is_end)
            rows, carried, defect = rows + len(block.written), block.carried, block.last_defect
            spool.write("".join(block.written).encode())
        return Repaired(spool.finish(), rows, defect)


def line_blocks(content: Content, start: int, end: int) -> Iterator[tuple[list[str], bool]]:
    """Yield whole lines, a few megabytes at a time, and whether they are the last."""
    rest, position = b"", start
    for chunk in content.text.chunks(start=start, end=end):
        data = rest + chunk
        cut = data.rfind(b"\n") + 1
        if len(data) - cut > LONGEST_LINE_BYTES:
            raise _too_long(content.where)
        block, rest = data[:cut], data[cut:]
        if block:
            yield _lines(block, position, content.where), position + len(block) == end
        position += len(block)
    if rest:
        yield _lines(rest, position, content.where), True


def _lines(block: bytes, position: int, where: str) -> list[str]:
    try:
        text = block.decode()
    except UnicodeDecodeError as error:
        raise bad_encoding("utf-8", position + error.start, where) from error
    return text.removesuffix("\n").split("\n")


def _repaired(lines: list[str], shape: Shape, *, is_end: bool) -> _Block:
    written: list[str] = []
    done, defect = 0, None
    for number in _suspects(lines, shape):
        if number < done:
            continue
        written.extend(_passed(lines[done:number], shape))
        record = read_record(lines, number, shape, is_end=is_end)
        if record is None:
            return _Block(written, lines[number:], None)
        written.append(_encoded(record, shape))
        done, defect = number + record.lines, record.defect
    written.extend(_passed(lines[done:], shape))
    return _Block(written, [], defect if done == len(lines) else None)


def _suspects(lines: list[str], shape: Shape) -> Iterable[int]:
    if not shape.dialect.is_plain:
        return range(len(lines))
    return irregular_lines(lines, shape.dialect, shape.fields, shape.header)


def _passed(lines: list[str], shape: Shape) -> Iterator[str]:
    tail = shape.dialect.written_delimiter * 2 + "\n"
    return (line.removesuffix("\r") + tail for line in lines)


def _encoded(record: Parsed, shape: Shape) -> str:
    values = record.fields or (None,) * shape.fields
    text = record.text if record.defect else None
    cells = ("" if value is None else _quoted(value) for value in (*values, record.defect, text))
    return shape.dialect.written_delimiter.join(cells) + "\n"


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _too_long(where: str) -> SourceError:
    return SourceError(
        "field_too_large",
        f"a line is longer than {LONGEST_LINE_BYTES >> 20} MB.",
        where=where,
        fix="Ask the sender for a file with line ends.",
    )
