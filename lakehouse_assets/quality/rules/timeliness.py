"""Is it from the right time? `run_time` is the end of the row's partition, never the clock."""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.quality.rule import Example, rule, violating
from lakehouse_assets.results import Dimension

_DIMENSION = Dimension.TIMELINESS


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(arguments={"value": "2010-12-01"}, passing="2010-12-01", failing="2010-12-02"),
)
def not_after(column: nw.Expr, *, value: str | nw.Expr) -> nw.Expr:
    """Date or time is not after this one, or not after `run_time`."""
    return column <= value


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(arguments={"value": "2010-12-01"}, passing="2010-12-01", failing="2010-11-30"),
)
def not_before(column: nw.Expr, *, value: str | nw.Expr) -> nw.Expr:
    """Date or time is not before this one."""
    return column >= value


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(arguments={"days": 30, "value": "2010-12-31"}, passing="2010-12-01", failing="2010-11-30"),
)
def max_age_days(column: nw.Expr, *, days: int, value: str | nw.Expr) -> nw.Expr:
    """Date or time is at most `days` days before `value`, most often `run_time`; days of the calendar in UTC count."""
    return column.cast(nw.Date) >= _days_before(value, days)


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "day", "days": 1, "value": "2010-12-02"},
        passing=[{"day": "2010-12-01"}, {"day": "2010-11-01"}],
        failing=[{"day": "2010-11-30"}, {"day": "2010-11-01"}],
    ),
)
def newest_within_days(frame: nw.LazyFrame, by: str, *, column: str, days: int, value: str | nw.Expr) -> nw.LazyFrame:
    """Newest date or time of a partition is at most `days` days before `value`, most often `run_time`.

    A partition that has no date in the column has no newest one, and passes; `null_rate` is about those.
    """
    is_fresh = (nw.col(column).cast(nw.Date) >= _days_before(value, days)).fill_null(value=False)
    counted = frame.group_by(by).agg(
        is_fresh.cast(nw.Int64).sum().alias("fresh"),
        (~nw.col(column).is_null()).cast(nw.Int64).sum().alias("known"),
        nw.len().alias("rows"),
    )
    return violating(counted, by, (nw.col("fresh") > 0) | (nw.col("known") == 0), nw.col("rows"))


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "day", "min": 0.5, "value": "2010-12-01"},
        passing=[{"day": "2010-12-01"}, {"day": "2010-11-01"}],
        failing=[{"day": "2010-11-01"}, {"day": "2010-11-01"}],
    ),
)
def share_not_before(
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str,
    value: str | nw.Expr,
    min: float,  # noqa: A002 - the YAML key
) -> nw.LazyFrame:
    """Share of rows whose date or time is not before `value` is at least `min`."""
    older = nw.col(column) < value
    counted = frame.group_by(by).agg(older.cast(nw.Int64).sum().alias("older"), nw.len().alias("rows"))
    return violating(counted, by, nw.col("rows") - nw.col("older") >= nw.col("rows") * min, nw.col("older"))


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "day", "days": 1, "max": 0.5, "value": "2010-12-02"},
        passing=[{"day": "2010-12-01"}, {"day": "2010-11-30"}],
        failing=[{"day": "2010-11-30"}, {"day": "2010-11-30"}, {"day": "2010-12-01"}],
    ),
)
def late_rate(
    frame: nw.LazyFrame,
    by: str,
    *,
    column: str,
    days: int,
    max: float,  # noqa: A002 - the YAML key
    value: str | nw.Expr,
) -> nw.LazyFrame:
    """Share of rows dated more than `days` days before `value`, most often `run_time`, is at most `max`."""
    is_late = nw.col(column).cast(nw.Date) < _days_before(value, days)
    counted = frame.group_by(by).agg(is_late.cast(nw.Int64).sum().alias("late"), nw.len().alias("rows"))
    return violating(counted, by, nw.col("late") <= nw.col("rows") * max, nw.col("late"))


def _days_before(value: str | nw.Expr, days: int) -> nw.Expr:
    moment = value if isinstance(value, nw.Expr) else nw.lit(value)
    return kit.days_after(moment.cast(nw.Date), -days)
