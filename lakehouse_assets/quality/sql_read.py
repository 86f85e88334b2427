"""Queries of contracts as trees: one SELECT over the table itself, of what is listed here and nothing else.

Nothing of a query ever reaches an engine as text: `sql_query` computes what the tree says with expressions. So what is
not listed cannot happen; it is refused so that a contract never promises something else than is computed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lakehouse_assets.contracts.vocabulary import ArgumentError

if TYPE_CHECKING:
    from sqlglot import exp

UNREADABLE, FORBIDDEN, NO_NUMBER = "LH423", "LH424", "LH425"
OBJECT = "__object__"
_PROPERTY = "__property__"
_PLACEHOLDERS = {"object": OBJECT, "table": OBJECT, "property": _PROPERTY, "column": _PROPERTY}
_PLACEHOLDER = re.compile(r"\$?\{\s*(\w*)\s*\}")
_LONGEST, _MOST_NODES = 10_000, 1_000
# Every kind of node with the parts it may have. A part that a newer parser adds is refused until it is written here.
_ALLOWED: Mapping[str, frozenset[str]] = {
    name: frozenset(parts.split())
    for name, parts in {
        "Select": "expressions from_ with_ where group having distinct",
        "With": "expressions",
        "CTE": "this alias",
        "TableAlias": "this",
        "Identifier": "this quoted",
        "From": "this",
        "Table": "this alias",
        "Subquery": "this alias",
        "Where": "this",
        "Having": "this",
        "Group": "expressions",
        "Distinct": "expressions",
        "Column": "this table",
        "Alias": "this alias",
        "Star": "",
        "Literal": "this is_string",
        "Null": "",
        "Boolean": "this",
        "Paren": "this",
        "Neg": "this",
        "Not": "this",
        **dict.fromkeys(("And", "Or", "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "Is"), "this expression"),
        "Like": "this expression negate",
        **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Nullif", "Filter"), "this expression"),
        "In": "this expressions",
        "Between": "this low high",
        "Case": "ifs default",
        "If": "this true",
        "Coalesce": "this expressions",
        "Abs": "this",
        "Length": "this",
        "Cast": "this to",
        "DataType": "this",
        "Count": "this big_int",
        **dict.fromkeys(("Sum", "Avg", "Min", "Max"), "this"),
    }.items()
}
FUNCTIONS = "ABS, AVG, CASE, CAST (of numbers, AS DOUBLE), COALESCE, COUNT, LENGTH, MAX, MIN, NULLIF and SUM"


class QueryError(ArgumentError):
    """A query that cannot be a rule."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was read: its tree, and its text without comments, blanks and notation that mean nothing."""

    tree: "exp.Select"
    text: str


def read_query(text: object, column: str | None = None) -> Query:
    """Return a query that holds only what is allowed; raise QueryError for any other. `column` is `{property}`."""
    return _read(_filled(text, column))


@lru_cache(maxsize=256)
def _read(text: str) -> Query:
    from sqlglot import exp  # noqa: PLC0415 - half a second, for contracts with queries only

    tree = _parsed(text)
    if not isinstance(tree, exp.Select):
        raise QueryError(FORBIDDEN, f"the query is no SELECT but {_name(tree)}.", fix="Write one SELECT.")
    nodes = 0
    for node in tree.walk():
        nodes += 1
        _check(node)
    if nodes > _MOST_NODES:
        raise QueryError(FORBIDDEN, f"the query has more than {_MOST_NODES} parts.", fix="Write several rules.")
    return Query(tree, tree.sql(comments=False).replace(OBJECT, "{object}"))


def _filled(text: object, column: str | None) -> str:
    if not isinstance(text, str) or not text.strip():
        raise QueryError(UNREADABLE, "the query is empty.", fix="Write `SELECT COUNT(*) FROM {object} WHERE …`.")
    if len(text) > _LONGEST:
        raise QueryError(FORBIDDEN, f"the query is longer than {_LONGEST} characters.", fix="Write several rules.")
    if OBJECT in text.lower() or _PROPERTY in text.lower():
        raise QueryError(FORBIDDEN, "the query uses a name that is reserved.", fix="Write {object} and {property}.")
    if any(ord(each) < ord(" ") and each not in "\t\r\n" for each in text):
        raise QueryError(UNREADABLE, "the query holds control characters.", fix="Write it in plain text.")

    def fill(found: re.Match[str]) -> str:
        name = _PLACEHOLDERS.get(found[1].lower())
        if name is None:
            fix = "Write {object} for the table and {property} for the column the rule is declared at."
            raise QueryError(UNREADABLE, f"the query has the unknown placeholder {found[0]}.", fix=fix)
        if name == _PROPERTY and not column:
            fix = "Declare the rule at the column, or write its name."
            raise QueryError(UNREADABLE, f"{found[0]} names no column here.", fix=fix)
        return name if name == OBJECT else '"' + str(column).replace('"', '""') + '"'

    return _PLACEHOLDER.sub(fill, text)


def _parsed(text: str) -> "exp.Expr":
    import sqlglot  # noqa: PLC0415 - see above
    from sqlglot.errors import ParseError, SqlglotError  # noqa: PLC0415 - see above

    fix = "Write one SELECT of standard SQL."
    try:
        trees = sqlglot.parse(text)
    except ParseError as error:
        known = error.errors[0] if error.errors else {}
        at = f" in its line {known['line']}, character {known['col']}" if known.get("line") else ""
        raise QueryError(UNREADABLE, f"the query cannot be read{at}.", fix=fix) from error
    except (SqlglotError, RecursionError) as error:
        raise QueryError(UNREADABLE, "the query cannot be read.", fix=fix) from error
    if len(trees) != 1 or trees[0] is None:
        raise QueryError(FORBIDDEN, f"the query holds {len(trees)} statements.", fix="Write one SELECT.")
    return trees[0]


def _check(node: "exp.Expr") -> None:
    kind = type(node).__name__
    parts = _ALLOWED.get(kind)
    if parts is None:
        fix = f"Functions are {FUNCTIONS}; there are no joins, unions, windows, LIMIT or ORDER BY."
        raise QueryError(FORBIDDEN, f"the query uses {_name(node)}, which is not allowed.", fix=fix)
    for part, value in node.args.items():
        if value and part not in parts:
            fix = f"Leave it out; a query is SELECT, FROM {{object}}, WHERE, GROUP BY and HAVING, with {FUNCTIONS}."
            raise QueryError(FORBIDDEN, f"the query uses {part.strip('_').upper()} in {_name(node)}.", fix=fix)
    if kind == "Literal" and node.args.get("is_string") and OBJECT in str(node.args["this"]):
        raise QueryError(FORBIDDEN, "a placeholder stands in a text.", fix="Write {object} outside quotes.")
    if kind == "Identifier" and OBJECT in str(node.args["this"]) and type(node.parent).__name__ != "Table":
        raise QueryError(FORBIDDEN, "{object} stands for something else than a table.", fix="Write FROM {object}.")


def _name(node: Any) -> str:  # noqa: ANN401 - any node, whatever the parser makes
    name = node.args.get("this") if type(node).__name__ == "Anonymous" else getattr(node, "key", type(node).__name__)
    return str(name).upper()
