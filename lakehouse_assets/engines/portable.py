"""What tables and rules need that Narwhals does not give equally on both engines: the spellings that the lint offers.

Found in `kit` like everything else. Each has its cases in the parity suite.
"""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.native import Spark, natively

_LEFT, _RIGHT, _OWN = "__left", "__right", "__own"
# So many digits after the point that the product of two amounts or rates is exact.
_EXACT = 16
# Bins of magnitudes: so many for each factor of e, and where they begin; beyond the last all numbers are alike.
_PER_E, _OFF = 10.0, 0.37
_SMALLEST, _LARGEST = 499, 500


def product(left: nw.Expr, right: nw.Expr) -> nw.Expr:
    """Multiply; of decimals the product has the larger scale of the two, rounded half to even, whatever the engine.

    Doubles and whole numbers multiply as everywhere. For money that is rounded up at half, `rounded_product`.
    """

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        one, other = c.getField(_LEFT), c.getField(_RIGHT)
        scales = [_scale_of(kind) for _, kind in on.frame.select(one.alias("l"), other.alias("r")).dtypes]
        found = [scale for scale in scales if scale is not None]
        return on.functions.bround(one * other, max(found)) if found else one * other

    return natively(_pair(left, right), lambda e: _field(e, _LEFT) * _field(e, _RIGHT), spark)


def rounded_product(left: nw.Expr, right: nw.Expr, scale: int) -> nw.Expr:
    """Multiply decimals or whole numbers exactly, then round half up, away from zero, to a decimal of `scale` digits.

    The factors have at most eight digits after the point, and the product less than 22 before it.
    """

    def polars(e: pl.Expr) -> pl.Expr:
        exact = _field(e, _LEFT).cast(pl.Decimal(38, _EXACT)) * _field(e, _RIGHT)
        return exact.round(scale, mode="half_away_from_zero").cast(pl.Decimal(38, scale))

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        return on.functions.round(c.getField(_LEFT) * c.getField(_RIGHT), scale).cast(f"decimal(38,{scale})")

    return natively(_pair(left, right), polars, spark)


def quotient(left: nw.Expr, right: nw.Expr) -> nw.Expr:
    """Divide doubles by doubles that are not zero; Narwhals divides by way of a function that not every server has."""
    return natively(
        _pair(left, right),
        lambda e: _field(e, _LEFT) / _field(e, _RIGHT),
        lambda c, _: c.getField(_LEFT) / c.getField(_RIGHT),
    )


def rounded(amount: nw.Expr, scale: int) -> nw.Expr:
    """Round a decimal half up, away from zero, as money is: to a decimal of `scale` digits after the point."""
    return natively(
        amount,
        lambda e: e.round(scale, mode="half_away_from_zero").cast(pl.Decimal(38, scale)),
        lambda c, on: on.functions.round(c, scale).cast(f"decimal(38,{scale})"),
    )


def iso_weekday(day: nw.Expr) -> nw.Expr:
    """Return 1 for Monday to 7 for Sunday; Narwhals calls Sunday 0 on Spark."""
    return natively(
        day,
        lambda e: e.dt.weekday().cast(pl.Int32),
        lambda c, on: ((on.functions.dayofweek(c) + 5) % 7 + 1).cast("int"),
    )


def magnitude(number: nw.Expr) -> nw.Expr:
    """Return the bin of a number by its size, 0 for zero and below it for what is negative; null for no number.

    Each bin is a tenth wider than the one before. Stored in histograms: never change it. Edges lie where no decimal
    number of usual length does, so that engines whose logarithms differ in the last bit agree.
    """

    def polars(e: pl.Expr) -> pl.Expr:
        value = e.cast(pl.Float64)
        size = (value.abs().log() * _PER_E + _OFF).floor().clip(-_SMALLEST, _LARGEST)
        own = (size + _SMALLEST + 1).cast(pl.Int64) * pl.when(value < 0).then(-1).otherwise(1)
        return pl.when(value == 0).then(pl.lit(0, pl.Int64)).when(value.is_finite()).then(own)

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        f = on.functions
        value = c.cast("double")
        size = f.floor(f.log(f.abs(value)) * f.lit(_PER_E) + f.lit(_OFF))
        near = f.greatest(f.least(size, f.lit(_LARGEST)), f.lit(-_SMALLEST)).cast("bigint") + f.lit(_SMALLEST + 1)
        own = f.when(value < 0, -near).otherwise(near)
        is_finite = ~f.isnan(value) & (f.abs(value) < f.lit(float("inf")))
        return f.when(value == 0, f.lit(0).cast("bigint")).when(is_finite, own)

    return natively(number, polars, spark)


