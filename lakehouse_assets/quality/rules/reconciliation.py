"""Is it what was sent, and what it was made from? A measure of a partition beside its source's or its upstream's."""

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.quality.reconcile import (
    ROWS,
    SHA256,
    TOLERANCE,
    Sides,
    checked_measure,
    checked_queries,
    reconciled,
)
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.results import Dimension, Expectation


@rule(
    kind=RuleKind.RECONCILED,
    dimension=Dimension.ACCURACY,
    check=checked_measure,
    example=Example(
        arguments={"measure": "sum", "column": "amount", "tolerance": 0.01},
        passing={"own": 995, "other": 1000},
        failing={"own": 900, "other": 1000},
    ),
)
def reconciles_with_source(
    sides: Sides,
    *,
    measure: str = ROWS,
    column: str | None = None,
    recorded: str | None = None,
    tolerance: float = TOLERANCE,
) -> Expectation:
    """Rows, or the sum of a column, are what the source itself recorded about the partition, but for a tolerated share.

    `recorded` is the source's name of the column where it is another one. A hash tolerates nothing.
    """
    del column, recorded
    return reconciled(sides, 0 if measure == SHA256 else tolerance)


@rule(
    kind=RuleKind.RECONCILED,
    dimension=Dimension.ACCURACY,
    check=checked_queries,
    example=Example(
        arguments={
            "query": "SELECT SUM(net_amount) FROM {object}",
            "table": "silver/order_lines",
            "expected": "SELECT SUM(line_amount) FROM {object} WHERE is_revenue",
            "tolerance": 0,
        },
        passing={"own": 1000, "other": 1000},
        failing={"own": 1001, "other": 1000},
    ),
)
def reconciles_with_upstream(  # noqa: PLR0913 - the keys that a contract writes
    sides: Sides,
    *,
    query: str,
    table: str,
    expected: str,
    column: str | None = None,
    properties: list[str] | None = None,
    tolerance: float = TOLERANCE,
) -> Expectation:
    """Answer of `query` is what `expected` gives for the rows of `table` that the partition was computed from.

    Both are queries as those of `sql`; a sum of nothing is zero. `properties`, the columns it looks at, are found.
    """
    del query, table, expected, column, properties
    return reconciled(sides, tolerance)
