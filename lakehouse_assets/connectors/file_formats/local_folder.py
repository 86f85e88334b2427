"""A folder of this machine.

It is read through the operating system, not through the object-store library: that one refuses a whole folder when a
single name in it is not UTF-8, and gives no handle for Polars to read in place.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lakehouse_assets.connectors.file_formats.locations import CHUNK_BYTES, Entry, changed, outside
from lakehouse_assets.errors import SourceError


class LocalFolder:
    """A folder of this machine."""

    is_atomic = False

    def __init__(self, root: Path, *, where: str) -> None:
        self._root, self.name = root, str(root)
        if not root.is_dir():
            problem = "is not a folder" if root.exists() else "does not exist"
            raise SourceError(
                "missing", f"the location {root} {problem}.", where=where, fix="Create it or correct `location`."
            )

    def find(self, path: str) -> Entry | None:
        """Return the file at `path`, or None; raise SourceError for a folder or a file that is closed to us."""
        try:
            target = self._root / path
            status = target.stat()
            if not target.resolve().is_relative_to(self._root.resolve()):
                raise outside(f"{self.name}/{path}")
            return self._entry(path, status)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise self._refusal(path, error) from error

    def entries(self, prefix: str, *, deep: bool) -> list[Entry]:
        """Return the files whose path starts with `prefix`."""
        folder = prefix.rpartition("/")[0]
        paths = self._walk(folder) if deep else self._names(folder)
        entries = [self.find(path) for path in paths if path.startswith(prefix)]
        return [entry for entry in entries if entry is not None]

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of the listed version."""
        with self.handle(entry) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def handle(self, entry: Entry) -> BinaryIO:
        """Return the listed version, opened; it stays what it is when the name is given to another file."""
        try:
            file = (self._root / entry.path).open("rb")
        except OSError as error:
            raise self._refusal(entry.path, error) from error
        if _stamp(os.fstat(file.fileno())) != entry.stamp:
            file.close()
            raise changed(f"{self.name}/{entry.path}")
        return file

    def close(self) -> None:
        """Do nothing: a folder needs no connection."""

    def _entry(self, path: str, status: os.stat_result) -> Entry:
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(
                "not_a_file",
                "a folder or device lies where a file is expected.",
                where=f"{self.name}/{path}",
                fix="Deliver a file, or correct `read.pattern`.",
            )
        return Entry(path, status.st_size, _stamp(status), status.st_mtime)

    def _names(self, folder: str) -> list[str]:
        try:
            names = [entry.name for entry in os.scandir(self._root / folder) if not entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._refusal(folder, error) from error
        return [f"{folder}/{name}" if folder else name for name in names]

    def _walk(self, folder: str) -> list[str]:
        start = self._root / folder
        found = (Path(parent) / name for parent, _, names in os.walk(start) for name in names)
        return [path.relative_to(self._root).as_posix() for path in found]

    def _refusal(self, path: str, error: Exception) -> SourceError:
        reason = error.strerror if isinstance(error, OSError) else "the name cannot be a path"
        return SourceError(
            "unreadable",
            f"it cannot be read ({reason}).",
            where=f"{self.name}/{path}",
            fix="Give this user permission to read it.",
        )


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
