"""A bucket and prefix of an object store.

What belongs here: translating the object-store library's answers and errors. Its options are the connection's keys.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import from_url

from lakehouse_assets.connectors.file_formats.locations import CHUNK_BYTES, Entry, changed
from lakehouse_assets.errors import SourceError

_ERRORS = (BaseError, OSError)


class ObjectStore:
    """A bucket and prefix; every read is pinned to the ETag that was listed."""

    is_atomic = True

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.name = url
        self._listings: dict[tuple[str, bool], list[Entry]] = {}
        config: Any = {key: str(value) for key, value in options.items()}
        client: Any = {"allow_http": True} if str(options.get("endpoint", "")).startswith("http://") else {}
        try:
            self._store = from_url(url, config=config, client_options=client)
        except (*_ERRORS, ValueError) as error:
            raise self._refusal("", error) from error

    def find(self, path: str) -> Entry | None:
        """Return the object at `path`, or None."""
        try:
            return _listed(obstore.head(self._store, path))
        except FileNotFoundError:
            return None
        except _ERRORS as error:
            raise self._refusal(path, error) from error

    def entries(self, prefix: str, *, deep: bool) -> list[Entry]:
        """Return the objects whose path starts with `prefix`."""
        # The library lists whole path segments only: list the folder once for all partitions, then filter.
        folder = prefix.rpartition("/")[0]
        if (folder, deep) not in self._listings:
            self._listings[folder, deep] = self._list(folder, deep=deep)
        return [entry for entry in self._listings[folder, deep] if entry.path.startswith(prefix)]

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of the listed version; the store refuses any other."""
        try:
            answer = obstore.get(self._store, entry.path, options={"if_match": entry.stamp})
            for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except (PreconditionError, FileNotFoundError) as error:
            raise changed(f"{self.name}/{entry.path}") from error
        except _ERRORS as error:
            raise self._refusal(entry.path, error) from error

    def handle(self, entry: Entry) -> None:
        """Return nothing: remote objects are copied before they are read."""

    def close(self) -> None:
        """Do nothing: requests stand by themselves."""

    def _list(self, folder: str, *, deep: bool) -> list[Entry]:
        try:
            if not deep:
                return [_listed(meta) for meta in obstore.list_with_delimiter(self._store, folder or None)["objects"]]
            return [_listed(meta) for batch in obstore.list(self._store, folder or None) for meta in batch]
        except _ERRORS as error:
            raise self._refusal(folder, error) from error

    def _refusal(self, path: str, error: Exception) -> SourceError:
        return SourceError(
            "unreadable",
            f"the object store answered with {type(error).__name__}.",
            where=f"{self.name}/{path}",
            fix="Check bucket, region, endpoint and credentials of the connection.",
        )


def _listed(meta: Mapping[str, Any]) -> Entry:
    return Entry(meta["path"], meta["size"], meta["e_tag"] or "", meta["last_modified"].timestamp())
