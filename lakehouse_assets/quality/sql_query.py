"""What a query of a contract asks, computed for every partition at once with expressions that both engines share.

Rows are never left out but marked: a partition in which nothing matches still has its line, in which COUNT is zero, as
SQL has it. Each grouping also groups by the partition, so that a query sees one partition as if it were the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw

from lakehouse_assets.contracts.model import ColumnType
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.quality.sql_expressions import Expressions
from lakehouse_assets.quality.sql_read import FORBIDDEN, NO_NUMBER, OBJECT, QueryError
from lakehouse_assets.quality.sql_values import (
    COUNTED,
    DOUBLE,
    NUMBERS,
    TRUTH,
    Value,
    as_double,
    computed,
    total_type,
)

if TYPE_CHECKING:
    from sqlglot import exp

VALUE, ROWS = "__value", "__rows"
_KEEP = "__keep"
_AGGREGATES = frozenset({"Count", "Sum", "Avg", "Min", "Max", "Filter"})


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows of all partitions, of which those count that are marked; `columns` are values by lower-case name.

    `rows`, a column of the frame, says how many rows of the table a row stands for.
    """

    frame: nw.LazyFrame
    columns: Mapping[str, Value]
    name: str = ""


@dataclass(slots=True)
class _Numbers:
    """Gives columns of the whole query different names."""

    last: int = 0

    def name(self) -> str:
        self.last += 1
        return f"__sql{self.last}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What all parts of one query share."""

    by: str
    base: Relation
    numbers: _Numbers = field(default_factory=_Numbers)


def answers(tree: "exp.Select", frame: nw.LazyFrame, by: str, types: Mapping[str, ColumnType]) -> nw.LazyFrame:
    """Return `[by, value, rows]`: the number that the query gives for each partition of the frame, as a double."""
    return answered(tree, marked(frame, by, types), by)


def marked(frame: nw.LazyFrame, by: str, types: Mapping[str, ColumnType], *, counts: bool = True) -> Relation:
    """Return the table as a query sees it; with `counts=False` its rows only carry types, and none of them counts."""
    columns = {name.lower(): Value(nw.col(name), kind) for name, kind in types.items()}
    mark = nw.lit(value=counts).alias(_KEEP), nw.lit(1, nw.Int64()).alias(ROWS)
    return Relation(frame.select(nw.col(by), *(nw.col(name) for name in types if name != by), *mark), columns)


def answered(tree: "exp.Select", base: Relation, by: str) -> nw.LazyFrame:
    """Return `[by, value, rows]` of a table that was marked."""
    asked = _Asked(by, base)
    found = _single(tree, asked, {})
    ((_, value),) = found.columns.items()
    if value.type.kind not in NUMBERS:
        raise QueryError(NO_NUMBER, f"the query gives a {value.type}.", fix="Count, or compute a number.")
    return found.frame.select(by, as_double(value).expr.alias(VALUE), ROWS)


def _single(tree: "exp.Select", asked: _Asked, known: Mapping[str, Relation]) -> Relation:
    """Return what a query gives that has exactly one value, by its form and not by chance."""
    is_one = len(tree.expressions) == 1 and not tree.args.get("group") and not tree.args.get("having")
    if not is_one or tree.args.get("distinct") or not _aggregates(tree.expressions):
        fix = "Select one aggregate such as COUNT(*), without GROUP BY, HAVING and DISTINCT; group in a subquery."
        raise QueryError(NO_NUMBER, "the query does not give exactly one number by its form.", fix=fix)
    return _select(tree, asked, known)


def _select(tree: "exp.Select", asked: _Asked, known: Mapping[str, Relation]) -> Relation:
    known = dict(known)
    for cte in (tree.args.get("with_") or _NONE).expressions:
        if cte.alias.lower() in known or cte.alias.lower() == OBJECT:
            raise QueryError(FORBIDDEN, f"{cte.alias!r} is defined twice.", fix="Give it another name.")
        known[cte.alias.lower()] = _select(_selected(cte.this), asked, known)
    source = _source(tree.args.get("from_"), asked, known)
    stage = _Stage(asked, known, source)
    if tree.args.get("where"):
        stage.keep(tree.args["where"].this)
    groups = (tree.args.get("group") or _NONE).expressions
    having = tree.args.get("having")
    conditions = [having.this] if having else []
    if groups or _aggregates([*tree.expressions, *conditions]):
        stage = stage.aggregated(groups, [*tree.expressions, *conditions])
        if having and groups:
            stage.keep(having.this)
        elif having:
            raise QueryError(FORBIDDEN, "HAVING stands without GROUP BY.", fix="Group, or use WHERE.")
    elif having:
        raise QueryError(FORBIDDEN, "HAVING stands without GROUP BY.", fix="Group, or use WHERE.")
    return stage.output(tree.expressions, distinct=bool(tree.args.get("distinct")))


