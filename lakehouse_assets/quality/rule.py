"""What makes a function a rule: its signature, read from the function itself, and an example that is tested.

One function per rule in `quality/rules/`, named like a claim about good data. A row rule takes the expression of its
column first, or only keyword arguments that name columns, and returns what is true for a fine row. A partition rule
takes a frame and its partition column and returns `[by, failed_rows]` of the partitions that violate it. A group rule
judges rows beside the others of their partition: it takes the same and returns `by` and some of the frame's columns,
in each combination of values whose rows violate it.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.contracts.vocabulary import Check, Parameter, RuleSignature
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.registry import discover
from lakehouse_assets.results import Dimension

FAILED_ROWS = "failed_rows"
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Example:
    """Arguments as a contract writes them, with data that passes and data that fails.

    A value for a rule of one column, a row (column -> value) for a rule of several, rows for a partition rule.
    """

    passing: Any
    failing: Any
    arguments: Mapping[str, Any] = field(default_factory=dict)


class RuleFunction(Protocol):
    """A function in `quality/rules/` that `@rule` has marked."""

    signature: RuleSignature
    example: Example
    __call__: Callable[..., Any]


def rule(
    *, kind: RuleKind, dimension: Dimension, example: Example, check: Check | None = None
) -> Callable[[_Function], _Function]:
    """Mark a function as a rule; raise LakehouseError when it has no docstring."""

    def mark(function: _Function) -> _Function:
        signature = replace(signature_of(function, kind, dimension), check=check)
        function.signature = signature  # type: ignore[attr-defined]
        function.example = example  # type: ignore[attr-defined]
        return function

    return mark


def signature_of(function: Callable[..., Any], kind: RuleKind, dimension: Dimension) -> RuleSignature:
    """Read what the loader has to know about a rule from the function's own parameters and docstring."""
    name, module = function.__name__, function.__module__
    summary = (inspect.getdoc(function) or "").partition("\n")[0]
    if not summary:
        raise LakehouseError(
            f"the rule {name!r} has no docstring.", where=module, fix="Say in one line what it claims."
        )
    parameters = list(inspect.signature(function).parameters.values())
    keywords = [each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
    return RuleSignature(
        name=name,
        kind=kind,
        dimension=dimension,
        parameters=tuple(Parameter(each.name, required=each.default is inspect.Parameter.empty) for each in keywords),
        needs_column=kind is RuleKind.ROW and len(keywords) < len(parameters),
        summary=summary,
        module=module,
    )


def load_rules(package: str = "lakehouse_assets.quality.rules") -> dict[str, RuleFunction]:
    """Return every rule of a package by name."""
    found = discover(package, _name)
    return {name: plugin.value for name, plugin in sorted(found.items())}


def violating(counted: nw.LazyFrame, by: str, is_fine: nw.Expr, failed: nw.Expr) -> nw.LazyFrame:
    """Return `[by, failed_rows]` of the partitions in `counted` that are not fine: what a partition rule returns."""
    return counted.filter(~is_fine).select(by, failed.cast(nw.Int64).alias(FAILED_ROWS))


def _name(value: object) -> str | None:
    signature = getattr(value, "signature", None)
    return signature.name if isinstance(signature, RuleSignature) else None
