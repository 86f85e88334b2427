"""What a warehouse unloaded into a bucket: read as its manifest says, decoded where it can do no harm, then removed.

What belongs here: the manifest and its files. What does not: asking for it (`redshift`). A file is somebody else's
Parquet: it is decoded by another process (`file_formats.sandbox`).
"""

import json
import logging
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import polars as pl

from lakehouse_assets.connectors.file_formats.parquet_footer import read_footer
from lakehouse_assets.connectors.file_formats.sandbox import Sandbox
from lakehouse_assets.errors import SourceError

MANIFEST = "manifest"
# Compressed to uncompressed; a warehouse's own files stay far below it.
MAX_EXPANSION = 1_000
_CHUNK_BYTES = 4 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unloaded:
    """A folder of its own in a bucket; `prefix` is where the warehouse writes."""

    prefix: str
    store: Any

    def frames(self, batch_rows: int) -> Iterator[pl.DataFrame]:
        """Yield the rows that the manifest lists; raise SourceError when a file is not what it says."""
        with Sandbox() as sandbox:
            for entry in self._entries():
                path = self._path_of(str(entry.get("url", "")))
                yield from self._rows(path, entry.get("meta") or {}, sandbox, batch_rows)

    def remove(self) -> None:
        """Remove what was unloaded."""
        import obstore  # noqa: PLC0415 - as below

        with _translated(self.prefix):
            for batch in obstore.list(self.store):
                obstore.delete(self.store, [meta["path"] for meta in batch])

    def _entries(self) -> list[Mapping[str, Any]]:
        import obstore  # noqa: PLC0415

        try:
            with _translated(self.prefix):
                found = json.loads(bytes(obstore.get(self.store, MANIFEST).bytes()))
            return list(found["entries"])
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise self._refusal("incomplete", "the manifest of what was unloaded is missing or damaged.") from error

    def _path_of(self, url: str) -> str:
        path = url.removeprefix(self.prefix)
        if path == url or ".." in path.split("/"):
            raise self._refusal("incomplete", "the manifest lists a file outside of its folder.")
        return path

    def _rows(self, path: str, said: Mapping[str, Any], sandbox: Sandbox, batch_rows: int) -> Iterator[pl.DataFrame]:
        where = f"{self.prefix}{path}"
        with tempfile.TemporaryFile() as file:
            size = self._copy(path, file)
            if size != said.get("content_length", size):
                raise self._refusal("truncated", f"{path} has {size} bytes, the manifest says otherwise.")
            footer = read_footer(file, size, max_expansion=MAX_EXPANSION, where=where)
            if footer.rows != said.get("record_count", footer.rows):
                raise self._refusal("incomplete", f"{path} has {footer.rows} rows, the manifest says otherwise.")
            task = {"format": "parquet", "legacy": sorted(footer.legacy - footer.groups)}
            converted, found = sandbox.convert(task, file, size=size, where=where)
            with converted:
                # It took times without a zone as UTC; here they are times of the zone that the table names.
                local = pl.col(found["naive"]).dt.replace_time_zone(None)
                rows = pl.scan_parquet(converted).with_columns(local)
                for start in range(0, footer.rows, batch_rows):
                    yield rows.slice(start, batch_rows).collect(engine="streaming")

    def _copy(self, path: str, file: BinaryIO) -> int:
        import obstore  # noqa: PLC0415

        try:
            with _translated(self.prefix):
                file.writelines(
                    bytes(chunk) for chunk in obstore.get(self.store, path).stream(min_chunk_size=_CHUNK_BYTES)
                )
        except FileNotFoundError as error:
            raise self._refusal("incomplete", f"{path} is in the manifest, but not there.") from error
        size = file.tell()
        file.seek(0)
        return size

    def _refusal(self, code: str, what: str) -> SourceError:
        return SourceError(code, what, where=self.prefix, fix="Run the partition again.")


@contextmanager
def unloaded_below(connection: Mapping[str, str], folder: str) -> Iterator[Unloaded]:
    """Give a folder that nobody else uses, and remove it with all that is in it in the end.

    A run that is killed leaves it behind: give the prefix a lifecycle rule of a few days.
    """
    from obstore.store import from_url  # noqa: PLC0415 - only where something is unloaded

    prefix = f"{connection['unloadTo'].rstrip('/')}/{folder}/{uuid.uuid4().hex}/"
    keys = {"s3Region": "region", "s3Endpoint": "endpoint"}
    keys |= {"s3AccessKeyId": "access_key_id", "s3SecretAccessKey": "secret_access_key"}
    config: Any = {name: connection[key] for key, name in keys.items() if connection.get(key)}
    client: Any = {"allow_http": True} if connection.get("s3Endpoint", "").startswith("http://") else {}
    with _translated(prefix):
        found = Unloaded(prefix, from_url(prefix, config=config, client_options=client))
    try:
        yield found
    finally:
        _remove(found)


def _remove(found: Unloaded) -> None:
    try:
        found.remove()
    except SourceError as error:
        _log.warning("what was unloaded stays where it is: %s", error)


@contextmanager
def _translated(prefix: str) -> Iterator[None]:
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise SourceError(
            "unreadable",
            f"the object store answered with {type(error).__name__}.",
            where=prefix,
            fix="Check `unloadTo`, region, and that this worker may read, list and delete there.",
        ) from error