class _Stage(Expressions):
    """The rows that one SELECT works on, and what its expressions mean there."""

    def __init__(self, asked: _Asked, known: Mapping[str, Relation], source: Relation) -> None:
        super().__init__()
        self.asked, self.known, self.frame = asked, known, source.frame
        self.columns, self.name = source.columns, source.name
        self.is_aggregated = False

    def keep(self, condition: "exp.Expr") -> None:
        """Mark the rows for which a condition is true."""
        holds = self.truth(condition)
        self.frame = self.frame.with_columns((nw.col(_KEEP) & holds.fill_null(value=False)).alias(_KEEP))

    def aggregated(self, groups: Sequence["exp.Expr"], outputs: Sequence["exp.Expr"]) -> "_Stage":
        """Return the stage after grouping by the partition and by what is asked for."""
        keys = {group: self._named(self.value(_not_a_place(group))) for group in groups}
        nodes = {node: None for output in outputs for node in _outermost(output)}
        sums: list[nw.Expr] = []
        found: dict[exp.Expr, Value] = {}
        for node in nodes:
            found[node] = self._aggregate(node, sums)
        by = [self.asked.by, *(value.column for value in keys.values())]
        counted = nw.col(_KEEP).cast(nw.Int8).max().alias(_KEEP), nw.col(ROWS).sum().alias(ROWS)
        grouped = self.frame.group_by(*by).agg(*sums, *counted)
        is_kept = nw.col(_KEEP) == 1 if groups else nw.lit(value=True)
        after = _Stage(self.asked, self.known, Relation(grouped.with_columns(is_kept.alias(_KEEP)), {}, self.name))
        after.is_aggregated = True
        after.found.update({**keys, **found})
        return after

    def output(self, outputs: Sequence["exp.Expr"], *, distinct: bool) -> Relation:
        """Return what is selected, as a relation."""
        named = {self._label(each, outputs): self._named(self.value(each.unalias())) for each in outputs}
        if len(named) < len(outputs):
            raise QueryError(FORBIDDEN, "two selected values have one name.", fix="Name them with AS.")
        columns = list(dict.fromkeys(value.column for value in named.values()))
        frame = self.frame.select(self.asked.by, *(nw.col(name) for name in columns), _KEEP, ROWS)
        if distinct:
            marks = nw.col(_KEEP).cast(nw.Int8).max().alias(_KEEP), nw.col(ROWS).sum().alias(ROWS)
            frame = frame.group_by(self.asked.by, *columns).agg(*marks)
            frame = frame.with_columns((nw.col(_KEEP) == 1).alias(_KEEP))
        return Relation(frame, named)

    def _aggregate(self, node: "exp.Expr", sums: list[nw.Expr]) -> Value:
        """Return one aggregate, computed from sums that are added."""
        keep = nw.col(_KEEP)
        if type(node).__name__ == "Filter":
            keep, node = keep & self.truth(node.expression.this).fill_null(value=False), node.this
        kind, inner = type(node).__name__, node.this

        def summed(expr: nw.Expr) -> nw.Expr:
            name = self.asked.numbers.name()
            sums.append(expr.alias(name))
            return nw.col(name)

        if kind == "Count" and type(inner).__name__ == "Star":
            return Value(summed(keep.cast(nw.Int64).sum()), COUNTED)
        is_distinct = type(inner).__name__ == "Distinct"
        value = self._named(self.value(_one(inner.expressions) if is_distinct else inner))
        name = self.asked.numbers.name()
        self.frame = self.frame.with_columns(nw.when(keep).then(value.expr).alias(name))
        if is_distinct and kind != "Count":
            raise QueryError(FORBIDDEN, f"the query uses DISTINCT in {kind.upper()}.", fix="Use SELECT DISTINCT.")
        if is_distinct:
            column = nw.col(name)
            return Value(summed(column.n_unique().cast(nw.Int64) - column.is_null().cast(nw.Int64).max()), COUNTED)
        known = summed((~nw.col(name).is_null()).cast(nw.Int64).sum())
        return _reduced(kind, nw.col(name), value, known, summed)

    def _named(self, value: Value) -> Value:
        """Return a value as a column of its own."""
        name = self.asked.numbers.name()
        self.frame = self.frame.with_columns(value.expr.alias(name))
        return Value(nw.col(name), value.type, value.text, name)

    def _label(self, node: "exp.Expr", outputs: Sequence["exp.Expr"]) -> str:
        return node.alias_or_name.lower() or f"__unnamed{outputs.index(node)}"

    def column(self, node: "exp.Column") -> Value:
        """Return a column of the rows, which no longer exists once they are aggregated."""
        table = node.table.lower()
        if table and table not in {self.name, OBJECT if self.name == "" else self.name}:
            raise QueryError(FORBIDDEN, f"the query names {node.table!r}, which it does not select from.")
        if self.is_aggregated:
            fix = "Group by it, or aggregate it."
            raise QueryError(FORBIDDEN, f"{node.name!r} is neither grouped nor aggregated.", fix=fix)
        value = self.columns.get(node.name.lower())
        if value is None:
            fix = nearest(node.name, (name for name in self.columns if not name.startswith("_")))
            raise QueryError(FORBIDDEN, f"the query names {node.name!r}, which is no column.", fix=fix)
        return value

    def subquery(self, node: "exp.Subquery") -> Value:
        """Return the one value that a query in brackets gives for the partition, beside its rows."""
        found = _single(_selected(node.this), self.asked, self.known)
        ((_, value),) = found.columns.items()
        name, by = self.asked.numbers.name(), self.asked.by
        single = found.frame.select(by, value.expr.alias(name))
        self.frame = self.frame.join(single, on=by, how="left")
        return Value(nw.col(name), value.type)


