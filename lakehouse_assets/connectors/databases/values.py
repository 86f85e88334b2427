"""Rows as a driver gives them, tuples of Python values, as a frame in which nothing was rounded.

Whole numbers, text and truth values keep their type; what else a driver has (decimals, times, UUIDs, bytes) becomes
text that loses nothing and is read as what is declared when it is spooled.
"""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

_PLAIN: dict[type, Any] = {int: pl.Int64, str: pl.String, bool: pl.Boolean}


def to_frame(names: Sequence[str], rows: Sequence[Sequence[Any]], doubles: Collection[str] = ()) -> pl.DataFrame:
    """Return rows as a frame; floats stay what they are in `doubles`, the columns that are declared so."""
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pl.DataFrame(
        [_series(name, values, keeps_floats=name in doubles) for name, values in zip(names, columns, strict=True)]
    )


def _series(name: str, values: Sequence[Any], *, keeps_floats: bool) -> pl.Series:
    first = next((value for value in values if value is not None), None)
    if first is None:
        return pl.Series(name, [None] * len(values), pl.Null)
    dtype = pl.Float64 if keeps_floats and isinstance(first, float) else _PLAIN.get(type(first))
    # Truth values are whole numbers to Python: only a look at every value tells a column that mixes them.
    if dtype is not None and set(map(type, values)) <= {type(first), type(None)}:
        try:
            return pl.Series(name, values, dtype, strict=True)
        except (OverflowError, TypeError, pl.exceptions.PolarsError):
            pass  # beyond 64 bits: as text it can be told what is wrong with it
    return pl.Series(name, [None if value is None else text_of(value) for value in values], pl.String)


def text_of(value: Any) -> str:  # noqa: ANN401, PLR0911 - whatever drivers return; one line a type
    """Return a value as text from which it could be made again."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case float():
            # Without an exponent where it can be: the shortest digits that name this number.
            return format(Decimal(repr(value)), "f") if value - value == 0 else repr(value)
        case datetime():
            moment = value if value.tzinfo is None else value.astimezone(UTC)
            return moment.isoformat(" ", "microseconds")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case dict() | list() | tuple():
            return json.dumps(value, default=text_of, ensure_ascii=False)
    return str(value)
