"""The exact sum of one column of each partition, on either engine; what is no number adds nothing."""

import narwhals as nw

from lakehouse_assets.engines import kit
from lakehouse_assets.quality.sql_query import VALUE

_WHOLE, _READ = nw.Decimal(38, 0), nw.Decimal(38, 9)


def sums(rows: nw.LazyFrame, by: str, column: str) -> nw.LazyFrame:
    """Return `[by, value]`, a double; text is read as a number with a point and at most nine digits after it."""
    number = _number(column, rows.collect_schema()[column])
    added = rows.select(by, number.alias(VALUE)).group_by(by).agg(nw.col(VALUE).sum())
    return added.select(by, nw.col(VALUE).cast(nw.Float64))


def _number(column: str, kind: nw.dtypes.DType) -> nw.Expr:
    if kind == nw.String():
        return kit.read_number(nw.col(column).str.strip_chars(kit.BLANKS), _READ)
    # Whole numbers are summed as decimals: as such they would wrap around on Polars and raise on Spark.
    if kind.is_integer():
        return nw.col(column).cast(_WHOLE)
    return nw.when(nw.col(column).is_finite()).then(nw.col(column)) if kind.is_float() else nw.col(column)
