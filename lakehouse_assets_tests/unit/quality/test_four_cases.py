"""Each rule, judged as a run judges it: what is fine, what is not, only nulls, and a partition without rows.

What a rule must say of nulls and of nothing is written down here, rule by rule: one that is added without its answers
fails the first test.
"""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.reconcile import Sides, result_reconciled
from lakehouse_assets.quality.rule import RuleFunction, load_rules
from lakehouse_assets.quality.seen import Measured, Past, Seen, result_over_time
from lakehouse_assets.results import Outcome
from lakehouse_assets_tests.rule_contracts import by_example, foreign_key, frame_of, judged, rows_of, spec_of

RULES = load_rules()
OF_ROWS = {RuleKind.ROW, RuleKind.GROUP, RuleKind.PARTITION}
SEEN_ROWS = {name: rule for name, rule in RULES.items() if rule.signature.kind in OF_ROWS}
OVER_TIME = {name: rule for name, rule in RULES.items() if rule.signature.kind is RuleKind.OVER_TIME}
TESTED, DAYS = date(2024, 6, 3), 60
RECONCILED = {name: rule for name, rule in RULES.items() if rule.signature.kind is RuleKind.RECONCILED}
PASS, FAIL, SKIPPED, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.SKIPPED, Outcome.ERROR

# By rule: what is said of rows whose columns are all null, and of a partition without rows.
ANSWERS: Mapping[str, tuple[Outcome, Outcome]] = {
    # A value must be there.
    **dict.fromkeys(("required", "not_blank", "any_present"), (FAIL, PASS)),
    # A null is not compared, and of no rows none is wrong.
    **dict.fromkeys(("not_placeholder", "required_when"), (PASS, PASS)),
    **dict.fromkeys(("between", "greater_than", "less_than", "in_set", "not_in_set", "in_reference"), (PASS, PASS)),
    **dict.fromkeys(("matches", "not_matches", "length", "multiple_of", "is_trimmed"), (PASS, PASS)),
    **dict.fromkeys(("email", "phone", "url", "uuid", "country", "currency", "iso_date", "luhn", "iban"), (PASS, PASS)),
    **dict.fromkeys(("compare_columns", "implies", "sum_of_parts", "product_of", "close_to"), (PASS, PASS)),
    **dict.fromkeys(("not_after", "not_before", "max_age_days", "late_rate"), (PASS, PASS)),
    **dict.fromkeys(("agrees_with_most", "one_spelling"), (PASS, PASS)),
    **dict.fromkeys(("unique", "duplicate_rate", "duplicate_values", "functional_dependency"), (PASS, PASS)),
    **dict.fromkeys(("monotonic", "sequence_without_gaps", "mean_between", "newest_within_days"), (PASS, PASS)),
    **dict.fromkeys(("invalid_values", "share_not_before", "sql"), (PASS, PASS)),
    # Nulls are what is counted, or are part of the whole a share is taken of.
    **dict.fromkeys(("null_rate", "null_values", "missing_values", "share_of", "sum_between"), (FAIL, PASS)),
    # The only rule that asks for rows.
    "row_count": (PASS, FAIL),
    # Days are compared: nulls are rows as others, no rows at all are the oddest day, and no number is none to compare.
    "volume_anomaly": (PASS, FAIL),
    "partitions_without_gaps": (PASS, PASS),
    **dict.fromkeys(("metric_anomaly", "psi", "jensen_shannon", "kolmogorov_smirnov"), (SKIPPED, SKIPPED)),
    # Another side that says nothing is no agreement, and neither is nothing beside something.
    **dict.fromkeys(("reconciles_with_source", "reconciles_with_upstream"), (ERROR, FAIL)),
}


def unanswered(rules: Collection[str]) -> set[str]:
    return set(rules) - set(ANSWERS)


def test_every_rule_of_the_registry_has_its_answers_and_no_answer_is_left_behind() -> None:
    assert unanswered(RULES) == set()
    assert set(ANSWERS) == set(RULES)
    assert {*SEEN_ROWS, *OVER_TIME, *RECONCILED} == set(RULES)


def test_a_rule_without_its_answers_is_found() -> None:
    assert unanswered({*RULES, "claims_nothing"}) == {"claims_nothing"}


@pytest.mark.parametrize("name", SEEN_ROWS)
def test_what_is_fine_passes(name: str) -> None:
    contract = by_example(SEEN_ROWS[name])

    result = judged(contract, frame_of(contract, rows_of(SEEN_ROWS[name].example.passing)), RULES)

    assert (result.outcome, result.failed_rows, result.reason) == (PASS, 0, "")


