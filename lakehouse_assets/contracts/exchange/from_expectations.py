"""Suites of Great Expectations to a draft; dbt_expectations tests are the same expectations in another spelling."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from lakehouse_assets.contracts.exchange.draft import Draft, members, portable_pattern, rule, type_of

Given = Mapping[str, Any]
_Carry = Callable[[Draft, Given, str], bool]
_EXACT = 1.0


def from_great_expectations(suite: Mapping[str, Any], _: str = "") -> Draft:
    """Return the draft of a suite, as JSON of any version writes it."""
    draft = Draft(str(members(suite.get("meta")).get("notes") or ""))
    for listed in suite.get("expectations") or ():
        name = str(listed.get("expectation_type") or listed.get("type") or "")
        carry(draft, name, members(listed.get("kwargs")), str(listed.get("severity") or ""))
    for column in draft.columns.values():
        if not column.type:
            column.type = "string"
            draft.lose(column.name, "its type", "Nothing says one: it is text here, write physicalType.")
    return draft


def carry(draft: Draft, name: str, given: Given, severity: str = "") -> None:
    """Carry over one expectation, or tell that it is not."""
    where = str(given.get("column") or given.get("column_list") or "the table")
    known = _EXPECTATIONS.get(name)
    condition = given.get("row_condition") or given.get("where")
    if condition:
        draft.lose(where, f"{name} where {condition}", "Rules look at every row: write `implies` or `required_when`.")
        return
    word = {"info": "info", "warning": "warning", "warn": "warning"}.get(severity, "error")
    mostly = float(given.get("mostly", _EXACT))
    if mostly < _EXACT and name != "expect_column_values_to_not_be_null":
        draft.lose(where, f"{name}: mostly {mostly:g}", "The rule warns about every row instead.")
        word = "warning"
    if known is None or not known(draft, given, word):
        draft.lose(where, name or "an expectation without a type")


def _not_null(draft: Draft, given: Given, word: str) -> bool:
    column, mostly = draft.column(given["column"]), float(given.get("mostly", _EXACT))
    if mostly < _EXACT:
        share = round(1 - mostly, 6)
        column.quality.append(rule("null_rate", rule_id=f"{column.name}_mostly_there", severity=word, max=share))
    elif word == "error":
        column.required = True
    else:
        column.quality.append(rule("required", rule_id=f"{column.name}_is_there", severity=word))
    return True


def _unique(draft: Draft, given: Given, word: str) -> bool:
    column = draft.column(given["column"])
    if word == "error":
        column.unique = True
    else:
        entry = rule("unique", rule_id=f"{column.name}_is_unique", severity=word, columns=[column.name])
        draft.quality.append(entry)
    return True


def _in_set(draft: Draft, given: Given, word: str) -> bool:
    column, values = draft.column(given["column"]), [each for each in given.get("value_set") or () if each is not None]
    if values:
        _guess(draft, given["column"], values)
        column.quality.append(rule("in_set", rule_id=f"{column.name}_is_known", severity=word, values=values))
    return bool(values)


def _not_in_set(draft: Draft, given: Given, word: str) -> bool:
    column, values = draft.column(given["column"]), list(given.get("value_set") or ())
    if values:
        _guess(draft, given["column"], values)
        column.quality.append(rule("not_in_set", rule_id=f"{column.name}_is_allowed", severity=word, values=values))
    return bool(values)


def _between(draft: Draft, given: Given, word: str) -> bool:
    low, high = given.get("min_value"), given.get("max_value")
    known = [each for each in (low, high) if each is not None]
    if not known or any(isinstance(each, Mapping) for each in known):
        return False
    column = draft.column(given["column"])
    _guess(draft, given["column"], known)
    ends = {
        "exclusive_min" if given.get("strict_min") else "min": low,
        "exclusive_max" if given.get("strict_max") else "max": high,
    }
    column.quality.append(rule("between", rule_id=f"{column.name}_in_range", severity=word, **ends))
    return True


def _pattern(name: str, key: str) -> _Carry:
    def carry_over(draft: Draft, given: Given, word: str) -> bool:
        pattern = portable_pattern(str(given.get(key) or ""))
        if not given.get(key) or not pattern:
            return False
        column = draft.column(given["column"])
        column.quality.append(rule(name, rule_id=f"{column.name}_{name}", severity=word, pattern=pattern))
        return True

    return carry_over


def _lengths(draft: Draft, given: Given, word: str) -> bool:
    exact = given.get("value")
    low, high = (exact, exact) if exact is not None else (given.get("min_value"), given.get("max_value"))
    if low is None and high is None:
        return False
    column = draft.column(given["column"])
    column.quality.append(rule("length", rule_id=f"{column.name}_length", severity=word, min=low, max=high))
    return True


def _rows(draft: Draft, given: Given, word: str) -> bool:
    exact = given.get("value")
    low, high = (exact, exact) if exact is not None else (given.get("min_value"), given.get("max_value"))
    if low is None and high is None:
        return False
    draft.quality.append(rule("row_count", rule_id="row_count", severity=word, min=low, max=high))
    return True


def _exists(draft: Draft, given: Given, _: str) -> bool:
    draft.column(given["column"])
    return True


def _columns(draft: Draft, given: Given, _: str) -> bool:
    listed = given.get("column_list") or given.get("column_set") or ()
    for name in listed:
        draft.column(str(name))
    return bool(listed)


def _type(draft: Draft, given: Given, _: str) -> bool:
    found = type_of(str(given.get("type_") or ""))
    if found:
        draft.column(given["column"]).type = found
    return bool(found)


def _together(draft: Draft, given: Given, word: str) -> bool:
    names = [draft.column(str(name)).name for name in given.get("column_list") or ()]
    if names:
        draft.quality.append(rule("unique", rule_id=f"{'_'.join(names)}_unique", severity=word, columns=names))
    return bool(names)


def _pair(operator: str) -> _Carry:
    def carry_over(draft: Draft, given: Given, word: str) -> bool:
        one, other = (draft.column(str(given[key])).name for key in ("column_A", "column_B"))
        sign = ">=" if operator == ">" and given.get("or_equal") else operator
        entry = rule(
            "compare_columns", rule_id=f"{one}_and_{other}", severity=word, column=one, operator=sign, other=other
        )
        draft.quality.append(entry)
        return True

    return carry_over


def _measure(name: str) -> _Carry:
    def carry_over(draft: Draft, given: Given, word: str) -> bool:
        low, high = given.get("min_value"), given.get("max_value")
        if low is None and high is None:
            return False
        column = draft.column(given["column"])
        _guess(draft, given["column"], [each for each in (low, high) if each is not None], whole="double")
        column.quality.append(rule(name, rule_id=f"{column.name}_{name}", severity=word, min=low, max=high))
        return True

    return carry_over


def _guess(draft: Draft, source: str, values: list[Any], *, whole: str = "long") -> None:
    """Guess a type from what values are compared with, where nothing says one."""
    column = draft.column(source)
    if column.type:
        return
    if all(isinstance(each, bool) for each in values):
        column.type = "boolean"
    elif all(isinstance(each, int | float) for each in values):
        column.type = whole if all(isinstance(each, int) for each in values) else "double"
    else:
        column.type = "date" if all(map(_is_day, values)) else "string"
    draft.lose(column.name, "its type", f"Guessed to be {column.type} from the values it is compared with.")


def _is_day(value: object) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


_EXPECTATIONS: Mapping[str, _Carry] = {
    "expect_column_to_exist": _exists,
    "expect_table_columns_to_match_ordered_list": _columns,
    "expect_table_columns_to_match_set": _columns,
    "expect_column_values_to_be_of_type": _type,
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_unique": _unique,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_match_regex": _pattern("matches", "regex"),
    "expect_column_values_to_not_match_regex": _pattern("not_matches", "regex"),
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": _lengths,
    "expect_table_row_count_to_be_between": _rows,
    "expect_table_row_count_to_equal": _rows,
    "expect_compound_columns_to_be_unique": _together,
    "expect_column_pair_values_a_to_be_greater_than_b": _pair(">"),
    "expect_column_pair_values_A_to_be_greater_than_B": _pair(">"),
    "expect_column_pair_values_to_be_equal": _pair("=="),
    "expect_column_mean_to_be_between": _measure("mean_between"),
    "expect_column_sum_to_be_between": _measure("sum_between"),
}
