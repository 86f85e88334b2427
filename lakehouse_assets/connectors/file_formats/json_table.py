"""One JSON object of a source, lines or a list, as a lazy frame.

What belongs here: head and tail of the text, records in batches, columns of the whole text. What does not: reading
JSON strictly and making rows of records (`connectors.json_text`, `connectors.json_rows`).
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import polars as pl

from lakehouse_assets.connectors.file_formats.content import Content
from lakehouse_assets.connectors.file_formats.csv_body import BOM, refuse_nothing, refuse_padding, truncated
from lakehouse_assets.connectors.file_formats.csv_header import Columns, HeaderError, match_names
from lakehouse_assets.connectors.file_formats.csv_repair import line_blocks
from lakehouse_assets.connectors.file_formats.frames import FIRST_RECORD, RECORD, Table, field, to_table
from lakehouse_assets.connectors.file_formats.parked import Parked
from lakehouse_assets.connectors.fitting import declared_type, fit
from lakehouse_assets.connectors.json_rows import JsonRead, to_batch
from lakehouse_assets.connectors.json_text import INVALID, Record, read_page, read_text
from lakehouse_assets.contracts.model import ReadOptions, SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.naming import DEFECT, DEFECT_LINE, UNKNOWN

LONGEST_LIST_BYTES = 256 << 20
_BATCH = 10_000
_MOST_NEW_NAMES = 1_000
_TECHNICAL = (DEFECT, DEFECT_LINE, UNKNOWN)
_FORMATS = {b"{": "jsonl", b"[": "json"}


def read_json_lines(content: Content, table: SourceTable, read: ReadOptions) -> Table:
    """Return the rows of a text with one object a line; raise SourceError when it must be refused whole."""
    if _is_nothing(content, table, read):
        return _to_table((), content, table, read)
    ends = content.text.slice(content.text.size - 1, content.text.size) == b"\n"
    if read.final_newline and not ends:
        raise SourceError(
            "truncated",
            "the last line has no end, so it may be cut off.",
            where=content.where,
            fix="Ask for the file again; if the sender never ends the last line, declare `finalNewline: false`.",
        )
    return _to_table(_lines(content, read, ends=ends), content, table, read)


def read_json_array(content: Content, table: SourceTable, read: ReadOptions) -> Table:
    """Return the rows of a text that is one list of objects; raise SourceError when it must be refused whole."""
    if _is_nothing(content, table, read):
        return _to_table((), content, table, read)
    if content.text.size > LONGEST_LIST_BYTES:
        raise SourceError(
            "too_large",
            f"a list of more than {LONGEST_LIST_BYTES >> 20} MB cannot be read piece by piece.",
            where=content.where,
            fix="Ask for JSON lines: one object a line, `format: jsonl`.",
        )
    _, records = read_page(content.text.slice(0, content.text.size), (), where=content.where)
    return _to_table((_bounded(one, one.line or "", read) for one in records), content, table, read)


def _is_nothing(content: Content, table: SourceTable, read: ReadOptions) -> bool:
    """Whether there is no record; raise SourceError for a text that is no JSON of the declared shape."""
    head = next((chunk.lstrip() for chunk in content.text.chunks() if chunk.strip()), b"")
    if not head:
        refuse_nothing(content.where, table)
        return True
    refuse_padding(content)
    if head.startswith(BOM):
        what = "it begins with a byte order mark, which JSON does not have."
        raise SourceError("encoding", what, where=content.where, fix="Declare `encoding: utf-8-sig`, or ask for UTF-8.")
    found = _FORMATS.get(head[:1])
    if found is None:
        kind = "HTML or XML" if head.startswith(b"<") else "other text"
        fix = "Look at the file; an error page may have been saved instead."
        raise SourceError("not_json", f"the content is no JSON but {kind}.", where=content.where, fix=fix)
    if found != read.format:
        shapes = {"jsonl": "one object a line", "json": "one list"}
        what = f"the content is {shapes[found]}, but {shapes[read.format]} is declared."
        raise SourceError("format", what, where=content.where, fix=f"Declare `format: {found}`, or ask the sender.")
    return False


def _lines(content: Content, read: ReadOptions, *, ends: bool) -> Iterator[Record]:
    for lines, is_end in line_blocks(content, 0, content.text.size):
        for number, line in enumerate(lines, 1):
            text = line.removesuffix("\r")
            record = _bounded(read_text(text), text, read) if text.strip() else Record(None, "non_data_line", text)
            if record.defect == INVALID and is_end and number == len(lines) and not ends:
                raise truncated(content.where, "the last record is not complete.")
            yield record


def _bounded(record: Record, text: str, read: ReadOptions) -> Record:
    if len(text) <= read.max_field_bytes or not isinstance(record.value, dict):
        return record
    longest = max((len(str(value).encode()) for value in record.value.values()), default=0)
    return Record(None, "field_too_large", text) if longest > read.max_field_bytes else record


def _to_table(records: Iterable[Record], content: Content, table: SourceTable, read: ReadOptions) -> Table:
    parked, path = Parked(), content.object.path
    seen: set[str] = set()
    unknown: set[str] = set()
    keys = JsonRead(fields=read.fields, nested=frozenset(read.nested))
    for some in _batches(records):
        batch = to_batch(some, table, keys)
        seen, unknown = seen | batch.seen, unknown | batch.unknown
        rows = fit(batch.rows, table, source_object=path, zone="UTC").rows
        parked.add(rows.with_row_index(RECORD, offset=FIRST_RECORD + parked.rows))
    columns = _columns(seen, unknown, table, content.where)
    texts = [*columns.extra, *_TECHNICAL] if table.unknown_columns == "evolve" else _TECHNICAL
    types = {name: declared_type(kind) for name, kind in table.columns.items()}
    frame = parked.frame({RECORD: pl.UInt32(), **types, **dict.fromkeys(texts, pl.String())})
    names = {name: field(place) for name, place in (columns.places | columns.extra).items() if place is not None}
    scanned = frame.rename({name: new for name, new in names.items() if name in {*types, *texts}})
    return to_table(scanned, columns, table, path, rows=parked.rows, typed=True)


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    remaining = iter(records)
    while some := list(islice(remaining, _BATCH)):
        yield some


def _columns(seen: set[str], unknown: set[str], table: SourceTable, where: str) -> Columns:
    """Return the columns that any record had; where no record could be read, those that are declared."""
    there = [name for name in table.columns if name in seen] if seen or unknown else list(table.columns)
    new = sorted(unknown)
    if table.unknown_columns in {"quarantine", "ignore"}:  # they only have to be told
        new = [name for name in new if name.isprintable() and name == name.strip() and name][:_MOST_NEW_NAMES]
    elif len(new) > _MOST_NEW_NAMES:
        what = f"the file has {len(new)} undeclared keys; keys may be data here."
        raise HeaderError("schema_drift", what, where=where, fix="Declare the column that holds them as `nested`.")
    return match_names([*there, *(name for name in new if name not in there)], table, where)
