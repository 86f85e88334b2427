"""How far two histograms are apart, beside the formulas written out and properties that must hold."""

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.quality.distribution import Histogram, jensen_shannon, kolmogorov_smirnov, psi, together

Measure = Callable[[Histogram, Histogram], float]
MEASURES = (psi, jensen_shannon, kolmogorov_smirnov)
HISTOGRAMS = st.dictionaries(st.integers(-999, 999).map(str), st.integers(1, 500), min_size=1, max_size=40)


def normal(centre: float, count: int, seed: int) -> Counter[str]:
    """Return a histogram of whole numbers drawn around a centre."""
    draw = random.Random(seed)  # noqa: S311 - a test must be repeatable
    return Counter(str(round(draw.gauss(centre, 20))) for _ in range(count))


def test_psi_is_the_sum_over_parts_of_the_difference_of_shares_times_the_logarithm_of_their_ratio() -> None:
    old, new = {"1": 600, "2": 400}, {"1": 300, "2": 700}
    # Half a row more in each of two parts.
    a, b = (600.5 / 1001, 400.5 / 1001), (300.5 / 1001, 700.5 / 1001)

    assert psi(old, new) == pytest.approx(sum((y - x) * math.log(y / x) for x, y in zip(a, b, strict=True)))


def test_jensen_shannon_is_the_root_of_the_mean_divergence_from_the_middle_in_bits() -> None:
    old, new = {"1": 600, "2": 400}, {"1": 300, "2": 700}
    a, b = (600.5 / 1001, 400.5 / 1001), (300.5 / 1001, 700.5 / 1001)
    middle = [(x + y) / 2 for x, y in zip(a, b, strict=True)]
    each = [sum(x * math.log2(x / m) for x, m in zip(side, middle, strict=True)) for side in (a, b)]

    assert jensen_shannon(old, new) == pytest.approx(math.sqrt(sum(each) / 2))


def test_kolmogorov_smirnov_is_the_largest_distance_of_cumulative_shares() -> None:
    values = [-3] * 2 + [1] * 5 + [20] * 3, [-3] * 1 + [1] * 2 + [5] * 3 + [20] * 4
    shares = [[sum(v <= at for v in side) / len(side) for at in (-3, 1, 5, 20)] for side in values]
    want = max(abs(x - y) for x, y in zip(*shares, strict=True))

    old, new = (Counter(map(str, side)) for side in values)

    assert kolmogorov_smirnov(old, new) == pytest.approx(want)


@pytest.mark.parametrize("measure", MEASURES)
@given(histogram=HISTOGRAMS)
def test_equal_histograms_are_no_distance_apart(measure: Measure, histogram: dict[str, int]) -> None:
    assert measure(histogram, histogram) == pytest.approx(0)


@pytest.mark.parametrize("measure", [jensen_shannon, kolmogorov_smirnov])
@given(one=HISTOGRAMS, other=HISTOGRAMS)
def test_a_distance_lies_between_0_and_1(measure: Measure, one: dict[str, int], other: dict[str, int]) -> None:
    assert 0 <= measure(one, other) <= 1


@pytest.mark.parametrize(("measure", "limit"), [(psi, 0.25), (jensen_shannon, 0.2), (kolmogorov_smirnov, 0.15)])
@pytest.mark.parametrize("seed", range(8))
def test_chance_alone_is_within_the_usual_bounds_with_200_values(measure: Measure, limit: float, seed: int) -> None:
    assert measure(normal(500, 28 * 200, seed), normal(500, 200, seed + 1000)) < limit


@pytest.mark.parametrize(("measure", "limit"), [(psi, 0.25), (jensen_shannon, 0.2), (kolmogorov_smirnov, 0.15)])
def test_a_shift_by_a_deviation_is_beyond_the_usual_bounds(measure: Measure, limit: float) -> None:
    assert measure(normal(500, 5600, 1), normal(520, 200, 2)) > limit


def test_texts_are_compared_by_the_bins_that_held_most() -> None:
    old = {f"#{n}": count for n, count in enumerate([500, 300, 200, *[1] * 40])}

    assert psi(old, old) == 0
    assert psi(old, {**old, "#0": 200, "#1": 600}) > 0.25


def test_a_window_is_the_sum_of_its_histograms() -> None:
    assert together([{"1": 2}, {"1": 3, "4": 1}]) == {"1": 5, "4": 1}
