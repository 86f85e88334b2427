"""How a score moved: numbers checked by hand, plots as they are seen."""

from dataclasses import replace

import pytest

from lakehouse_assets.quality.trend import OVERALL, Scored, lowest, scored, sparkline, trends
from lakehouse_assets.results import Dimension, Outcome, Severity
from lakehouse_assets_tests.builders import partition_record, rule_result


def at(day: str, score: float, **dimensions: float) -> Scored:
    return Scored(day, score, 100.0, dimensions)


HISTORY = (at("1", 100.0, Validity=100.0), at("2", 94.0, Validity=88.0), at("3", 99.0, Validity=98.0))


def test_the_newest_is_told_beside_the_mean_and_the_lowest_of_those_before() -> None:
    whole, validity = trends(HISTORY)

    assert (whole.label, whole.newest, whole.mean, whole.least) == (OVERALL, 99.0, 97.0, 94.0)
    assert (validity.label, validity.newest, validity.mean, validity.least) == ("Validity", 98.0, 94.0, 88.0)


def test_the_first_score_has_nothing_before_it() -> None:
    (whole,) = trends([at("1", 97.5)])

    assert (whole.newest, whole.mean, whole.least) == (97.5, None, None)


def test_nothing_scored_has_no_trend() -> None:
    assert trends(()) == ()


def test_a_dimension_that_is_new_has_only_its_own_past() -> None:
    found = trends([at("1", 100.0), at("2", 100.0, Accuracy=50.0)])

    assert (found[1].label, found[1].newest, found[1].mean, len(found[1].plot)) == ("Accuracy", 50.0, None, 1)


@pytest.mark.parametrize(("score", "low"), [(100.0, 90.0), (90.0, 90.0), (89.9, 80.0), (12.0, 10.0), (0.0, 0.0)])
def test_plots_begin_at_ninety_or_at_the_ten_below_the_lowest_score(score: float, low: float) -> None:
    assert lowest([at("1", 100.0), at("2", score)]) == low


def test_a_bar_is_as_high_as_its_score_lies_between_the_bounds() -> None:
    assert sparkline([90, 91.3, 95, 98.9, 100], 90.0) == "▁▂▅██"


def test_a_score_outside_the_bounds_is_drawn_at_them() -> None:
    assert sparkline([-5, 200], 0.0) == "▁█"


def test_what_a_record_says_is_scored_by_dimension_with_the_share_of_rules_that_ran() -> None:
    results = (
        rule_result("a.required"),
        rule_result("b.between", dimension=Dimension.CONFORMITY, outcome=Outcome.FAIL, failed_rows=25),
        rule_result("c.matches", dimension=Dimension.CONFORMITY),
        rule_result("d.matches", dimension=Dimension.CONFORMITY, outcome=Outcome.NOT_RUN),
    )
    record = replace(partition_record("2026-01-05", *results), score=61.5, low_score=Severity.CRITICAL)

    found = scored("x", record)

    assert (found.at, found.score, found.low, found.coverage) == ("x", 61.5, Severity.CRITICAL, 75.0)
    # (0.75 + 1 + 0) of three rules of the same weight.
    assert found.dimensions == {"Completeness": 100.0, "Validity": 58.33}


def test_a_waived_rule_counts_as_held() -> None:
    failed = rule_result("b.between", outcome=Outcome.FAIL, failed_rows=100)

    assert scored("x", replace(partition_record("1", failed), waived=("b.between",))).dimensions == {
        "Completeness": 100.0
    }
