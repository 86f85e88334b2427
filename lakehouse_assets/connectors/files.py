"""Files in a folder, on a server or in an object store: one answer for every partition asked for.

What belongs here: putting the objects of a partition together, repeated content, refusals and dead letters.
What does not: how files are found, opened and read; that is `file_formats`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import ClassVar

import narwhals as nw

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.file_formats.arrivals import complete_arrivals, find_arrivals, partitions_among
from lakehouse_assets.connectors.file_formats.control import read_word
from lakehouse_assets.connectors.file_formats.csv_header import HeaderError
from lakehouse_assets.connectors.file_formats.joining import joined
from lakehouse_assets.connectors.file_formats.locations import Entry, Location
from lakehouse_assets.connectors.file_formats.notifications import QUEUE, Notices, Queue
from lakehouse_assets.connectors.file_formats.opening import open_location
from lakehouse_assets.connectors.file_formats.reading import Loaded, load, require_readable
from lakehouse_assets.connectors.file_formats.sandbox import Sandbox
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import ReadOptions, Source, SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import DeadLetter, SourceObject

# A dead letter travels through memory; of a larger object the beginning is kept, the object itself stays where it is.
DEAD_LETTER_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Session:
    """One table's files while they are read."""

    location: Location
    table: SourceTable
    read: ReadOptions
    sandbox: Sandbox


class Files:
    """CSV, JSON, Parquet and Excel files in a local folder, on an SFTP server or under an object-store URL."""

    kind: ClassVar[str] = "files"

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the rows of every partition, or why its files were refused.

        Raises ConfigError for a connection that cannot be resolved, SourceError for read options that cannot be used.
        """
        with self._session(table) as session:
            return {
                partition: Rejection(partition, arrived)
                if isinstance(arrived, SourceError)
                else _read_partition(*arrived, partition)
                for partition, arrived in self._arrivals(session, partitions).items()
            }

    def extract_objects(
        self, table: SourceTable, partitions: Sequence[str], is_known: Callable[[str, SourceObject], bool]
    ) -> Iterator[Extraction | Rejection]:
        """Yield every object of some partitions by itself, read when it is asked for; of known ones only the hash."""
        with self._session(table) as session:
            for partition, arrived in self._arrivals(session, partitions).items():
                if isinstance(arrived, SourceError):
                    yield Rejection(partition, arrived)
                    continue
                opened, entries = arrived
                for entry in entries:
                    if not is_known(partition, _identity(opened.location, entry)):
                        yield _read_partition(opened, [entry], partition)

    def arrivals(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, str]:
        """Return the partitions whose files are there and complete, each with a token that changes when they do."""
        with self._session(table) as session:
            if isinstance(session, SourceError):
                raise session
            return complete_arrivals(session.location, session.read, partitions, clock=self._access.clock)

    def notices(self, handled: tuple[str, ...]) -> Notices | None:
        """Return the objects that the queue of the connection tells of; None where there is no queue."""
        connection = self._access.connection(self._source)
        url = str(connection.get(QUEUE, ""))
        if not url:
            return None
        queue = Queue(url, connection, self._access.environ, where=str(self._source.place))
        queue.delete(handled)
        return queue.receive()

    def partitions_of(self, table: SourceTable, objects: Sequence[tuple[str, str]]) -> frozenset[str]:
        """Return the partitions that some objects, as (bucket, key), belong to by their names."""
        location = str(self._access.connection(self._source).get("location", "")).partition("://")[2].rstrip("/")
        paths = (f"{bucket}/{key}" for bucket, key in objects)
        inside = [path.removeprefix(f"{location}/") for path in paths if path.startswith(f"{location}/")]
        return partitions_among(inside, require_readable(table))

    @contextmanager
    def _session(self, table: SourceTable) -> Iterator[_Session | SourceError]:
        """Yield what a table's files are read with, or why their location cannot be opened."""
        read = require_readable(table)
        try:
            connection = self._access.connection(self._source)
            location = open_location(connection, self._access, where=str(self._source.place))
        except SourceError as error:
            refusal = error
        else:
            with closing(location), Sandbox() as sandbox:
                yield _Session(location, table, read, sandbox)
            return
        yield refusal

    def _arrivals(
        self, session: _Session | SourceError, partitions: Sequence[str]
    ) -> dict[str, tuple[_Session, Sequence[Entry]] | SourceError]:
        if isinstance(session, SourceError):
            return dict.fromkeys(partitions, session)
        found = find_arrivals(session.location, session.read, partitions, clock=self._access.clock)
        ordered = {partition: found[partition] for partition in partitions}
        return {
            partition: one if isinstance(one, SourceError) else (session, one) for partition, one in ordered.items()
        }


def _read_partition(session: _Session, entries: Sequence[Entry], partition: str) -> Extraction | Rejection:
    location, table, read = session.location, session.table, session.read
    loaded: list[Loaded] = []
    refused: list[tuple[Entry, SourceError]] = []
    for entry in entries:
        try:
            loaded.append(load(location, entry, table, read, session.sandbox))
        except SourceError as error:
            refused.append((entry, error))
    if refused:
        letters = (_dead_letter(location, table, partition, entry, error) for entry, error in refused)
        drift = (event for _, error in refused if isinstance(error, HeaderError) for event in error.drift)
        return Rejection(partition, refused[0][1], tuple(letters), tuple(drift))
    try:
        return _with_word(_assemble(partition, loaded, table), location, read)
    except SourceError as error:
        return Rejection(partition, error)


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


def _assemble(partition: str, loaded: Sequence[Loaded], table: SourceTable) -> Extraction:
    first: dict[str, Loaded] = {}
    deduplicated, warnings = 0, [text for one in loaded for text in one.warnings]
    for one in loaded:
        kept = first.setdefault(one.object.sha256, one)
        if kept is not one:
            deduplicated += one.table.rows
    absent = set.intersection(*(set(one.table.absent) for one in loaded)) if loaded else set()
    drift = dict.fromkeys(event for one in loaded for event in one.table.drift)
    checks = [one.confirm for one in first.values() if one.confirm]
    return Extraction(
        partition,
        nw.from_native(joined([one.table for one in first.values()], table)),
        sum(one.table.rows for one in first.values()),
        objects=tuple(one.object for one in loaded),
        deduplicated=deduplicated,
        drift=tuple(drift),
        absent=frozenset(absent),
        warnings=tuple(warnings),
        measures={"objects": len(loaded), "bytes": sum(one.object.size for one in loaded)},
        confirm=_all_of(checks) if checks else None,
    )


def _all_of(checks: Sequence[Callable[[], None]]) -> Callable[[], None]:
    def confirm() -> None:
        for check in checks:
            check()

    return confirm


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
