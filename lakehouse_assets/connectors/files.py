"""Files in a folder or an object store: one answer for every partition asked for.

What belongs here: putting the objects of a partition together, repeated content, refusals and dead letters.
What does not: how files are found, opened and parsed; that is `file_formats`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import narwhals as nw
import polars as pl

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.file_formats.arrivals import find_arrivals
from lakehouse_assets.connectors.file_formats.content import Content, open_content, sha256_of
from lakehouse_assets.connectors.file_formats.control import read_word
from lakehouse_assets.connectors.file_formats.csv_header import HeaderError
from lakehouse_assets.connectors.file_formats.csv_table import Table, read_csv
from lakehouse_assets.connectors.file_formats.local_folder import LocalFolder
from lakehouse_assets.connectors.file_formats.locations import Entry, Location
from lakehouse_assets.connectors.file_formats.object_store import ObjectStore
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import ReadOptions, Source, SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import DeadLetter, SourceObject

# A dead letter travels through memory; of a larger object the beginning is kept, the object itself stays where it is.
DEAD_LETTER_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Loaded:
    """One object that was read."""

    content: Content
    table: Table


@dataclass(frozen=True, slots=True)
class _Arrived:
    """The objects of one partition and where they are."""

    location: Location
    entries: Sequence[Entry]


class Files:
    """CSV files in a local folder or under an object-store URL."""

    kind: ClassVar[str] = "files"

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the rows of every partition, or why its files were refused.

        Raises ConfigError for a connection that cannot be resolved, SourceError for read options that cannot be used.
        """
        read = _readable(table)
        return {
            partition: Rejection(partition, arrived)
            if isinstance(arrived, SourceError)
            else _read_partition(arrived.location, table, read, partition, arrived.entries)
            for partition, arrived in self._arrivals(read, partitions).items()
        }

    def extract_objects(
        self, table: SourceTable, partitions: Sequence[str], is_known: Callable[[str, SourceObject], bool]
    ) -> Iterator[Extraction | Rejection]:
        """Yield every object of some partitions by itself, read when it is asked for; of known ones only the hash."""
        read = _readable(table)
        for partition, arrived in self._arrivals(read, partitions).items():
            if isinstance(arrived, SourceError):
                yield Rejection(partition, arrived)
                continue
            for entry in arrived.entries:
                if not is_known(partition, _identity(arrived.location, entry)):
                    yield _read_partition(arrived.location, table, read, partition, [entry])

    def _arrivals(self, read: ReadOptions, partitions: Sequence[str]) -> dict[str, _Arrived | SourceError]:
        try:
            connection = self._access.connection(self._source)
            location = _open(connection, where=str(self._source.place))
        except SourceError as error:
            return dict.fromkeys(partitions, error)
        found = find_arrivals(location, read, partitions, clock=self._access.clock)
        ordered = {partition: found[partition] for partition in partitions}
        return {
            partition: one if isinstance(one, SourceError) else _Arrived(location, one)
            for partition, one in ordered.items()
        }


def _open(connection: Mapping[str, Any], *, where: str) -> Location:
    """Open `connection.location`; the other keys are options of the object store."""
    location = str(connection.get("location", ""))
    if not location:
        raise SourceError("missing", "the connection names no location.", where=where, fix="Add `location:`.")
    if "://" in location and not location.startswith("file://"):
        options = {key: value for key, value in connection.items() if key != "location"}
        return ObjectStore(location.rstrip("/"), options)
    return LocalFolder(Path(location.removeprefix("file://")).expanduser(), where=where)


def _readable(table: SourceTable) -> ReadOptions:
    where = str(table.place)
    if table.read is None:
        raise SourceError("format", "the table does not say how its files are read.", where=where, fix="Add `read:`.")
    if table.read.format != "csv":
        raise SourceError(
            "format", f"files of format {table.read.format!r} cannot be read.", where=where, fix="Deliver CSV."
        )
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


