"""What records say about partitions: the served publish of each, and the blocked attempt beside it."""

from collections.abc import Iterable
from dataclasses import dataclass

from lakehouse_assets.naming import TableName, blocked_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import PartitionRecord, Record
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.records import read_record
from lakehouse_assets.storage.table import OpenTable

BLOCKED_SUFFIX = "-blocked"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The publish a partition belongs to, its whole record, and what it says about the partition."""

    publish: str
    record: Record
    of: PartitionRecord


def recorded(objects: Objects, table: OpenTable, partitions: Iterable[str], *, suffix: str = "") -> dict[str, Recorded]:
    """Return what the publishes in a table's active files recorded about some of its partitions."""
    read: dict[str, Record | None] = {}
    found: dict[str, Recorded] = {}
    publishes = table.publishes_by_partition()
    for partition in partitions:
        for publish in publishes.get(partition, ())[-1:]:
            name = publish + suffix
            if name not in read:
                read[name] = read_record(objects, name)
            record = read[name]
            of = next((one for one in record.partitions if one.partition == partition), None) if record else None
            if record is not None and of is not None:
                found[partition] = Recorded(publish, record, of)
    return found


def served(lake: Lake, table: TableName) -> dict[str, Recorded]:
    """Return what is recorded about every partition readers see."""
    opened = lake.open(table)
    return {} if opened is None else recorded(lake.objects_of(table), opened, opened.partitions)


def blocked(lake: Lake, table: TableName) -> dict[str, Recorded]:
    """Return what is recorded about the last attempt of every partition that is blocked now."""
    side = blocked_of(table)
    opened = lake.open(side)
    if opened is None:
        return {}
    return recorded(lake.objects_of(side), opened, opened.partitions, suffix=BLOCKED_SUFFIX)


def newest(lake: Lake, table: TableName) -> dict[str, Recorded]:
    """Return the newest word on every partition: the blocked attempt where there is one, else what is served."""
    return dict(sorted({**served(lake, table), **blocked(lake, table)}.items()))
