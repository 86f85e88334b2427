"""Is all of it there? Volume, totals and shares of a partition."""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.quality.rule import Example, rule, violating
from lakehouse_assets.results import Dimension

_DIMENSION = Dimension.COVERAGE
_WHOLE = nw.Decimal(38, 0)


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(arguments={"min": 1, "max": 2}, passing=[{"id": 1}], failing=[{"id": 1}, {"id": 2}, {"id": 3}]),
)
def row_count(frame: nw.LazyFrame, by: str, *, min: int = 0, max: int | None = None) -> nw.LazyFrame:  # noqa: A002 - YAML keys
    """Volume of a partition lies in [min, max] rows."""
    counted = frame.group_by(by).agg(nw.len().cast(nw.Int64).alias("rows"))
    return violating(counted, by, _inside(nw.col("rows"), min, max), nw.col("rows"))


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "amount", "min": 1, "max": 10},
        passing=[{"amount": 10}],
        failing=[{"amount": 9}, {"amount": 9}],
    ),
)
def sum_between(
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str,
    min: float | None = None,  # noqa: A002 - the YAML key
    max: float | None = None,  # noqa: A002 - the YAML key
) -> nw.LazyFrame:
    """Sum of a column over a partition lies in [min, max]."""
    # Whole numbers are summed as decimals: as such they would wrap around on Polars and raise on Spark.
    is_whole = frame.collect_schema()[column].is_integer()
    amount = nw.col(column).cast(_WHOLE) if is_whole else nw.col(column)
    total = amount.sum().alias("total")  # portable: a decimal or a double
    summed = frame.group_by(by).agg(total, nw.len().cast(nw.Int64).alias("rows"))
    return violating(summed, by, _inside(nw.col("total"), min, max), nw.col("rows"))


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "country", "values": ["United Kingdom"], "min": 0.5},
        passing=[{"country": "United Kingdom"}, {"country": "France"}],
        failing=[{"country": "France"}],
    ),
)
def share_of(
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str,
    values: list[str],
    min: float = 0.0,  # noqa: A002 - the YAML key
    max: float = 1.0,  # noqa: A002 - the YAML key
) -> nw.LazyFrame:
    """Share of rows with one of these values lies in [min, max]."""
    chosen = nw.col(column).is_in(values).fill_null(value=False)
    counted = frame.group_by(by).agg(chosen.cast(nw.Int64).sum().alias("chosen"), nw.len().cast(nw.Int64).alias("rows"))
    share = _inside(nw.col("chosen") / nw.col("rows"), min, max)
    return violating(counted, by, share, nw.col("rows"))


def _inside(value: nw.Expr, smallest: float | None, largest: float | None) -> nw.Expr:
    is_fine = nw.lit(value=True) if smallest is None else value >= smallest
    return is_fine if largest is None else is_fine & (value <= largest)
