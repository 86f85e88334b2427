"""Incidents under concurrency and crashes, on real databases and in real processes."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from lakehouse_assets.incidents.book import failing_partitions, list_incidents, track
from lakehouse_assets.incidents.dispatch import dispatch
from lakehouse_assets.incidents.facts import facts_of_record
from lakehouse_assets.incidents.message import Message
from lakehouse_assets.incidents.routing import Routing
from lakehouse_assets.incidents.tracker import Policy
from lakehouse_assets.results import Outcome, Record
from lakehouse_assets.state import schema
from lakehouse_assets.state.absorb import absorb_record
from lakehouse_assets.state.store import Store, open_store
from lakehouse_assets_tests.builders import bare_contract, fact, partition_record, publish_record, rule_result

pytestmark = pytest.mark.integration

START = datetime(2011, 1, 1, tzinfo=UTC)
ROUTING = Routing(Policy("production"))
RULES = ("quantity.between", "price.positive")


class Appender:
    """Writes every message into a file; may be killed after doing so, before anyone can record it."""

    name = "log"

    def __init__(self, path: Path, *, dies: bool = False) -> None:
        self.path, self.dies = path, dies

    def send(self, message: Message) -> str:
        with self.path.open("a") as file:
            file.write(f"{message.incident_id} {message.notice}\n")
        if self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return message.incident_id


def _records() -> list[Record]:
    failed = [rule_result(rule, outcome=Outcome.FAIL, failed_rows=1) for rule in RULES]
    days = [(START + timedelta(days=number)).date().isoformat() for number in range(12)]
    return [
        publish_record(f"run-{number:04d}-1", partition_record(day, *failed), at=f"2011-02-01T06:{number:02d}:00Z")
        for number, day in enumerate(days)
    ]


def _absorb_and_track(url: str, records: list[Record]) -> None:
    with open_store(url) as store:
        for record in records:
            with store.transaction() as connection:
                current = absorb_record(connection, record)
                track(connection, facts_of_record(record, bare_contract(), current), ROUTING)


def _dispatch(url: str, channel: Appender) -> None:
    with open_store(url) as store:
        dispatch(store, {"log": channel}, clock=lambda: START)


def _run(*processes: multiprocessing.context.SpawnProcess) -> list[int | None]:
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def test_two_processes_absorbing_the_same_failures_open_one_incident_per_rule(store_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    records = _records()
    orders = (records, records[::-1])

    codes = _run(*(spawn.Process(target=_absorb_and_track, args=(store_url, order)) for order in orders))

    with open_store(store_url) as store, store.reading() as connection:
        incidents = list_incidents(connection, with_resolved=True)
        held = {incident.rule_id: len(failing_partitions(connection, incident.id)) for incident in incidents}
        messages = connection.execute(sa.select(sa.func.count()).select_from(schema.outbox)).scalar()
    assert codes == [0, 0]
    assert held == dict.fromkeys(RULES, 12)
    assert messages == 2


def test_the_database_itself_refuses_a_second_open_incident_of_a_key(store: Store) -> None:
    with store.transaction() as connection:
        [incident] = track(connection, [fact("2011-01-01", at=START)], ROUTING)
    other = sa.insert(schema.incidents).values(
        id="x-2", key=incident.key, episode=2, state="open", opened_at=START, updated_at=START
    )

    with pytest.raises(sa.exc.IntegrityError), store.transaction() as connection:
        connection.execute(other)


def test_two_dispatchers_at_once_send_every_message_once(store_url: str, tmp_path: Path) -> None:
    rules = [f"rule_{number}" for number in range(20)]
    failed = [rule_result(rule, outcome=Outcome.FAIL) for rule in rules]
    record = publish_record("run-0000-1", partition_record("2010-12-01", *failed), at="2010-12-02T06:00:00Z")
    _absorb_and_track(store_url, [record])
    spawn = multiprocessing.get_context("spawn")
    channel = Appender(tmp_path / "sent.txt")

    codes = _run(*(spawn.Process(target=_dispatch, args=(store_url, channel)) for _ in range(2)))

    lines = channel.path.read_text().splitlines()
    assert codes == [0, 0]
    assert len(lines) == len(set(lines)) == 20


def test_a_kill_between_sending_and_recording_sends_again_and_forgets_nothing(store_url: str, tmp_path: Path) -> None:
    with open_store(store_url) as store, store.transaction() as connection:
        track(connection, [fact("2011-01-01", at=START)], ROUTING)
    victim = Appender(tmp_path / "sent.txt", dies=True)

    [code] = _run(multiprocessing.get_context("spawn").Process(target=_dispatch, args=(store_url, victim)))
    with open_store(store_url) as store:
        survivor = {"log": Appender(victim.path)}
        at_once = dispatch(store, survivor, clock=lambda: START + timedelta(minutes=1))
        later = dispatch(store, survivor, clock=lambda: START + timedelta(minutes=6))
        with store.reading() as connection:
            attempts = connection.execute(sa.select(schema.outbox_attempts.c.outcome)).scalars().all()

    assert code == -signal.SIGKILL
    assert (at_once.sent, later.sent) == (0, 1)
    assert attempts == ["started", "sent"]
    assert len(set(victim.path.read_text().splitlines())) == 1
