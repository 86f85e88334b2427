"""Notices of rollbacks that Dagster has not heard of yet: left beside the lake, taken away by the sensor that tells it.

A rollback is made on a command line, without Dagster; what reads the table must be asked for again all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakehouse_assets.naming import ROLLBACKS_FOLDER, TableName, rollback_batch, rollback_notice
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import readable_record
from lakehouse_assets.results import Record
from lakehouse_assets.storage.fence import position
from lakehouse_assets.storage.objects import Objects

# A notice is written before its commit; longer than this, no commit takes.
GIVEN_UP_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """A rollback that happened: the record of it, and where its notice lies."""

    path: str
    record: Record


def leave_notice(lake: Lake, table: TableName, publish: str) -> str:
    """Leave a notice and return its path."""
    path = rollback_notice(publish)
    _objects(lake).write(path, str(table).encode())
    return path


def forget_notice(lake: Lake, path: str) -> None:
    """Take a notice away."""
    _objects(lake).delete([path])


def find_notices(lake: Lake) -> Iterator[Notice]:
    """Yield the rollbacks that were committed; notices whose commit never came are taken away."""
    objects = _objects(lake)
    for path in objects.names(f"{ROLLBACKS_FOLDER}/"):
        table = TableName.parse((objects.read(path) or b"").decode())
        record = readable_record(lake.objects_of(table), path.rsplit("/", 1)[-1])
        if record is not None and has_landed(lake, table, record.publish):
            yield Notice(path, record)
        elif record is None or datetime.fromisoformat(record.finished_at) < datetime.now(UTC) - GIVEN_UP_AFTER:
            forget_notice(lake, path)


def has_landed(lake: Lake, table: TableName, publish: str) -> bool:
    """Whether the commit of a rollback happened."""
    opened = lake.open(table)
    return opened is not None and position(opened, rollback_batch(publish)) > 0


def _objects(lake: Lake) -> Objects:
    return Objects(lake.root, lake.options)