def days_after(day: nw.Expr, days: int) -> nw.Expr:
    """Return the date so many days later; `offset_by` makes a time of a date on Spark."""
    return natively(day, lambda e: e.dt.offset_by(f"{days}d"), lambda c, on: on.functions.date_add(c, days))


def without_nulls(rows: nw.LazyFrame, columns: Sequence[str]) -> nw.LazyFrame:
    """Return the rows that have a value in all of these columns; `drop_nulls` drops NaN as well on Spark."""
    return rows.filter(*(~nw.col(name).is_null() for name in columns)) if columns else rows


def as_of(rows: nw.LazyFrame, values: nw.LazyFrame, *, by: Sequence[str], on: str, take: Sequence[str]) -> nw.LazyFrame:
    """Add to each row the newest `take` of `values` of the same `by` that is not after it; both have the column `on`.

    A union and a fill instead of a range join: one shuffle on Spark. Of values at one moment, the greatest counts.
    """
    known = values.filter(~nw.col(on).is_null()).select(*by, on, *take).group_by(*by, on).agg(nw.col(*take).max())
    placed = _filled_up(rows.with_columns(nw.lit(1).alias(_OWN)), known)
    beside = _filled_up(known.with_columns(nw.lit(0).alias(_OWN)), rows)
    both = nw.concat([placed, beside.select(placed.collect_schema().names())])
    filled = both.with_columns(
        nw.col(name).fill_null(strategy="forward").over(*by, order_by=[on, _OWN]) for name in take
    )
    is_timed = nw.when(~nw.col(on).is_null())
    own = filled.filter(nw.col(_OWN) == 1).drop(_OWN)
    return own.with_columns(is_timed.then(nw.col(name)).alias(name) for name in take)


def sum_over_days(rows: nw.LazyFrame, *, by: Sequence[str], day: str, value: str, days: int) -> nw.LazyFrame:
    """Return, for each day that has rows, the sum of `value` over it and the days before, `days` in all, by `by`.

    Each amount counts from its day on and is taken back so many days later: a running total, exact for decimals.
    """
    if rows.collect_schema()[value].is_integer():  # 32 bits would wrap around on Polars
        rows = rows.with_columns(nw.col(value).cast(nw.Int64))
    daily = rows.group_by(*by, day).agg(nw.col(value).sum()).with_columns(nw.lit(1).alias(_OWN))
    taken_back = daily.with_columns(
        days_after(nw.col(day), days).alias(day), (-nw.col(value)).alias(value), nw.lit(0).alias(_OWN)
    )
    steps = nw.concat([daily, taken_back]).group_by(*by, day).agg(nw.col(value).sum(), nw.col(_OWN).max())
    totals = steps.with_columns(nw.col(value).cum_sum().over(*by, order_by=day))
    return totals.filter(nw.col(_OWN) == 1).drop(_OWN)


def _filled_up(rows: nw.LazyFrame, others: nw.LazyFrame) -> nw.LazyFrame:
    """Add the columns that only `others` has, null; Sail does not find the type of a null by itself."""
    have = rows.collect_schema()
    missing = {name: dtype for name, dtype in others.collect_schema().items() if name not in have}
    return rows.with_columns(nw.lit(None).cast(dtype).alias(name) for name, dtype in missing.items())


def _pair(left: nw.Expr, right: nw.Expr) -> nw.Expr:
    return nw.struct(left.alias(_LEFT), right.alias(_RIGHT))


def _field(pair: pl.Expr, name: str) -> pl.Expr:
    return pair.struct.field(name)


def _scale_of(kind: str) -> int | None:
    return int(kind.rstrip(")").split(",")[1]) if kind.startswith("decimal") else None