def _read_partition(
    location: Location, table: SourceTable, read: ReadOptions, partition: str, entries: Sequence[Entry]
) -> Extraction | Rejection:
    loaded: list[_Loaded] = []
    refused: list[tuple[Entry, SourceError]] = []
    for entry in entries:
        try:
            loaded.append(_load(location, entry, table, read))
        except SourceError as error:
            refused.append((entry, error))
    if not refused:
        return _with_word(_assemble(partition, loaded), location, read)
    letters = (_dead_letter(location, table, partition, entry, error) for entry, error in refused)
    drift = (event for _, error in refused if isinstance(error, HeaderError) for event in error.drift)
    return Rejection(partition, refused[0][1], tuple(letters), tuple(drift))


def _with_word(came: Extraction, location: Location, read: ReadOptions) -> Extraction:
    # A trailer was held against its rows already: an object that disagrees with its own is refused.
    is_counted = "{rows}" in read.trailer and all(one.size for one in came.objects)
    told = {"rows": came.rows + came.deduplicated} if is_counted else {}
    if not read.control:
        return replace(came, said=told)
    word = read_word(location, read, came.partition, came.objects)
    return replace(came, said={**told, **word.said}, unsaid=word.unsaid)


def _identity(location: Location, entry: Entry) -> SourceObject:
    digest = sha256()
    try:
        for chunk in location.read(entry):
            digest.update(chunk)
    except SourceError:
        return SourceObject(entry.path, entry.size, "")  # reading it will say what is wrong
    return SourceObject(entry.path, entry.size, digest.hexdigest())


def _load(location: Location, entry: Entry, table: SourceTable, read: ReadOptions) -> _Loaded:
    content = open_content(location, entry, read)
    with closing(content.text):
        if isinstance(content.text.source, bytes) or content.confirm is None:
            return _Loaded(content, read_csv(content, table, read))
        with ThreadPoolExecutor(max_workers=1) as pool:
            digest = pool.submit(sha256_of, content.text.source)
            rows = read_csv(content, table, read)
    content.confirm()
    return _Loaded(replace(content, object=replace(content.object, sha256=digest.result())), rows)


def _assemble(partition: str, loaded: Sequence[_Loaded]) -> Extraction:
    first: dict[str, _Loaded] = {}
    deduplicated, warnings = 0, [text for one in loaded for text in one.content.warnings]
    for one in loaded:
        kept = first.setdefault(one.content.object.sha256, one)
        if kept is not one:
            deduplicated += one.table.rows
    absent = set.intersection(*(set(one.table.absent) for one in loaded)) if loaded else set()
    drift = dict.fromkeys(event for one in loaded for event in one.table.drift)
    checks = [one.content.confirm for one in first.values() if one.content.confirm]
    return Extraction(
        partition,
        nw.from_native(_joined([one.table for one in first.values()])),
        sum(one.table.rows for one in first.values()),
        objects=tuple(one.content.object for one in loaded),
        deduplicated=deduplicated,
        drift=tuple(drift),
        absent=frozenset(absent),
        warnings=tuple(warnings),
        measures={"objects": len(loaded), "bytes": sum(one.content.object.size for one in loaded)},
        confirm=_all_of(checks) if checks else None,
    )


def _all_of(checks: Sequence[Callable[[], None]]) -> Callable[[], None]:
    def confirm() -> None:
        for check in checks:
            check()

    return confirm


def _joined(tables: Sequence[Table]) -> pl.LazyFrame:
    evolved = list(dict.fromkeys(name for table in tables for name in table.evolved))
    frames = [
        table.frame.with_columns(pl.lit(None, pl.String).alias(name) for name in evolved if name not in table.evolved)
        for table in tables
    ]
    if len(frames) == 1:
        return frames[0]
    names = frames[0].collect_schema().names()
    return pl.concat([frame.select(names) for frame in frames], how="vertical")


def _dead_letter(
    location: Location, table: SourceTable, partition: str, entry: Entry, error: SourceError
) -> DeadLetter:
    kept = b""
    try:
        for chunk in location.read(entry):
            kept += chunk[: DEAD_LETTER_BYTES - len(kept)]
            if len(kept) == DEAD_LETTER_BYTES:
                break
    except SourceError:
        kept = b""  # unreadable or gone: the refusal itself says so
    reason = str(error) if len(kept) == entry.size else f"{error} (kept {len(kept)} of {entry.size} bytes)"
    return DeadLetter(table.source, table.name, partition, entry.path, 0, reason, kept)
