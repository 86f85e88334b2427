"""The lint of portable constructs: what transforms and rules must not write, because engines read it differently.

`python -m lakehouse_assets_tests.portability` checks both rooms; every finding offers the portable spelling. A line
that is portable for a reason the lint cannot see says it: `# portable: a decimal times a whole number is exact`.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse_assets_tests.repository import PACKAGE

ROOMS = (PACKAGE / "transforms", PACKAGE / "quality" / "rules")
REASON = re.compile(r"# portable: \S+")
LIBRARIES = frozenset({"polars", "pyspark", "duckdb", "pandas", "pyarrow", "numpy", "sqlframe"})
_NO_ORDER = "`unique(…, keep=, order_by=)`, or `min` and `max`"
# Methods of expressions and frames that are not there on Spark, or answer otherwise.
METHODS = {
    "join_asof": "`kit.as_of(rows, values, by=, on=, take=)`",
    "group_by_dynamic": "`kit.sum_over_days(rows, by=, day=, value=, days=)`",
    "rolling": "`kit.sum_over_days(rows, by=, day=, value=, days=)`",
    "first": _NO_ORDER,
    "last": _NO_ORDER,
    "head": "`top_k`, or a filter on a rank: without an order any rows may come",
    "tail": "`top_k`, or a filter on a rank",
    "replace": "`str.replace_all` with a pattern that matches once, such as `^…`",
    "replace_strict": "a chain of `nw.when(…).then(…).otherwise(…)`",
    "weekday": "`kit.iso_weekday(day)`",
    "round": "`kit.rounded(amount, scale)`",
    "hash": "`kit.row_hash({name: type})`",
    "drop_nulls": "`kit.without_nulls(rows, columns)`: Spark drops NaN as well",
    "to_native": "an operation in `engines/kit.py`, with both halves and cases in the parity suite",
    "collect": "a lazy frame: only the pipeline computes",
    "pivot": "`group_by(…).agg(…)` with a `nw.when` a column",
    "gather_every": "a filter on a rank",
    "to_titlecase": "the text as it is: engines differ in what a word is",
    "timestamp": "comparisons of times; or an operation in `engines/kit.py`",
    "total_seconds": "comparisons of times; or an operation in `engines/kit.py`",
    "total_minutes": "comparisons of times; or an operation in `engines/kit.py`",
    "mode": "the greatest of counted groups: `unique(…, order_by=)`",
    "sample": "a filter on `kit.spread(…)`",
}
# Methods whose results have other types, so that a cast must follow.
CASTS = {
    "offset_by": "`kit.days_after(day, days)`, or a `.cast(…)` behind it: dates become times on Spark",
    "floor": "a `.cast(…)` behind it: whole numbers on Spark, doubles on Polars",
    "ceil": "a `.cast(…)` behind it: whole numbers on Spark, doubles on Polars",
}
_PATTERNS = frozenset({"contains", "replace_all"})
_CLASSES = {r"\d": "[0-9]", r"\w": "[A-Za-z0-9_]", r"\s": r"[ \t\r\n]", r"\b": "the characters around it"}
_TRUTHS = ("is_", "starts_with", "ends_with", "contains", "any_horizontal", "all_horizontal")


@dataclass(frozen=True)
class Finding:
    """A construct that engines read differently, where it is, and what to write instead."""

    path: Path
    line: int
    construct: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.construct} differs between engines; write {self.instead}."


def check_source(source: str, path: Path = Path("source.py")) -> list[Finding]:
    """Return what is not portable in the text of a module."""
    lines = source.splitlines()
    module = _module(ast.parse(source))
    found = {
        Finding(path, line, construct, instead)
        for node in ast.walk(module.tree)
        for line in [getattr(node, "lineno", 0)]
        for check in CHECKS
        for construct, instead in check(node, module)
        if not REASON.search(lines[line - 1])
    }
    return sorted(found, key=lambda finding: (finding.line, finding.construct))


def check_rooms(rooms: Sequence[Path] = ROOMS) -> list[Finding]:
    """Return what is not portable in the modules of some folders."""
    files = sorted(file for room in rooms for file in room.rglob("*.py"))
    return [finding for file in files for finding in check_source(file.read_text(encoding="utf-8"), file)]


@dataclass(frozen=True)
class _Module:
    """A module, what is cast in it, and the names of all parameters: values, where other names may be columns."""

    tree: ast.Module
    cast: frozenset[ast.AST]
    parameters: frozenset[str]


_Found = Iterator[tuple[str, str]]
_Check = Callable[[ast.AST, _Module], _Found]


def _module(tree: ast.Module) -> _Module:
    nodes = list(ast.walk(tree))
    cast = frozenset(receiver for node in nodes if _method(node) == "cast" and (receiver := _receiver(node)))
    return _Module(tree, cast, frozenset(node.arg for node in nodes if isinstance(node, ast.arg)))


def _imports(node: ast.AST, _: _Module) -> _Found:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    for name in names:
        if name.split(".")[0] in LIBRARIES:
            yield f"import {name}", "Narwhals, and `engines/kit.py` for what it lacks"


def _methods(node: ast.AST, module: _Module) -> _Found:
    name = _method(node)
    if name in METHODS:
        yield f".{name}()", METHODS[name]
    if name in CASTS and node not in module.cast:
        yield f".{name}()", CASTS[name]


def _filtered(node: ast.AST, _: _Module) -> _Found:
    inner = _receiver(node)
    if _method(inner) == "filter" and _method(node) in {"sum", "count", "len", "min", "max", "mean", "n_unique"}:
        yield f".filter(…).{_method(node)}()", "`nw.when(condition).then(value)` before the aggregation"
    if _method(inner) == "n_unique" and _method(node) == "over":
        yield ".n_unique().over()", "`group_by(…).agg(…n_unique())` and a join"


def _truths(node: ast.AST, _: _Module) -> _Found:
    if _method(node) in {"sum", "mean"} and _is_truth(_receiver(node)):
        yield f"{_method(node)} of truths", "`.cast(nw.Int64)` before it"


def _sums(node: ast.AST, _: _Module) -> _Found:
    inner = _receiver(node)
    if _method(node) == "sum" and _method(inner) not in {"cast", "filter"} and not _is_truth(inner):
        yield ".sum() of whatever comes", "`.cast(nw.Int64)` or a decimal before it: 32 bits wrap around on Polars"


def _texts(node: ast.AST, _: _Module) -> _Found:
    if _method(node) == "strip_chars" and isinstance(node, ast.Call) and not node.args and not node.keywords:
        yield ".strip_chars()", "`.strip_chars(kit.BLANKS)`: blanks beyond ASCII stay on Spark otherwise"
    if _method(node) == "truncate" and isinstance(node, ast.Call) and re.match(r"(?!1[a-z])", _text(node)):
        yield ".truncate() to several units", "one unit, such as `1h`"
    if (
        _method(node) == "cast"
        and isinstance(node, ast.Call)
        and any(_ends_in(_called(each), "String") for each in node.args)
    ):
        yield ".cast(nw.String)", "`kit.as_text(value, type)`"
    if _method(node) in _PATTERNS and isinstance(node, ast.Call) and not _is_literal(node):
        yield from _pattern(_text(node))


def _pattern(pattern: str) -> _Found:
    for escape, instead in _CLASSES.items():
        if escape in pattern.replace(r"\\", "") or escape.upper() in pattern.replace(r"\\", ""):
            yield f"{escape} in a pattern", f"{instead} in its place"
    if re.search(r"(?<!\\)\$", pattern):
        yield "$ in a pattern", r"`\z`: `$` lets a final line end through"
    if re.search(r"\(\?(=|!|<)|\\[1-9]", pattern):
        yield "look-around or a back-reference in a pattern", "two patterns: there is neither on Polars"


def _products(node: ast.AST, module: _Module) -> _Found:
    instead = "`kit.product(…)`, or `kit.rounded_product(…, scale)` for money"
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else ()
    if sides and not any(_is_value(side, module) for side in sides):
        yield "a product of columns", instead
    if isinstance(node, ast.Attribute) and node.attr == "mul" and _ends_in(node.value, "operator"):
        yield "operator.mul", instead


CHECKS: tuple[_Check, ...] = (_imports, _methods, _filtered, _truths, _sums, _texts, _products)


def _method(node: ast.AST | None) -> str:
    """Return the name of a method that is called, but not of an operation of the kit."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not _ends_in(node.func.value, "kit"):
        return node.func.attr
    return ""


def _receiver(node: ast.AST) -> ast.expr | None:
    return node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_truth(node: ast.expr | None) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Invert)
    return isinstance(node, ast.Compare) or _method(node).startswith(_TRUTHS)


def _is_literal(node: ast.Call) -> bool:
    return any(keyword.arg == "literal" for keyword in node.keywords)


def _text(node: ast.Call) -> str:
    first = node.args[0] if node.args else None
    if isinstance(first, ast.JoinedStr):
        return "".join(str(part.value) for part in first.values if isinstance(part, ast.Constant))
    return str(first.value) if isinstance(first, ast.Constant) and isinstance(first.value, str) else "1x"


def _is_value(node: ast.expr, module: _Module) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_value(node.operand, module)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in module.parameters)


def _ends_in(node: ast.AST, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)


if __name__ == "__main__":
    findings = check_rooms()
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    sys.exit(bool(findings))
