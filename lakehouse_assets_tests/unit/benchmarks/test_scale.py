"""The page about scale says what the command measured, and slopes are what they are called."""

import json

import pytest

from benchmarks.scale import PAGE, RESULTS, exponent, slope, with_table

POINTS = [
    {"size": 10, "cpu_seconds": 1.0},
    {"size": 100, "cpu_seconds": 2.0},
    {"size": 1_000, "cpu_seconds": 20.8},
]


def test_the_page_says_what_was_measured() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page, json.loads(RESULTS.read_text())) == page, "python -m benchmarks.scale --page"


def test_a_slope_is_what_one_more_costs() -> None:
    assert slope(POINTS) == pytest.approx(0.02)


def test_an_exponent_is_that_of_the_last_decade() -> None:
    assert exponent(POINTS) == pytest.approx(1.017, abs=0.001)
