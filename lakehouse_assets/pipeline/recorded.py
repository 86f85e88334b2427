"""What records say about partitions: the served publish of each, and the blocked attempt beside it."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from lakehouse_assets.errors import DamagedRecordError
from lakehouse_assets.naming import BUCKET, SNAPSHOT_PARTITION, TableName, blocked_of
from lakehouse_assets.pipeline.batches import together
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import PartitionRecord, Record
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.records import read_record
from lakehouse_assets.storage.table import OpenTable

BLOCKED_SUFFIX = "-blocked"
_FEW = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The publish a partition belongs to, its whole record, and what it says about the partition.

    Of a partition with several publishes it is the newest one, and `of` is what all of them say together.
    """

    publish: str
    record: Record
    of: PartitionRecord
    publishes: tuple[str, ...] = ()


def recorded(
    objects: Objects, table: OpenTable, partitions: Iterable[str], *, suffix: str = "", skip_damaged: bool = False
) -> dict[str, Recorded]:
    """Return what the publishes in a table's active files recorded about some of its partitions.

    With `skip_damaged` a record that cannot be read counts as gone: publishing again is what mends it.
    A table kept in buckets is one partition, whichever buckets a publish wrote.
    """
    if table.partition_column == BUCKET:
        said = (_of_whole(objects, table, publish, suffix, skip_damaged=skip_damaged) for publish in _publishes(table))
        whole = next((word for word in said if word is not None), None)
        return {} if whole is None else {SNAPSHOT_PARTITION: whole}
    found: dict[str, Recorded] = {}
    publishes = table.publishes_by_partition()
    partitions = list(partitions)
    wanted = dict.fromkeys(publish + suffix for partition in partitions for publish in publishes.get(partition, ()))
    read = _read(objects, list(wanted), readable_record if skip_damaged else read_record)
    for partition in partitions:
        words: list[Recorded] = []
        for publish in publishes.get(partition, ()):
            record = read[publish + suffix]
            of = next((one for one in record.partitions if one.partition == partition), None) if record else None
            if record is not None and of is not None:
                words.append(Recorded(publish, record, of, (publish,)))
        if words:
            found[partition] = _together(words)
    return found


def _read(
    objects: Objects, names: list[str], read_one: Callable[[Objects, str], Record | None]
) -> dict[str, Record | None]:
    """Return records by their names, read many at once: one after the other, half a year of days takes seconds."""
    if len(names) <= _FEW:
        return {name: read_one(objects, name) for name in names}
    with ThreadPoolExecutor(_FEW) as threads:
        return dict(zip(names, threads.map(lambda name: read_one(objects, name), names), strict=True))


def _together(words: list[Recorded]) -> Recorded:
    ordered = sorted(words, key=lambda word: (word.record.finished_at, word.publish))
    everything = tuple(word.publish for word in ordered)
    return replace(ordered[-1], of=together([word.of for word in ordered]), publishes=everything)


def _publishes(table: OpenTable) -> list[str]:
    return sorted({name for names in table.publishes_by_partition().values() for name in names})


def _of_whole(objects: Objects, table: OpenTable, publish: str, suffix: str, *, skip_damaged: bool) -> Recorded | None:
    """Return what a publish recorded, if what it left is what is served: each bucket by the publish it named."""
    name = publish + suffix
    record = readable_record(objects, name) if skip_damaged else read_record(objects, name)
    if record is None or not record.partitions:
        return None
    active = table.publishes_by_partition()
    told = record.derivation
    left = dict.fromkeys(active, (publish,))
    if told is not None:
        left = {bucket: (content.publish,) for bucket, content in told.buckets.items()}
    return Recorded(publish, record, record.partitions[0]) if left == active else None


def readable_record(objects: Objects, publish: str) -> Record | None:
    """Return a record, or None with a warning when it is damaged, for those whom one record must not stop."""
    try:
        return read_record(objects, publish)
    except DamagedRecordError as error:
        _log.warning("%s", error)
        return None


def served(lake: Lake, table: TableName, *, skip_damaged: bool = False) -> dict[str, Recorded]:
    """Return what is recorded about every partition readers see."""
    opened = lake.open(table)
    if opened is None:
        return {}
    return recorded(lake.objects_of(table), opened, opened.partitions, skip_damaged=skip_damaged)


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
