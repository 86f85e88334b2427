"""Asking a source once, to see whether it is reached and says what its file declares. Nothing is landed or kept.

What belongs here: one table at a time, its newest partition that is over, and what was found. What does not: printing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import polars as pl

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.errors import LakehouseError, SourceError
from lakehouse_assets.naming import DEFECT, UNKNOWN
from lakehouse_assets.pipeline.arrival import drift_sentence
from lakehouse_assets.pipeline.lake import Lake

# Enough to see what columns hold; a source may be large.
SAMPLED_ROWS = 1_000
_SHAPE_LENGTH = 24


@runtime_checkable
class SamplingConnector(Protocol):
    """A connector that can be asked for the beginning of a partition."""

    def sample(self, table: SourceTable, partition: str) -> Extraction:
        """Return the first rows of a partition; raise SourceError as an extraction would."""
        ...


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """What a column held: how many of the rows have a value, and how the first is written (9 a digit, a a letter)."""

    name: str
    declared: str
    filled: int
    shape: str


@dataclass(frozen=True, slots=True)
class TableCheck:
    """What one table of a source said. `error` is why it said nothing; `rows` are the first ones, values and all."""

    table: str
    partition: str
    read: int = 0
    columns: tuple[ColumnCheck, ...] = ()
    told: tuple[str, ...] = ()
    error: str = ""
    rows: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


def check_source(lake: Lake, name: str, *, partition: str = "", rows: int = 0) -> Iterator[TableCheck]:
    """Yield what each table of a source says about a partition; `rows` of them come with it.

    The circuit of the source is not asked: whoever checks wants to know now. Raises LakehouseError for an unknown one.
    """
    if name not in lake.catalog.sources:
        known = ", ".join(sorted(lake.catalog.sources))
        raise LakehouseError(f"there is no source {name!r}.", fix=f"Known sources: {known}.")
    source = lake.catalog.sources[name]
    for table in source.tables.values():
        wanted = partition or _newest(lake, source, table)
        yield _check(lake, source, table, wanted, rows) if wanted else _nothing_yet(table)


def _check(lake: Lake, source: Source, table: SourceTable, partition: str, rows: int) -> TableCheck:
    try:
        answer = _asked(lake, source, table, partition)
    except SourceError as error:
        return TableCheck(str(table.table), partition, error=str(error))
    if isinstance(answer, Rejection):
        told = tuple(drift_sentence(event) for event in answer.drift)
        return TableCheck(str(table.table), partition, told=told, error=str(answer.error))
    frame = lake.engine.collect(answer.frame.head(SAMPLED_ROWS))
    shown = frame.select(list(table.columns)).head(rows).rows(named=True)
    columns = tuple(_column(frame, column, str(kind)) for column, kind in table.columns.items())
    return TableCheck(
        str(table.table), partition, answer.rows, columns, _told(answer, frame, columns), rows=tuple(shown)
    )


def _asked(lake: Lake, source: Source, table: SourceTable, partition: str) -> Extraction | Rejection:
    connector = lake.connector(source.name, Access())
    if isinstance(connector, SamplingConnector):
        return connector.sample(table, partition)
    return connector.extract(table, [partition])[partition]


def _newest(lake: Lake, source: Source, table: SourceTable) -> str:
    now = datetime.now(UTC)
    over = [one for one in lake.partitions(table.table, now) if source.calendar.end_of(one) <= now]
    return over[-1] if over else ""


def _nothing_yet(table: SourceTable) -> TableCheck:
    return TableCheck(str(table.table), "", error="its calendar has no partition that is over; name one.")


def _column(frame: pl.DataFrame, name: str, declared: str) -> ColumnCheck:
    values = frame[name].drop_nulls()
    return ColumnCheck(name, declared, len(values), _shape(str(values[0])) if len(values) else "")


def _shape(value: str) -> str:
    letters = ("9" if one.isdigit() else "a" if one.isalpha() else one for one in value[:_SHAPE_LENGTH])
    return "".join(letters) + ("…" if len(value) > _SHAPE_LENGTH else "")


def _told(answer: Extraction, frame: pl.DataFrame, columns: Sequence[ColumnCheck]) -> tuple[str, ...]:
    defects = Counter(frame[DEFECT].drop_nulls())
    unknown = len(frame[UNKNOWN].drop_nulls())
    empty = [column.name for column in columns if not column.filled and frame.height]
    return (
        *answer.warnings,
        *(drift_sentence(event) for event in answer.drift),
        *(f"{count} rows are {code}: silver would quarantine them" for code, count in sorted(defects.items())),
        *([f"{unknown} rows have undeclared values"] if unknown else []),
        *([f"no row has a value of {', '.join(empty)}"] if empty else []),
    )
