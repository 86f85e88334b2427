"""What a backfill would touch, read, take and whom it concerns. Nothing is refused and nothing is changed here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import mean, median

from lakehouse_assets.contracts.calendar import day_key
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.contracts.promises import latency
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.backfills.scope import Affected, Scope, affected_by, scope_of
from lakehouse_assets.pipeline.curate import window_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, served
from lakehouse_assets.pipeline.watermark import window_end
from lakehouse_assets.state.times import to_utc

_REPLAY = {
    "exact": "the source is read again and replaces what landed",
    "state": "what the source says now joins what landed; nothing is withdrawn",
    "snapshot": "past partitions that landed are read from bronze, the source is asked for missing ones only",
}


@dataclass(frozen=True, slots=True)
class Volume:
    """What is read. `estimated` partitions never landed; they count like the mean of the others."""

    rows: int = 0
    bytes: int = 0
    estimated: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """Partitions of one table to compute. `seconds` is None where no run of it is recorded."""

    table: str
    partitions: tuple[str, ...]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Clash:
    """A partition that is over and may still be published in time: the ordinary load needs the machine now."""

    table: str
    partition: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """Who reads a table that changes, and the channels on which its owner reaches them."""

    table: str
    consumer: str
    kind: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything there is to know before a backfill."""

    table: str
    first: str
    last: str
    planned_at: datetime
    scope: Scope
    reads: Volume
    work: Work
    downstream: tuple[Work, ...]
    clashes: tuple[Clash, ...]
    notices: tuple[Notice, ...]
    replay: str = ""

    @property
    def seconds(self) -> float | None:
        """How long the table itself takes, without pauses."""
        return self.work.seconds


def plan_backfill(lake: Lake, table: TableName, first: str, last: str, now: datetime) -> Plan:
    """Return the plan of a range; raise UnknownTableError or LakehouseError when it is no range of the table."""
    scope = scope_of(lake, table, first, last, now)
    words = served(lake, table, skip_damaged=True)
    below = affected_by(lake, table, scope.partitions)
    everything = (Affected(str(table), scope.partitions), *below)
    return Plan(
        table=str(table),
        first=first,
        last=last,
        planned_at=now,
        scope=scope,
        reads=_reads(lake, lake.contract(table), scope.partitions, words),
        work=_work(everything[0], words.values()),
        downstream=tuple(_work(one, served(lake, _name(one), skip_damaged=True).values()) for one in below),
        clashes=tuple(clash for one in everything for clash in _clashes(lake.contract(_name(one)), one, now)),
        notices=tuple(notice for one in everything for notice in _notices(lake.contract(_name(one)))),
        replay=_REPLAY[lake.catalog.sources[table.path[0]].replay] if table.layer == "bronze" else "",
    )


def _name(affected: Affected) -> TableName:
    return TableName.parse(affected.table)


def _work(affected: Affected, words: Iterable[Recorded]) -> Work:
    spent = {word.publish: _seconds(word) for word in words}
    each = median(spent.values()) if spent else None
    return Work(affected.table, affected.partitions, None if each is None else each * len(affected.partitions))


def _seconds(word: Recorded) -> float:
    record = word.record
    spent = to_utc(record.finished_at) - to_utc(record.started_at)
    return spent.total_seconds() / max(1, len(record.partitions))


def _reads(lake: Lake, contract: Contract, partitions: tuple[str, ...], words: dict[str, Recorded]) -> Volume:
    if not partitions:
        return Volume()
    if contract.table.layer == "bronze":
        return _from_source(partitions, words)
    rows = size = 0
    absent = 0
    for upstream in contract.upstreams:
        opened = lake.open(upstream)
        files = list(opened.files) if opened else []
        if contract.is_partitioned and lake.contract(upstream).is_partitioned:
            wanted = _read_partitions(lake, contract, upstream, partitions)
            files = [file for file in files if file.partition in wanted]
            absent += len(set(partitions) - {file.partition for file in files})
        rows += sum(file.rows for file in files)
        objects = lake.objects_of(upstream)
        size += sum(objects.size(file.path) or 0 for file in files)
    return Volume(rows, size, absent)


def _from_source(partitions: tuple[str, ...], words: dict[str, Recorded]) -> Volume:
    known = {key: (word.of.ledger.read, sum(o.size for o in word.of.objects)) for key, word in words.items()}
    usual = tuple(round(mean(column)) for column in zip(*known.values(), strict=True)) if known else (0, 0)
    read = [known.get(partition, usual) for partition in partitions]
    estimated = len(set(partitions) - set(known))
    return Volume(sum(rows for rows, _ in read), sum(size for _, size in read), estimated)


def _read_partitions(lake: Lake, contract: Contract, upstream: TableName, partitions: tuple[str, ...]) -> set[str]:
    if contract.table.layer != "gold":
        return set(partitions)
    known = {key: day_key(key) for key in lake.partitions(upstream)}
    if not lake.contract(upstream).load.event_time:
        return {key for key, day in known.items() if day in partitions}
    windows = [window_of((partition,), contract.load.lateness) for partition in partitions]
    return {key for key, day in known.items() if any(first <= day <= last for first, last in windows)}


def _clashes(contract: Contract, affected: Affected, now: datetime) -> Iterator[Clash]:
    if contract.calendar is None:
        return
    for partition in affected.partitions:
        if partition != SNAPSHOT_PARTITION:
            over_at = window_end(partition, contract.calendar)
            if over_at <= now < over_at + latency(contract):
                yield Clash(affected.table, partition, over_at + latency(contract))


def _notices(contract: Contract) -> Iterator[Notice]:
    channels = tuple(f"{one.get('channel', '')} ({one.get('tool', 'unknown')})" for one in contract.support)
    for consumer in contract.consumers:
        yield Notice(str(contract.table), consumer.name, consumer.kind, channels or (f"owner {contract.owner}",))
