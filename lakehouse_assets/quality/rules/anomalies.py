"""Is it as much as usual? A partition's volume and metrics beside those of partitions before it. They only alert."""

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.anomaly import LEAST, SEASONAL, Bounds, learning
from lakehouse_assets.quality.baseline import Policy, expect
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.quality.seen import Measured, Seen
from lakehouse_assets.results import Dimension, Expectation, State

# A tenth of a point of a share of nulls is no news: differences are told in thirds, 3 % of which is a point.
_SHARE = 1 / 3


@rule(
    kind=RuleKind.OVER_TIME,
    dimension=Dimension.COVERAGE,
    example=Example(passing={"before": 1000, "now": 1080}, failing={"before": 1000, "now": 500}),
)
def volume_anomaly(
    seen: Seen, *, warn: float = 3.5, fail: float = 5.0, method: str = SEASONAL, partitions: int = LEAST
) -> Expectation:
    """Rows of a partition are about as many as those of earlier ones of its weekday, by their trend and spread."""
    bounds = Bounds(warn, fail, method, partitions)
    earlier = seen.series(lambda measured: measured.rows)
    policy = Policy(bounds, seen.calendar, State.USUAL if seen.may_be_empty else State.UNUSUAL)
    return expect(seen.day, seen.measured.rows, earlier, policy)


@rule(
    kind=RuleKind.OVER_TIME,
    dimension=Dimension.COVERAGE,
    example=Example(
        arguments={"column": "amount", "metric": "mean"},
        passing={"before": {"amount.sum": 500, "amount.known": 10}, "now": {"amount.sum": 520, "amount.known": 10}},
        failing={"before": {"amount.sum": 500, "amount.known": 10}, "now": {"amount.sum": 50, "amount.known": 10}},
    ),
)
def metric_anomaly(  # noqa: PLR0913 - the keys that a contract writes
    seen: Seen,
    *,
    column: str,
    metric: str,
    warn: float = 3.5,
    fail: float = 5.0,
    method: str = SEASONAL,
    partitions: int = LEAST,
) -> Expectation:
    """Sum, mean or share of nulls (`metric: sum, mean, null_share`) of a column is about that of earlier partitions."""
    is_share = metric == "null_share"
    bounds = Bounds(warn, fail, method, partitions, not is_share, _SHARE if is_share else None)
    now = _value(seen.measured, column, metric)
    if now is None:
        return learning(0, 0, f"{column} has no value in this partition")
    earlier = seen.series(lambda measured: _value(measured, column, metric))
    return expect(seen.day, now, earlier, Policy(bounds, seen.calendar))


def _value(measured: Measured, column: str, metric: str) -> float | None:
    values = {"sum": measured.total, "mean": measured.mean, "null_share": measured.null_share}
    if metric not in values:
        raise LakehouseError(f"no metric is named {metric!r}.", fix=f"Use {', '.join(values)}.")
    return values[metric](column)
