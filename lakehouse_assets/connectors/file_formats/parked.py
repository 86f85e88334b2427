"""Rows that are put aside while an object is read: few stay in memory, more go to files without a name.

What belongs here: frames that can be read once the object is closed. What does not: what is in them.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import BinaryIO

import polars as pl

from lakehouse_assets.connectors.file_formats.content import IN_MEMORY_BYTES, nameless_file

_FILE_BYTES = 64 << 20


class Parked:
    """Frames in the order they came, with columns that may be more with time."""

    def __init__(self) -> None:
        self._written: list[pl.LazyFrame] = []
        self._waiting: list[pl.DataFrame] = []
        self.rows = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take some rows."""
        self.rows += rows.height
        self._waiting.append(rows)
        if self._waiting_bytes() > _FILE_BYTES:
            self._write()

    def frame(self, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        """Return all rows with the columns of `schema`; a column that some of them lack is null there."""
        if self._written or self._waiting_bytes() > IN_MEMORY_BYTES:
            self._write()
        nothing = pl.DataFrame(schema=schema)
        return pl.concat([nothing.lazy(), *self._written, *(rows.lazy() for rows in self._waiting)], how="diagonal")

    def _waiting_bytes(self) -> float:
        return sum(rows.estimated_size() for rows in self._waiting)

    def _write(self) -> None:
        if not self._waiting:
            return
        writer, reader = nameless_file()
        with closing(reader):
            with writer:
                pl.concat(self._waiting, how="diagonal").write_parquet(writer, compression="lz4", statistics=False)
            self._written.append(scan_parked(reader))
        self._waiting.clear()


def scan_parked(file: BinaryIO) -> pl.LazyFrame:
    """Return the rows of a Parquet file of ours, which may be closed then: small ones are read, others kept open."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    return pl.scan_parquet(file.read() if size <= IN_MEMORY_BYTES else file, hive_partitioning=False)
