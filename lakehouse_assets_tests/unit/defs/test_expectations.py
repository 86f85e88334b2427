"""What earlier partitions made one expect, as a person reads it in the metadata of a check."""

from dataclasses import replace

from lakehouse_assets.defs.expectations import plot, to_markdown, to_reconciliation
from lakehouse_assets.results import Expectation, State
from lakehouse_assets_tests.builders import rule_result

HALVED = Expectation(
    State.UNUSUAL,
    500,
    expected=1000,
    low=850.4,
    high=1178,
    score=21.12,
    is_severe=True,
    partitions=56,
    reason="500 where 1,000 is expected",
    recent=(1000, 400, 1000),
)


def test_a_rule_is_a_row_with_what_was_expected_and_a_plot_that_ends_with_this_partition() -> None:
    rows = to_markdown([rule_result("a.required"), replace(rule_result("volume"), expectation=HALVED)]).splitlines()

    assert rows[2:] == [
        "| volume | 500 | 1,000 | 850 to 1,178 | 21.1 | **unusual**: 500 where 1,000 is expected | `█▄█\u00a0▅` |"
    ]


def test_without_rules_over_time_there_is_no_table() -> None:
    assert to_markdown([rule_result("a.required")]) == ""


def test_what_has_only_an_upper_bound_says_so() -> None:
    told = Expectation(State.USUAL, 0.0123, high=0.25, partitions=28)

    assert "| 0.0123 |  | at most 0.25 |  | usual |  |" in to_markdown([replace(rule_result("psi"), expectation=told)])


def test_a_plot_of_nothing_is_flat() -> None:
    assert plot([0, 0]) == "▁▁"


def test_a_reconciliation_is_a_row_of_its_own_table_with_both_numbers() -> None:
    told = Expectation(State.DIFFERS, 60, 80.5, 79.695, 81.305, is_severe=True, reason="60 here, 80.5 in silver/orders")
    rules = [replace(rule_result("net"), expectation=told), replace(rule_result("volume"), expectation=HALVED)]

    assert to_reconciliation(rules).splitlines()[2:] == [
        "| net | 60 | 80.5 | 79.7 to 81.3 | **differs**: 60 here, 80.5 in silver/orders |"
    ]
    assert "net" not in to_markdown(rules)


def test_without_a_reconciliation_there_is_no_table_of_it() -> None:
    assert to_reconciliation([replace(rule_result("volume"), expectation=HALVED)]) == ""
