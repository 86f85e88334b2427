"""Values of a query: expressions that know their type, so that both engines compute the same or the query is refused.

Whole numbers and decimals are exact as long as 38 digits hold them, and doubles beyond; `/` always gives a double, and
null where it would divide by zero. Nothing is converted silently but texts that are dates beside dates.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import add, eq, ge, gt, le, lt, ne, sub
from typing import Any

import narwhals as nw

from lakehouse_assets.contracts.model import ColumnType, Kind
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.quality.sql_read import FORBIDDEN, UNREADABLE, QueryError

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {"EQ": eq, "NEQ": ne, "LT": lt, "LTE": le, "GT": gt, "GTE": ge}
NUMBERS = frozenset({Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE})
DOUBLE, TRUTH, TEXT = ColumnType(Kind.DOUBLE), ColumnType(Kind.BOOLEAN), ColumnType(Kind.STRING)
COUNTED = ColumnType(Kind.LONG, 12)
_DIGITS = {Kind.INTEGER: 10, Kind.LONG: 19}
_MOST_DIGITS, _PRODUCT_DIGITS, _PRODUCT_SCALE = 37, 21, 8
_LONG_DIGITS = 18
_SPECIAL = re.compile(r"([.^$*+?{}\[\]\\|()])")


@dataclass(frozen=True, slots=True)
class Value:
    """An expression and its type; `text` is what a literal was written as, `column` where the value is kept."""

    expr: nw.Expr
    type: ColumnType
    text: str | None = None
    column: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it can be computed with."""
        return self.type.kind in NUMBERS


def literal(text: str, *, is_text: bool) -> Value:
    """Return a value that is written in a query."""
    if is_text:
        return Value(nw.lit(text), TEXT, text)
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        raise QueryError(UNREADABLE, f"the query holds {text!r}, which is no number.") from error
    digits, exponent = len(number.as_tuple().digits), int(number.as_tuple().exponent)
    if not number.is_finite() or "e" in text.lower() or digits > _MOST_DIGITS or -exponent > _MOST_DIGITS:
        return Value(nw.lit(float(text)), DOUBLE)
    if exponent == 0 and digits <= _LONG_DIGITS:
        return Value(nw.lit(int(number), nw.Int64()), ColumnType(Kind.LONG, digits))
    kind = ColumnType(Kind.DECIMAL, max(digits, -exponent + 1), -exponent)
    return Value(nw.lit(number).cast(to_narwhals(kind)), kind)


def compared(operator: str, left: Value, right: Value) -> Value:
    """Return whether a comparison holds; null when a side is null."""
    left, right = _alike(left, right)
    if left.type.kind is Kind.BOOLEAN and operator not in {"EQ", "NEQ"}:
        raise QueryError(FORBIDDEN, "the query asks which of two truths is greater.", fix="Use = or <>.")
    return Value(COMPARISONS[operator](left.expr, right.expr), TRUTH)


def computed(operator: str, left: Value, right: Value) -> Value:
    """Return a sum, a difference, a product or a quotient."""
    for value in (left, right):
        _need(value, NUMBERS, "computes with")
    if operator == "Div":
        divisor = as_double(right).expr
        return Value(kit.quotient(as_double(left).expr, nw.when(divisor != 0).then(divisor)), DOUBLE)
    if DOUBLE in (left.type, right.type):
        return _of_doubles(operator, left, right)
    return _product(left, right) if operator == "Mul" else _total(operator, left, right)


def as_double(value: Value) -> Value:
    """Return a number as a double."""
    _need(value, NUMBERS, "computes with")
    return value if value.type == DOUBLE else Value(value.expr.cast(nw.Float64()), DOUBLE)


def as_moment(value: Value, kind: Kind) -> Value:
    """Return a text that was written in the query as a date, or as a time of UTC."""
    if value.text is None or kind not in {Kind.DATE, Kind.TIMESTAMP}:
        raise QueryError(FORBIDDEN, "the query casts to a type other than DOUBLE.", fix="Write CAST(x AS DOUBLE).")
    try:
        moment = date.fromisoformat(value.text) if kind is Kind.DATE else _moment(value.text)
    except ValueError as error:
        fix = "Write dates as '2010-12-01', times as '2010-12-01 08:30:00'."
        raise QueryError(UNREADABLE, f"the query compares with a text that is no {kind}.", fix=fix) from error
    return Value(nw.lit(moment), ColumnType(kind))


def like(value: Value, pattern: Value) -> Value:
    """Return whether a text looks like a pattern of `%` and `_`."""
    _need(value, {Kind.STRING}, "looks with LIKE at")
    if pattern.text is None or not pattern.text.isprintable() or "\\" in pattern.text:
        raise QueryError(FORBIDDEN, "LIKE has no plain pattern.", fix="Write printable text with % and _ in quotes.")
    body = _SPECIAL.sub(r"\\\1", pattern.text).replace("%", ".*").replace("_", ".")
    return Value(value.expr.str.contains(rf"\A(?s:{body})\z"), TRUTH)


