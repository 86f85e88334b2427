"""Do rows agree with the others of their partition? Who disagrees with most of them fails, and only who does.

Nulls are not compared: a row without a value has nothing to disagree with.
"""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.results import Dimension

_OWN, _ALL, _MOST = nw.col("__own"), nw.col("__all"), nw.col("__most")


@rule(
    kind=RuleKind.GROUP,
    dimension=Dimension.CONSISTENCY,
    example=Example(
        arguments={"column": "city", "columns": ["zip"]},
        passing=[{"zip": 1, "city": "a"}, {"zip": 1, "city": "b"}, {"zip": 2, "city": "b"}],
        failing=[{"zip": 1, "city": "a"}, {"zip": 1, "city": "a"}, {"zip": 1, "city": "b"}],
    ),
)
def agrees_with_most(
    frame: nw.LazyFrame, by: str, *, column: str, columns: list[str], share: float = 0.5
) -> nw.LazyFrame:
    """Value is not another one than more than `share` of the rows have that agree in `columns`.

    Unlike `functional_dependency` it says which rows are wrong: the few, not the many. Where no value has so many rows,
    nothing is known and all rows pass.
    """
    if not 0.5 <= share < 1:  # noqa: PLR2004 - below it two values could have most rows
        raise LakehouseError("`share` leaves more than one value that most rows have.", fix="Write 0.5 to below 1.")
    together = [name for name in dict.fromkeys([by, *columns]) if name != column]
    known = kit.without_nulls(frame, [*together, column])
    each = known.group_by(*together, column).agg(nw.len().cast(nw.Int64).alias("__own"))
    most = each.group_by(*together).agg(_OWN.max().alias("__most"), _OWN.cast(nw.Int64).sum().alias("__all"))
    sure = most.filter(_ALL * share < _MOST, _MOST < _ALL)
    return each.join(sure, on=together, how="inner").filter(_OWN < _MOST).select(*together, column)
