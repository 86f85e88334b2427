"""Records of one window that come page by page: rows put aside, those that came twice counted, columns that no one has.

What belongs here: what every source of JSON records does alike. What does not: asking for pages, which is each kind's
own; one record as a row (`json_rows`); keeping rows (`spool`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import polars as pl

from lakehouse_assets.connectors.access import Checkpoint
from lakehouse_assets.connectors.file_formats.csv_header import HeaderError
from lakehouse_assets.connectors.json_rows import JsonRead, to_batch
from lakehouse_assets.connectors.json_text import Record
from lakehouse_assets.connectors.protocol import Extraction
from lakehouse_assets.connectors.spool import Said, Spool
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import ADDED, REMOVED, DriftEvent


@dataclass
class JsonWindow:
    """What has come of one partition.

    `is_moving`: records may come twice because pages move while they are read. Not so where they are pages of what was
    there at one moment; then nothing is remembered of them.
    """

    table: SourceTable
    partition: str
    zone: str
    read: JsonRead = field(default_factory=JsonRead)
    is_moving: bool = True
    repeated: int = 0
    rows: int = 0
    _seen: set[str] = field(default_factory=set)
    _unknown: set[str] = field(default_factory=set)
    _met: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._spool = Spool(self.table, self.partition, zone=self.zone)

    def take(self, records: Sequence[Record]) -> None:
        """Take the records of a page; those that came before, with all they hold, are counted and left out."""
        batch = to_batch(records, self.table, self.read)
        self._seen |= batch.seen
        self._unknown |= batch.unknown
        rows = self._fresh(batch.rows) if self.table.key and self.is_moving else batch.rows
        self.rows += rows.height
        self._spool.add(rows)

    def extraction(self, said: Said) -> Extraction:
        """Return what came; raise SourceError `incomplete` or `schema_drift` when it is not what was said."""
        self._require_columns()
        again = [f"{self.repeated} records came twice: pages moved while they were read"] if self.repeated else []
        told = replace(said, warnings=(*said.warnings, *again), drift=(*said.drift, *self._added()))
        absent = frozenset(self.table.columns) - self._seen
        return replace(self._spool.extraction(told), deduplicated=self.repeated, absent=absent)

    def _fresh(self, rows: pl.DataFrame) -> pl.DataFrame:
        names = list(zip(rows.hash_rows(seed=1), rows.hash_rows(seed=2), strict=True))
        is_fresh = [name not in self._met and not self._met.add(name) for name in names]  # type: ignore[func-returns-value]
        self.repeated += len(is_fresh) - sum(is_fresh)
        return rows.filter(pl.Series(is_fresh, dtype=pl.Boolean))

    def _require_columns(self) -> None:
        missing = [name for name in self.table.columns if name not in {*self._seen, *self.table.optional_columns}]
        if not self.rows or not missing:
            return
        where = str(self.table.place)
        raise HeaderError(
            "schema_drift",
            f"no record has {', '.join(map(repr, missing))}.",
            where=where,
            fix="Correct the columns, say where they stand with `fields`, or add them to `optionalColumns`.",
            drift=(DriftEvent(REMOVED, removed=tuple(missing), where=where),),
        )

    def _added(self) -> tuple[DriftEvent, ...]:
        if not self._unknown or self.table.unknown_columns == "evolve":
            return ()
        return (DriftEvent(ADDED, added=tuple(sorted(self._unknown)), where=f"{self.table.name}@{self.partition}"),)


@contextmanager
def dropping(checkpoint: Checkpoint) -> Iterator[None]:
    """Forget pages that cannot be used as they are: asking again may bring others."""
    try:
        yield
    except SourceError:
        checkpoint.drop()
        raise
