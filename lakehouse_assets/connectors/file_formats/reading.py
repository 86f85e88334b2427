"""Reading one object, whatever its format: text formats in this process, others in one that may die of them.

What belongs here: which reader a format has, and what was read. What does not: the formats, and which objects belong
together (`connectors.files`).
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

from lakehouse_assets.connectors.file_formats.content import Content, open_content, sha256_of
from lakehouse_assets.connectors.file_formats.csv_table import read_csv
from lakehouse_assets.connectors.file_formats.excel_table import read_excel
from lakehouse_assets.connectors.file_formats.frames import Table
from lakehouse_assets.connectors.file_formats.json_table import read_json_array, read_json_lines
from lakehouse_assets.connectors.file_formats.locations import Entry, Location
from lakehouse_assets.connectors.file_formats.parquet_table import read_parquet
from lakehouse_assets.connectors.file_formats.raw_file import RawFile, open_raw
from lakehouse_assets.connectors.file_formats.sandbox import Sandbox
from lakehouse_assets.contracts.model import ReadOptions, SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import SourceObject

_OfText = Callable[[Content, SourceTable, ReadOptions], Table]
_OfBytes = Callable[[RawFile, SourceTable, ReadOptions, Sandbox], tuple[Table, tuple[str, ...]]]
_TEXT: Mapping[str, _OfText] = {
    "csv": read_csv,
    "tsv": read_csv,
    "jsonl": read_json_lines,
    "json": read_json_array,
}
_BYTES: Mapping[str, _OfBytes] = {"parquet": read_parquet, "excel": read_excel}


@dataclass(frozen=True, slots=True)
class Loaded:
    """One object that was read. `confirm` is there where it is read in place: `connectors.protocol.Extraction`."""

    object: SourceObject
    table: Table
    warnings: tuple[str, ...] = ()
    confirm: Callable[[], None] | None = None


def load(location: Location, entry: Entry, table: SourceTable, read: ReadOptions, sandbox: Sandbox) -> Loaded:
    """Return an object's rows; raise SourceError when it must be refused whole."""
    if read.format in _BYTES:
        with open_raw(location, entry) as raw:
            rows, warnings = _BYTES[read.format](raw, table, read, sandbox)
            raw.confirm()
            return Loaded(raw.object, rows, warnings)
    content = open_content(location, entry, read)
    reader = _TEXT[read.format]
    with closing(content.text):
        if isinstance(content.text.source, bytes) or content.confirm is None:
            return Loaded(content.object, reader(content, table, read), content.warnings, content.confirm)
        with ThreadPoolExecutor(max_workers=1) as pool:
            digest = pool.submit(sha256_of, content.text.source)
            rows = reader(content, table, read)
    content.confirm()
    identified = replace(content.object, sha256=digest.result())
    return Loaded(identified, rows, content.warnings, content.confirm)


def require_readable(table: SourceTable) -> ReadOptions:
    """Return how a table's files are read; raise SourceError for options that cannot be used."""
    where = str(table.place)
    if table.read is None:
        raise SourceError("format", "the table does not say how its files are read.", where=where, fix="Add `read:`.")
    try:
        " ".encode(table.read.encoding)
    except LookupError as error:
        raise SourceError(
            "encoding",
            f"{table.read.encoding!r} is no text encoding.",
            where=where,
            fix="Correct `read.encoding`, for instance to `cp1252`.",
        ) from error
    return table.read
