"""One object as an open file, for formats that are not text: in place, or copied to a file without a name.

What belongs here: the file and its identity. What does not: what is in it.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from lakehouse_assets.connectors.file_formats.content import counted, nameless_file, sha256_of
from lakehouse_assets.connectors.file_formats.locations import Entry, Location, changed
from lakehouse_assets.results import SourceObject


@dataclass(frozen=True, slots=True)
class RawFile:
    """An object opened; `confirm` raises SourceError when it is no longer the one that was listed."""

    file: BinaryIO
    object: SourceObject
    where: str
    confirm: Callable[[], None]


@contextmanager
def open_raw(location: Location, entry: Entry) -> Iterator[RawFile]:
    """Yield an object as a file that can be read at any position; raise SourceError when it cannot be had."""
    where = f"{location.name}/{entry.path}"
    in_place = location.handle(entry)

    def confirm() -> None:
        if in_place is not None and location.find(entry.path) != entry:
            raise changed(where)

    file, digest = (in_place, sha256_of(in_place)) if in_place else _copied(location, entry, where)
    with file:
        yield RawFile(file, SourceObject(entry.path, entry.size, digest), where, confirm)


def _copied(location: Location, entry: Entry, where: str) -> tuple[BinaryIO, str]:
    writer, reader = nameless_file()
    digest = hashlib.sha256()
    with ExitStack() as failing:
        failing.callback(reader.close)
        with writer:
            writer.writelines(counted(location.read(entry), entry, digest, where))
        failing.pop_all()
    return reader, digest.hexdigest()
