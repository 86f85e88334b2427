"""What the expressions of a query mean, whatever rows they are asked about: those are in `sql_query`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from lakehouse_assets.contracts.model import Kind
from lakehouse_assets.quality.sql_read import FORBIDDEN, QueryError
from lakehouse_assets.quality.sql_values import (
    COMPARISONS,
    COUNTED,
    TRUTH,
    Value,
    as_double,
    as_moment,
    chosen,
    compared,
    computed,
    like,
    literal,
)

if TYPE_CHECKING:
    from sqlglot import exp

_ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div"})
_CASTS = {"DOUBLE": Kind.DOUBLE, "DATE": Kind.DATE, "TIMESTAMP": Kind.TIMESTAMP}


class Expressions(ABC):
    """Values of expressions by their kind; `found` holds those that are known already."""

    def __init__(self) -> None:
        self.found: dict[exp.Expr, Value] = {}

    @abstractmethod
    def column(self, node: "exp.Column") -> Value:
        """Return what a name stands for."""

    @abstractmethod
    def subquery(self, node: "exp.Subquery") -> Value:
        """Return the one value that a query in brackets gives."""

    def value(self, node: "exp.Expr") -> Value:
        """Return what an expression means here."""
        if node in self.found:
            return self.found[node]
        kind = type(node).__name__
        special = self._meanings().get(kind)
        if special is not None:
            return special(node)
        if kind in COMPARISONS:
            return compared(kind, self.value(node.this), self.value(node.expression))
        if kind in _ARITHMETIC:
            return computed(kind, self.value(node.this), self.value(node.expression))
        raise QueryError(FORBIDDEN, f"{kind.upper()} stands where it means nothing.", fix="Look at the query's form.")

    def truth(self, node: "exp.Expr") -> nw.Expr:
        """Return a condition."""
        value = self.value(node)
        if value.type != TRUTH:
            raise QueryError(FORBIDDEN, f"a condition is a {value.type}.", fix="Compare it with something.")
        return value.expr

    def _meanings(self) -> Mapping[str, Callable[[Any], Value]]:
        return {
            "Column": self.column,
            "Subquery": self.subquery,
            "Literal": self._literal,
            "Boolean": self._boolean,
            "Null": self._null,
            "Paren": self._paren,
            "Neg": self._neg,
            "Not": self._not,
            "And": self._and,
            "Or": self._or,
            "Is": self._is,
            "In": self._in,
            "Between": self._between,
            "Like": self._like,
            "Case": self._case,
            "Coalesce": self._coalesce,
            "Nullif": self._nullif,
            "Abs": self._abs,
            "Length": self._length,
            "Cast": self._cast,
        }

    def _literal(self, node: "exp.Literal") -> Value:
        return literal(str(node.this), is_text=bool(node.is_string))

    def _boolean(self, node: "exp.Boolean") -> Value:
        return Value(nw.lit(value=bool(node.this)), TRUTH)

    def _null(self, _: "exp.Null") -> Value:
        raise QueryError(FORBIDDEN, "NULL stands where it decides nothing.", fix="Write IS NULL or IS NOT NULL.")

    def _paren(self, node: "exp.Paren") -> Value:
        return self.value(node.this)

    def _neg(self, node: "exp.Neg") -> Value:
        return computed("Sub", literal("0", is_text=False), self.value(node.this))

    def _not(self, node: "exp.Not") -> Value:
        return Value(~self.truth(node.this), TRUTH)

    def _and(self, node: "exp.And") -> Value:
        return Value(self.truth(node.this) & self.truth(node.expression), TRUTH)

    def _or(self, node: "exp.Or") -> Value:
        return Value(self.truth(node.this) | self.truth(node.expression), TRUTH)

    def _is(self, node: "exp.Is") -> Value:
        if type(node.expression).__name__ != "Null":
            raise QueryError(FORBIDDEN, "IS stands before something else than NULL.", fix="Write = or <>.")
        return Value(self.value(node.this).expr.is_null(), TRUTH)

    def _in(self, node: "exp.In") -> Value:
        value = self.value(node.this)
        held = [compared("EQ", value, self.value(each)).expr for each in node.expressions]
        if not held:
            raise QueryError(FORBIDDEN, "IN stands before something else than values.", fix="List the values.")
        together = held[0]
        for each in held[1:]:
            together = together | each
        return Value(together, TRUTH)

    def _between(self, node: "exp.Between") -> Value:
        value = self.value(node.this)
        low = compared("GTE", value, self.value(node.args["low"]))
        return Value(low.expr & compared("LTE", value, self.value(node.args["high"])).expr, TRUTH)

    def _like(self, node: "exp.Like") -> Value:
        looks = like(self.value(node.this), self.value(node.expression))
        return Value(~looks.expr, TRUTH) if node.args.get("negate") else looks

    def _case(self, node: "exp.Case") -> Value:
        conditions = [self.truth(each.this).fill_null(value=False) for each in node.args["ifs"]]
        branches = [self._or_null(each.args["true"]) for each in node.args["ifs"]]

        def make(values: Sequence[nw.Expr]) -> nw.Expr:
            made = values[-1]
            for condition, value in reversed(list(zip(conditions, values[:-1], strict=True))):
                made = nw.when(condition).then(value).otherwise(made)
            return made

        return chosen([*branches, self._or_null(node.args.get("default"))], make)

    def _coalesce(self, node: "exp.Coalesce") -> Value:
        return chosen([self.value(each) for each in (node.this, *node.expressions)], lambda found: nw.coalesce(*found))

    def _nullif(self, node: "exp.Nullif") -> Value:
        value = self.value(node.this)
        is_it = compared("EQ", value, self.value(node.expression)).expr.fill_null(value=False)
        return Value(nw.when(~is_it).then(value.expr), value.type)

    def _abs(self, node: "exp.Abs") -> Value:
        value = self.value(node.this)
        if not value.is_number:
            raise QueryError(FORBIDDEN, f"the query computes ABS of a {value.type}.", fix="Use it on numbers.")
        below = computed("Sub", literal("0", is_text=False), value)
        return chosen([below, value], lambda each: nw.when(value.expr < 0).then(each[0]).otherwise(each[1]))

    def _length(self, node: "exp.Length") -> Value:
        value = self.value(node.this)
        if value.type.kind is not Kind.STRING:
            raise QueryError(FORBIDDEN, f"the query asks for the LENGTH of a {value.type}.", fix="Use it on text.")
        return Value(value.expr.str.len_chars().cast(nw.Int64()), COUNTED)

    def _cast(self, node: "exp.Cast") -> Value:
        kind = _CASTS.get(str(getattr(node.to.this, "name", node.to.this)).upper())
        value = self.value(node.this)
        if kind is Kind.DOUBLE:
            return as_double(value)
        return as_moment(value, kind or Kind.STRING)

    def _or_null(self, node: "exp.Expr | None") -> Value | None:
        return None if node is None or type(node).__name__ == "Null" else self.value(node)
