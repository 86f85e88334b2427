"""Typed raw values (Parquet, databases) to the types of a contract: only casts that lose nothing."""

import narwhals as nw

from lakehouse_assets.contracts.model import Column, Kind
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.conform import to_narwhals

_INTEGERS = {Kind.INTEGER, Kind.LONG}


def read(value: nw.Expr, dtype: nw.dtypes.DType, column: Column) -> nw.Expr | None:
    """Return the value as the promised type, null where that would lose something; None to read it as text instead."""
    want, kind = to_narwhals(column.type), column.type.kind
    if kind is Kind.DOUBLE and dtype.is_float():
        double = value.cast(want)
        return nw.when(double.is_finite()).then(double)
    if dtype == want:
        return value
    if isinstance(dtype, nw.Datetime | nw.Date):
        return _from_time(value, dtype, column)
    if dtype.is_integer() and kind in _INTEGERS:
        return kit.try_cast(value, want)
    if isinstance(dtype, nw.Decimal) and kind is Kind.DECIMAL:
        cast = kit.try_cast(value, want)
        # Compared in the type it came from: between decimals of many digits Spark compares rounded ones.
        return nw.when(kit.try_cast(cast, dtype) == value).then(cast)
    return None


def loss(column: Column) -> str:
    """Return the code of the only way in which a number can be lost, or "" where there are several."""
    if column.type.kind is Kind.DOUBLE:
        return "non_finite"
    return "overflow" if column.type.kind in {*_INTEGERS, Kind.DECIMAL} else ""


def _from_time(value: nw.Expr, dtype: nw.Datetime | nw.Date, column: Column) -> nw.Expr | None:
    kind, zone = column.type.kind, column.parse.timezone
    if isinstance(dtype, nw.Date):
        midnight = kit.as_utc(value.cast(nw.Datetime("us")))
        return midnight if kind is Kind.TIMESTAMP else None
    if kind is Kind.TIMESTAMP:
        micros = value.cast(nw.Datetime("us", dtype.time_zone))
        if dtype.time_zone is not None:
            return micros.dt.convert_time_zone("UTC")
        return kit.as_utc(micros) if zone == "UTC" else kit.try_localise(micros, zone)
    if kind is Kind.DATE:
        return nw.when(value == value.dt.truncate("1d")).then(value.cast(nw.Date))
    return None
