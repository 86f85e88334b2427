"""Facts become one incident per broken rule, whatever the batches they come in."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.incidents.incident import Fact, Incident, Priority, State, priority_of
from lakehouse_assets.incidents.tracker import Case, Policy, fold
from lakehouse_assets.results import Severity
from lakehouse_assets_tests.builders import fact

START = datetime(2011, 1, 1, tzinfo=UTC)
POLICY = Policy("production", reopen_within=timedelta(hours=24))


def _at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def _fold_all(facts: list[Fact], policy: Policy = POLICY) -> list[Case]:
    """Return every episode that facts told one by one lead to, oldest first."""
    episodes: dict[str, Case] = {}
    case = None
    for told in facts:
        for change in fold(case, [told], policy):
            case = change.after
            episodes[case.incident.id] = case
    return list(episodes.values())


def test_a_broken_rule_over_a_year_of_partitions_is_one_incident() -> None:
    days = [(START + timedelta(days=day)).date().isoformat() for day in range(305)]

    [change] = fold(None, [fact(day, at=_at(0)) for day in days], POLICY)

    assert change.after.incident.failing_partitions == 305
    assert sorted(change.after.failing) == days
    assert [event.type for event in change.events] == ["opened"]


def test_the_key_is_the_sha256_of_environment_table_and_rule() -> None:
    [case] = _fold_all([fact("2011-01-01", at=START)])

    expected = hashlib.sha256(b"production|silver/orders|quantity.between").hexdigest()
    assert case.incident.key == expected


def test_an_incident_closes_by_itself_when_its_last_partition_passes() -> None:
    [case] = _fold_all(
        [
            fact("2011-01-01", at=_at(0)),
            fact("2011-01-02", at=_at(1)),
            fact("2011-01-01", at=_at(2), failed=False),
            fact("2011-01-02", at=_at(3), failed=False),
        ]
    )

    assert (case.incident.state, case.incident.resolution) == (State.RESOLVED, "fixed")
    assert case.incident.resolved_at == _at(3)


def test_a_pass_of_another_partition_keeps_the_incident_open() -> None:
    [case] = _fold_all([fact("2011-01-01", at=_at(0)), fact("2011-01-02", at=_at(1), failed=False)])

    assert case.incident.state is State.OPEN


def test_a_recurrence_within_the_window_reopens_the_same_incident() -> None:
    failed, fixed = fact("2011-01-01", at=_at(0)), fact("2011-01-01", at=_at(1), failed=False)

    [case] = _fold_all([failed, fixed, fact("2011-01-09", at=_at(25))])

    assert (case.incident.state, case.incident.episode, case.incident.reopened) == (State.OPEN, 1, 1)


def test_a_recurrence_after_the_window_is_a_new_episode() -> None:
    failed, fixed = fact("2011-01-01", at=_at(0)), fact("2011-01-01", at=_at(1), failed=False)

    old, new = _fold_all([failed, fixed, fact("2011-01-09", at=_at(25.1))])

    assert (old.incident.state, new.incident.state) == (State.RESOLVED, State.OPEN)
    assert (old.incident.key, new.incident.episode) == (new.incident.key, 2)


def test_one_publish_that_fixes_one_partition_and_breaks_another_does_not_flap() -> None:
    [open_case] = _fold_all([fact("2011-01-01", at=_at(0))])

    [change] = fold(open_case, [fact("2011-01-01", at=_at(1), failed=False), fact("2011-01-02", at=_at(1))], POLICY)

    assert [event.type for event in change.events] == ["partitions_changed"]
    assert change.events[0].detail == {"added": ["2011-01-02"], "removed": ["2011-01-01"]}


def test_news_older_than_a_failure_does_not_clear_it() -> None:
    [case] = _fold_all([fact("2011-01-01", at=_at(5)), fact("2011-01-01", at=_at(4), failed=False)])

    assert case.incident.state is State.OPEN


def test_a_partition_that_fails_again_with_other_counts_is_no_event() -> None:
    [open_case] = _fold_all([fact("2011-01-01", at=_at(0), failed_rows=3, checked_rows=1000)])

    [change] = fold(open_case, [fact("2011-01-01", at=_at(1), failed_rows=5, checked_rows=1000)], POLICY)

    assert change.events == ()
    assert change.after.incident.failed_rows == 5


@pytest.mark.parametrize(
    ("severity", "environment", "expected"),
    [
        (Severity.CRITICAL, "production", Priority.P1),
        (Severity.ERROR, "production", Priority.P2),
        (Severity.WARNING, "production", Priority.P3),
        (Severity.INFO, "production", Priority.P4),
        (Severity.CRITICAL, "demo", Priority.P3),
        (Severity.INFO, "demo", Priority.P4),
    ],
)
def test_severity_decides_the_priority_and_other_environments_cap_it(
    severity: Severity, environment: str, expected: Priority
) -> None:
    assert priority_of(severity, environment) is expected


@pytest.mark.parametrize(
    ("severity", "failed_rows", "expected"),
    [
        (Severity.WARNING, 51, Priority.P2),
        (Severity.WARNING, 50, Priority.P3),
        (Severity.INFO, 1000, Priority.P4),
        (Severity.CRITICAL, 1000, Priority.P1),
    ],
)
def test_a_large_share_of_rows_raises_a_warning(severity: Severity, failed_rows: int, expected: Priority) -> None:
    told = fact("2011-01-01", at=START, severity=severity, failed_rows=failed_rows, checked_rows=1000)

    [case] = _fold_all([told])

    assert case.incident.priority is expected


def test_a_raised_priority_is_an_event() -> None:
    told = [
        fact("2011-01-01", at=_at(0), severity=Severity.WARNING, failed_rows=1, checked_rows=1000),
        fact("2011-01-02", at=_at(1), severity=Severity.WARNING, failed_rows=900, checked_rows=1000),
    ]

    [change] = fold(None, told, POLICY)

    assert [event.type for event in change.events] == ["opened", "partitions_changed", "priority_changed"]
    assert change.events[-1].detail == {"from": "P3", "to": "P2"}


HISTORIES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.booleans(), st.integers(0, 40), st.booleans()), max_size=25
)


@given(HISTORIES)
def test_an_incident_is_open_exactly_while_something_fails_in_any_batching(
    history: list[tuple[str, bool, int, bool]],
) -> None:
    batches: list[list[Fact]] = [[]]
    now = START
    for partition, failed, hours, cut in history:
        now += timedelta(hours=hours, seconds=1)
        batches[-1].append(fact(partition, at=now, failed=failed))
        if cut:
            batches.append([])
    failing: set[str] = set()
    incidents: dict[str, Incident] = {}
    case: Case | None = None

    for batch in batches:
        for told in batch:
            (failing.add if told.failed else failing.discard)(told.partition)
        for change in fold(case, batch, POLICY):
            case = change.after
            incidents[case.incident.id] = case.incident
        unresolved = [incident for incident in incidents.values() if incident.is_open]

        assert len(unresolved) == (1 if failing else 0)
        assert (set(case.failing) if case else set()) == failing

    one_by_one = _fold_all([told for batch in batches for told in batch])
    assert {case.incident.id: case.incident for case in one_by_one} == incidents
