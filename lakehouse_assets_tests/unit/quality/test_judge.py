"""Judging rows: flags are never null, every rule has an outcome, and a broken rule blocks instead of vanishing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.contracts.model import Column, ColumnType, Kind, RuleKind, RuleSpec
from lakehouse_assets.quality.judge import RowRule, Scope, bind, counts, flag, is_refused, isolate, to_results
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.results import Dimension, OnFailure, Outcome, Severity

RULES = load_rules()
COLUMNS = (
    Column("id", ColumnType(Kind.STRING)),
    Column("quantity", ColumnType(Kind.LONG)),
    Column("price", ColumnType(Kind.DECIMAL, 18, 4)),
    Column("rate", ColumnType(Kind.DOUBLE)),
    Column("sold_at", ColumnType(Kind.TIMESTAMP)),
    Column("sold_on", ColumnType(Kind.DATE)),
)


@given(st.lists(st.one_of(st.none(), st.integers(-5, 15))))
def test_counts_of_between_are_those_of_the_python_predicate(values: list[int | None]) -> None:
    rules = bind([_spec("between", "quantity", min=0, max=10)], RULES, Scope(COLUMNS))

    found = _counted({"quantity": values}, rules)

    assert found == (sum(value is not None and not 0 <= value <= 10 for value in values),)


@given(st.lists(st.one_of(st.none(), st.sampled_from(["", " ", "x", "N/A", "n/a "]))))
def test_counts_of_completeness_rules_include_nulls(values: list[str | None]) -> None:
    rules = bind([_spec("required", "id"), _spec("not_blank", "id")], RULES, Scope(COLUMNS))

    found = _counted({"id": values}, rules)

    assert found == (sum(v is None for v in values), sum(v is None or not v.strip() for v in values))


@given(st.lists(st.tuples(*[st.one_of(st.none(), st.integers(0, 3))] * 2)))
def test_a_comparison_with_a_null_on_either_side_is_no_violation(rows: list[tuple[int | None, int | None]]) -> None:
    rules = bind([_spec("compare_columns", "a", operator="<=", other="b")], RULES)

    found = _counted({"a": [a for a, _ in rows], "b": [b for _, b in rows]}, rules)

    assert found == (sum(a is not None and b is not None and a > b for a, b in rows),)


def test_flags_are_never_null() -> None:
    rules = bind([_spec("between", "quantity", min=0), _spec("required", "quantity")], RULES, Scope(COLUMNS))

    flagged = flag(_frame({"quantity": [None, -1, 1]}), rules).collect("polars")

    assert flagged["__v0"].to_list() == [False, True, False]
    assert flagged["__v1"].to_list() == [True, False, False]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("arguments", [{"min": 0}, {"max": 0}, {"exclusive_min": -1}])
def test_a_number_that_is_not_finite_fails_every_numeric_rule(value: float, arguments: dict[str, Any]) -> None:
    rules = bind([_spec("between", "rate", **arguments)], RULES, Scope(COLUMNS))

    assert _counted({"rate": [value]}, rules) == (1,)


def test_a_bound_written_as_a_float_is_exact_for_a_decimal() -> None:
    rules = bind([_spec("between", "price", min=0.1, max=0.1)], RULES, Scope(COLUMNS))
    prices = pl.Series([Decimal("0.1"), Decimal("0.1001")], dtype=pl.Decimal(18, 4))

    assert _counted({"price": prices}, rules) == (1,)


def test_run_time_is_the_end_of_the_partition_of_the_row() -> None:
    rules = bind([_spec("not_after", "sold_at", value="run_time")], RULES, Scope(COLUMNS))
    midnight = datetime(2010, 12, 2, tzinfo=UTC)
    rows = {"sold_at": [midnight, midnight], "_proc_date": ["2010-12-01", "2010-12-02"]}

    flagged = flag(_frame(rows, {"sold_at": pl.Datetime("us", "UTC")}), rules).collect("polars")

    assert flagged["__v0"].to_list() == [True, False]


def test_run_time_is_a_day_for_a_date() -> None:
    rules = bind([_spec("not_after", "sold_on", value="run_time")], RULES, Scope(COLUMNS))
    day = datetime(2010, 12, 2, tzinfo=UTC).date()

    assert _counted({"sold_on": [day, day], "_proc_date": ["2010-12-01", "2010-12-02"]}, rules) == (1,)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (("no_such_rule", "id", {}), "no rule is named"),
        (("between", "id", {"min": 0}), "the rule raised"),
        (("between", "nowhere", {"min": 0}), "the rule raised"),
        (("between", "quantity", {"minn": 0}), "the rule raised TypeError"),
        (("not_before", "sold_on", {"value": "yesterday"}), "not a value of type date"),
    ],
)
def test_a_rule_that_cannot_run_has_the_outcome_error_and_blocks(
    spec: tuple[str, str, dict[str, Any]], reason: str
) -> None:
    name, column, arguments = spec
    rules = bind([_spec(name, column, **arguments), _spec("required", "id")], RULES, Scope(COLUMNS))

    broken, sound = to_results(rules, {"__v0": 0, "__v1": 0}, 3)

    assert (broken.outcome, broken.blocks, reason in broken.reason) == (Outcome.ERROR, True, True)
    assert sound.passed


def test_a_rule_that_raises_only_on_data_is_found_by_running_each_alone() -> None:
    specs = [_spec("cast", "id"), _spec("required", "id")]
    functions: dict[str, Any] = {**RULES, "cast": lambda column: column.cast(nw.Int64) > 0}
    rules = bind(specs, functions)

    broken, sound = isolate(_frame({"id": ["secret"]}), rules, lambda frame: frame.collect("polars"))

    assert broken.error
    assert "secret" not in broken.error
    assert not sound.error


def test_a_rule_without_a_count_did_not_run() -> None:
    rules = bind([_spec("required", "id")], RULES)

    (result,) = to_results(rules, {}, 3)

    assert (result.outcome, result.blocks) == (Outcome.NOT_RUN, True)


def test_a_result_carries_what_was_declared_and_counted() -> None:
    rules = bind([_spec("required", "id")], RULES)

    (result,) = to_results(rules, {"__v0": 2}, 7)

    assert (result.rule_id, result.failed_rows, result.checked_rows, result.outcome) == ("id.required", 2, 7, "fail")


@pytest.mark.parametrize(
    ("on_failure", "refused"), [(OnFailure.QUARANTINE, True), (OnFailure.KEEP, False), (OnFailure.BLOCK, False)]
)
def test_only_rules_that_quarantine_refuse_a_row(on_failure: OnFailure, *, refused: bool) -> None:
    rules = bind([_spec("required", "id", on_failure=on_failure)], RULES)

    found = flag(_frame({"id": [None]}, {"id": pl.String}), rules).select(out=is_refused(rules)).collect("polars")

    assert found["out"].to_list() == [refused]


def test_counts_can_be_taken_by_partition() -> None:
    rules = bind([_spec("required", "id")], RULES)
    flagged = flag(_frame({"id": [None, "a", None], "_proc_date": ["x", "x", "y"]}), rules)

    found = flagged.group_by("_proc_date").agg(*counts(rules)).sort("_proc_date").collect("polars")

    assert found.rows() == [("x", 1), ("y", 1)]


def _spec(rule: str, column: str | None, *, on_failure: OnFailure = OnFailure.QUARANTINE, **arguments: Any) -> RuleSpec:  # noqa: ANN401 - YAML values
    dimension = RULES[rule].signature.dimension if rule in RULES else Dimension.CONFORMITY
    return RuleSpec(
        f"{column}.{rule}", rule, RuleKind.ROW, dimension, Severity.ERROR, on_failure, f"fp-{rule}", column, arguments
    )


def _frame(rows: dict[str, Any], schema: dict[str, Any] | None = None) -> nw.LazyFrame:
    known: dict[str, Any] = {"id": pl.String, "quantity": pl.Int64, "rate": pl.Float64, "a": pl.Int64, "b": pl.Int64}
    kinds = {**known, **(schema or {})}
    frame = pl.LazyFrame(rows, schema_overrides={name: kinds[name] for name in rows if name in kinds})
    return nw.from_native(frame if "_proc_date" in rows else frame.with_columns(_proc_date=pl.lit("2010-12-01")))


def _counted(rows: dict[str, Any], rules: Sequence[RowRule]) -> tuple[int, ...]:
    counted = flag(_frame(rows), rules).select(*counts(rules)).collect("polars").row(0)
    return tuple(int(count) for count in counted)
