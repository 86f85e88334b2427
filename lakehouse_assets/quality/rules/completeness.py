"""Is it there? These rules alone decide about nulls; every other rule lets a null pass."""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines.kit import BLANKS
from lakehouse_assets.quality.rule import Example, rule, violating
from lakehouse_assets.results import Dimension

_DIMENSION = Dimension.COMPLETENESS
# What people and programs write where a form wanted something, or left its menu as it was.
_PLACEHOLDERS = (
    "n/a", "n.a.", "na", "nan", "none", "(none)", "null", "nil", "unknown", "undefined", "tbd", "tba", "xxx",
    "not available", "not applicable", "not provided", "(blank)", "-", "--", "---", "?", "??", ".", "..",
    "select", "select...", "-select-", "--select--", "- select -", "please select", "select one", "choose one",
)  # fmt: skip


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="x", failing=None))
def required(column: nw.Expr) -> nw.Expr:
    """Value is present."""
    return ~column.is_null()


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="x", failing="  "))
def not_blank(column: nw.Expr) -> nw.Expr:
    """Text is present and has more than blanks."""
    return (column.str.strip_chars(BLANKS) != "").fill_null(value=False)


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="Ada", failing="N/A"))
def not_placeholder(column: nw.Expr, *, values: list[str] | None = None) -> nw.Expr:
    """Text is no stand-in for a missing value, such as `N/A`, in any case of letters."""
    stand_ins = [value.lower() for value in (values or _PLACEHOLDERS)]
    return (~column.str.strip_chars(BLANKS).str.to_lowercase().is_in(stand_ins)).fill_null(value=True)


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "completed_at", "other": "status", "values": ["completed"]},
        passing={"completed_at": "2010-12-01", "status": "completed"},
        failing={"completed_at": None, "status": "completed"},
    ),
)
def required_when(*, column: str, other: str, values: list[str]) -> nw.Expr:
    """Value is present wherever another column has one of these values."""
    return ~(nw.col(other).is_in(values).fill_null(value=False) & nw.col(column).is_null())


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(
        arguments={"columns": ["email", "phone"]},
        passing={"email": None, "phone": "1"},
        failing={"email": None, "phone": None},
    ),
)
def any_present(*, columns: list[str]) -> nw.Expr:
    """At least one of these columns has a value."""
    return nw.any_horizontal(*[~nw.col(name).is_null() for name in columns], ignore_nulls=True)


@rule(
    kind=RuleKind.PARTITION,
    dimension=_DIMENSION,
    example=Example(
        arguments={"column": "email", "max": 0.5},
        passing=[{"email": "a"}, {"email": None}],
        failing=[{"email": None}, {"email": None}],
    ),
)
def null_rate(frame: nw.LazyFrame, by: str, *, column: str, max: float = 0.0) -> nw.LazyFrame:  # noqa: A002 - the YAML key
    """Share of nulls in a column is at most `max`."""
    nulls = frame.group_by(by).agg(nw.col(column).is_null().cast(nw.Int64).sum().alias("nulls"), nw.len().alias("rows"))
    return violating(nulls, by, nw.col("nulls") <= nw.col("rows") * max, nw.col("nulls"))
