"""What is usual for a number, and what of its past may say so; the oracles are written out by hand."""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from statistics import fmean, median, stdev
from typing import Any

import pytest

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.quality.anomaly import Z_SCORE, Bounds, Day, judge
from lakehouse_assets.quality.baseline import NEW_LEVEL, Earlier, Policy, baseline, expect
from lakehouse_assets.quality.rule import RuleFunction, load_rules
from lakehouse_assets.quality.seen import Measured, Past, Seen, past_of, result_over_time, side_of
from lakehouse_assets.results import Dimension, Expectation, Ledger, OnFailure, Outcome, Severity, State
from lakehouse_assets_tests.builders import partition_record, rule_result

RULES = {name: rule for name, rule in load_rules().items() if rule.signature.kind is RuleKind.OVER_TIME}
FIRST = date(2024, 1, 1)
WEEKS = 8
TESTED = FIRST + timedelta(weeks=WEEKS)
FACTORS = (1.0, 1.1, 0.9, 1.2, 1.0, 0.4, 0.3)
ZERO_FAILS = Policy(zero=State.UNUSUAL)


def history(
    days: int = 7 * WEEKS, value: Callable[[date], float] = lambda day: 1000 * FACTORS[day.weekday()]
) -> list[Earlier]:
    """Return days before the tested one."""
    return [Earlier(day, value(day)) for day in (TESTED - timedelta(days=n) for n in range(days, 0, -1))]


def noisy(day: date) -> float:
    """Return a count that differs from its weekday's by a few percent, always by the same."""
    return 1000 * FACTORS[day.weekday()] * math.exp(random.Random(day.toordinal()).gauss(0, 0.07))  # noqa: S311


def test_fewer_than_28_earlier_partitions_are_learned_from_and_not_judged() -> None:
    told = expect(TESTED, 1, history(27), ZERO_FAILS)

    assert (told.state, told.partitions) == (State.LEARNING, 27)
    assert told.reason == "learning: 27 of 28 earlier partitions are known"


def test_with_28_it_is_judged() -> None:
    assert expect(TESTED, 1, history(28), ZERO_FAILS).state is State.UNUSUAL


def test_a_day_is_compared_with_its_weekday() -> None:
    saturday = TESTED + timedelta(days=5)

    told = expect(saturday, 400, history(), ZERO_FAILS)

    assert (told.state, told.expected) == (State.USUAL, 400)


def test_days_after_the_tested_one_say_nothing() -> None:
    later = [Earlier(TESTED + timedelta(days=n), 5.0) for n in range(60)]

    assert expect(TESTED, 1000, [*history(), *later], ZERO_FAILS) == expect(TESTED, 1000, history(), ZERO_FAILS)


@pytest.mark.parametrize(
    ("share", "state", "is_severe"), [(1.1, "usual", False), (1.14, "unusual", False), (1.2, "unusual", True)]
)
def test_a_score_beyond_3_5_warns_and_beyond_5_alarms_with_a_spread_of_at_least_3_percent(
    share: float, state: str, *, is_severe: bool
) -> None:
    # Equal weeks: the spread is the floor, widened by what eight values leave open about their median.
    spread = 0.03 * math.sqrt(1 + math.pi / 2 / WEEKS)

    told = expect(TESTED, 1000 * share, history(), ZERO_FAILS)

    assert told.score == pytest.approx(math.log(share) / spread, rel=1e-4)
    assert (told.state.value, told.is_severe) == (state, is_severe)


def test_the_score_is_the_distance_from_the_weekdays_median_in_deviations_on_a_logarithmic_scale() -> None:
    past = history(value=noisy)
    # Once more, slowly: no trend is in these days.
    levels = {n: median(math.log(one.value or 1) for one in past if one.day.weekday() == n) for n in range(7)}
    rest = [abs(math.log(one.value or 1) - levels[one.day.weekday()]) for one in past]
    spread = 1.4826 * median(rest) * math.sqrt(56 / 49) * math.sqrt(1 + math.pi / 2 / WEEKS)

    told = expect(TESTED, 1500, past, ZERO_FAILS)

    assert told.score == pytest.approx(abs(math.log(1500) - levels[TESTED.weekday()]) / spread, rel=1e-4)
    assert told.low == pytest.approx(math.exp(levels[TESTED.weekday()] - 5 * spread), rel=1e-4)


def test_a_trend_is_carried_on() -> None:
    def growing(day: date) -> float:
        return 1000 * FACTORS[day.weekday()] * math.exp(0.01 * (day - FIRST).days)

    told = expect(TESTED, growing(TESTED), history(value=growing), ZERO_FAILS)

    assert told.expected == pytest.approx(growing(TESTED), rel=1e-3)
    assert told.state is State.USUAL


def test_two_percent_of_wild_days_move_nothing() -> None:
    past = history(value=noisy)
    wild = [replace(one, value=20 * (one.value or 0)) if at in {13, 40} else one for at, one in enumerate(past)]

    calm, shaken = expect(TESTED, 500, past, ZERO_FAILS), expect(TESTED, 500, wild, ZERO_FAILS)

    assert shaken.expected == pytest.approx(calm.expected, rel=0.05)
    assert shaken.score == pytest.approx(calm.score, rel=0.2)


