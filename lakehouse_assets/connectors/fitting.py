"""A batch of rows as a client gave it, as the declared columns with the declared types.

What belongs here: matching names, exact conversions, rows that do not fit (`_defect`, `_line`), undeclared columns.
What does not: keeping the rows (`spool`), asking for them (each kind). Reading text as values is `typed_text`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse_assets.connectors.file_formats.csv_header import Columns, HeaderError, match_columns
from lakehouse_assets.connectors.typed_text import MICROSECONDS, OVERFLOW, Reading, finite, localise, read_text
from lakehouse_assets.contracts.model import ColumnType, Kind, SourceTable
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.engines.kit import native_type
from lakehouse_assets.naming import DEFECT, DEFECT_LINE, SOURCE_OBJECT, UNKNOWN
from lakehouse_assets.results import TYPE_CHANGED, DriftEvent

TECHNICAL = (SOURCE_OBJECT, DEFECT, DEFECT_LINE, UNKNOWN)
_NUMBER, _TOLD = "__number", "__told"
_EXACT = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL}


@dataclass(frozen=True, slots=True)
class Fitted:
    """Rows with declared columns, then evolved ones, then `TECHNICAL`; what was absent; how the columns differ."""

    rows: pl.DataFrame
    absent: frozenset[str]
    drift: tuple[DriftEvent, ...]


def fit(batch: pl.DataFrame, table: SourceTable, *, source_object: str, zone: str) -> Fitted:
    """Return a batch as it is declared; raise SourceError `schema_drift` when a column cannot be.

    Technical columns that the batch has already are kept. Times without an offset are times of `zone`. A row with a
    value that is none of its type has it null, a code in `_defect` and all of its values as text in `_line`.
    """
    names = [name for name in batch.columns if name not in TECHNICAL]
    columns = match_columns(names, table, source_object)
    arrived = {name: None if at is None else batch[names[at]] for name, at in columns.places.items()}
    read = {name: _read(name, series, table, zone) for name, series in arrived.items() if series is not None}
    values = [
        read[name].values.alias(name) if name in read else pl.lit(None, declared_type(declared)).alias(name)
        for name, declared in table.columns.items()
    ]
    extra = {name: as_text(batch[name]).alias(name) for name in columns.extra}
    evolved = [extra[name] for name in sorted(extra)] if table.unknown_columns == "evolve" else []
    rows = batch.select(
        *values,
        *evolved,
        _given(batch, SOURCE_OBJECT, source_object),
        _given(batch, DEFECT, None),
        _given(batch, DEFECT_LINE, None),
        _unknown(batch, extra, table),
    )
    rows = _with_defects(rows, {name: one.defects for name, one in read.items()}, batch.select(names))
    absent = frozenset(name for name, at in columns.places.items() if at is None)
    return Fitted(rows, absent, _told(columns))


def declared_type(declared: ColumnType) -> pl.DataType:
    """Return the Polars type of a declared one."""
    return native_type(to_narwhals(declared))


def as_text(series: pl.Series) -> pl.Series:
    """Return values as text that loses nothing: times in UTC with microseconds, bytes as hexadecimal digits."""
    dtype = series.dtype
    if dtype == pl.String:
        return series
    if isinstance(dtype, pl.Datetime):
        return series.dt.cast_time_unit("us").cast(pl.Datetime("us", dtype.time_zone and "UTC")).cast(pl.String)
    if dtype == pl.Binary:
        return series.bin.encode("hex")
    if dtype == pl.Duration:
        return series.dt.to_string("iso")
    if dtype.is_nested() or dtype == pl.Object:
        texts = [None if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in series]
        return pl.Series(series.name, texts, pl.String)
    return series.cast(pl.String)


def _read(name: str, series: pl.Series, table: SourceTable, zone: str) -> Reading:
    declared, dtype = table.columns[name], series.dtype
    if dtype == pl.Null:
        return Reading(series.cast(declared_type(declared)))
    if dtype in {pl.Categorical, pl.Enum} or (declared.kind is Kind.BOOLEAN and dtype.is_integer()):
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        return read_text(series, declared, zone)
    if declared.kind is Kind.STRING:
        return Reading(as_text(series))
    found = _read_typed(series, declared, zone)
    if found is None:
        raise _changed(name, dtype, table)
    return found


def _read_typed(series: pl.Series, declared: ColumnType, zone: str) -> Reading | None:
    dtype = series.dtype
    if declared.kind in _EXACT and (dtype.is_integer() or isinstance(dtype, pl.Decimal)):
        return _exactly(series, declared_type(declared))
    if declared.kind is Kind.DOUBLE and dtype in {pl.Float32, pl.Float64}:
        return finite(series.cast(pl.Float64))
    if declared.kind is Kind.TIMESTAMP and isinstance(dtype, pl.Datetime):
        return _moments(series, dtype, zone)
    return Reading(series) if dtype == declared_type(declared) else None


def _exactly(series: pl.Series, wanted: pl.DataType) -> Reading:
    if series.dtype == wanted:
        return Reading(series)
    values = series.cast(wanted, strict=False)
    back = values.cast(series.dtype, strict=False)
    is_lost = series.is_not_null() & ~back.eq_missing(series)
    if not is_lost.any():
        return Reading(values)
    frame = pl.select(
        values=pl.when(~is_lost).then(values),
        defects=pl.when(is_lost).then(pl.lit(OVERFLOW)),
    )
    return Reading(frame["values"], frame["defects"])


def _moments(series: pl.Series, dtype: pl.Datetime, zone: str) -> Reading:
    times = series.dt.cast_time_unit("us")
    if dtype.time_zone is None:
        return localise(times, zone)
    return Reading(times.dt.convert_time_zone("UTC").cast(MICROSECONDS))


def _given(batch: pl.DataFrame, name: str, otherwise: str | None) -> pl.Expr:
    return pl.col(name).cast(pl.String) if name in batch.columns else pl.lit(otherwise, pl.String).alias(name)


def _unknown(batch: pl.DataFrame, extra: Mapping[str, pl.Series], table: SourceTable) -> pl.Expr:
    if UNKNOWN in batch.columns or not extra or table.unknown_columns != "quarantine":
        return _given(batch, UNKNOWN, None)
    return pl.struct(*(pl.lit(series) for series in extra.values())).struct.json_encode().alias(UNKNOWN)


def _with_defects(rows: pl.DataFrame, found: Mapping[str, pl.Series | None], batch: pl.DataFrame) -> pl.DataFrame:
    codes = [series for series in found.values() if series is not None]
    if not codes:
        return rows
    rows = rows.with_columns(pl.coalesce(pl.col(DEFECT), *codes).alias(DEFECT))
    is_bad = rows[DEFECT].is_not_null()
    told = pl.DataFrame([as_text(series) for series in batch.filter(is_bad)])
    lines = told.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    every = pl.DataFrame({_NUMBER: is_bad.arg_true(), _TOLD: lines})
    numbered = rows.with_row_index(_NUMBER).join(every, on=_NUMBER, how="left", maintain_order="left")
    return numbered.with_columns(pl.coalesce(DEFECT_LINE, _TOLD).alias(DEFECT_LINE)).drop(_NUMBER, _TOLD)


def _told(columns: Columns) -> tuple[DriftEvent, ...]:
    # The order of columns means nothing where they are asked for by name.
    return tuple(event for event in columns.drift if event.type != "reordered")


def _changed(name: str, dtype: pl.DataType, table: SourceTable) -> HeaderError:
    word, where = _word(dtype), str(table.place)
    event = DriftEvent(TYPE_CHANGED, type_changed=(f"{name} {table.columns[name]} → {word}",), where=where)
    return HeaderError(
        "schema_drift",
        f"the column {name!r} arrived as {word}, but {table.columns[name]} is declared.",
        where=where,
        fix="Declare the type that arrives (or text), or ask whoever owns the source.",
        drift=(event,),
    )


def _word(dtype: Any) -> str:  # noqa: ANN401 - Polars types are classes and their instances
    words = {pl.Int32: "integer", pl.Int64: "long", pl.Float64: "double", pl.Date: "date", pl.Boolean: "boolean"}
    if isinstance(dtype, pl.Datetime):
        return "timestamp"
    return words.get(dtype.base_type(), str(dtype).lower())
