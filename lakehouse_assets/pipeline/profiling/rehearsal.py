"""Doing a run in a folder of its own beside the tables: the same verbs, commits included, and nobody sees any of it."""

import contextlib
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines.protocol import EngineStage
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName, publish_id
from lakehouse_assets.pipeline.computing import computing
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.profiling.stopwatch import Lap, Stopwatch
from lakehouse_assets.pipeline.profiling.watched import Watched
from lakehouse_assets.pipeline.publish import publish
from lakehouse_assets.pipeline.run import drafted, verb_of
from lakehouse_assets.pipeline.step import Step, pinned, stored_columns
from lakehouse_assets.results import Ledger
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.pins import write_pins
from lakehouse_assets.storage.proof import require_atomic
from lakehouse_assets.storage.table import create_table

FOLDER = ".rehearsals"
_NO_REHEARSAL = {
    Mode.DERIVED: "What it costs depends on what was derived before. Profile its change log: {logs}.",
    Mode.APPEND_ONCE: "What landed is never landed again. Profile the table that reads it.",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a run of one partition costs: `laps` are its stages, `alone` parts of computing done again by themselves.

    `engine_stages` are what the engine itself says about its work; not every engine does.
    """

    table: str
    partition: str
    engine: str
    outcome: str
    ledger: Ledger
    rows_read: int
    bytes_read: int
    before_bytes: int
    laps: tuple[Lap, ...]
    alone: tuple[Lap, ...]
    engine_stages: tuple[EngineStage, ...] = ()


def profile(lake: Lake, table: TableName, partitions: Sequence[str]) -> list[Profile]:
    """Rehearse partitions one by one; raises what a run would raise, and publishes nothing."""
    contract = lake.contract(table)
    if contract.load.mode in _NO_REHEARSAL:
        fix = _NO_REHEARSAL[contract.load.mode].format(logs=", ".join(map(str, contract.upstreams)))
        raise LakehouseError(
            f"a table with mode {contract.load.mode} has no rehearsal.", where=str(contract.table), fix=fix
        )
    wanted = lake.check_partitions(table, partitions)
    return [_rehearsed(lake, contract, partition) for partition in wanted]


def _rehearsed(lake: Lake, contract: Contract, partition: str) -> Profile:
    lake = computing(lake, contract)
    folder = f"{FOLDER}/{secrets.token_hex(4)}"
    engine = Watched(lake.engine, own=f"{lake.root}/{folder}")
    scratch = replace(lake, root=f"{lake.root}/{folder}", computes=engine)
    watch = Stopwatch()
    try:
        with watch.running():
            with watch.lap("open and pin"):
                step = _opened(lake, scratch, contract, partition)
            with watch.lap("compute") as lap:
                draft = drafted(step, verb_of(contract))
                lap.rows, lap.bytes_read = engine.rows_read(), engine.bytes_read()
            with watch.lap("publish"):
                (result,) = publish(step, draft)
            told = len(watch.laps)
            _alone(engine, watch)
    finally:
        _forget(lake, folder)
    return Profile(
        str(contract.table),
        partition,
        engine.name,
        result.status,
        result.record.ledger,
        engine.rows_read(),
        engine.bytes_read(),
        watch.before_bytes,
        tuple(watch.laps[:told]),
        tuple(lap for lap in watch.laps[told:] if not lap.depth),
        tuple(engine.stages),
    )


def _forget(lake: Lake, folder: str) -> None:
    if "://" in lake.root:
        objects = Objects(lake.root, lake.options)
        objects.delete(objects.names(folder))
        return
    shutil.rmtree(f"{lake.root}/{folder}", ignore_errors=True)
    with contextlib.suppress(OSError):  # of a rehearsal beside this one
        Path(lake.root, FOLDER).rmdir()


def _opened(lake: Lake, scratch: Lake, contract: Contract, partition: str) -> Step:
    require_atomic(lake.root, lake.options)
    columns = stored_columns(scratch, contract)
    publishing = publish_id("rehearsal", 0, secrets.token_hex(4))
    about = {"partition_column": contract.partition_column, "description": contract.description}
    table = create_table(scratch.root_of(contract.table), scratch.options, columns, **about)
    upstreams = pinned(lake, contract)
    versions = {str(name): upstream.version for name, upstream in upstreams.items() if upstream is not None}
    if versions:
        write_pins(scratch.objects_of(contract.table), publishing, versions)
    now = datetime.now(UTC)
    return Step(scratch, contract, (partition,), publishing, "rehearsal", table, columns, upstreams, now)


def _alone(engine: Watched, watch: Stopwatch) -> None:
    """Read without computing, then compute without writing: what is left of the whole is writing."""
    stages = list(engine.stages)
    read, counted = engine.read_alone(), list(engine.counted)
    if read is not None:
        with watch.lap("read and decode") as lap:
            engine.collect(read)
            lap.rows, lap.bytes_read = engine.rows_read(), engine.bytes_read()
    if counted:
        with watch.lap("read, parse, judge, hash"):
            for frame in counted:
                engine.collect(frame)
    engine.stages = stages
