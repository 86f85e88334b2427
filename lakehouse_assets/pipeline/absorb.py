"""Taking records from the lake into the state store, and incidents from records; what a crash kept out comes later.

Each record is one transaction: its ledger, its rule results, and the incidents they open, change or close.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.incidents.book import failing_partitions, list_incidents, track
from lakehouse_assets.incidents.channel import find_channels
from lakehouse_assets.incidents.facts import RUN_FAILURE, facts_of_record
from lakehouse_assets.incidents.incident import Fact
from lakehouse_assets.incidents.routing import Routing, load_routing
from lakehouse_assets.naming import META_FOLDER, TableName, blocked_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.logbook import forget_lines, waiting_lines
from lakehouse_assets.pipeline.notices import has_landed
from lakehouse_assets.pipeline.recorded import Recorded, readable_record, served
from lakehouse_assets.results import BLOCKED, PUBLISHED, Record
from lakehouse_assets.state.absorb import absorb_record, write_run_log
from lakehouse_assets.state.reports import known_publishes
from lakehouse_assets.state.store import Store, open_store
from lakehouse_assets.state.times import to_utc

SUFFIX = ".json.zst"


def absorb(lake: Lake, store: Store) -> list[Record]:
    """Absorb every record the store does not know yet; return them in the order they were written."""
    with store.reading() as connection:
        known = known_publishes(connection)
    fresh = sorted(_records(lake, known), key=lambda record: (record.finished_at, record.publish))
    routing = routing_of(lake) if fresh else None
    for record in fresh:
        contract = lake.contract(TableName.parse(record.table))
        with store.transaction() as connection:
            newest = absorb_record(connection, record)
            if routing is not None:
                facts = (*facts_of_record(record, contract, newest), *_retired(connection, record, newest))
                track(connection, facts, routing)
    _absorb_lines(lake, store)
    return fresh


def store_of(lake: Lake) -> Store:
    """Open the lake's state store, creating it when it is new."""
    if lake.settings.is_local:
        os.makedirs(lake.root, exist_ok=True)  # noqa: PTH103 - SQLite does not create its folder
    return open_store(lake.settings.state_url)


def routing_of(lake: Lake) -> Routing:
    """Return who is told what in this environment."""
    settings = lake.settings
    return load_routing(settings.config_dir, settings.environment, find_channels())


def _retired(connection: Connection, record: Record, newest: Collection[str]) -> Iterator[Fact]:
    """Yield that rules hold which a partition was last said to break and which its contract no longer has."""
    at = to_utc(record.finished_at)
    for incident in list_incidents(connection, table=record.table, limit=1_000):
        failing = failing_partitions(connection, incident.id)
        for one in record.partitions:
            judged = {result.rule_id for result in one.results}
            is_due = one.partition in newest and one.partition in failing and one.status != BLOCKED
            if is_due and incident.rule_id not in judged and not incident.rule_id.startswith(RUN_FAILURE):
                yield Fact(record.table, incident.rule_id, one.partition, failed=False, at=at)


def _absorb_lines(lake: Lake, store: Store) -> None:
    for path, rows in waiting_lines(lake).items():
        with store.transaction() as connection:
            write_run_log(connection, rows)
        forget_lines(lake, path)


def _records(lake: Lake, known: frozenset[tuple[str, str]]) -> Iterator[Record]:
    for table in lake.catalog.contracts:
        for folder in (table, blocked_of(table)):
            yield from _fresh(lake, table, folder, known)


def _fresh(lake: Lake, table: TableName, folder: TableName, known: frozenset[tuple[str, str]]) -> Iterator[Record]:
    objects = lake.objects_of(folder)
    fresh: list[Record] = []
    for path in objects.names(META_FOLDER):
        publish = path.rsplit("/", 1)[-1].removesuffix(SUFFIX)
        if path.endswith(SUFFIX) and (str(table), publish) not in known:
            record = readable_record(objects, publish)
            fresh += [record] if record is not None else []
    yield from (one for one in fresh if one.returns_to is not None and has_landed(lake, table, one.publish))
    fresh = [record for record in fresh if record.returns_to is None]
    promised = [record for record in fresh if any(one.status == PUBLISHED for one in record.partitions)]
    if folder == table and lake.contract(table).load.mode is Mode.APPEND_ONCE:
        yield from (record for record in fresh if record not in promised)
        yield from _appended(lake, table, promised)
        return
    open_promises = _not_yet_true(lake, table, promised)
    yield from (record for record in fresh if record.publish not in open_promises)


def _appended(lake: Lake, table: TableName, promised: Collection[Record]) -> Iterator[Record]:
    """Yield what became of appends: of each partition, what all its publishes say together is the word on it.

    Commits need not come in the order of their records; one that came late still tells the newest word.
    """
    words = served(lake, table, skip_damaged=True) if promised else {}
    for record in promised:
        true = [words[one.partition] for one in record.partitions if record.publish in _publishes(words, one.partition)]
        if true:
            newest = max(word.record.finished_at for word in true)
            late = datetime.fromisoformat(newest) + timedelta(microseconds=1)
            at = record.finished_at if record.finished_at >= newest else late.isoformat()
            yield replace(record, partitions=tuple(word.of for word in true), finished_at=at)


def _publishes(words: Mapping[str, Recorded], partition: str) -> tuple[str, ...]:
    return words[partition].publishes if partition in words else ()


def _not_yet_true(lake: Lake, table: TableName, promised: Collection[Record]) -> frozenset[str]:
    """Return publishes whose record is newer than what is served: their commit is still to come, or never came.

    A record is written before its commit. Left by a killed run or a lost race, it must not become the newest word.
    """
    words = served(lake, table, skip_damaged=True) if promised else {}
    publishes = {word.publish for word in words.values()}
    finished = {partition: word.record.finished_at for partition, word in words.items()}
    return frozenset(
        record.publish
        for record in promised
        if record.publish not in publishes
        and any(record.finished_at > finished.get(one.partition, "") for one in record.partitions)
    )
