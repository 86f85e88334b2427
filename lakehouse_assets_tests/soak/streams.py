"""Topics that are read while readers and brokers are killed: what must be there in the end, once, and what must not.

Two readers follow the same partitions all the time, so that they race wherever they are not dead. A test strikes a few
times, `make soak` thirty times and three.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.kafka import Broker, broker_in
from lakehouse_assets_tests.kafka_lakes import EVENTS, NINE, event, kafka_lake, landed
from lakehouse_assets_tests.lakes import run, variables_of
from lakehouse_assets_tests.repository import ROOT, tool

DEADLINE_SECONDS = 120
KILLS, BROKER_KILLS = 30, 3
_EACH = 50


@dataclass(frozen=True, slots=True)
class Strikes:
    """How often what is struck, and how much is sent before each kill."""

    seed: int
    kills: int = KILLS
    broker_kills: int = BROKER_KILLS
    transactions: int = 14


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the records: those that were sent and committed, and three ways of being wrong."""

    committed: int
    aborted: int
    lost: int
    doubled: int
    seen_aborted: int
    is_equal: bool

    @property
    def is_good(self) -> bool:
        """Whether every committed record is there once, and a table that was never disturbed holds the same."""
        return self.is_equal and not (self.lost or self.doubled or self.seen_aborted)


def strike(folder: Path, broker: Broker, strikes: Strikes) -> Outcome:
    """Send, read, kill, and count."""
    chance = random.Random(strikes.seed)  # noqa: S311 - a test
    topic = f"struck-{strikes.seed}-{os.getpid()}"
    broker.create(topic, partitions=4)
    lake = kafka_lake(folder / "struck", broker.address, topic=topic, maxRecords=100, maxWait="1s")
    committed, aborted = list[str](), 0
    broker_deaths = set(chance.sample(range(strikes.kills), strikes.broker_kills))
    for kill in range(strikes.kills):
        sent = list(_transactions(chance, kill * strikes.transactions, strikes.transactions))
        broker.transact(topic, sent)
        committed += [str(one["key"]) for commits, batch in sent if commits for one in batch]
        aborted += sum(len(batch) for commits, batch in sent if not commits)
        _disturb(lake, broker, chance, is_broker_killed=kill in broker_deaths)
    run(lake, EVENTS, NINE)
    undisturbed = kafka_lake(folder / "undisturbed", broker.address, topic=topic)
    run(undisturbed, EVENTS, NINE)
    found, wanted = Counter(landed(lake)), Counter(committed)
    return Outcome(
        len(committed),
        aborted,
        lost=(wanted - found).total(),
        doubled=sum(count - 1 for count in found.values()),
        seen_aborted=sum(count for name, count in found.items() if name.startswith("aborted")),
        is_equal=content_of(undisturbed, EVENTS).hash == content_of(lake, EVENTS).hash,
    )


def main(seed: int) -> int:
    """Strike a broker of our own; return 1 when something was lost or doubled."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-soak-") as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        with broker_in(folder / "broker") as broker:
            outcome = strike(folder, broker, Strikes(seed))
    sys.stdout.write(f"kafka, {KILLS} readers and {BROKER_KILLS} brokers killed, seed {seed}: {outcome}\n")
    return 0 if outcome.is_good else 1


def _disturb(lake: Lake, broker: Broker, chance: random.Random, *, is_broker_killed: bool) -> None:
    """Let two readers go on for some commits, and kill them in the middle of it; the broker too, first."""
    readers = [_reader(lake), _reader(lake)]
    try:
        _await_version(lake, _version_of(lake) + chance.randint(1, 4), readers)
        if is_broker_killed:
            broker.kill()
    finally:
        for one in readers:
            one.kill()
            one.communicate()
    if is_broker_killed:
        broker.start()


def _reader(lake: Lake) -> subprocess.Popen[str]:
    command = [tool("lakehouse"), "stream", str(EVENTS)]
    return subprocess.Popen(
        command, cwd=ROOT, env=variables_of(lake), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def _version_of(lake: Lake) -> int:
    opened = lake.open(EVENTS)
    return opened.version if opened else -1


def _await_version(lake: Lake, version: int, readers: list[subprocess.Popen[str]]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while _version_of(lake) < version:
        ended = next((one for one in readers if one.poll() is not None), None)
        assert ended is None, ended.communicate()[1]
        assert time.monotonic() < deadline, "the readers committed nothing"
        time.sleep(0.02)


def _transactions(chance: random.Random, begin: int, count: int) -> Iterator[tuple[bool, list[dict[str, object]]]]:
    """Yield transactions of events with numbers of their own; every fifth is aborted, and its events say so."""
    for number in range(begin, begin + count):
        commits = number % 5 != 0
        names = [f"{'' if commits else 'aborted-'}{number}-{index}" for index in range(_EACH)]
        yield commits, [event(name, partition=chance.randrange(4)) for name in names]
