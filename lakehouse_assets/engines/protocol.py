"""What an engine does for the pipeline: compute frames and stage files. It never commits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

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
    """Rows of one frame that go to one target: `frame` holds exactly the columns to store.

    `take` takes them from the rows that totals are made of, and `counted_as` is the total that says how many they are:
    an engine that can only write one branch at a time then counts while it writes, and leaves out what is empty.
    """

    frame: nw.LazyFrame
    target: Target
    keeps_order: bool = False
    take: Callable[[nw.LazyFrame], nw.LazyFrame] | None = None
    counted_as: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over rows: a line for each value of the column `by`, or one line for all, whose value there is `only`.

    `marks`: boolean columns that few rows have; how many do is a total, too, under the column's name. Every row of a
    branch but the first has one, so that an engine may count them while it writes those.
    """

    rows: nw.LazyFrame
    sums: tuple[nw.Expr, ...]
    by: str
    only: str | None = None
    marks: tuple[str, ...] = ()

    @property
    def marked(self) -> "Totals":
        """How many rows have each mark, of the rows that have any."""
        return Totals(self.rows.filter(self.is_marked), self._counts, self.by, self.only)

    @property
    def is_marked(self) -> nw.Expr:
        """Whether a row has any mark."""
        return nw.any_horizontal(*map(nw.col, self.marks), ignore_nulls=True)

    def frame(self) -> nw.LazyFrame:
        """Return the totals as a frame."""
        sums = (*self.sums, *self._counts)
        if self.only is None:
            return self.rows.group_by(self.by).agg(*sums)
        return self.rows.select(*sums).with_columns(nw.lit(self.only).alias(self.by))

    @property
    def _counts(self) -> tuple[nw.Expr, ...]:
        return tuple(nw.col(name).cast(nw.Int8).sum().alias(name) for name in self.marks)


@dataclass(frozen=True, slots=True)
class EngineStage:
    """A part of a computation as the engine itself accounts for it, such as a stage of Spark."""

    name: str
    seconds: float
    tasks: int = 0
    rows: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    peak_bytes: int = 0


@runtime_checkable
class TellsStages(Protocol):
    """What an engine offers beside `Engine` when it knows where the time of a computation went."""

    def last_stages(self) -> list[EngineStage]:
        """Return the stages of what was computed since this was last asked."""
        ...


class Engine(Protocol):
    """Computes lazy frames; implementations: `engines.polars_engine`, `engines.spark_engine`.

    `spills`: whether it puts elsewhere what does not fit into memory, so that work need not be cut into passes.
    """

    name: str
    spills: bool

    def scan(
        self, root: str, files: Sequence[DataFile], partition_column: str, schema: Mapping[str, nw.dtypes.DType]
    ) -> nw.LazyFrame:
        """Return the rows of exactly these files, with the partition column as text."""
        ...

    def stage(
        self, branches: Sequence[Branch], totals: Totals | nw.LazyFrame | None = None
    ) -> tuple[list[list[StagedFile]], pl.DataFrame]:
        """Write every branch and collect `totals`, sharing the work; return staged files a branch, and totals."""
        ...

    def collect(self, frame: nw.LazyFrame) -> pl.DataFrame:
        """Return a small frame."""
        ...

    def hold(self, frame: nw.LazyFrame) -> nw.LazyFrame:
        """Return a frame that is computed only once, however often it is used until `release`."""
        ...

    def lift(self, frame: pl.DataFrame) -> nw.LazyFrame:
        """Return a small frame as one of this engine's, to be joined with others of them."""
        ...

    def release(self) -> None:
        """Forget everything that was held."""
        ...

    def stage_empty(self, target: Target, partition: str, schema: Mapping[str, nw.dtypes.DType]) -> StagedFile:
        """Write the one zero-row file that says "published and empty"."""
        ...

    def collect_all(self, frames: Sequence[nw.LazyFrame]) -> list[pl.DataFrame]:
        """Return several small frames, sharing what they have in common."""
        ...

    def repeated(self, frame: nw.LazyFrame, columns: Sequence[str], *, known_by: str = "") -> nw.LazyFrame | None:
        """Return a superset of the rows whose values in `columns` occur more than once, or None.

        `known_by`: a column that was read as it is and tells rows apart; an engine may look rows up by it.
        """
        ...
