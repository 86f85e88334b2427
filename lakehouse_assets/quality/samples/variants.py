"""What else goes wrong with a whole delivery: it drifted, came late or twice, is empty, or all of it is one value."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import polars as pl

from lakehouse_assets.contracts.model import Kind
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.samples.promise import Promise
from lakehouse_assets.quality.samples.row_meaning import Row

FINE, UNKNOWN_COLUMN = "fine", "not_in_the_contract"
# One row of ten comes again in `duplicate`.
_EVERY = 10
_Made = Callable[[Promise, Sequence[Row], Random], pl.DataFrame]


def variant_of(name: str, rows: Sequence[Row], promise: Promise, random: Random) -> pl.DataFrame:
    """Return rows that are fine as one of `VARIANTS`; raise LakehouseError for a name or table that has none."""
    if name not in VARIANTS:
        raise LakehouseError(f"there is no variant {name!r}.", fix=f"Write one of {', '.join(VARIANTS)}.")
    return VARIANTS[name](promise, rows, random)


def _drifted(promise: Promise, rows: Sequence[Row], _: Random) -> pl.DataFrame:
    """One column is missing, another is text, and there is one that nobody promised."""
    frame, kept = promise.frame(rows), promise.contract.partition_column
    names = [column.name for column in promise.columns if column.name != kept]
    retyped = [
        column.name for column in promise.columns if column.type.kind is not Kind.STRING and column.name in names
    ]
    frame = frame.with_columns(pl.lit("new").alias(UNKNOWN_COLUMN))
    frame = frame.with_columns(pl.col(name).cast(pl.String) for name in retyped[:1])
    gone = [name for name in names if name not in retyped[:1]][-1:]
    return frame.drop(gone)


def _late(promise: Promise, rows: Sequence[Row], _: Random) -> pl.DataFrame:
    load = promise.contract.load
    if not load.event_time:
        raise LakehouseError(
            "rows of this table say no day on which they happened.",
            where=str(promise.contract.table),
            fix="Only a contract with `eventTime` in lakehouse.load has late rows.",
        )
    back = load.lateness + timedelta(days=1)
    return promise.frame([row | {load.event_time: row[load.event_time] - back} for row in rows])


def _duplicate(promise: Promise, rows: Sequence[Row], random: Random) -> pl.DataFrame:
    again = random.sample(range(len(rows)), max(1, len(rows) // _EVERY))
    return promise.frame([row for at, row in enumerate(rows) for _ in range(2 if at in again else 1)])


def _all_null(promise: Promise, rows: Sequence[Row], _: Random) -> pl.DataFrame:
    kept = promise.contract.partition_column
    empty: dict[str, Any] = dict.fromkeys(column.name for column in promise.columns if column.name != kept)
    return promise.frame([row | empty for row in rows])


VARIANTS: Mapping[str, _Made] = {
    FINE: lambda promise, rows, _: promise.frame(rows),
    "drifted": _drifted,
    "late": _late,
    "duplicate": _duplicate,
    "empty": lambda promise, _, __: promise.frame([]),
    "all_null": _all_null,
    "all_duplicate": lambda promise, rows, _: promise.frame([rows[0]] * len(rows)),
}
