"""The lake as a Dagster resource: a thin hand on the pipeline's verbs, so that assets and sensors import no rooms.

Nothing is opened before a run asks for it. Tests put a scripted verb in the place of the real one.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import narwhals as nw

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.quality.trend import Scored
from lakehouse_assets.results import PartitionResult
from lakehouse_assets.storage.table import OpenTable

_log = logging.getLogger(__name__)


class Verb(Protocol):
    """What a step calls: computes and publishes partitions, one result a partition, chunk by chunk."""

    def __call__(
        self, lake: Lake, table: TableName, partitions: Sequence[str], *, run_id: str
    ) -> Iterator[PartitionResult]:
        """Yield one result for every partition asked for."""
        ...


def materialise(lake: Lake, table: TableName, partitions: Sequence[str], *, run_id: str) -> Iterator[PartitionResult]:
    """Run the pipeline's verb; its engine is imported when the first step needs it, not when definitions load."""
    from lakehouse_assets.pipeline import run  # noqa: PLC0415 - see above

    return run.materialise(lake, table, partitions, run_id=run_id)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a table holds now: its version and the rows of all its partitions."""

    version: int
    rows: int


def read_totals(lake: Lake, table: TableName) -> Totals | None:
    """Return version and row count from the table's log alone; None when it was never published."""
    opened = lake.open(table)
    return Totals(opened.version, sum(file.rows for file in opened.files)) if opened else None


@dataclass(frozen=True, slots=True)
class LakeResource:
    """What steps and sensors use of a lake."""

    lake: Lake
    verb: Verb = materialise
    totals_of: Callable[[Lake, TableName], Totals | None] = read_totals

    def materialise(self, table: TableName, partitions: Sequence[str], *, run_id: str) -> Iterator[PartitionResult]:
        """Compute and publish partitions of a table."""
        return self.verb(self.lake, table, partitions, run_id=run_id)

    def publish(
        self, table: TableName, frame: nw.LazyFrame, partitions: Sequence[str], *, run_id: str
    ) -> Sequence[PartitionResult]:
        """Publish a frame that a hand-written asset returned, through the same primitive."""
        from lakehouse_assets.pipeline.frame import publish_frame  # noqa: PLC0415 - see `materialise`

        return publish_frame(self.lake, table, frame, partitions, run_id=run_id)

    def totals(self, table: TableName) -> Totals | None:
        """Return what the table holds now."""
        return self.totals_of(self.lake, table)

    def sample_rows(
        self, table: TableName, results: Sequence[PartitionResult]
    ) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Return row ids of rows that broke rules, by partition and rule."""
        from lakehouse_assets.pipeline.sample_rows import sample_rows  # noqa: PLC0415 - see `materialise`

        return sample_rows(self.lake, table, results)

    def scores_before(self, table: TableName, partitions: Sequence[str]) -> Sequence[Scored]:
        """Return what the partitions before these scored; nothing, and a warning, when that cannot be read."""
        from lakehouse_assets.pipeline.score_history import scores_before  # noqa: PLC0415 - see `materialise`

        try:
            return scores_before(self.lake, table, partitions)
        except LakehouseError as error:
            _log.warning("%s: earlier scores cannot be shown: %s", table, error.what)
            return ()

    def contract(self, table: TableName) -> Contract:
        """Return what is promised about a table."""
        return self.lake.contract(table)

    def open(self, table: TableName) -> OpenTable | None:
        """Open the newest version of a table."""
        return self.lake.open(table)

    def scan(self, table: OpenTable, partitions: Sequence[str] | None = None) -> nw.LazyFrame:
        """Return the rows of a pinned version, or of some of its partitions."""
        return self.lake.scan(table, None if partitions is None else table.files_of(partitions))