def test_nothing_at_all_is_an_alarm_even_while_learning() -> None:
    told = expect(TESTED, 0, history(3), ZERO_FAILS)

    assert (told.state, told.is_severe, told.reason) == (State.UNUSUAL, True, "nothing at all")


def test_nothing_at_all_is_usual_where_it_is_allowed() -> None:
    assert expect(TESTED, 0, history(), Policy(zero=State.USUAL)).state is State.USUAL


def test_a_named_day_is_no_alarm_and_nobody_learns_from_it() -> None:
    named = [TESTED - timedelta(days=7 * n) for n in (1, 2)]
    calendar = Calendar(FIRST, holidays=(TESTED, *named))
    dips = [replace(one, value=1.0) if one.day in named else one for one in history()]

    assert expect(TESTED, 1, dips, Policy(calendar=calendar, zero=State.UNUSUAL)).state is State.NAMED
    assert not {one.day for one in baseline(dips, calendar)} & set(named)


def test_month_ends_are_compared_with_month_ends() -> None:
    calendar = Calendar(date(2023, 1, 1), has_month_ends=True)

    def closing(day: date) -> float:
        return 5000.0 if calendar.is_month_end(day) else 1000.0

    end = date(2024, 2, 29)
    past = [Earlier(day, closing(day)) for day in (end - timedelta(days=n) for n in range(150, 0, -1))]

    assert expect(end, 5000, past, Policy(calendar=calendar)).state is State.USUAL
    assert expect(end, 1000, past, Policy(calendar=calendar)).is_severe
    assert expect(end, 5000, past, Policy()).is_severe


def test_with_few_month_ends_there_is_nothing_to_compare_one_with() -> None:
    calendar = Calendar(FIRST, has_month_ends=True)

    told = expect(date(2024, 2, 29), 1, history(value=lambda _: 1000), Policy(calendar=calendar))

    assert told.reason == "learning: fewer than 3 earlier month ends are known"


def test_the_last_open_day_of_a_month_is_its_end() -> None:
    calendar = Calendar(FIRST, closed_weekdays=(5, 6))

    assert [day for day in range(1, 32) if calendar.is_month_end(date(2024, 3, day))] == [29, 30, 31]


def test_alarms_are_not_learned_from() -> None:
    past = [replace(one, value=100.0, alarm=-1) if at % 10 == 0 else one for at, one in enumerate(history())]

    assert [one.value for one in baseline(past) if one.value == 100] == []


def test_doubtful_days_and_days_without_the_number_are_not_learned_from() -> None:
    past = [
        replace(one, is_doubtful=at == 3, value=None if at == 4 else one.value) for at, one in enumerate(history(10))
    ]

    assert len(baseline(past)) == 8


def test_many_alarms_in_a_row_to_one_side_are_a_new_level_and_nothing_before_counts() -> None:
    past = history()
    past[-NEW_LEVEL:] = [replace(one, value=2000.0, alarm=1) for one in past[-NEW_LEVEL:]]

    assert [one.value for one in baseline(past)] == [2000.0] * NEW_LEVEL
    assert expect(TESTED, 2000, past, ZERO_FAILS).reason == "learning: 7 of 28 earlier partitions are known"


def test_alarms_to_both_sides_are_no_level() -> None:
    past = history()
    past[-8:] = [replace(one, value=2000.0, alarm=1 if at % 2 else -1) for at, one in enumerate(past[-8:])]

    assert len(baseline(past)) == 48


def test_nothing_at_all_for_weeks_is_never_a_level() -> None:
    past = history()
    past[-20:] = [replace(one, value=0.0, alarm=-1) for one in past[-20:]]

    assert expect(TESTED, 0, past, ZERO_FAILS).is_severe


def test_numbers_that_may_be_negative_are_compared_as_they_are() -> None:
    past = history(value=lambda day: -100.0 + (day.toordinal() % 3))

    assert expect(TESTED, -99, past, Policy()).state is State.USUAL
    assert expect(TESTED, 50, past, Policy()).is_severe


def test_the_z_score_is_that_of_the_last_four_weeks() -> None:
    past = [Day(one.day, one.value or 0) for one in history(value=noisy)]
    logs = [math.log(one.value) for one in past[-28:]]

    told = judge(Day(TESTED, 500), past, Bounds(method=Z_SCORE, warn=2, fail=3))

    assert told.score == pytest.approx(abs(math.log(500) - fmean(logs)) / stdev(logs), rel=1e-4)


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize(("example", "state"), [("passing", State.USUAL), ("failing", State.UNUSUAL)])
def test_a_rule_over_time_does_what_its_example_claims(name: str, example: str, state: State) -> None:
    rule = RULES[name]

    assert _told(rule, getattr(rule.example, example)).state is state


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_over_time_without_history_learns(name: str) -> None:
    rule = RULES[name]

    assert _told(rule, rule.example.failing, weeks=0).state is State.LEARNING


