"""Every rule does what its own example claims, and keeps the promises all rules share."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.quality.rule import RuleFunction, load_rules
from lakehouse_assets.results import Dimension

RULES = load_rules()
ROW_RULES = sorted(name for name, rule in RULES.items() if rule.signature.kind is RuleKind.ROW)
PARTITION_RULES = sorted(name for name, rule in RULES.items() if rule.signature.kind is RuleKind.PARTITION)
GROUP_RULES = sorted(name for name, rule in RULES.items() if rule.signature.kind is RuleKind.GROUP)
COLUMN_RULES = [name for name in ROW_RULES if RULES[name].signature.needs_column]
NULL_SAFE = [name for name in ROW_RULES if RULES[name].signature.dimension is not Dimension.COMPLETENESS]


@pytest.mark.parametrize("name", ROW_RULES)
def test_a_row_rule_is_true_for_its_passing_example(name: str) -> None:
    assert _is_fine(RULES[name], RULES[name].example.passing) is True


@pytest.mark.parametrize("name", ROW_RULES)
def test_a_row_rule_is_false_for_its_failing_example(name: str) -> None:
    assert _is_fine(RULES[name], RULES[name].example.failing) is False


@pytest.mark.parametrize("name", [name for name in COLUMN_RULES if name in NULL_SAFE])
def test_a_null_is_no_violation_of_a_rule_that_is_not_about_completeness(name: str) -> None:
    rule = RULES[name]
    typed = pl.Series([_value(rule, rule.example.passing)]).dtype

    assert _evaluated(rule, pl.LazyFrame({"x": pl.Series([None], dtype=typed)})) in {None, True}


@pytest.mark.parametrize("name", ["required", "not_blank"])
def test_a_completeness_rule_refuses_null_by_itself(name: str) -> None:
    assert _evaluated(RULES[name], pl.LazyFrame({"x": pl.Series([None], dtype=pl.String)})) is False


@pytest.mark.parametrize("name", PARTITION_RULES)
def test_a_partition_rule_names_only_the_partition_that_fails(name: str) -> None:
    rule = RULES[name]
    rows = [
        {"_proc_date": day, **{key: _value(rule, value) for key, value in row.items()}}
        for day, example in (("good", rule.example.passing), ("bad", rule.example.failing))
        for row in example
    ]
    arguments = {key: _argument(rule, key, value) for key, value in rule.example.arguments.items()}

    found = rule(nw.from_native(pl.LazyFrame(rows)), "_proc_date", **arguments).collect("polars")

    assert found["_proc_date"].to_list() == ["bad"]


@pytest.mark.parametrize("name", PARTITION_RULES)
def test_a_partition_rule_returns_whole_numbers_of_failed_rows(name: str) -> None:
    rule = RULES[name]
    rows = [
        {"_proc_date": "p", **{key: _value(rule, value) for key, value in row.items()}} for row in rule.example.failing
    ]
    arguments = {key: _argument(rule, key, value) for key, value in rule.example.arguments.items()}

    schema = rule(nw.from_native(pl.LazyFrame(rows)), "_proc_date", **arguments).collect_schema()

    assert dict(schema) == {"_proc_date": nw.String(), "failed_rows": nw.Int64()}


@pytest.mark.parametrize("name", GROUP_RULES)
def test_a_group_rule_names_combinations_of_the_partition_that_has_bad_rows(name: str) -> None:
    rule = RULES[name]
    days = (("good", rule.example.passing), ("bad", rule.example.failing))
    rows = [{"_proc_date": day, **row} for day, example in days for row in example]

    found = rule(nw.from_native(pl.LazyFrame(rows)), "_proc_date", **rule.example.arguments).collect("polars")

    assert found.columns[0] == "_proc_date"
    assert set(found.columns) <= {"_proc_date", *rule.example.failing[0]}
    assert set(found["_proc_date"].to_list()) == {"bad"}


@pytest.mark.parametrize("name", GROUP_RULES)
def test_a_group_rule_finds_nothing_in_a_partition_of_nulls_and_in_none(name: str) -> None:
    rule = RULES[name]
    rows = pl.DataFrame([{"_proc_date": "p", **row} for row in rule.example.failing])
    nulls = rows.with_columns(pl.lit(None, rows.schema[name]).alias(name) for name in rows.columns[1:])

    for frame in (nulls, rows.clear()):
        found = rule(nw.from_native(frame.lazy()), "_proc_date", **rule.example.arguments).collect("polars")

        assert found.is_empty()


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_says_in_one_sentence_what_it_claims(name: str) -> None:
    assert RULES[name].signature.summary.endswith(".")


def test_the_signature_holds_the_keyword_arguments_as_yaml_keys() -> None:
    parameters = {each.name: each.required for each in RULES["matches"].signature.parameters}

    assert parameters == {"pattern": True}


def _is_fine(rule: RuleFunction, example: Any) -> bool | None:  # noqa: ANN401 - any value may be an example
    row = example if isinstance(example, dict) else {"x": example}
    schema = None if any(value is not None for value in row.values()) else dict.fromkeys(row, pl.String)
    frame = pl.LazyFrame({name: [_value(rule, value)] for name, value in row.items()}, schema=schema)
    return _evaluated(rule, frame)


def _evaluated(rule: RuleFunction, frame: pl.LazyFrame) -> bool | None:
    arguments = {key: _argument(rule, key, value) for key, value in rule.example.arguments.items()}
    is_fine = rule(nw.col("x"), **arguments) if rule.signature.needs_column else rule(**arguments)
    answer: bool | None = nw.from_native(frame).select(fine=is_fine).collect("polars")["fine"][0]
    return answer


def _argument(rule: RuleFunction, name: str, value: Any) -> Any:  # noqa: ANN401 - YAML values
    return _value(rule, value) if name == "value" else value


def _value(rule: RuleFunction, value: Any) -> Any:  # noqa: ANN401 - YAML values
    is_about_time = rule.signature.dimension is Dimension.TIMELINESS
    if is_about_time and isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-":
        return date.fromisoformat(value)
    return value
