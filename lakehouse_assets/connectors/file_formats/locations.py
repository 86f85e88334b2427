"""What a place with files offers: listing, opening, telling whether an object is still the one that was listed.

What belongs here: the protocol. Its implementations are `local_folder`, `object_store` and `sftp_folder`.
What does not: which objects make up a partition (`arrivals`), what their bytes mean (`content`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from lakehouse_assets.errors import SourceError

CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: path inside the location, bytes, and a stamp that changes when its content does."""

    path: str
    size: int
    stamp: str
    modified_at: float


class Location(Protocol):
    """A place with files. `is_atomic`: an object appears whole or not at all."""

    name: str
    is_atomic: bool

    def find(self, path: str) -> Entry | None:
        """Return the object at `path`, or None; raise SourceError when it cannot be looked at."""
        ...

    def entries(self, prefix: str, *, deep: bool) -> list[Entry]:
        """Return the objects whose path starts with `prefix`; `deep` looks into folders below."""
        ...

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of exactly the version that was listed; raise SourceError when it is gone."""
        ...

    def handle(self, entry: Entry) -> BinaryIO | None:
        """Return an open file positioned at 0 that Polars can read in place, or None."""
        ...

    def close(self) -> None:
        """Let go of the place; nothing can be read any more."""
        ...


def changed(where: str) -> SourceError:
    """Return the refusal of an object that was replaced, removed or rewritten after it was listed."""
    return SourceError(
        "changed_during_read", "it changed while it was read.", where=where, fix="Run the partition again."
    )


def outside(where: str) -> SourceError:
    """Return the refusal of a path that leads out of the location."""
    return SourceError(
        "outside",
        "it leads out of the location.",
        where=where,
        fix="Deliver the file itself, not a link to another place, or correct `read.pattern`.",
    )
