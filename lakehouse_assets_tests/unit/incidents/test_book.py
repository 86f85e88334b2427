"""Incidents in a store: few messages, every change kept, never two open ones of a key."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.incidents.book import (
    acknowledge_incident,
    failing_partitions,
    find_incident,
    list_events,
    list_incidents,
    resolve_incident,
    track,
)
from lakehouse_assets.incidents.incident import Fact, Priority, Resolution, State
from lakehouse_assets.incidents.routing import Routing
from lakehouse_assets.incidents.tracker import Policy
from lakehouse_assets.results import Severity
from lakehouse_assets.state import schema
from lakehouse_assets.state.store import Store, open_store
from lakehouse_assets_tests.builders import fact

START = datetime(2011, 1, 1, tzinfo=UTC)
DAYS = [(START + timedelta(days=day)).date().isoformat() for day in range(305)]
ROUTING = Routing(Policy("production"))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


def _tell(store: Store, facts: list[Fact], routing: Routing = ROUTING) -> None:
    with store.transaction() as connection:
        track(connection, facts, routing)


def _outbox(store: Store) -> list[tuple[str, str, str, int]]:
    row = schema.outbox.c
    with store.reading() as connection:
        found = connection.execute(sa.select(row.channel, row.kind, row.state, row.payload).order_by(row.id))
        return [(channel, kind, state, payload["partition_count"]) for channel, kind, state, payload in found]


def _chunks(*, failed: bool, hours: int) -> list[list[Fact]]:
    at = START + timedelta(hours=hours)
    return [
        [fact(day, at=at + timedelta(minutes=number), failed=failed) for day in DAYS[start : start + 31]]
        for number, start in enumerate(range(0, len(DAYS), 31))
    ]


def test_a_backfill_of_305_failing_partitions_is_one_incident_and_one_waiting_message(store: Store) -> None:
    for chunk in _chunks(failed=True, hours=0):
        _tell(store, chunk)

    with store.reading() as connection:
        [incident] = list_incidents(connection)
        held = failing_partitions(connection, incident.id)
    assert incident.failing_partitions == len(held) == 305
    assert _outbox(store) == [("log", "opened", "pending", 305)]


def test_fixing_all_of_them_resolves_it_with_one_more_message(store: Store) -> None:
    for chunk in _chunks(failed=True, hours=0) + _chunks(failed=False, hours=2):
        _tell(store, chunk)

    with store.reading() as connection:
        [incident] = list_incidents(connection, with_resolved=True)
        events = [event.type for event in list_events(connection, incident.id)]
    assert incident.state is State.RESOLVED
    assert [kind for _, kind, _, _ in _outbox(store)] == ["opened", "resolved"]
    assert events == ["opened", *["partitions_changed"] * 9, *["partitions_changed"] * 10, "resolved"]


def test_facts_told_twice_change_nothing(store: Store) -> None:
    chunk = _chunks(failed=True, hours=0)[0]
    _tell(store, chunk)
    before = _outbox(store)

    _tell(store, chunk)

    with store.reading() as connection:
        [incident] = list_incidents(connection)
        assert len(list_events(connection, incident.id)) == 1
    assert _outbox(store) == before


def test_passing_rules_without_an_incident_write_nothing(store: Store) -> None:
    _tell(store, _chunks(failed=False, hours=0)[0])

    with store.reading() as connection:
        assert list_incidents(connection, with_resolved=True) == ()


def test_a_raised_priority_opens_the_channels_that_had_not_heard(store: Store) -> None:
    routing = Routing(Policy("production"), channels={Priority.P3: ("log",), Priority.P2: ("log", "pager")})
    small = fact("2011-01-01", at=START, severity=Severity.WARNING, failed_rows=1, checked_rows=1000)
    large = fact("2011-01-02", at=START, severity=Severity.WARNING, failed_rows=999, checked_rows=1000)

    _tell(store, [small], routing)
    _tell(store, [large], routing)

    assert [(channel, kind) for channel, kind, _, _ in _outbox(store)] == [("log", "opened"), ("pager", "opened")]


def test_a_channel_that_was_told_also_hears_of_the_end_after_its_route_is_gone(store: Store) -> None:
    _tell(store, [fact("2011-01-01", at=START)], Routing(Policy("production"), channels={Priority.P2: ("pager",)}))

    _tell(store, [fact("2011-01-01", at=START + timedelta(hours=1), failed=False)])

    assert [(channel, kind) for channel, kind, _, _ in _outbox(store)] == [
        ("pager", "opened"),
        ("log", "resolved"),
        ("pager", "resolved"),
    ]


def test_an_acknowledged_incident_stays_one_while_partitions_come_and_go(store: Store) -> None:
    _tell(store, [fact("2011-01-01", at=START)])
    with store.transaction() as connection:
        [incident] = list_incidents(connection)
        acknowledge_incident(connection, incident.id[:6], actor="ada", at=START + timedelta(minutes=5))

    _tell(store, [fact("2011-01-02", at=START + timedelta(hours=1))])

    with store.reading() as connection:
        [after] = list_incidents(connection)
        actors = {event.type: event.actor for event in list_events(connection, after.id)}
    assert (after.id, after.state, after.failing_partitions) == (incident.id, State.ACKNOWLEDGED, 2)
    assert actors == {"opened": "", "acknowledged": "ada", "partitions_changed": ""}


def test_an_incident_closed_by_hand_is_told_and_reopens_when_its_rule_fails_again(store: Store) -> None:
    _tell(store, [fact("2011-01-01", at=START), fact("2011-01-02", at=START)])
    with store.transaction() as connection:
        [incident] = list_incidents(connection)
        closed = resolve_incident(
            *(connection, incident.id, ROUTING),
            resolution=Resolution.FALSE_POSITIVE,
            actor="ada",
            at=START + timedelta(hours=1),
        )

    _tell(store, [fact("2011-01-02", at=START + timedelta(hours=2))])

    with store.reading() as connection:
        [after] = list_incidents(connection)
        held = failing_partitions(connection, after.id)
    assert (closed.state, closed.resolution, closed.failing_partitions) == (State.RESOLVED, "false_positive", 0)
    assert (after.id, after.state, list(held)) == (incident.id, State.OPEN, ["2011-01-02"])
    assert [kind for _, kind, _, _ in _outbox(store)] == ["opened", "resolved", "reopened"]


def test_an_incident_is_closed_by_hand_only_once(store: Store) -> None:
    _tell(store, [fact("2011-01-01", at=START), fact("2011-01-01", at=START + timedelta(hours=1), failed=False)])
    with store.reading() as connection:
        [incident] = list_incidents(connection, with_resolved=True)

    with store.transaction() as connection, pytest.raises(LakehouseError, match="is resolved already"):
        resolve_incident(connection, incident.id, ROUTING, resolution=Resolution.OTHER, actor="ada", at=START)


def test_an_incident_nobody_knows_is_an_error_that_says_where_to_look(store: Store) -> None:
    with store.reading() as connection, pytest.raises(LakehouseError, match="no incident begins with 'abc'"):
        find_incident(connection, "abc")


def test_a_message_holds_what_a_person_needs(store: Store) -> None:
    told = fact(
        "2011-01-01",
        at=START,
        failed_rows=3,
        checked_rows=100,
        message="value lies outside its bounds",
        owner="sales-data",
        runbook="docs/runbooks/quality.md",
        place="contracts/silver/orders.odcs.yaml:14",
    )
    _tell(store, [told])

    with store.reading() as connection:
        payload = connection.execute(sa.select(schema.outbox.c.payload)).scalar_one()
    assert json.loads(json.dumps(payload)) == payload
    assert payload["title"] == "[P2] silver/orders: quantity.between fails in 1 partition"
    assert payload["suggested_action"].startswith("Look at the quarantined rows")
    assert {payload["owner"], payload["place"]} == {"sales-data", "contracts/silver/orders.odcs.yaml:14"}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]), st.booleans(), st.integers(0, 40)),
        max_size=15,
    ),
    st.integers(1, 6),
)
def test_never_two_open_incidents_of_one_key_and_open_means_failing(
    history: list[tuple[str, str, bool, int]], size: int
) -> None:
    failing: set[tuple[str, str]] = set()
    facts: list[Fact] = []
    now = START
    for rule, partition, failed, hours in history:
        now += timedelta(hours=hours, seconds=1)
        facts.append(Fact("silver/orders", rule, partition, failed, now))

    with open_store("sqlite://") as store:
        for start in range(0, len(facts), size):
            batch = facts[start : start + size]
            for told in batch:
                (failing.add if told.failed else failing.discard)((told.rule_id, told.partition))
            _tell(store, batch)
            with store.reading() as connection:
                unresolved = list_incidents(connection)
                held = {
                    (incident.rule_id, partition)
                    for incident in unresolved
                    for partition in failing_partitions(connection, incident.id)
                }

            assert held == failing
            assert sorted(incident.rule_id for incident in unresolved) == sorted({rule for rule, _ in failing})
