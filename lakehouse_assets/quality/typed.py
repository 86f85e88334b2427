"""Typed raw values (Parquet, databases) to the types of a contract: only casts that lose nothing."""

import narwhals as nw

from lakehouse_assets.contracts.model import Column, Kind
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.conform import to_narwhals

_INTEGERS = {Kind.INTEGER, Kind.LONG}


def read(value: nw.Expr, dtype: nw.dtypes.DType, column: Column) -> nw.Expr | None:
    """Return the value as the promised type, null where that would lose something; None to read it as text instead."""
    want = to_narwhals(column.type)
    kind = column.type.kind
    if isinstance(dtype, nw.Datetime):
        return _from_datetime(value, dtype, column)
    if isinstance(dtype, nw.Date) and kind is Kind.TIMESTAMP:
        return value.cast(nw.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype.is_integer() and kind in _INTEGERS:
        return kit.try_cast(value, want)
    if isinstance(dtype, nw.Decimal) and kind is Kind.DECIMAL:
        cast = kit.try_cast(value, want)
        return nw.when(cast == value).then(cast)
    if isinstance(dtype, nw.Float32) and kind is Kind.DOUBLE:
        double = value.cast(nw.Float64)
        return nw.when(double.is_finite()).then(double)
    return None


def overflows(column: Column) -> bool:
    """Whether the only way to lose something is a value too large for the type."""
    return column.type.kind in {*_INTEGERS, Kind.DECIMAL}


def _from_datetime(value: nw.Expr, dtype: nw.Datetime, column: Column) -> nw.Expr | None:
    kind, zone = column.type.kind, column.parse.timezone
    if kind is Kind.TIMESTAMP:
        micros = value.cast(nw.Datetime("us", dtype.time_zone))
        if dtype.time_zone is not None:
            return micros.dt.convert_time_zone("UTC")
        return micros.dt.replace_time_zone("UTC") if zone == "UTC" else kit.try_localise(micros, zone)
    if kind is Kind.DATE:
        return nw.when(value == value.dt.truncate("1d")).then(value.cast(nw.Date))
    return None
