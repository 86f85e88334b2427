"""Contract types as Narwhals types, and the last step of every computation: exactly the promised columns and types."""

from collections.abc import Iterable, Mapping

import narwhals as nw

from lakehouse_assets.contracts.model import Column, ColumnType, Kind

_TYPES: Mapping[Kind, nw.dtypes.DType] = {
    Kind.STRING: nw.String(),
    Kind.INTEGER: nw.Int32(),
    Kind.LONG: nw.Int64(),
    Kind.DOUBLE: nw.Float64(),
    Kind.BOOLEAN: nw.Boolean(),
    Kind.DATE: nw.Date(),
    Kind.TIMESTAMP: nw.Datetime("us", "UTC"),
}


def to_narwhals(column_type: ColumnType) -> nw.dtypes.DType:
    """Return the one in-memory type of a contract type."""
    if column_type.kind is Kind.DECIMAL:
        return nw.Decimal(column_type.precision, column_type.scale)
    return _TYPES[column_type.kind]


def conform(columns: Iterable[Column], have: Mapping[str, nw.dtypes.DType]) -> list[nw.Expr]:
    """Return one expression a promised column, cast where `have` differs; a text partition column stays text."""
    return [_cast(column, have[column.name]) for column in columns]


def _cast(column: Column, have: nw.dtypes.DType) -> nw.Expr:
    want = to_narwhals(column.type)
    value = nw.col(column.name)
    if have == want:
        return value
    if isinstance(have, nw.Datetime) and have.time_zone is None and isinstance(want, nw.Datetime):
        value = value.dt.replace_time_zone("UTC")
    return value.cast(want)
