"""What row rules claim, in plain Python: an opinion of its own about a row, to hold the judge's against.

A rule that is not listed, because it was added later or describes a format, is asked itself (`promise`). Values come
as Python has them: text, int, Decimal, float, date, and datetime in UTC.
"""

import operator
import re
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from lakehouse_assets.engines.kit import BLANKS

Row = dict[str, Any]
Arguments = Mapping[str, Any]
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def row_meaning(rule: str, column: str | None, given: Arguments) -> Callable[[Row], bool] | None:
    """Return whether a row is fine for a rule, or None for one that is not known here."""
    if rule in OF_A_VALUE and column is not None:
        of_value = OF_A_VALUE[rule]
        return lambda row: row[column] is None or bool(of_value(row[column], given))
    if rule in OF_A_ROW:
        of_row, named = OF_A_ROW[rule], {"column": column, **given}
        return lambda row: bool(of_row(row, named))
    return None


def _between(value: Any, given: Arguments) -> bool:  # noqa: ANN401 - values of any type
    pairs = (("min", operator.ge), ("max", operator.le), ("exclusive_min", operator.gt), ("exclusive_max", operator.lt))
    return all(given.get(name) is None or compare(value, given[name]) for name, compare in pairs)


def _length(value: str, given: Arguments) -> bool:
    most = given.get("max")
    return len(value) >= (given.get("min") or 0) and (most is None or len(value) <= most)


def _listed(value: str, given: Arguments) -> bool:
    entries = given.get("entries") or ()
    return value.lower() in map(str.lower, entries) if given.get("ignore_case") else value in entries


OF_A_VALUE: Mapping[str, Callable[[Any, Arguments], bool]] = {
    "between": _between,
    "greater_than": lambda value, given: value > given["value"],
    "less_than": lambda value, given: value < given["value"],
    "in_set": lambda value, given: value in given["values"],
    "in_reference": _listed,
    "not_in_set": lambda value, given: value not in given["values"],
    "matches": lambda value, given: re.fullmatch(given["pattern"], value) is not None,
    "not_matches": lambda value, given: re.fullmatch(given["pattern"], value) is None,
    "length": _length,
    "multiple_of": lambda value, given: value % given["value"] == 0,
    "is_trimmed": lambda value, _: value == value.strip(BLANKS),
    "not_after": lambda value, given: value <= given["value"],
    "not_before": lambda value, given: value >= given["value"],
}


def _parts_agree(row: Row, given: Arguments, parts: list[str], combine: Callable[[list[Any]], Any]) -> bool:
    values = [row[part] for part in parts]
    if row[given["column"]] is None or None in values:
        return True
    return float(abs(row[given["column"]] - combine(values))) <= float(given.get("tolerance") or 0)


def _compare(row: Row, given: Arguments) -> bool:
    value, other = row[given["column"]], row[given["other"]]
    return value is None or other is None or bool(_COMPARE[given["operator"]](value, other))


def _implies(row: Row, given: Arguments) -> bool:
    value, other = row[given["column"]], row[given["other"]]
    return value not in given["values"] or other is None or other in given["allowed"]


OF_A_ROW: Mapping[str, Callable[[Row, Arguments], bool]] = {
    "required": lambda row, given: row[given["column"]] is not None,
    "not_blank": lambda row, given: (row[given["column"]] or "").strip(BLANKS) != "",
    "required_when": lambda row, given: row[given["other"]] not in given["values"] or row[given["column"]] is not None,
    "any_present": lambda row, given: any(row[name] is not None for name in given["columns"]),
    "compare_columns": _compare,
    "implies": _implies,
    "sum_of_parts": lambda row, given: _parts_agree(row, given, given["parts"], sum),
    "product_of": lambda row, given: _parts_agree(row, given, given["factors"], prod),
}
