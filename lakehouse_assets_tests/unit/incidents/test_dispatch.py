"""Messages leave in order, wait longer after each failure, and are never lost."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from lakehouse_assets.errors import DeliveryError
from lakehouse_assets.incidents.book import track
from lakehouse_assets.incidents.channel import find_channels
from lakehouse_assets.incidents.channels.log import LOGGER
from lakehouse_assets.incidents.dispatch import Deliveries, Patience, dispatch
from lakehouse_assets.incidents.message import Message
from lakehouse_assets.incidents.outbox import backlog, claim
from lakehouse_assets.incidents.routing import Routing
from lakehouse_assets.incidents.tracker import Policy
from lakehouse_assets.state import schema
from lakehouse_assets.state.store import Store, open_store
from lakehouse_assets_tests.builders import fact

START = datetime(2011, 1, 1, tzinfo=UTC)
ROUTING = Routing(Policy("production"))


class Recorder:
    """A channel that keeps what it is given and fails as often as it is told to."""

    name = "log"

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.heard: list[Message] = []

    def send(self, message: Message) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.heard.append(message)
        return f"ticket-{len(self.heard)}"


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


def _tell(store: Store, partition: str, *, hours: float, failed: bool = True) -> None:
    with store.transaction() as connection:
        track(connection, [fact(partition, at=START + timedelta(hours=hours), failed=failed)], ROUTING)


def _send(store: Store, channel: Recorder, *, hours: float) -> Deliveries:
    return dispatch(store, {"log": channel}, clock=lambda: START + timedelta(hours=hours))


def test_messages_about_one_incident_leave_in_order(store: Store) -> None:
    _tell(store, "a", hours=0)
    _tell(store, "a", hours=1, failed=False)
    _tell(store, "a", hours=2)
    channel = Recorder()

    # One call sends one message an incident and channel at a time until nothing is due.
    done = _send(store, channel, hours=3)

    assert done == Deliveries(sent=3)
    assert [message.notice for message in channel.heard] == ["opened", "resolved", "reopened"]


def test_a_message_names_the_ticket_of_the_one_before(store: Store) -> None:
    channel = Recorder()
    _tell(store, "a", hours=0)
    _send(store, channel, hours=0)
    _tell(store, "a", hours=1, failed=False)

    _send(store, channel, hours=1)

    assert [message.previous_id for message in channel.heard] == ["", "ticket-1"]


def test_changes_of_an_open_incident_are_gathered_into_one_digest(store: Store) -> None:
    channel = Recorder()
    _tell(store, "a", hours=0)
    _send(store, channel, hours=0)
    for name in "bcdef":
        _tell(store, name, hours=0.1)

    early = _send(store, channel, hours=0.2)
    late = _send(store, channel, hours=0.5)

    assert (early.sent, late.sent) == (0, 1)
    assert [(message.notice, message.partition_count) for message in channel.heard] == [("opened", 1), ("updated", 6)]


def test_a_digest_that_was_not_sent_before_the_end_is_dropped(store: Store) -> None:
    channel = Recorder()
    _tell(store, "a", hours=0)
    _send(store, channel, hours=0)
    _tell(store, "b", hours=0.1)
    for name in "ab":
        _tell(store, name, hours=0.15, failed=False)

    _send(store, channel, hours=9)

    assert [message.notice for message in channel.heard] == ["opened", "resolved"]


def test_a_failing_channel_loses_nothing_and_is_tried_again_later(store: Store) -> None:
    channel = Recorder(OSError("token=secret"), OSError("token=secret"))
    _tell(store, "a", hours=0)

    done = [_send(store, channel, hours=hours) for hours in (0, 0.001, 1, 2)]

    attempt = schema.outbox_attempts.c
    with store.reading() as connection:
        attempts = [tuple(row) for row in connection.execute(sa.select(attempt.outcome, attempt.error))]
        left = backlog(connection)
    assert [(one.sent, one.failed) for one in done] == [(0, 1), (0, 0), (0, 1), (1, 0)]
    assert attempts == [("failed", "OSError"), ("failed", "OSError"), ("sent", "")]
    assert left.waiting == 0


def test_what_waits_is_visible_with_its_age(store: Store) -> None:
    _tell(store, "a", hours=0)
    _send(store, Recorder(OSError()), hours=0)

    with store.reading() as connection:
        left = backlog(connection)
    assert (left.waiting, left.oldest_at) == (1, START)


def test_a_later_message_waits_for_the_one_that_cannot_be_delivered(store: Store) -> None:
    channel = Recorder(OSError())
    _tell(store, "a", hours=0)
    _send(store, channel, hours=0)
    _tell(store, "a", hours=0.001, failed=False)

    blocked = _send(store, channel, hours=0.002)
    _send(store, channel, hours=1)

    assert blocked == Deliveries()
    assert [message.notice for message in channel.heard] == ["opened", "resolved"]


def test_a_row_for_a_channel_that_is_gone_waits(store: Store) -> None:
    _tell(store, "a", hours=0)

    done = dispatch(store, {}, clock=lambda: START)

    with store.reading() as connection:
        error = connection.execute(sa.select(schema.outbox_attempts.c.error)).scalar_one()
        assert backlog(connection).waiting == 1
    assert (done, error) == (Deliveries(failed=1), "there is no channel 'log'.")


def test_a_dispatcher_that_died_while_sending_is_replaced_after_its_lease(store: Store) -> None:
    _tell(store, "a", hours=0)
    with store.transaction() as connection:
        claim(connection, "the dead one", due_at=START, until=START + timedelta(minutes=5), limit=10)
    channel = Recorder()

    during = _send(store, channel, hours=0.05)
    after = _send(store, channel, hours=0.1)

    assert (during.sent, after.sent) == (0, 1)


@pytest.mark.parametrize(
    ("attempt", "chance", "asked", "minutes"),
    [
        (1, 1.0, None, 1),
        (1, 0.0, None, 0.5),
        (4, 1.0, None, 8),
        (500, 1.0, None, 60),
        (1, 1.0, 120.0, 2),
        (1, 1.0, 1e9, 60),
    ],
)
def test_waits_double_up_to_a_cap_and_what_the_other_side_asks_goes_first(
    attempt: int, chance: float, asked: float | None, minutes: float
) -> None:
    assert Patience().wait(attempt, chance=chance, asked=asked) == timedelta(minutes=minutes)


def test_what_a_channel_asks_for_is_honoured(store: Store) -> None:
    channel = Recorder(DeliveryError("too many requests", retry_after_seconds=1800))
    _tell(store, "a", hours=0)
    _send(store, channel, hours=0)

    done = [_send(store, channel, hours=hours).sent for hours in (0.49, 0.5)]

    assert done == [0, 1]


def test_the_log_channel_writes_one_json_line_at_the_level_of_the_priority(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    _tell(store, "a", hours=0)

    with caplog.at_level(logging.INFO, logger=LOGGER):
        dispatch(store, find_channels(), clock=lambda: START)

    [line] = caplog.records
    said = json.loads(line.getMessage())
    assert line.levelno == logging.ERROR
    assert (said["event"], said["notice"], said["priority"]) == ("incident", "opened", "P2")
