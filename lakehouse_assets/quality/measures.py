"""What rules over time need to know of a partition, measured once while it is published: frames in, numbers out.

Sums and counts of columns in one aggregation, and a histogram for each column whose distribution is watched.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.model import RuleSpec
from lakehouse_assets.engines import kit
from lakehouse_assets.quality.distribution import HASHED
from lakehouse_assets.quality.seen import FILLED, KNOWN, ROWS, SUM, Measured

DRIFT = frozenset({"psi", "jensen_shannon", "kolmogorov_smirnov"})
NULL_SHARE = "null_share"
# Texts and truths fall into so many bins by their hash, which says nothing about them.
BUCKETS = 64
_BIN, _COUNT = "__bin", "__count"
_WHOLE = nw.Decimal(38, 0)
# Sums of doubles depend on the order of rows; so many digits do not.
_DIGITS = 12


def totals(rows: nw.LazyFrame, by: str, specs: Sequence[RuleSpec]) -> nw.LazyFrame:
    """Return one row a partition with everything that the metrics of these rules are made of."""
    types = rows.collect_schema()
    wanted: dict[str, nw.Expr] = {}
    for spec in specs:
        column = spec.column
        if spec.arguments.get("metric") == NULL_SHARE and column:
            wanted[f"{column}.{FILLED}"] = (~nw.col(column).is_null()).cast(nw.Int64)
        elif "metric" in spec.arguments and column:
            value = _finite(column, types[column])
            wanted[f"{column}.{SUM}"] = value
            wanted[f"{column}.{KNOWN}"] = (~value.is_null()).cast(nw.Int64)
    # Names with points in them are no names on every engine, and some take two equal sums for one.
    numbered = {f"__{number}": each for number, each in enumerate(wanted.values(), start=1)}
    prepared = rows.select(by, *(each.alias(name) for name, each in numbered.items()))
    summed = [nw.col(name).sum().cast(nw.Float64).alias(name) for name in numbered]
    return prepared.group_by(by).agg(nw.len().cast(nw.Float64).alias("__0"), *summed)


def names_of(specs: Sequence[RuleSpec]) -> list[str]:
    """Return what the columns of `totals` mean, in their order."""
    names = [ROWS]
    for spec in specs:
        if "metric" in spec.arguments:
            kinds = [FILLED] if spec.arguments["metric"] == NULL_SHARE else [SUM, KNOWN]
            names += [f"{spec.column}.{kind}" for kind in kinds]
    return list(dict.fromkeys(names))


def watched(specs: Sequence[RuleSpec]) -> list[str]:
    """Return the columns whose distribution some of these rules watch."""
    return list(dict.fromkeys(spec.column for spec in specs if spec.rule in DRIFT and spec.column))


def histogram(rows: nw.LazyFrame, by: str, column: str) -> nw.LazyFrame:
    """Return how many rows of each partition lie in each bin of a column; nulls and no numbers are in none."""
    kind = rows.collect_schema()[column]
    name = kit.magnitude(nw.col(column)) if mark_of(rows, column) == "" else kit.spread({column: kind}, BUCKETS)
    known = kit.without_nulls(rows, [column]).select(by, name.cast(nw.Int64).alias(_BIN))
    return kit.without_nulls(known, [_BIN]).group_by(by, _BIN).agg(nw.len().cast(nw.Int64).alias(_COUNT))


def mark_of(rows: nw.LazyFrame, column: str) -> str:
    """Return what bins of a column are marked with: nothing for magnitudes, which have an order, else `HASHED`."""
    return "" if rows.collect_schema()[column].is_numeric() else HASHED


def measured(
    partition: str, rows: int, names: Sequence[str], found: tuple[Any, Mapping[str, tuple[str, Any]]], by: str
) -> Measured:
    """Return what was measured of one partition, from the collected totals and the histogram of each column."""
    summed, bins = found
    own = next((row for row in summed.iter_rows(named=True) if str(row[by]) == partition), None)
    known = {name: _number(own[f"__{at}"]) if own else 0.0 for at, name in enumerate(names)}
    # A sum beyond all doubles is no number to compare with.
    numbers = {name: value for name, value in known.items() if math.isfinite(value)}
    histograms = {
        column: _counted([row for row in frame.iter_rows(named=True) if str(row[by]) == partition], mark)
        for column, (mark, frame) in bins.items()
    }
    return Measured(rows, numbers, histograms)


def _counted(rows: Sequence[Mapping[str, Any]], mark: str) -> dict[str, int]:
    # In one order, whatever the engine's: what is recorded twice is equal.
    return {f"{mark}{row[_BIN]}": int(row[_COUNT]) for row in sorted(rows, key=lambda row: int(row[_BIN]))}


def _finite(column: str, kind: nw.dtypes.DType) -> nw.Expr:
    # Whole numbers are summed as decimals: as such they would wrap around on Polars and raise on Spark.
    if kind.is_integer():
        return nw.col(column).cast(_WHOLE)
    return nw.when(nw.col(column).is_finite()).then(nw.col(column)) if kind.is_float() else nw.col(column)


def _number(value: float | None) -> float:
    return float(f"{value or 0.0:.{_DIGITS}g}")
