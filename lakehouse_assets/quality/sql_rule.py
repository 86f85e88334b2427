"""From a query with a threshold to a verdict about each partition, and what it says about one without rows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import Column, ColumnType, Kind
from lakehouse_assets.contracts.vocabulary import ArgumentError
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.engines.kit import native_type
from lakehouse_assets.quality.rule import FAILED_ROWS
from lakehouse_assets.quality.sql_query import ROWS, VALUE, answered, answers, marked
from lakehouse_assets.quality.sql_read import Query, read_query

SQL = "sql"
BOUNDS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
_BY = "__by"
_PLAIN: Mapping[nw.dtypes.DType, Kind] = {
    to_narwhals(ColumnType(kind)): kind for kind in Kind if kind not in {Kind.DECIMAL, Kind.TIMESTAMP}
}


def checked(arguments: Mapping[str, Any], columns: Sequence[Column]) -> Mapping[str, Any]:
    """Return arguments with the query in its normal form and the columns it looks at; raise ArgumentError otherwise."""
    bound = _bound(arguments)
    query = read_query(arguments["query"], arguments.get("column"))
    types = {column.name: column.type for column in columns}
    answers(query.tree, _no_rows(types, 0), _BY, types).collect_schema()
    looked_at = [name for name in types if name.lower() in _named(query)]
    kept = {name: value for name, value in arguments.items() if name not in BOUNDS}
    return {**kept, **bound, "query": query.text, "properties": looked_at}


def violations(frame: nw.LazyFrame, by: str, query: str, column: str | None, bound: Mapping[str, Any]) -> nw.LazyFrame:
    """Return `[by, failed_rows]` of the partitions for which a query gives something else than it must.

    `failed_rows` is null where it gives no number at all.
    """
    found = asked(frame, by, query, column)
    value = nw.col(VALUE)
    is_number = ~value.is_null() & value.is_finite().fill_null(value=False)
    failed = nw.when(is_number).then(nw.col(ROWS)).alias(FAILED_ROWS)
    return found.filter(~(is_number & _holds(value, bound).fill_null(value=False))).select(by, failed)


def asked(frame: nw.LazyFrame, by: str, query: str, column: str | None = None) -> nw.LazyFrame:
    """Return `[by, value, rows]`: what a query gives for each partition of a frame, as a double."""
    tree = read_query(query, column).tree
    types = {name: kind for name, dtype in frame.collect_schema().items() if (kind := _type_of(dtype)) is not None}
    return answers(tree, frame, by, types)


def answer_without_rows(arguments: Mapping[str, Any], columns: Sequence[Column]) -> float | None:
    """Return what a query gives for a partition that has no rows: COUNT is zero there, all else is null."""
    types = {column.name: column.type for column in columns}
    query = read_query(arguments["query"], arguments.get("column"))
    found = answered(query.tree, marked(_no_rows(types, 1), _BY, types, counts=False), _BY).collect()
    number = found[VALUE].to_list()[0]
    return None if number is None else float(number)


def written_values(arguments: Mapping[str, Any]) -> list[int | float | str]:
    """Return the values that are written in a query: what rows that break it are near to."""
    nodes = read_query(arguments["query"], arguments.get("column")).tree.walk()
    texts = [(str(node.this), bool(node.args.get("is_string"))) for node in nodes if type(node).__name__ == "Literal"]
    return [text.replace("%", "") if is_text else float(text) for text, is_text in texts]


def holds_for(number: float, arguments: Mapping[str, Any]) -> bool:
    """Whether a number is what a query must give."""
    bound = {name: value for name, value in arguments.items() if name in BOUNDS}
    return math.isfinite(number) and bool(_holds(number, bound))


def _holds(value: Any, bound: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an expression or a number
    ((name, limit),) = bound.items()
    if name in {"mustBeBetween", "mustNotBeBetween"}:
        low, high = (float(each) for each in limit)
        return (value >= low) & (value <= high) if name == "mustBeBetween" else (value < low) | (value > high)
    number = float(limit)
    return {
        "mustBe": lambda: value == number,
        "mustNotBe": lambda: value != number,
        "mustBeGreaterThan": lambda: value > number,
        "mustBeGreaterOrEqualTo": lambda: value >= number,
        "mustBeLessThan": lambda: value < number,
        "mustBeLessOrEqualTo": lambda: value <= number,
    }[name]()


def _bound(arguments: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: arguments[name] for name in BOUNDS if arguments.get(name) is not None}
    if len(given) != 1:
        raise ArgumentError("LH416", f"a query needs one threshold and has {len(given)}.", fix="Write mustBe: 0.")
    ((name, limit),) = given.items()
    is_range = name in {"mustBeBetween", "mustNotBeBetween"}
    numbers = limit if is_range and isinstance(limit, list | tuple) else [limit]
    if len(numbers) != (2 if is_range else 1) or not all(map(_is_number, numbers)):
        kind = "two numbers" if is_range else "a number"
        raise ArgumentError("LH416", f"{name} of a query is not {kind}.", fix=f"Write {kind}, without quotes.")
    if is_range and numbers[0] > numbers[1]:
        raise ArgumentError("LH406", f"{name} of a query ends before it begins.", fix="Write the smaller number first.")
    return given


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _named(query: Query) -> set[str]:
    return {node.name.lower() for node in query.tree.walk() if type(node).__name__ == "Column"}


def _no_rows(types: Mapping[str, ColumnType], rows: int) -> nw.LazyFrame:
    """Return a frame of these types: without rows, or with some that hold nothing."""
    schema = {name: native_type(to_narwhals(kind)) for name, kind in types.items()}
    nothing = {name: pl.Series([None] * rows, dtype=dtype) for name, dtype in schema.items()}
    return nw.from_native(pl.LazyFrame({_BY: pl.Series([""] * rows, dtype=pl.String), **nothing}))


def _type_of(dtype: nw.dtypes.DType) -> ColumnType | None:
    if isinstance(dtype, nw.Decimal):
        return ColumnType(Kind.DECIMAL, dtype.precision, dtype.scale)
    if isinstance(dtype, nw.Datetime):
        return ColumnType(Kind.TIMESTAMP)
    kind = _PLAIN.get(dtype)
    return None if kind is None else ColumnType(kind)
