"""Values and bounds in arguments of rules: of the type of the column they are compared with, and satisfiable."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lakehouse_assets.contracts.model import Column, Kind
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.vocabulary import RuleSignature
from lakehouse_assets.documents.strict_yaml import Plain, Steps

RUN_TIME = "run_time"
_BOUNDS = ("min", "max", "value")
_ENDS = ("min", "max", "exclusive_min", "exclusive_max")
# Which column a list of values is compared with, by the parameter that names it.
_LISTS: Mapping[str, str] = {
    "values": "column", "validValues": "column", "missingValues": "column", "allowed": "other",
}  # fmt: skip
# Those of this rule are about the column that decides, not the one that is decided about.
_OF_OTHER = frozenset({"required_when"})
_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_TIMES = {Kind.DATE, Kind.TIMESTAMP}
_WHOLE: Mapping[Kind, int] = {Kind.INTEGER: 2**31, Kind.LONG: 2**63}


def check_bounds(
    arguments: Mapping[str, Any], signature: RuleSignature, column: Column | None, at: tuple[Steps, Reading]
) -> None:
    """Find bounds that are all left open, of another type than what they bound, or that contradict each other."""
    steps, reading = at
    known = {parameter.name for parameter in signature.parameters}
    if {"min", "max"} <= known and all(arguments.get(name) is None for name in _ENDS):
        needed = {parameter.name for parameter in signature.parameters if parameter.required}
        if not needed & {"min", "max"}:
            where = f" of {column.name}" if column is not None else ""
            reading.tell("LH403", steps, f"{signature.name!r}{where} has no bound.", "Write `min`, `max`, or both.")
    # Bounds of a row rule are compared with its column; those of lengths and partition rules are numbers.
    is_about_values = signature.needs_column and signature.name != "length"
    values: dict[str, Any] = {}
    for name in (name for name in _BOUNDS if arguments.get(name) is not None):
        compares = column is not None and (is_about_values or name == "value")
        kind = column.type.kind if compares and column else Kind.DOUBLE
        values[name] = to_comparable(arguments[name], kind)
        if values[name] is None and not (arguments[name] == RUN_TIME and (not compares or kind in _TIMES)):
            expected = f"a column of type {column.type}" if compares and column else "a number"
            reading.tell("LH409", steps, f"{name} of {signature.name!r} does not fit {expected}.")
    low, high = values.get("min"), values.get("max")
    if low is not None and high is not None and type(low) is type(high) and low > high:
        reading.tell("LH406", steps, "min and max leave no value that is fine.", "Exchange or correct them.")


def check_values(
    arguments: Mapping[str, Any],
    column: str | None,
    signature: RuleSignature,
    context: tuple[Mapping[str, Column], Steps],
    reading: Reading,
) -> None:
    """Find lists of values that are empty, or that hold what their column never does."""
    columns, steps = context
    for name in (name for name in _LISTS if arguments.get(name) is not None):
        values = arguments[name]
        if not isinstance(values, list | tuple) or not values:
            reading.tell("LH409", steps, f"{name} of {signature.name!r} must be a list with at least one value.")
            continue
        target = columns.get(str(column_of_list(name, signature.name, column, arguments)))
        wrong = [value for value in values if target is not None and not _fits(value, name, target)]
        if target is not None and wrong:
            message = f"{wrong[0]!r} in {name} of {signature.name!r} is never in {target.name}, which is {target.type}."
            reading.tell("LH409", steps, message, _HINTS.get(target.type.kind, ""))


def column_of_list(name: str, rule: str, column: str | None, arguments: Mapping[str, Any]) -> str | None:
    """Return the column that a list of values is compared with: the rule's own, or the one called `other`."""
    named = "other" if rule in _OF_OTHER else _LISTS.get(name)
    return arguments.get("other") if named == "other" else column if named else None


_HINTS: Mapping[Kind, str] = {
    Kind.STRING: "Put it in quotes.",
    Kind.BOOLEAN: "Write true or false, without quotes.",
    Kind.DATE: "Write dates as '2010-12-01'; texts that mean missing belong into lakehouse.parse.",
    Kind.TIMESTAMP: "Write times as '2010-12-01 08:30:00'; texts that mean missing belong into lakehouse.parse.",
    **dict.fromkeys(_NUMBERS, "Write a number; texts that mean missing belong into nulls of lakehouse.parse."),
}


def _fits(value: Plain, name: str, column: Column) -> bool:
    if value is None:
        return name == "missingValues"
    found = to_comparable(value, column.type.kind)
    limit = _WHOLE.get(column.type.kind)
    if limit is None or not isinstance(found, Decimal):
        return found is not None
    return found == int(found) and -limit <= found < limit


def to_comparable(value: Plain, kind: Kind) -> Decimal | date | datetime | str | bool | None:
    """Return a value as the column's kind compares it, or None when it is no value of that kind."""
    if kind in _NUMBERS:
        return _to_number(value)
    if kind is Kind.BOOLEAN:
        return value if isinstance(value, bool) else None
    if not isinstance(value, str):
        return None
    if kind is Kind.STRING:
        return value
    try:
        return date.fromisoformat(value) if kind is Kind.DATE else _to_time(value)
    except ValueError:
        return None


def _to_number(value: Plain) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _to_time(value: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"Z$", "+00:00", value)).replace(tzinfo=None)
