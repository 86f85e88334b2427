"""What the values of a column are like, from counted values; and which values are counted in a large partition.

Up to `SAMPLE` rows are looked at whole. Of more, rows are sampled by their hash, and distinct values estimated by
counting those whose hash is small: neither depends on order, passes or engine. How frames are computed is the caller's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.engines import kit
from lakehouse_assets.results import ColumnStatistics

# Part of every file's `meaning`: a new number when the same rows would give other statistics.
METHOD = 1
SAMPLE = 20_000
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP, BINS, LONGEST = 10, 20, 100
VALUE, ROWS = "__value", "__rows"
# So many distinct values are counted to estimate all of them: 0.8 % off, where the guess how many there are is right.
# Where it is that there are no more, all rows are counted.
_HASHES = 16_384
_SPACE = 1 << 30
# Fewer rows say nothing about how frequent a value is: of a sample a thousandth, of all rows that it is no single one.
_FEWEST_OF_SAMPLE, _FEWEST = 20, 2


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a column from all rows of a partition, whatever its other statistics are made of."""

    nulls: int
    least: Any = None
    greatest: Any = None


def sampled(rows: nw.LazyFrame, identity: Mapping[str, nw.dtypes.DType], total: int) -> nw.LazyFrame:
    """Return about `SAMPLE` of `total` rows, those whose `identity` has a small hash; all of them when they are few."""
    if total <= SAMPLE:
        return rows
    return rows.filter(kit.spread(identity, _SPACE) < _SPACE * SAMPLE // total)


def counted(values: pl.Series) -> pl.DataFrame:
    """Return each value with the number of its rows, null among them."""
    return values.alias(VALUE).to_frame().group_by(VALUE).agg(pl.len().cast(pl.Int64).alias(ROWS))


def counts(rows: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """Return each value of a column with the number of its rows, null among them."""
    named = rows.select(nw.col(column).alias(VALUE))
    return named.group_by(VALUE).agg(nw.len().cast(nw.Int64).alias(ROWS))


def bound_for(sample: pl.DataFrame, total: int) -> int | None:
    """Return below which hash distinct values are counted, of `total` rows of which these counts are a sample.

    None where there are so few that all are. The guess (GEE): a value met once stands for as many that were not met
    as lie in the middle, as a factor, between none and all that may be.
    """
    singles = sample.filter((pl.col(ROWS) == 1) & pl.col(VALUE).is_not_null()).height
    seen = int(sample[ROWS].sum())
    guess = math.sqrt(total / max(1, seen)) * singles + (sample.height - singles)
    return int(_SPACE * _HASHES / guess) if guess > _HASHES else None


def distinct_below(rows: nw.LazyFrame, column: str, kind: nw.dtypes.DType, bound: int) -> nw.LazyFrame:
    """Return how many distinct values have a hash below a bound, as one number."""
    known = kit.without_nulls(rows.select(column), [column]).filter(kit.spread({column: kind}, _SPACE) < bound)
    return known.unique().select(nw.len().cast(nw.Int64).alias(ROWS))


def with_distinct(told: ColumnStatistics, found: int, bound: int, most: int) -> ColumnStatistics:
    """Return statistics with the number of distinct values that so many below a bound stand for, at most `most`."""
    share = bound / _SPACE
    error = math.sqrt((1 - share) / max(1, found))
    return replace(told, distinct=min(most, round(found / share)), distinct_error=round(error, 4))


def extremes(rows: nw.LazyFrame, columns: Mapping[str, nw.dtypes.DType]) -> nw.LazyFrame:
    """Return the nulls, the least and the greatest value of each column, by its number: `n0`, `l0`, `g0`."""
    found: list[nw.Expr] = []
    for number, (name, kind) in enumerate(columns.items()):
        # Engines disagree about where NaN is, which no table has anyway.
        column = nw.when(nw.col(name).is_finite()).then(nw.col(name)) if kind.is_float() else nw.col(name)
        found.append(nw.col(name).is_null().cast(nw.Int64).sum().alias(f"n{number}"))
        if kind != nw.Boolean():
            found += [column.min().alias(f"l{number}"), column.max().alias(f"g{number}")]
    return rows.select(*found)


def described(column: str, kind: str, values: pl.DataFrame, known: Known | None = None) -> ColumnStatistics:
    """Return the statistics of counted values; `known` is what all rows say, where the counts are of a sample."""
    own = values.filter(pl.col(VALUE).is_not_null())
    distinct, seen = own.height, int(own[ROWS].sum())
    if own.schema[VALUE] == pl.Float64:
        # A zero has two signs in doubles, and engines show either.
        own = own.filter(pl.col(VALUE).is_finite()).with_columns(pl.col(VALUE) + 0.0)
    own = own.sort(VALUE)
    is_ordered = own.height > 0 and own.schema[VALUE] != pl.Boolean
    has_width = is_ordered and (own.schema[VALUE].is_numeric() or own.schema[VALUE].is_temporal())
    ends = (own[VALUE][0], own[VALUE][-1]) if is_ordered else (None, None)
    told = known or Known(int(values[ROWS].sum()) - seen, *ends)
    return ColumnStatistics(
        column,
        kind,
        told.nulls,
        is_counted=known is None,
        distinct=distinct,
        least=plain(told.least),
        greatest=plain(told.greatest),
        quantiles=_quantiles(own) if has_width else {},
        top=_top(own, _FEWEST if known is None else _FEWEST_OF_SAMPLE),
        histogram=_histogram(own, told.least, told.greatest) if has_width else (),
    )


def scaled(told: ColumnStatistics, seen: int, total: int) -> ColumnStatistics:
    """Return statistics of a sample of `seen` rows that have a value with rows as they are in all `total` of them."""
    factor = total / max(1, seen)
    top = tuple((value, round(rows * factor)) for value, rows in told.top)
    return replace(told, top=top, histogram=tuple(round(rows * factor) for rows in told.histogram))


def plain(value: Any) -> Any:  # noqa: ANN401 - a value of any column
    """Return a value as JSON has it: decimals and times as text, long text cut."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and len(value) > LONGEST:
        return value[:LONGEST] + "…"
    return value


def _quantiles(own: pl.DataFrame) -> dict[str, Any]:
    """Return for each share the least value that so many rows do not exceed: always one that is there."""
    passed = own[ROWS].cum_sum()
    at = (passed.search_sorted(max(1, math.ceil(share * passed[-1])), side="left") for share in QUANTILES)
    return {f"{share:g}": plain(own[VALUE][int(index)]) for share, index in zip(QUANTILES, at, strict=True)}


def _top(own: pl.DataFrame, fewest: int) -> tuple[tuple[Any, int], ...]:
    often = own.filter(pl.col(ROWS) >= fewest).sort([ROWS, VALUE], descending=[True, False]).head(TOP)
    return tuple((plain(value), rows) for value, rows in often.iter_rows())


def _histogram(own: pl.DataFrame, least: Any, greatest: Any) -> tuple[int, ...]:  # noqa: ANN401 - values of a column
    ends = pl.Series([least, greatest], dtype=own.schema[VALUE])
    low, high = (float(end) for end in _numbers(ends))
    if not (math.isfinite(low) and math.isfinite(high - low)):
        return ()
    width = (high - low) or 1.0
    bins = ((_numbers(own[VALUE]) - low) / width * BINS).floor().clip(0, BINS - 1).cast(pl.Int64)
    rows = dict(pl.DataFrame({"bin": bins, ROWS: own[ROWS]}).group_by("bin").agg(pl.col(ROWS).sum()).iter_rows())
    return tuple(rows.get(number, 0) for number in range(BINS))


def _numbers(values: pl.Series) -> pl.Series:
    return (values.to_physical() if values.dtype.is_temporal() else values).cast(pl.Float64)