@pytest.mark.parametrize("name", SEEN_ROWS)
def test_what_is_not_fine_fails_and_says_how_many_rows_were_looked_at(name: str) -> None:
    contract = by_example(SEEN_ROWS[name])
    rows = frame_of(contract, rows_of(SEEN_ROWS[name].example.failing))

    result = judged(contract, rows, RULES)

    assert (result.outcome, result.checked_rows) == (FAIL, rows.height)
    assert 1 <= result.failed_rows <= rows.height


@pytest.mark.parametrize("name", SEEN_ROWS)
def test_rows_of_nulls_are_answered_as_it_is_written_down(name: str) -> None:
    contract = by_example(SEEN_ROWS[name])
    nulls = [dict.fromkeys(column.name for column in contract.columns)] * 2

    result = judged(contract, frame_of(contract, nulls), RULES)

    assert (result.outcome, result.failed_rows) == (ANSWERS[name][0], 2 if ANSWERS[name][0] is FAIL else 0)


@pytest.mark.parametrize("name", SEEN_ROWS)
def test_a_partition_without_rows_is_answered_as_it_is_written_down(name: str) -> None:
    contract = by_example(SEEN_ROWS[name])

    result = judged(contract, frame_of(contract, []), RULES)

    assert (result.outcome, result.failed_rows, result.checked_rows) == (ANSWERS[name][1], 0, 0)


def measured(column: str, told: Any) -> Measured:  # noqa: ANN401 - as examples write it: rows, numbers or a histogram
    if isinstance(told, int):
        return Measured(told)
    if any("." in name for name in told):
        return Measured(1000, told)
    return Measured(sum(told.values()), {}, {column: told})


def over_time(rule: RuleFunction, now: Measured, gone: Collection[int] = ()) -> Outcome:
    """Return what a rule says after sixty equal days, without those that lie so many days back."""
    example = rule.example
    column = str(example.arguments.get("column", ""))
    before = measured(column, example.passing["before"])
    past = tuple(Past(TESTED - timedelta(days=number), before) for number in range(DAYS, 0, -1) if number not in gone)
    told = rule(Seen(TESTED, now, past), **example.arguments)
    return result_over_time(spec_of(rule, column or None, example.arguments), told, now.rows).outcome


@pytest.mark.parametrize("name", OVER_TIME)
def test_a_day_like_the_others_passes_and_another_one_fails(name: str) -> None:
    rule = OVER_TIME[name]
    fine, odd = (
        measured(str(rule.example.arguments.get("column", "")), day["now"])
        for day in (rule.example.passing, rule.example.failing)
    )

    gone = rule.example.failing.get("missing_days_before", ())
    assert (over_time(rule, fine), over_time(rule, odd, gone)) == (PASS, FAIL)


@pytest.mark.parametrize("name", OVER_TIME)
def test_a_day_of_nulls_and_one_without_rows_are_answered_as_it_is_written_down(name: str) -> None:
    nulls = Measured(1000, {"amount.sum": 0.0, "amount.known": 0}, {"amount": {}})

    assert (over_time(OVER_TIME[name], nulls), over_time(OVER_TIME[name], Measured(0))) == ANSWERS[name]


def beside(rule: RuleFunction, own: float | None, other: float | None) -> Outcome:
    """Return what a rule says of two sides; one that raises is an error, as in a run."""
    spec = spec_of(rule, None, rule.example.arguments)
    try:
        told = rule(Sides(own, other), **rule.example.arguments)
    except LakehouseError:
        return ERROR
    return result_reconciled(spec, told, 10).outcome


@pytest.mark.parametrize("name", RECONCILED)
def test_two_sides_that_agree_pass_and_others_are_answered_as_it_is_written_down(name: str) -> None:
    rule = RECONCILED[name]
    example, answers = rule.example, ANSWERS[name]

    assert (beside(rule, **example.passing), beside(rule, **example.failing)) == (PASS, FAIL)
    assert (beside(rule, 1000.0, None), beside(rule, None, 1000.0)) == (answers[0], answers[0])
    assert (beside(rule, 0.0, 1000.0), beside(rule, 0.0, 0.0)) == (answers[1], PASS)


@pytest.mark.parametrize(
    ("values", "nulls", "failed"),
    [
        (["a", "b"], "allow", 0),
        (["a", "z", "z"], "allow", 2),
        ([None, "a"], "allow", 0),
        ([None, "a"], "refuse", 1),
        ([], "refuse", 0),
    ],
    ids=["known", "unknown", "null that is allowed", "null that is refused", "no rows"],
)
def test_a_foreign_key_refuses_what_points_to_nothing(values: list[str | None], nulls: str, failed: int) -> None:
    contract = foreign_key(nulls=nulls)

    result = judged(contract, frame_of(contract, [{"x": value} for value in values]), RULES)

    assert (result.outcome, result.failed_rows) == (FAIL if failed else PASS, failed)