def chosen(values: Sequence[Value | None], make: Callable[[Sequence[nw.Expr]], nw.Expr]) -> Value:
    """Return one of several values, of one type; None is a NULL that was written."""
    known = [value for value in values if value is not None]
    if not known:
        raise QueryError(FORBIDDEN, "the query chooses among nothing but NULL.", fix="Give a value.")
    wanted = known[0]
    for other in known[1:]:
        wanted = _alike(wanted, other)[0]
    alike = [None if value is None else _alike(value, wanted)[0] for value in values]
    null = nw.lit(None).cast(to_narwhals(wanted.type))
    return Value(make([null if value is None else value.expr for value in alike]), wanted.type)


def total_type(kind: ColumnType) -> ColumnType:
    """Return the type of a sum of up to ten thousand million numbers."""
    if kind.kind is Kind.DOUBLE:
        return DOUBLE
    return ColumnType(Kind.DECIMAL, min(_digits(kind) + 10, 38), kind.scale)


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Return both values as ones of the same type."""
    if left.is_number and right.is_number:
        return _same_numbers(left, right)
    for one, other in ((left, right), (right, left)):
        if one.text is not None and other.type.kind in {Kind.DATE, Kind.TIMESTAMP}:
            read = as_moment(one, other.type.kind)
            return (read, other) if one is left else (other, read)
    if left.type.kind is not right.type.kind:
        said = f"the query puts {_said(left.type)} beside {_said(right.type)}."
        raise QueryError(FORBIDDEN, said, fix="Compare values of one type.")
    return left, right


def _same_numbers(left: Value, right: Value) -> tuple[Value, Value]:
    types = (left.type, right.type)
    if DOUBLE in types:
        return as_double(left), as_double(right)
    if Kind.DECIMAL not in {kind.kind for kind in types}:
        whole = ColumnType(Kind.LONG, max(map(_digits, types)))
        return _as(left, whole), _as(right, whole)
    kind = _common(types)
    return (_as(left, kind), _as(right, kind)) if kind else (as_double(left), as_double(right))


def _total(operator: str, left: Value, right: Value) -> Value:
    kind = _common((left.type, right.type), more=1)
    if kind is None:
        return _of_doubles(operator, left, right)
    one, other = _as(left, kind).expr, _as(right, kind).expr
    return _as(Value(add(one, other) if operator == "Add" else sub(one, other), DOUBLE), kind)


def _product(left: Value, right: Value) -> Value:
    scale = left.type.scale + right.type.scale
    digits = _digits(left.type) + _digits(right.type)
    whole = ColumnType(Kind.DECIMAL, digits, scale)
    if 0 in (left.type.scale, right.type.scale) and digits <= _MOST_DIGITS:  # nothing is rounded on either engine
        types = (ColumnType(Kind.DECIMAL, _digits(each.type), each.type.scale) for each in (left, right))
        one, other = map(_as, (left, right), types)
        return _as(Value(one.expr * other.expr, whole), whole)
    if digits - scale > _PRODUCT_DIGITS or max(left.type.scale, right.type.scale) > _PRODUCT_SCALE:
        return _of_doubles("Mul", left, right)
    return Value(kit.rounded_product(left.expr, right.expr, scale), whole)


def _of_doubles(operator: str, left: Value, right: Value) -> Value:
    one, other = as_double(left).expr, as_double(right).expr
    return Value({"Add": one + other, "Sub": one - other, "Mul": one * other}[operator], DOUBLE)


def _common(types: Sequence[ColumnType], more: int = 0) -> ColumnType | None:
    scale = max(kind.scale for kind in types)
    digits = max(_digits(kind) - kind.scale for kind in types) + scale + more
    return ColumnType(Kind.DECIMAL, digits, scale) if digits <= _MOST_DIGITS else None


def _as(value: Value, kind: ColumnType) -> Value:
    return Value(value.expr.cast(to_narwhals(kind)), kind)


def _digits(kind: ColumnType) -> int:
    return kind.precision or _DIGITS[kind.kind]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _need(value: Value, kinds: frozenset[Kind] | set[Kind], does: str) -> None:
    if value.type.kind not in kinds:
        raise QueryError(FORBIDDEN, f"the query {does} {_said(value.type)}.", fix="Use a column of another type.")


def _said(kind: ColumnType) -> str:
    if kind.kind in NUMBERS:
        return "a number"
    return {Kind.STRING: "text", Kind.BOOLEAN: "a truth"}.get(kind.kind, f"a {kind}")