@pytest.mark.parametrize("name", sorted(set(RULES) - {"volume_anomaly", "partitions_without_gaps"}))
def test_a_column_without_values_has_no_metric_and_no_distribution(name: str) -> None:
    rule = RULES[name]
    nulls: Mapping[str, Any] = {"amount.sum": 0, "amount.known": 0} if name == "metric_anomaly" else {}

    assert _told(rule, {**rule.example.failing, "now": nulls}).state is State.LEARNING


@pytest.mark.parametrize("name", ["jensen_shannon", "kolmogorov_smirnov", "psi"])
def test_a_distribution_on_a_named_day_is_compared_with_none(name: str) -> None:
    rule = RULES[name]
    seen = replace(_seen(rule.example.failing), calendar=Calendar(FIRST, holidays=(TESTED,)))

    assert rule(seen, **rule.example.arguments).state is State.NAMED


def test_a_share_of_nulls_that_rises_by_five_points_is_an_alarm() -> None:
    days = tuple(Past(TESTED - timedelta(days=n), _share(0.02)) for n in range(56, 0, -1))
    arguments = {"column": "email", "metric": "null_share"}

    calm = RULES["metric_anomaly"](Seen(TESTED, _share(0.04), days), **arguments)
    odd = RULES["metric_anomaly"](Seen(TESTED, _share(0.08), days), **arguments)

    assert (calm.state, odd.is_severe) == (State.USUAL, True)


@pytest.mark.parametrize(
    ("state", "is_severe", "outcome", "severity"),
    [
        (State.LEARNING, False, Outcome.SKIPPED, Severity.ERROR),
        (State.NAMED, False, Outcome.SKIPPED, Severity.ERROR),
        (State.USUAL, False, Outcome.PASS, Severity.ERROR),
        (State.UNUSUAL, False, Outcome.FAIL, Severity.WARNING),
        (State.UNUSUAL, True, Outcome.FAIL, Severity.ERROR),
    ],
)
def test_what_is_only_odd_is_a_warning_and_what_is_not_known_is_no_pass(
    state: State, outcome: Outcome, severity: Severity, *, is_severe: bool
) -> None:
    result = result_over_time(_spec(), Expectation(state, 5, is_severe=is_severe, reason="why"), 7)

    assert (result.outcome, result.severity, result.checked_rows, result.reason) == (outcome, severity, 7, "why")


@pytest.mark.parametrize(
    ("ledger", "overridden", "is_doubtful"),
    [
        (Ledger(read=100, published=90, quarantined=10), (), False),
        (Ledger(read=100, published=89, quarantined=11), (), True),
        (Ledger(read=100, published=100), ("min_rows",), True),
    ],
)
def test_a_day_with_many_refused_rows_or_an_override_is_doubtful(
    ledger: Ledger, overridden: tuple[str, ...], *, is_doubtful: bool
) -> None:
    record = replace(partition_record("2024-01-05"), ledger=ledger, overridden=overridden)

    assert past_of(record, "volume").is_doubtful is is_doubtful


@pytest.mark.parametrize(("observed", "is_severe", "side"), [(5, True, -1), (15, True, 1), (15, False, 0)])
def test_a_record_says_to_which_side_a_day_was_an_alarm(observed: float, side: int, *, is_severe: bool) -> None:
    told = Expectation(State.UNUSUAL, observed, expected=10, is_severe=is_severe)
    record = partition_record("2024-01-05", replace(rule_result("volume"), expectation=told))

    assert past_of(record, "volume").alarm == side == side_of(told)
    assert past_of(record, "another").alarm == 0


def _told(rule: RuleFunction, example: Mapping[str, Any], weeks: int = WEEKS) -> Expectation:
    told: Expectation = rule(_seen(example, weeks), **rule.example.arguments)
    return told


def _seen(example: Mapping[str, Any], weeks: int = WEEKS) -> Seen:
    gone = example.get("missing_days_before", ())
    days = (TESTED - timedelta(days=n) for n in range(7 * weeks, 0, -1) if n not in gone)
    return Seen(TESTED, _measured(example["now"]), tuple(Past(day, _measured(example["before"])) for day in days))


def _measured(said: Any) -> Measured:  # noqa: ANN401 - rows, numbers or bins
    if isinstance(said, int):
        return Measured(said)
    numbers = any("." in name for name in said)
    return Measured(10, said) if numbers else Measured(sum(said.values()), {}, {"amount": said})


def _share(nulls: float) -> Measured:
    return Measured(1000, {"rows": 1000.0, "email.filled": 1000 * (1 - nulls)})


def _spec() -> RuleSpec:
    kind, dimension = RuleKind.OVER_TIME, Dimension.COVERAGE
    return RuleSpec("volume", "volume_anomaly", kind, dimension, Severity.ERROR, OnFailure.KEEP, "fp")
