"""Findings about rules that compare a partition with earlier ones: whether there are any, and what may be measured."""

from collections.abc import Iterator, Mapping
from typing import Any

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract, Kind, RuleKind, RuleSpec
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.findings import Spot

METRICS, METHODS = ("sum", "mean", "null_share"), ("seasonal", "z_score")
_FEWEST = 7
_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_HASHED = {*_NUMBERS, Kind.STRING, Kind.BOOLEAN}
_Found = Iterator[tuple[str, str, str]]


def check_over_time(contract: Contract, reading: Reading) -> None:
    """Find rules over time that could never look back, or that would put values of classified columns into records."""
    for spec in contract.rules:
        if spec.kind is RuleKind.OVER_TIME:
            spot = Spot(spec.place.path, spec.place.line)
            for code, message, hint in (*_history(spec, contract), *_column(spec, contract), *_arguments(spec)):
                reading.report.add(code, spot, message, hint)


def _history(spec: RuleSpec, contract: Contract) -> _Found:
    if contract.load.mode is Mode.APPEND_ONCE:
        message = f"{spec.id!r} compares partitions, and those of {contract.table} grow by batches."
        yield "LH421", message, "Declare it at the table that is computed from this one."
    elif not contract.is_partitioned:
        message = f"{spec.id!r} compares partitions, and {contract.table} has only one."
        yield "LH421", message, "Declare it at a table with partitions, such as its upstream."


def _column(spec: RuleSpec, contract: Contract) -> _Found:
    column = next((one for one in contract.columns if one.name == spec.column), None)
    metric = spec.arguments.get("metric")
    if column is None or metric == "null_share":
        return
    if column.is_classified:
        message = f"{spec.id!r} would keep statistics of {column.name}, which is {column.classification}."
        yield "LH422", message, "Of such columns only metric: null_share can be watched."
    kinds, what = _kinds(spec)
    if column.type.kind not in kinds:
        yield "LH409", f"{spec.rule!r} looks at {what}; {column.name} is {column.type}.", ""


def _kinds(spec: RuleSpec) -> tuple[set[Kind], str]:
    if "metric" in spec.arguments or spec.rule == "kolmogorov_smirnov":
        return _NUMBERS, "numbers"
    return _HASHED, "numbers, text and booleans"


def _arguments(spec: RuleSpec) -> _Found:
    given: Mapping[str, Any] = spec.arguments
    for name, words in (("metric", METRICS), ("method", METHODS)):
        if name in given and given[name] not in words:
            yield "LH409", f"{name} of {spec.rule!r} must be one of {', '.join(words)}.", ""
    numbers = {name: given[name] for name in ("warn", "fail", "max", "partitions", "minRows") if name in given}
    wrong = [name for name, value in numbers.items() if not _is_positive(value)]
    if wrong:
        yield "LH409", f"{wrong[0]} of {spec.rule!r} must be a number above zero.", ""
        return
    if numbers.get("warn", 3.5) > numbers.get("fail", 5.0):
        yield "LH406", f"{spec.id!r} would fail before it warns.", "Write a `warn` below `fail`."
    if numbers.get("partitions", _FEWEST) < _FEWEST:
        yield "LH409", f"{spec.id!r} would learn from fewer than {_FEWEST} partitions.", "Let it learn for longer."


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
