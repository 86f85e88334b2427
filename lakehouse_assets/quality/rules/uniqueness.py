"""Is it there once? Uniqueness inside a partition; across partitions it is a rule of derived tables."""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.quality.rule import Example, rule, violating
from lakehouse_assets.results import Dimension

_DIMENSION = Dimension.UNIQUENESS
_ROWS = nw.col("rows")


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"columns": ["order_id", "line"]},
        passing=[{"order_id": 1, "line": 1}, {"order_id": 1, "line": 2}],
        failing=[{"order_id": 1, "line": 1}, {"order_id": 1, "line": 1}],
    ),
)
def unique(frame: nw.LazyFrame, by: str, *, columns: list[str]) -> nw.LazyFrame:
    """No two rows of a partition have the same values in these columns; rows with a null there are not compared."""
    repeated = _repeated(frame, by, columns)
    members = repeated.group_by(by).agg(_ROWS.cast(nw.Int64).sum())
    return violating(members, by, _ROWS == 0, _ROWS)


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"columns": ["order_id"], "max": 0.5},
        passing=[{"order_id": 1}, {"order_id": 1}],
        failing=[{"order_id": 1}, {"order_id": 1}, {"order_id": 1}],
    ),
)
def duplicate_rate(frame: nw.LazyFrame, by: str, *, columns: list[str], max: float) -> nw.LazyFrame:  # noqa: A002 - the YAML key
    """Share of rows that repeat another in these columns is at most `max`."""
    groups = kit.without_nulls(frame, columns).group_by(by, *columns).agg(nw.len().alias("rows"))
    counted = groups.group_by(by).agg(
        (_ROWS - 1).cast(nw.Int64).sum().alias("extra"), _ROWS.cast(nw.Int64).sum().alias("all")
    )
    return violating(counted, by, nw.col("extra") <= nw.col("all") * max, nw.col("extra"))


@rule(
    kind=RuleKind.PARTITION,
    dimension=Dimension.CONSISTENCY,
    example=Example(
        arguments={"columns": ["zip"], "determines": "city"},
        passing=[{"zip": 1, "city": "a"}, {"zip": 1, "city": "a"}],
        failing=[{"zip": 1, "city": "a"}, {"zip": 1, "city": "b"}],
    ),
)
def functional_dependency(frame: nw.LazyFrame, by: str, *, columns: list[str], determines: str) -> nw.LazyFrame:
    """Rows that agree in these columns agree in the one they determine."""
    known = kit.without_nulls(frame, [*columns, determines])
    pairs = known.group_by(by, *columns, determines).agg(nw.len().alias("rows"))
    groups = pairs.group_by(by, *columns).agg(nw.len().alias("values"), _ROWS.cast(nw.Int64).sum())
    torn = groups.filter(nw.col("values") > 1).group_by(by).agg(_ROWS.cast(nw.Int64).sum())
    return violating(torn, by, _ROWS == 0, _ROWS)


def _repeated(frame: nw.LazyFrame, by: str, columns: list[str]) -> nw.LazyFrame:
    compared = [name for name in columns if name != by]
    groups = kit.without_nulls(frame, compared).group_by(by, *compared).agg(nw.len().alias("rows"))
    return groups.filter(nw.col("rows") > 1)
