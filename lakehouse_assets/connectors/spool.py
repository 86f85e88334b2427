"""Rows of one window, put aside batch by batch while they arrive, so that memory does not grow with their number.

What belongs here: temporary Parquet files, row ids, counts against what the source said. What does not: asking a source
(each kind), making a batch fit what is declared (`fitting`). Files of a source are read in place and never spooled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.connectors.fitting import TECHNICAL, declared_type, fit
from lakehouse_assets.connectors.protocol import Extraction
from lakehouse_assets.connectors.temporary import TemporaryFolder
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.engines import kit
from lakehouse_assets.errors import SourceError
from lakehouse_assets.naming import DEFECT, DEFECT_LINE, ROW_ID, SOURCE_OBJECT, UNKNOWN
from lakehouse_assets.results import DeadLetter, DriftEvent

ROWS_PER_FILE, BYTES_PER_FILE = 1 << 16, 64 << 20
# Ids that are compared with each other at once, 8 bytes each.
IDS_PER_PASS = 250_000
_NUMBER, _FIRST, _SECOND, _ORDINAL = "__number", "__first", "__second", "__ordinal"
_TABLE, _AGAIN, _NEW = "__table", "__again", "__new"


@dataclass(frozen=True, slots=True)
class Said:
    """What is told of an extraction besides its rows; `rows` is how many the source counts, None where it does not."""

    rows: int | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)
    dead_letters: tuple[DeadLetter, ...] = ()
    warnings: tuple[str, ...] = ()
    drift: tuple[DriftEvent, ...] = ()


class Spool:
    """What has arrived of one window. Its files are gone when the last Extraction made of it is."""

    def __init__(self, table: SourceTable, partition: str, *, source_object: str = "", zone: str = "UTC") -> None:
        """Begin a window. `source_object` says what is asked, never with a secret; `zone` is that of times without one.

        Rows are identified by the table's key and cursor, or by all they hold; equal ones are numbered.
        """
        self._table, self._partition, self._zone = table, partition, zone
        self._object = source_object or f"{table.name}@{partition}"
        self._folder = TemporaryFolder()
        self._waiting: list[pl.DataFrame] = []
        self._files, self._rows = 0, 0
        self._evolved: set[str] = set()
        self._absent: frozenset[str] | None = None
        self._drift: dict[DriftEvent, None] = {}

    def add(self, batch: pl.DataFrame) -> None:
        """Take rows as a client gave them; raise SourceError `schema_drift` when they are not what is declared."""
        fitted = fit(batch, self._table, source_object=self._object, zone=self._zone)
        self._drift |= dict.fromkeys(fitted.drift)
        if batch.is_empty():
            return
        self._absent = fitted.absent if self._absent is None else self._absent & fitted.absent
        self._evolved |= set(fitted.rows.columns).difference(self._table.columns, TECHNICAL)
        self._waiting.append(self._identified(fitted.rows))
        self._rows += batch.height
        waiting = sum(rows.height for rows in self._waiting)
        if waiting >= ROWS_PER_FILE or sum(rows.estimated_size() for rows in self._waiting) >= BYTES_PER_FILE:
            self._write()

    def extraction(self, said: Said | None = None) -> Extraction:
        """Return what arrived; raise SourceError `incomplete` when the source counts another number of rows."""
        said = said or Said()
        self._write()
        counts = {} if said.rows is None else {"said_rows": said.rows}
        if said.rows not in {None, self._rows}:
            raise SourceError(
                "incomplete",
                f"the source counts {said.rows} rows, {self._rows} arrived.",
                where=self._object,
                fix="Run the partition again; when it stays so, the source answers two questions differently.",
            )
        return Extraction(
            self._partition,
            nw.from_native(self._frame()),
            self._rows,
            drift=tuple({**self._drift, **dict.fromkeys(said.drift)}),
            dead_letters=said.dead_letters,
            warnings=said.warnings,
            measures={"objects": 1, **counts, **said.measures},
            confirm=self.confirm,
            absent=self._absent or frozenset(),
            said={} if said.rows is None else {"rows": said.rows},
        )

    def confirm(self) -> None:
        """Raise SourceError when the files are no longer there: somebody clears temporary folders too early."""
        there = sum(1 for _ in self._folder.path.glob("*.parquet"))
        if there != self._files:
            raise SourceError(
                "changed_during_read",
                f"{self._files - there} of {self._files} temporary files are gone.",
                where=self._object,
                fix="Point TMPDIR to a folder that nobody clears while runs are going on, and run the partition again.",
            )

    def _identified(self, rows: pl.DataFrame) -> pl.DataFrame:
        table = self._table
        names = [*table.key, *([table.cursor] if table.cursor else [])] if table.key else list(table.columns)
        # A row with a defect may lack its key: what it was received as tells it from others.
        wanted = [*names, DEFECT_LINE] if table.key else [*names, _NEW, DEFECT_LINE, UNKNOWN]
        name = pl.lit(str(table.table))
        have = nw.from_native(rows.with_columns(name.alias(_TABLE), name.alias(_AGAIN), self._new_values(rows)))
        types = {name: have.schema[name] for name in (_TABLE, *wanted)}
        hashes = kit.row_hash(types).alias(_FIRST), kit.row_hash({_AGAIN: nw.String(), **types}).alias(_SECOND)
        first = pl.int_range(self._rows, self._rows + rows.height, dtype=pl.Int64).alias(_NUMBER)
        found: pl.DataFrame = have.with_columns(*hashes).to_native()
        return found.with_columns(pl.col(_FIRST, _SECOND).reinterpret(signed=False), first).drop(_TABLE, _AGAIN, _NEW)

    def _new_values(self, rows: pl.DataFrame) -> pl.Expr:
        # By name and only where there is a value: which rows came in one batch must not matter.
        named = [pl.format("{}={}", pl.lit(name), name) for name in sorted(self._evolved) if name in rows.columns]
        together = pl.concat_str(named, separator="\x1f", ignore_nulls=True) if named else pl.lit("")
        return together.alias(_NEW)

    def _write(self) -> None:
        if self._waiting:
            rows = pl.concat(self._waiting, how="diagonal")
            rows.write_parquet(self._folder.path / f"{self._files:06d}.parquet", compression="lz4", statistics=False)
            self._files, self._waiting = self._files + 1, []

    def _frame(self) -> pl.LazyFrame:
        shown = [*self._table.columns, *sorted(self._evolved), ROW_ID, SOURCE_OBJECT, DEFECT, DEFECT_LINE, UNKNOWN]
        schema = self._schema()
        if not self._files:
            return pl.LazyFrame(schema={**schema, ROW_ID: pl.String}).select(shown)
        files = [self._folder.path / f"{number:06d}.parquet" for number in range(self._files)]
        rows = pl.scan_parquet(files, schema=schema, missing_columns="insert", glob=False)
        names = [pl.col(_FIRST).cast(pl.String), pl.lit("."), pl.col(_SECOND).cast(pl.String)]
        repeated = _repeated(rows, self._rows, [*self._table.columns, *sorted(self._evolved), *TECHNICAL])
        if repeated is None:
            return rows.with_columns(pl.concat_str(names).alias(ROW_ID)).select(shown)
        rows = rows.join(repeated.lazy(), on=_NUMBER, how="left")
        return rows.with_columns(pl.concat_str([*names, pl.col(_ORDINAL).fill_null("")]).alias(ROW_ID)).select(shown)

    def _schema(self) -> dict[str, pl.DataType]:
        declared = {name: declared_type(kind) for name, kind in self._table.columns.items()}
        texts: dict[str, pl.DataType] = {name: pl.String() for name in (*sorted(self._evolved), *TECHNICAL)}
        return {**declared, **texts, _FIRST: pl.UInt64(), _SECOND: pl.UInt64(), _NUMBER: pl.Int64()}


def _repeated(rows: pl.LazyFrame, count: int, columns: Sequence[str]) -> pl.DataFrame | None:
    """Return what is put behind the id of rows that share it, by row number; the first of them keeps it as it is.

    First is by content, not by arrival: rows that share an id are numbered in the order of their hashes.
    """
    passes = 1 + count // IDS_PER_PASS
    found = [one for part in range(passes) for one in [_repeated_in(rows, part, passes, columns)] if one is not None]
    return pl.concat(found) if found else None


def _repeated_in(rows: pl.LazyFrame, part: int, parts: int, columns: Sequence[str]) -> pl.DataFrame | None:
    mine = rows.select(_FIRST).filter(pl.col(_FIRST) % parts == part)
    ids = mine.collect(engine="streaming")[_FIRST]
    repeated = ids.filter(ids.is_duplicated()).unique()
    if repeated.is_empty():
        return None
    alike = nw.from_native(rows.join(pl.LazyFrame({_FIRST: repeated}), on=_FIRST, how="semi"))
    types = {name: dtype for name, dtype in alike.collect_schema().items() if name in columns}
    hashed = alike.with_columns(kit.row_hash(types).alias("__content")).select(_NUMBER, _FIRST, _SECOND, "__content")
    frame: pl.LazyFrame = hashed.to_native()
    ordinal = pl.int_range(pl.len()).over(_FIRST, _SECOND)
    numbered = frame.sort(_FIRST, _SECOND, "__content").with_columns(ordinal.alias(_ORDINAL))
    again = numbered.filter(pl.col(_ORDINAL) > 0).select(_NUMBER, pl.format("#{}", _ORDINAL).alias(_ORDINAL))
    return again.collect()
