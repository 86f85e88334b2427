"""Apache Kafka in tests: one broker with its controller, small, started from the jars that `make kafka-jars` fetches.

What belongs here: starting, killing and ending it, topics, and producers. Tables that read it are `kafka_lakes`.
"""

import os
import subprocess
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse_assets_tests.ports import await_port, free_port

_FOLDER = "kafka-4.3.0"
# A machine that is busy with other tests takes its time.
START_SECONDS = 120
_ONE_NODE = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.segment.bytes=1048576
log.retention.check.interval.ms=500
log.cleaner.dedupe.buffer.size=2097152
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
"""
_LOGGING = """\
<Configuration><Appenders><Console name="c"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
<Loggers><Root level="error"><AppenderRef ref="c"/></Root></Loggers></Configuration>
"""


def kafka_jars() -> list[Path]:
    """Return the jars of the broker, none where they were not fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return sorted((cache / "lakehouse-assets" / _FOLDER).glob("*.jar"))


@dataclass
class Broker:
    """A broker on a port of its own. What it has acknowledged it has on disk, so it may be killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = field(default=None)

    @property
    def address(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "kafka.Kafka"]
        self.process = subprocess.Popen(
            _java(self.folder, [*command, str(self.folder / "server.properties")]),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        await_port(self.process, self.port, seconds=START_SECONDS)
        self.topics()

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()

    def admin(self) -> Any:  # noqa: ANN401 - the client has no types
        """Return a client that manages topics."""
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def topics(self) -> Mapping[str, Any]:
        """Return the topics there are."""
        return dict(self.admin().list_topics(timeout=START_SECONDS).topics)

    def create(self, topic: str, *, partitions: int = 1, **settings: str) -> None:
        """Create a topic that keeps everything, whatever its timestamps say."""
        from confluent_kafka.cimpl import NewTopic

        config = {"retention.ms": "-1"} | {name.replace("_", "."): value for name, value in settings.items()}
        new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config)
        admin = self.admin()  # must live until it has answered
        admin.create_topics([new])[topic].result(START_SECONDS)

    def delete(self, topic: str) -> None:
        """Delete a topic."""
        admin = self.admin()  # must live until it has answered
        admin.delete_topics([topic])[topic].result(START_SECONDS)

    def widen(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        from confluent_kafka.cimpl import NewPartitions

        admin = self.admin()  # must live until it has answered
        admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(START_SECONDS)

    def forget(self, topic: str, partition: int, before: int) -> None:
        """Delete the records of a partition before an offset, as retention does."""
        from confluent_kafka import TopicPartition

        part = TopicPartition(topic, partition, before)
        admin = self.admin()  # must live until it has answered
        admin.delete_records([part])[part].result(START_SECONDS)

    def send(self, topic: str, messages: Iterable[Mapping[str, Any]]) -> None:
        """Produce messages, given as keyword arguments of the client's `produce`."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.address, "log_level": 0, "linger.ms": 1})
        for message in messages:
            producer.produce(topic, **message)
        assert producer.flush(START_SECONDS) == 0

    def transact(self, topic: str, transactions: Sequence[tuple[bool, Sequence[Mapping[str, Any]]]]) -> None:
        """Produce transactions, each of which is committed or aborted."""
        from confluent_kafka import Producer

        name = uuid.uuid4().hex
        producer = Producer({"bootstrap.servers": self.address, "log_level": 0, "transactional.id": name})
        producer.init_transactions(START_SECONDS)
        for commits, messages in transactions:
            producer.begin_transaction()
            for message in messages:
                producer.produce(topic, **message)
            producer.flush(START_SECONDS)
            (producer.commit_transaction if commits else producer.abort_transaction)(START_SECONDS)


@contextmanager
def broker_in(folder: Path) -> Iterator[Broker]:
    """Yield a broker whose data is in a folder; it ends with the block."""
    broker = Broker(folder, free_port())
    settings = _ONE_NODE.format(port=broker.port, controller=free_port(), folder=folder)
    (folder / "server.properties").write_text(settings)
    (folder / "log4j2.xml").write_text(_LOGGING)
    formatting = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"]
    done = subprocess.run(
        _java(folder, ["-XX:TieredStopAtLevel=1", *formatting, str(folder / "server.properties")]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


def _java(folder: Path, command: Sequence[str]) -> list[str]:
    (jars,) = {jar.parent for jar in kafka_jars()}
    return ["java", f"-Dlog4j2.configurationFile={folder / 'log4j2.xml'}", "-cp", f"{jars}/*", *command]
