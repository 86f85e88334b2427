"""Small objects of the lake (records, pins, staged files to check or remove), on disk and on object stores alike."""

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import obstore
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from lakehouse_assets.engines.stores import open_store
from lakehouse_assets.errors import StorageError

_ARROWS = re.compile(r"\x1b\[[0-9;]*m|↳")
# What comes after the causes: frames, and the same once more as the library's own types.
_FRAME = re.compile(r"[0-9]+: |Debug source:")
_LONGEST = 400
_UNFINISHED = re.compile(r"#[0-9]+$")
_PLACE = (
    "Check that no file lies in its place, and that `root` is a folder or a URL of a kind that is known, like s3://."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as its store lists it; the time is the store's own."""

    path: str
    size: int
    modified_at: datetime


class Objects:
    """Objects below one root: a folder or `scheme://bucket/prefix`. Paths are relative to the root."""

    def __init__(self, root: str, options: Mapping[str, str] | None = None) -> None:
        self.root = root.rstrip("/")
        self.options = dict(options or {})
        self._opened: Any = None

    @property
    def _store(self) -> Any:  # noqa: ANN401 - obstore's union of stores
        if self._opened is None:
            with translated(self.root):
                if "://" in self.root:
                    self._opened = open_store(self.root, self.options)
                else:
                    self._opened = LocalStore(Path(self.root).resolve(), mkdir=True)
        return self._opened

    def read(self, path: str) -> bytes | None:
        """Return the content of an object, or None when there is none."""
        with translated(f"{self.root}/{path}"):
            try:
                return bytes(obstore.get(self._store, path).bytes())
            except FileNotFoundError:
                return None

    def write(self, path: str, content: bytes) -> None:
        """Write an object whole; readers see all of it or none."""
        with translated(f"{self.root}/{path}"):
            obstore.put(self._store, path, content)

    def size(self, path: str) -> int | None:
        """Return the size of an object in bytes, or None when there is none."""
        with translated(f"{self.root}/{path}"):
            try:
                return int(obstore.head(self._store, path)["size"])
            except FileNotFoundError:
                return None

    def names(self, prefix: str) -> list[str]:
        """Return the paths of all objects below a prefix, sorted."""
        with translated(f"{self.root}/{prefix}"):
            return sorted(meta["path"] for block in obstore.list(self._store, prefix) for meta in block)

    def entries(self, prefix: str = "") -> list[Entry]:
        """Return all objects below a prefix with size and time, by path."""
        with translated(f"{self.root}/{prefix}"):
            found = [meta for block in obstore.list(self._store, prefix) for meta in block]
        return sorted((Entry(m["path"], m["size"], m["last_modified"]) for m in found), key=lambda entry: entry.path)

    def unfinished(self) -> list[Entry]:
        """Return what writers that died left beside objects of a local folder: `….parquet#1`; no listing shows them."""
        if "://" in self.root:
            return []
        with translated(self.root):
            found = [path for path in Path(self.root).rglob("*") if _UNFINISHED.search(path.name) and path.is_file()]
            stats = [(path.relative_to(self.root).as_posix(), path.stat()) for path in found]
        return sorted(
            (Entry(path, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)) for path, stat in stats),
            key=lambda entry: entry.path,
        )

    def delete_unfinished(self, paths: Iterable[str]) -> None:
        """Remove what `unfinished` found."""
        for path in paths:
            if _UNFINISHED.search(path):
                with translated(f"{self.root}/{path}"):
                    Path(self.root, path).unlink(missing_ok=True)

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the root."""
        with translated(f"{self.root}/{source}"):
            obstore.copy(self._store, source, target)

    def delete(self, paths: Iterable[str]) -> None:
        """Remove objects; those already gone are fine."""
        for path in paths:
            with translated(f"{self.root}/{path}"), contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, path)


@contextlib.contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn faults of disks, object stores and Delta logs into one StorageError sentence.

    Absence stays FileNotFoundError, and a commit that was refused CommitFailedError.
    """
    try:
        yield
    except (FileNotFoundError, CommitFailedError):
        raise
    except DeltaError as error:
        if isinstance(error, TableNotFoundError) or "Invalid table location" in str(error):
            raise StorageError("the folder of the table cannot be used.", where=where, fix=_PLACE) from error
        raise StorageError(
            f"the Delta log cannot be read: {_reason(error)}.",
            where=where,
            fix="Restore the newest files of `_delta_log` from a backup; nothing was written.",
        ) from error
    except (OSError, BaseError) as error:
        raise StorageError(
            f"storage failed: {_reason(error)}.",
            where=where,
            fix="Check space, permissions and the endpoint, then run again; readers still see the previous version.",
        ) from error


def _reason(error: Exception) -> str:
    """Return what an error says in one line: libraries of Rust put causes below each other, with arrows and frames."""
    text = (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()
    lines = (_ARROWS.sub("", line).strip() for line in text.splitlines())
    causes = [line for line in itertools.takewhile(lambda line: not _FRAME.match(line), lines) if line]
    return ": ".join(causes)[:_LONGEST].rstrip(".")
