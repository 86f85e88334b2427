"""What an engine does for the pipeline: compute frames and stage files. It never commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to stage: the table's root, its partition column and the publish that owns the files.

    `first_number` keeps the files of several passes of one publish apart. `prefix` is another one for maintenance.
    """

    root: str
    partition_column: str
    publish: str
    first_number: int = 0
    prefix: str = "stg"


@dataclass(frozen=True, slots=True)
class Branch:
    """Rows of one frame that go to one target: `frame` holds exactly the columns to store."""

    frame: nw.LazyFrame
    target: Target
    keeps_order: bool = False


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

    def stage_empty(self, target: Target, partition: str, schema: Mapping[str, nw.dtypes.DType]) -> StagedFile:
        """Write the one zero-row file that says "published and empty"."""
        ...

    def collect_all(self, frames: Sequence[nw.LazyFrame]) -> list[pl.DataFrame]:
        """Return several small frames, sharing what they have in common."""
        ...

    def repeated(self, frame: nw.LazyFrame, columns: Sequence[str]) -> nw.LazyFrame | None:
        """Return a superset of the rows whose values in `columns` occur more than once, or None."""
        ...
