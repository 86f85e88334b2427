"""Read-only queries of the contract standard: one number a partition, compared with a threshold."""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.quality.sql_rule import checked, violations
from lakehouse_assets.results import Dimension


@rule(
    kind=RuleKind.PARTITION,
    dimension=Dimension.CONSISTENCY,
    check=checked,
    example=Example(
        arguments={"query": "SELECT COUNT(*) FROM {object} WHERE net > gross", "mustBe": 0},
        passing=[{"net": 10, "gross": 12}],
        failing=[{"net": 10, "gross": 12}, {"net": 10, "gross": 9}],
    ),
)
def sql(  # noqa: PLR0913 - the thresholds of the standard
    frame: nw.LazyFrame,
    by: str,
    *,
    query: str,
    column: str | None = None,
    properties: list[str] | None = None,
    mustBe: float | None = None,  # noqa: N803 - the standard's key, like the next ones
    mustNotBe: float | None = None,  # noqa: N803
    mustBeGreaterThan: float | None = None,  # noqa: N803
    mustBeGreaterOrEqualTo: float | None = None,  # noqa: N803
    mustBeLessThan: float | None = None,  # noqa: N803
    mustBeLessOrEqualTo: float | None = None,  # noqa: N803
    mustBeBetween: list[float] | None = None,  # noqa: N803
    mustNotBeBetween: list[float] | None = None,  # noqa: N803
) -> nw.LazyFrame:
    """Answer of a SELECT over the partition is the number it must be; null is none, and an error.

    `{object}` is the table, `{property}` the column. `properties`, the columns it looks at, are found from the query.
    """
    del properties
    bounds = {
        "mustBe": mustBe,
        "mustNotBe": mustNotBe,
        "mustBeGreaterThan": mustBeGreaterThan,
        "mustBeGreaterOrEqualTo": mustBeGreaterOrEqualTo,
        "mustBeLessThan": mustBeLessThan,
        "mustBeLessOrEqualTo": mustBeLessOrEqualTo,
        "mustBeBetween": mustBeBetween,
        "mustNotBeBetween": mustNotBeBetween,
    }
    given = {name: limit for name, limit in bounds.items() if limit is not None}
    return violations(frame, by, query, column, given)