class _Nothing:
    """A clause that a query does not have."""

    expressions: tuple[Any, ...] = ()


_NONE = _Nothing()


def _source(clause: Any, asked: _Asked, known: Mapping[str, Relation]) -> Relation:  # noqa: ANN401 - FROM or None
    if clause is None:
        raise QueryError(FORBIDDEN, "the query selects from nothing.", fix="Write FROM {object}.")
    node = clause.this
    if type(node).__name__ == "Subquery":
        inner = _select(_selected(node.this), asked, known)
        return Relation(inner.frame, inner.columns, node.alias.lower() or "__unnamed")
    name = node.name.lower()
    if type(node).__name__ != "Table" or type(node.this).__name__ != "Identifier":
        raise QueryError(FORBIDDEN, "the query selects from something else than a table.", fix="Write FROM {object}.")
    found = asked.base if name == OBJECT else known.get(name)
    if found is None:
        fix = "Write FROM {object}: a rule sees its own table only."
        raise QueryError(FORBIDDEN, f"the query selects from {node.name!r}.", fix=fix)
    own = "" if name == OBJECT else name
    return Relation(found.frame, found.columns, node.alias.lower() or own)


def _selected(node: "exp.Expr") -> "exp.Select":
    if type(node).__name__ != "Select":
        raise QueryError(FORBIDDEN, "brackets hold something else than one SELECT.", fix="Write (SELECT …).")
    return node  # type: ignore[return-value]  # checked by its name


def _aggregates(nodes: Sequence["exp.Expr"]) -> bool:
    return any(_outermost(node) for node in nodes)


def _outermost(node: "exp.Expr") -> list["exp.Expr"]:
    """Return the aggregates of an expression, without those inside its subqueries."""
    kind = type(node).__name__
    if kind in _AGGREGATES:
        if kind == "Filter" and type(node.this).__name__ not in _AGGREGATES - {"Filter"}:
            raise QueryError(FORBIDDEN, "FILTER stands behind no aggregate.", fix="Write COUNT(*) FILTER (WHERE …).")
        return [node]
    if kind == "Subquery":
        return []
    return [found for child in node.iter_expressions() for found in _outermost(child)]


def _reduced(kind: str, column: nw.Expr, value: Value, known: nw.Expr, summed: Any) -> Value:  # noqa: ANN401 - a function
    if kind == "Count":
        return Value(known, COUNTED)
    if kind in {"Min", "Max"}:
        if value.type == TRUTH:
            raise QueryError(FORBIDDEN, "the query asks for the greatest truth.", fix="Count the rows.")
        return Value(summed(column.min() if kind == "Min" else column.max()), value.type)
    if not value.is_number:
        raise QueryError(FORBIDDEN, f"the query adds up a {value.type}.", fix="Add up numbers.")
    made = total_type(value.type)
    in_full = column if made == DOUBLE else column.cast(nw.Decimal(38, made.scale))
    total = Value(nw.when(known > 0).then(summed(in_full.sum())), made)
    return total if kind == "Sum" else computed("Div", total, Value(known, COUNTED))


def _one(nodes: Sequence["exp.Expr"]) -> "exp.Expr":
    if len(nodes) != 1:
        raise QueryError(FORBIDDEN, "DISTINCT is about several values.", fix="Count a SELECT DISTINCT.")
    return nodes[0]


def _not_a_place(node: "exp.Expr") -> "exp.Expr":
    if type(node).__name__ == "Literal":
        raise QueryError(FORBIDDEN, "GROUP BY names a place.", fix="Group by columns.")
    return node
