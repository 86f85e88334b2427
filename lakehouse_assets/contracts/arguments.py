"""Arguments of rules: known, complete, and about columns that exist and have a type the rule can look at.

Values and bounds, which are compared with columns, are judged in `compared`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lakehouse_assets.contracts.compared import check_bounds, check_values
from lakehouse_assets.contracts.model import Column, Kind, RuleKind, RuleSpec
from lakehouse_assets.contracts.patterns import check_pattern
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.vocabulary import FILLED, RuleSignature
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps

# Parameters with these names hold names of columns, one or several.
COLUMN_PARAMETERS = frozenset(
    {"column", "columns", "other", "parts", "factors", "determines", "properties", "order_by"}
)
OPERATORS = ("<", "<=", ">", ">=", "==", "!=")
COUNTRY_FORMS = ("alpha2", "alpha3")

_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_TIMES = {Kind.DATE, Kind.TIMESTAMP}
# What rules look at that take one type of column only.
_LOOKED_AT: Mapping[str, tuple[str, set[Kind]]] = {
    **dict.fromkeys(
        ("length", "email", "phone", "url", "uuid", "country", "currency", "iso_date", "luhn", "iban"),
        ("text", {Kind.STRING}),
    ),
    **dict.fromkeys(("in_reference", "one_spelling"), ("text", {Kind.STRING})),
    **dict.fromkeys(("sum_between", "mean_between", "close_to"), ("numbers", _NUMBERS)),
    **dict.fromkeys(("max_age_days", "newest_within_days", "late_rate"), ("dates and times", _TIMES)),
    "sequence_without_gaps": ("whole numbers", {Kind.INTEGER, Kind.LONG}),
    "monotonic": ("numbers, dates and times", _NUMBERS | _TIMES),
}


def check_arguments(
    arguments: Mapping[str, Any],
    column: str | None,
    signature: RuleSignature,
    context: tuple[Sequence[Column], Steps],
    reading: Reading,
) -> bool:
    """Whether the rule can run with these arguments; everything wrong with them becomes a finding."""
    columns, steps = context
    before = reading.report.errors
    _check_names(arguments, column, signature, steps, reading)
    names = {each.name: each for each in columns}
    for name in _column_names(arguments, column, signature):
        if name not in names:
            message = f"{signature.name!r} looks at {name!r}, which is no column."
            reading.tell("LH404", steps, message, nearest(name, names))
    found = names.get(column or "")
    _check_types(arguments, signature, found, steps, reading)
    check_bounds(arguments, signature, found, (steps, reading))
    check_values(arguments, column, signature, (names, steps), reading)
    return reading.report.errors == before


def columns_of(rule: RuleSpec) -> tuple[str, ...]:
    """Return the columns that a rule looks at."""
    named = [rule.column, *(rule.arguments[key] for key in sorted(COLUMN_PARAMETERS & rule.arguments.keys()))]
    lists = [each if isinstance(each, list | tuple) else [each] for each in named if each]
    return tuple(dict.fromkeys(str(name) for each in lists for name in each))


def _check_names(
    arguments: Mapping[str, Any], column: str | None, signature: RuleSignature, steps: Steps, reading: Reading
) -> None:
    parameters = [parameter for parameter in signature.parameters if parameter.name != FILLED]
    known = {parameter.name for parameter in parameters}
    for name in arguments:
        if name not in known:
            hint = nearest(name, known) or f"{signature.name!r} takes no arguments."
            reading.tell("LH402", steps, f"{signature.name!r} has no argument {name!r}.", hint)
    given = {*arguments, "column"} if column else set(arguments)
    for parameter in parameters:
        if parameter.required and parameter.name not in given:
            reading.tell("LH403", steps, f"{signature.name!r} needs the argument {parameter.name!r}.")
    if signature.needs_column and not column:
        hint = "Write `column:` in implementation, or declare the rule at a column."
        reading.tell("LH405", steps, f"{signature.name!r} looks at one column and none is named.", hint)


def _column_names(arguments: Mapping[str, Any], column: str | None, signature: RuleSignature) -> Iterator[str]:
    if column:
        yield column
    known = {parameter.name for parameter in signature.parameters} & COLUMN_PARAMETERS
    for name in sorted(known & set(arguments)):
        value = arguments[name]
        yield from map(str, value if isinstance(value, list | tuple) else [value])


def _check_types(
    arguments: Mapping[str, Any], signature: RuleSignature, column: Column | None, steps: Steps, reading: Reading
) -> None:
    if "pattern" in arguments:
        check_pattern(arguments["pattern"], steps, reading)
    what, kinds = _LOOKED_AT.get("length" if "pattern" in arguments else signature.name, ("", set(Kind)))
    if column is not None and column.type.kind not in kinds:
        reading.tell("LH409", steps, f"{signature.name!r} looks at {what}; {column.name} is {column.type}.")
    if "form" in arguments and arguments["form"] not in COUNTRY_FORMS:
        reading.tell("LH409", steps, f"form of {signature.name!r} must be {' or '.join(COUNTRY_FORMS)}.")
    if arguments.get("order_by") is not None and column is not None and arguments["order_by"] == column.name:
        reading.tell("LH409", steps, f"{signature.name!r} compares {column.name} with its own order.")
    if column is not None and column.name in (arguments.get("columns") or ()) and signature.kind is RuleKind.GROUP:
        reading.tell("LH409", steps, f"{signature.name!r} compares {column.name} with itself.", "Name other columns.")
    for name in ("days", "allowed"):
        if name in arguments and not _is_count(arguments[name]):
            reading.tell("LH409", steps, f"{name} of {signature.name!r} must be a whole number from 0 on.")
    if "share" in arguments and not _is_most(arguments["share"]):
        reading.tell("LH409", steps, f"share of {signature.name!r} must be a number from 0.5 to below 1.")
    if "operator" in arguments and arguments["operator"] not in OPERATORS:
        reading.tell("LH409", steps, f"operator of {signature.name!r} must be one of {' '.join(OPERATORS)}.")


def _is_most(share: object) -> bool:
    return isinstance(share, int | float) and not isinstance(share, bool) and 0.5 <= share < 1  # noqa: PLR2004


def _is_count(days: object) -> bool:
    return isinstance(days, int) and not isinstance(days, bool) and days >= 0
