"""Do the columns of a row, or the rows of a partition, agree with each other? A row with a null among them passes."""

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.rule import Example, rule, violating
from lakehouse_assets.results import Dimension

_DIMENSION = Dimension.CONSISTENCY
_OPERATORS: dict[str, Callable[[Any, Any], nw.Expr]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "ordered_at", "operator": "<=", "other": "shipped_at"},
        passing={"ordered_at": 1, "shipped_at": 2},
        failing={"ordered_at": 2, "shipped_at": 1},
    ),
)
def compare_columns(*, column: str, operator: str, other: str) -> nw.Expr:
    """Value stands in this relation (`<`, `<=`, `>`, `>=`, `==`, `!=`) to another column."""
    if operator not in _OPERATORS:
        raise LakehouseError(f"{operator!r} is no comparison.", fix=f"Write one of {' '.join(_OPERATORS)}.")
    return _OPERATORS[operator](nw.col(column), nw.col(other))


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "status", "values": ["refunded"], "other": "kind", "allowed": ["return"]},
        passing={"status": "refunded", "kind": "return"},
        failing={"status": "refunded", "kind": "sale"},
    ),
)
def implies(*, column: str, values: list[str], other: str, allowed: list[str]) -> nw.Expr:
    """Where a column has one of `values`, the other has one of `allowed`."""
    return ~nw.col(column).is_in(values) | nw.col(other).is_in(allowed)


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "total", "parts": ["net", "tax"], "tolerance": 0.01},
        passing={"total": 12.0, "net": 10.0, "tax": 2.0},
        failing={"total": 12.5, "net": 10.0, "tax": 2.0},
    ),
)
def sum_of_parts(*, column: str, parts: list[str], tolerance: float = 0) -> nw.Expr:
    """Value is the sum of other columns, within an absolute tolerance."""
    total = reduce(operator.add, [nw.col(part) for part in parts])
    return (nw.col(column) - total).abs() <= tolerance


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "amount", "factors": ["quantity", "price"], "tolerance": 0.01},
        passing={"amount": 10.0, "quantity": 4.0, "price": 2.5},
        failing={"amount": 11.0, "quantity": 4.0, "price": 2.5},
    ),
)
def product_of(*, column: str, factors: list[str], tolerance: float = 0) -> nw.Expr:
    """Value is the product of other columns, within an absolute tolerance."""
    product = reduce(kit.product, [nw.col(factor) for factor in factors])
    return (nw.col(column) - product).abs() <= tolerance


@rule(
    kind=RuleKind.ROW,
    dimension=Dimension.ACCURACY,
    example=Example(
        arguments={"column": "paid", "other": "invoiced", "tolerance": 0.01},
        passing={"paid": 99.5, "invoiced": 100.0},
        failing={"paid": 95.0, "invoiced": 100.0},
    ),
)
def close_to(*, column: str, other: str, tolerance: float = 0.01) -> nw.Expr:
    """Value differs from that of another column by at most `tolerance`, a share of the other: 1 % when left out."""
    one, reference = nw.col(column).cast(nw.Float64), nw.col(other).cast(nw.Float64)
    return (one - reference).abs() <= reference.abs() * tolerance


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "reading", "order_by": "taken_at"},
        passing=[{"reading": 7, "taken_at": 2}, {"reading": 5, "taken_at": 1}, {"reading": 7, "taken_at": 3}],
        failing=[{"reading": 7, "taken_at": 1}, {"reading": 5, "taken_at": 2}],
    ),
)
def monotonic(frame: nw.LazyFrame, by: str, *, column: str, order_by: str) -> nw.LazyFrame:
    """Value never decreases in the order of another column.

    Counted are the rows whose value is less than the greatest of the place before. Rows that share a place have no
    order among each other. Rows with a null or NaN in one of both are left out.
    """
    place, before = nw.col("__place"), nw.col("__before")
    named = frame.select(by, nw.col(column).alias("__value"), nw.col(order_by).alias("__place"))
    known = _without_nan(kit.without_nulls(named, ["__value", "__place"]), ["__value", "__place"])
    tops = known.group_by(by, "__place").agg(nw.col("__value").max().alias("__top"))
    shifted = tops.with_columns(nw.col("__top").shift(1).over(by, order_by="__place").alias("__before"))
    placed = known.join(shifted.select(by, place, before), on=[by, "__place"], how="inner")
    broken = placed.filter(nw.col("__value") < before).group_by(by).agg(nw.len().cast(nw.Int64).alias("rows"))
    return violating(broken, by, nw.col("rows") == 0, nw.col("rows"))


def _without_nan(rows: nw.LazyFrame, columns: list[str]) -> nw.LazyFrame:
    types = rows.collect_schema()
    doubles = [name for name in columns if types[name].is_float()]
    return rows.filter(*(~nw.col(name).is_nan() for name in doubles)) if doubles else rows
