"""Does one value look as it must? Bounds, sets, patterns and lengths. A null passes."""

import operator
from functools import reduce

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines.kit import BLANKS
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.patterns import portable
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.results import Dimension

Bound = int | float | str | nw.Expr
_DIMENSION = Dimension.CONFORMITY
# The shape the HTML standard gives a valid e-mail address, with a domain that has a dot.
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_EMAIL = rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(\.{_LABEL}){{1,126}}"


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(arguments={"min": 0, "max": 5}, passing=5, failing=6))
def between(
    column: nw.Expr,
    *,
    min: Bound | None = None,  # noqa: A002 - the YAML key
    max: Bound | None = None,  # noqa: A002 - the YAML key
    exclusive_min: Bound | None = None,
    exclusive_max: Bound | None = None,
) -> nw.Expr:
    """Value lies between two bounds, of which either may be left open, or exclusive."""
    pairs = [(operator.ge, min), (operator.le, max), (operator.gt, exclusive_min), (operator.lt, exclusive_max)]
    ends: list[nw.Expr] = [compare(column, bound) for compare, bound in pairs if bound is not None]
    if not ends:
        raise LakehouseError("`between` has no bound.", fix="Write `min`, `max`, or both.")
    return reduce(operator.and_, ends)


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(arguments={"value": 0}, passing=1, failing=0))
def greater_than(column: nw.Expr, *, value: Bound) -> nw.Expr:
    """Value is greater than this one."""
    return column > value


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(arguments={"value": 5}, passing=4, failing=5))
def less_than(column: nw.Expr, *, value: Bound) -> nw.Expr:
    """Value is less than this one."""
    return column < value


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(arguments={"values": ["EUR"]}, passing="EUR", failing="eur"),
)
def in_set(column: nw.Expr, *, values: list[int | float | str]) -> nw.Expr:
    """Value is one of these."""
    return column.is_in(values)


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(arguments={"values": ["TEST"]}, passing="A1", failing="TEST"),
)
def not_in_set(column: nw.Expr, *, values: list[int | float | str]) -> nw.Expr:
    """Value is none of these."""
    return ~column.is_in(values)


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(arguments={"pattern": "C?[0-9]{6}"}, passing="C536365", failing="536365x"),
)
def matches(column: nw.Expr, *, pattern: str) -> nw.Expr:
    """Text matches the whole pattern; only what all engines read alike: no look-around, no back-references."""
    return column.str.contains(portable(pattern))


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(arguments={"pattern": "(TEST|DUMMY).*"}, passing="A1", failing="TEST-1"),
)
def not_matches(column: nw.Expr, *, pattern: str) -> nw.Expr:
    """Text does not match the whole pattern."""
    return ~column.str.contains(portable(pattern))


@rule(
    kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(arguments={"min": 2, "max": 3}, passing="né", failing="n")
)
def length(column: nw.Expr, *, min: int = 0, max: int | None = None) -> nw.Expr:  # noqa: A002 - YAML keys
    """Text has between `min` and `max` characters."""
    characters = column.str.len_chars()
    return characters >= min if max is None else (characters >= min) & (characters <= max)


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="ada@example.com", failing="ada@example"))
def email(column: nw.Expr) -> nw.Expr:
    """Text has the shape of an e-mail address."""
    return column.str.contains(portable(_EMAIL))


@rule(
    kind=RuleKind.ROW,
    dimension=Dimension.ACCURACY,
    example=Example(arguments={"reference": "us_states", "entries": ["AK", "AL"]}, passing="AL", failing="XL"),
)
def in_reference(
    column: nw.Expr, *, reference: str, entries: list[str] | None = None, ignore_case: bool = False
) -> nw.Expr:
    """Text is in a public list: a line of `references/<reference>.txt` beside the contracts."""
    if not entries:
        raise LakehouseError(f"the list {reference!r} has no values.", fix=f"Write references/{reference}.txt.")
    if ignore_case:
        return column.str.to_lowercase().is_in([entry.lower() for entry in entries])
    return column.is_in(entries)


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(arguments={"value": 12}, passing=24, failing=25))
def multiple_of(column: nw.Expr, *, value: int) -> nw.Expr:
    """Whole number is a multiple of this one."""
    return column % value == 0


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="Ada", failing=" Ada"))
def is_trimmed(column: nw.Expr) -> nw.Expr:
    """Text has no blanks around it."""
    return column == column.str.strip_chars(BLANKS)
