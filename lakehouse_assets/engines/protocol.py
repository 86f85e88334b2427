"""What an engine does for the pipeline: compute frames and stage files. It never commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import narwhals as nw
import polars as pl

from lakehouse_assets.results import StagedFile


@dataclass(frozen=True, slots=True)
class DataFile:
    """One active Parquet file of a pinned table version; `path` is relative to the table's folder."""

    path: str
    rows: int
    partition: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where to stage: the table's root, its partition column and the publish that owns the files."""

    root: str
    partition_column: str
    publish: str


@dataclass(frozen=True, slots=True)
class Branch:
    """Rows of one frame that go to one target: `frame` holds exactly the columns to store."""

    frame: nw.LazyFrame
    target: Target


class Engine(Protocol):
    """Computes lazy frames; implementations: `engines.polars_engine`."""

    name: str

    def scan(
        self, root: str, files: Sequence[DataFile], partition_column: str, schema: Mapping[str, nw.dtypes.DType]
    ) -> nw.LazyFrame:
        """Return the rows of exactly these files, with the partition column as text."""
        ...

    def stage(
        self, branches: Sequence[Branch], totals: nw.LazyFrame | None = None
    ) -> tuple[list[list[StagedFile]], pl.DataFrame]:
        """Write every branch and collect `totals`, sharing the work; return staged files a branch, and totals."""
        ...

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        """Return a small frame."""
        ...

    def repeated(self, frame: nw.LazyFrame, column: str) -> pl.Series:
        """Return the values of an integer column that occur more than once."""
        ...
