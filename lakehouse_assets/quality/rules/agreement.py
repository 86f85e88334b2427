"""Do rows agree with the others of their partition? Who disagrees with most of them fails, and only who does.

Nulls are not compared: a row without a value has nothing to disagree with.
"""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.results import Dimension

# Everything of ASCII that is neither letter nor digit.
_BETWEEN = r"[\x00-/:-@\[-`{-\x7f]+"
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
    together = [name for name in dict.fromkeys([by, *columns]) if name != column]
    return _minorities(kit.without_nulls(frame, [*together, column]), together, column, share)


@rule(
    kind=RuleKind.GROUP,
    dimension=Dimension.CONSISTENCY,
    example=Example(
        arguments={"column": "product"},
        passing=[{"product": "GTX Pro"}, {"product": "GTX Pro"}, {"product": "GTX Plus"}],
        failing=[{"product": "GTX Pro"}, {"product": "GTX Pro"}, {"product": "GTXPro"}],
    ),
)
def one_spelling(frame: nw.LazyFrame, by: str, *, column: str, share: float = 0.5) -> nw.LazyFrame:
    """Text is spelled as more than `share` of the rows spell it that write the same letters and digits.

    Spellings of one value differ in the case of letters, blanks and punctuation of ASCII, and in nothing else.
    """
    letters = nw.col(column).str.to_lowercase().str.replace_all(_BETWEEN, "")
    written = kit.without_nulls(frame, [column]).with_columns(letters.alias("__letters"))
    spelled = written.filter(nw.col("__letters") != "")
    return _minorities(spelled, [by, "__letters"], column, share).select(by, column)


def _minorities(known: nw.LazyFrame, together: list[str], column: str, share: float) -> nw.LazyFrame:
    if not 0.5 <= share < 1:  # noqa: PLR2004 - below it two values could have most rows
        raise LakehouseError("`share` leaves more than one value that most rows have.", fix="Write 0.5 to below 1.")
    each = known.group_by(*together, column).agg(nw.len().cast(nw.Int64).alias("__own"))
    most = each.group_by(*together).agg(_OWN.max().alias("__most"), _OWN.cast(nw.Int64).sum().alias("__all"))
    sure = most.filter(_ALL * share < _MOST, _MOST < _ALL)
    return each.join(sure, on=together, how="inner").filter(_OWN < _MOST).select(*together, column)
