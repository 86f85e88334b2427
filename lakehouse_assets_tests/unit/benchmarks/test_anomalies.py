"""The anomaly suite plants what it says, and the detector finds it, in a few series of it."""

from collections import Counter

import pytest

from benchmarks.anomalies import DAYS, HOLIDAY, KINDS, LEARNED, WEEKEND, WILD, Found, day_of, drawn, evaluated


@pytest.fixture(scope="module")
def found() -> Found:
    """Return what is found in two series of one seed; the whole suite is part of the benchmark."""
    return evaluated([1], series=2)


def test_a_series_has_two_anomalies_of_each_kind_six_holidays_and_two_percent_of_wild_days() -> None:
    for series in drawn(7, 5):
        assert Counter(series.planted.values()) == dict.fromkeys(KINDS, 2) | {HOLIDAY: 6, WILD: 7}
        assert len(series.counts) == DAYS
        assert min(at for at, kind in series.planted.items() if kind != WILD) >= LEARNED
        assert all(day_of(at).weekday() < 5 for at, kind in series.planted.items() if kind == WEEKEND)


def test_the_suite_is_the_same_in_every_run() -> None:
    assert drawn(3, 2) == drawn(3, 2)
    assert drawn(3, 2) != drawn(4, 2)


def test_the_detector_finds_what_must_be_found(found: Found) -> None:
    assert found.recall >= 0.85
    assert found.recall_of("zero") == 1


def test_false_alarms_are_rare_and_none_is_on_a_named_day(found: Found) -> None:
    assert found.false_per_100_days <= 1.5
    assert found.alarms[HOLIDAY] == 0
