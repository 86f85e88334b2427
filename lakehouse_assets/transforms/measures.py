"""Aggregates that several gold functions use; each gives the same number on every engine.

Only expressions belong here; what they mean for a table is written in that table's module.
"""

import narwhals as nw

MONEY = nw.Decimal(18, 4)


def distinct(column: str) -> nw.Expr:
    """Count the different values of a column; a missing value, which engines count as one, is none."""
    value = nw.col(column)
    return value.n_unique().cast(nw.Int64) - value.is_null().cast(nw.Int64).max()


def count_where(where: nw.Expr) -> nw.Expr:
    """Count the rows for which `where` is true."""
    return where.cast(nw.Int64).sum()


def units_where(column: str, where: nw.Expr) -> nw.Expr:
    """Sum an integer column over the rows for which `where` is true; 0 when there are none."""
    return nw.when(where).then(nw.col(column)).otherwise(nw.lit(0)).cast(nw.Int64).sum()


def money_where(column: str, where: nw.Expr) -> nw.Expr:
    """Sum an amount over the rows for which `where` is true; 0 when there are none."""
    amount = nw.when(where).then(nw.col(column)).otherwise(nw.lit(0).cast(MONEY))
    return amount.sum()  # portable: a decimal
