"""One derivation at work: the pinned change log, what is served, and how rows of both are read, a pass at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.naming import BUCKET
from lakehouse_assets.pipeline.entities.current import current, placed
from lakehouse_assets.pipeline.entities.derivation import Difference
from lakehouse_assets.pipeline.entities.entity import Entity
from lakehouse_assets.pipeline.entities.history import history
from lakehouse_assets.pipeline.entities.passes import Pass, inside, spill_parts_of, with_bucket
from lakehouse_assets.pipeline.hashes import hashed_partitions, with_content_hash
from lakehouse_assets.pipeline.renamed import fill_former, fill_renamed, formers_of
from lakehouse_assets.pipeline.step import Step
from lakehouse_assets.results import Derivation
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import OpenTable


@dataclass(frozen=True, slots=True)
class Spill:
    """The change log cut by key: files below a folder, whose partition is the part of their keys."""

    folder: str
    files: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What a derivation works on. Without `last` and `since` everything is derived again."""

    step: Step
    entity: Entity
    log: OpenTable
    last: Derivation | None = None
    since: Difference = field(default_factory=Difference)
    spill: Spill | None = None

    @property
    def is_rebuild(self) -> bool:
        """Whether nothing that is served is carried over."""
        return self.last is None

    def changes(self, files: Sequence[DataFile], columns: Sequence[str] = ()) -> nw.LazyFrame:
        """Return the changes in some files of the log: all their columns, or some."""
        wanted = {name: self.entity.changed[name] for name in columns or self.entity.changed}
        (upstream,) = self.step.contract.upstreams
        contract = self.step.lake.contract(upstream)
        formers = {old: wanted[new] for old, new in formers_of(contract, self.log.columns).items() if new in wanted}
        rows = self.step.lake.engine.scan(
            self.log.root, files, self.log.partition_column, in_memory({**wanted, **formers})
        )
        return placed(fill_renamed(rows, contract).select(*wanted), self.entity)

    def log_of(self, one: Pass) -> nw.LazyFrame:
        """Return all changes in the log that a pass may need, and maybe others."""
        if self.spill is None:
            return self.changes(self.log.files)
        parts = spill_parts_of(one)
        files = [file for file in self.spill.files if file.partition in parts]
        columns = in_memory(self.entity.changed)
        return self.step.lake.engine.scan(self.spill.folder, files, BUCKET, columns).select(*columns)

    def keys(self, files: Sequence[DataFile]) -> nw.LazyFrame:
        """Return the keys that some files of the log are about, as often as they are named."""
        entity = self.entity
        return self.changes(files, list(dict.fromkeys([*entity.keys, entity.sequence_by]))).select(*entity.keys)

    def served(self, one: Pass, buckets: Sequence[str] | None = None) -> nw.LazyFrame:
        """Return the served rows of a pass, or of some of its buckets; none when everything is derived again."""
        files = [] if self.is_rebuild else self.step.table.files_of(one.buckets if buckets is None else buckets)
        rows = self.step.lake.engine.scan(self.step.table.root, files, BUCKET, in_memory(self.entity.stored))
        return inside(rows, self.entity, one) if one.parts > 1 else rows

    def computed(self, changes: nw.LazyFrame) -> nw.LazyFrame:
        """Return the derived rows of all changes of some keys, with their bucket."""
        rows = (history if self.entity.is_history else current)(changes, self.entity)
        return with_bucket(rows, self.entity)

    def written(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Return rows with every column of the table: former names of renamed ones keep their values."""
        return fill_former(rows, self.step.contract, self.step.columns).select(*self.step.columns)

    def totals(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Return rows and hash totals of each bucket."""
        rows = fill_former(rows, self.step.contract, self.step.columns)
        return hashed_partitions(with_content_hash(rows, self.step.columns, BUCKET), BUCKET)

    def collect(self, rows: nw.LazyFrame) -> pl.DataFrame:
        """Return a frame that fits into memory."""
        return self.step.lake.engine.collect(rows)

    def hold(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """Return a frame that is computed once, as long as this step lasts."""
        return self.step.lake.engine.hold(rows)

    def count(self, rows: nw.LazyFrame) -> int:
        """Return how many rows a frame has."""
        return int(self.collect(rows.select(nw.len())).item())
