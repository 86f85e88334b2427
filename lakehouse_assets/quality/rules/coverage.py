"""Is all of it there? Volume, totals, means and shares of a partition, and whether its numbers have gaps."""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.errors import LakehouseError
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
    summed = frame.group_by(by).agg(_total(frame, column), nw.len().cast(nw.Int64).alias("rows"))
    return violating(summed, by, _inside(nw.col("total"), min, max), nw.col("rows"))


@rule(
    kind=RuleKind.PARTITION,
    dimension=Dimension.ACCURACY,
    example=Example(
        arguments={"column": "amount", "min": 1, "max": 10},
        passing=[{"amount": 1}, {"amount": 19}],
        failing=[{"amount": 1}, {"amount": 20}],
    ),
)
def mean_between(
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str,
    min: float | None = None,  # noqa: A002 - the YAML key
    max: float | None = None,  # noqa: A002 - the YAML key
) -> nw.LazyFrame:
    """Mean of a column over a partition lies in [min, max]; nulls are left out, and without values there is no mean."""
    if min is None and max is None:
        raise LakehouseError("`mean_between` has no bound.", fix="Write `min`, `max`, or both.")
    known = kit.without_nulls(frame, [column])
    summed = known.group_by(by).agg(_total(frame, column), nw.len().cast(nw.Int64).alias("rows"))
    mean = kit.quotient(nw.col("total").cast(nw.Float64), nw.col("rows").cast(nw.Float64))
    return violating(summed, by, mean.is_finite() & _inside(mean, min, max), nw.col("rows"))


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "invoice"},
        passing=[{"invoice": 8}, {"invoice": 7}, {"invoice": 9}],
        failing=[{"invoice": 7}, {"invoice": 9}, {"invoice": 10}],
    ),
)
def sequence_without_gaps(frame: nw.LazyFrame, by: str, *, column: str) -> nw.LazyFrame:
    """Whole numbers of a partition follow each other without gaps, in whatever order the rows are.

    Counted are the numbers that come after a gap. Repeats and nulls are no gaps, and a partition may begin anywhere.
    """
    number, before = nw.col("__number"), nw.col("__before")
    # As decimals: the number before the smallest is no whole number.
    numbers = kit.without_nulls(frame, [column]).select(by, nw.col(column).cast(_WHOLE).alias("__number")).unique()
    placed = numbers.with_columns(number.shift(1).over(by, order_by="__number").alias("__before"))
    torn = placed.filter(number - before > 1).group_by(by).agg(nw.len().cast(nw.Int64).alias("rows"))
    return violating(torn, by, nw.col("rows") == 0, nw.col("rows"))


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


def _total(frame: nw.LazyFrame, column: str) -> nw.Expr:
    # Whole numbers are summed as decimals: as such they would wrap around on Polars and raise on Spark.
    is_whole = frame.collect_schema()[column].is_integer()
    amount = nw.col(column).cast(_WHOLE) if is_whole else nw.col(column)
    return amount.sum().alias("total")  # portable: a decimal or a double


def _inside(value: nw.Expr, smallest: float | None, largest: float | None) -> nw.Expr:
    is_fine = nw.lit(value=True) if smallest is None else value >= smallest
    return is_fine if largest is None else is_fine & (value <= largest)
