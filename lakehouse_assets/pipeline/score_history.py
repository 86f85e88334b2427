"""Scores as records keep them: of the newest partitions of a table, of one partition over its publishes.

How they move is `quality.trend`; the state store has no part in it.
"""

from collections.abc import Collection, Sequence

from lakehouse_assets.naming import BUCKET, META_FOLDER, SNAPSHOT_PARTITION, TableName, blocked_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import BLOCKED_SUFFIX, Recorded, readable_record, recorded
from lakehouse_assets.quality.trend import Scored, scored
from lakehouse_assets.results import BLOCKED, PUBLISHED, Record

# About a month: every weekday four times.
LAST = 30
_SUFFIX = ".json.zst"


def scores_of(lake: Lake, table: TableName, *, last: int = LAST) -> tuple[Scored, ...]:
    """Return the scores of the newest partitions in their order: of the blocked attempt where there is one."""
    return _scores(lake, table, sorted(_known(lake, table))[-last:])


def scores_before(lake: Lake, table: TableName, wanted: Collection[str], *, last: int = LAST) -> tuple[Scored, ...]:
    """Return the scores of partitions that are among the `last` before any of `wanted` and are none of them."""
    known = _known(lake, table)
    every = sorted({*known, *wanted})
    places = {name: place for place, name in enumerate(every)}
    before = {name for one in wanted for name in every[max(0, places[one] - last) : places[one]]}
    return _scores(lake, table, sorted(before - set(wanted)))


def publishes_of(lake: Lake, table: TableName, partition: str, *, last: int = LAST) -> tuple[Scored, ...]:
    """Return the scores of the newest publishes of one partition, oldest first, named by when they ended.

    What was recorded after what is served was promised and never published. A blocked attempt comes last.
    """
    served = _words(lake, table, [partition], is_blocked=False).get(partition)
    kept_back = _words(lake, table, [partition], is_blocked=True).get(partition)
    records = sorted(_records(lake, table), key=lambda record: (record.finished_at, record.publish)) if served else []
    found = [
        scored(record.finished_at, one)
        for record in records
        for one in record.partitions
        if served is not None and record.finished_at <= served.record.finished_at
        if one.partition == partition and one.status == PUBLISHED
    ]
    if kept_back is not None:
        found.append(scored(kept_back.record.finished_at, kept_back.of))
    return tuple(found[-last:])


def _records(lake: Lake, table: TableName) -> list[Record]:
    objects = lake.objects_of(table)
    names = (path.rsplit("/", 1)[-1] for path in objects.names(META_FOLDER) if path.endswith(_SUFFIX))
    found = (readable_record(objects, name.removesuffix(_SUFFIX)) for name in names)
    return [record for record in found if record is not None and record.returns_to is None]


def _known(lake: Lake, table: TableName) -> set[str]:
    known: set[str] = set()
    for name in (table, blocked_of(table)):
        opened = lake.open(name)
        if opened is not None:
            known |= {SNAPSHOT_PARTITION} if opened.partition_column == BUCKET else set(opened.partitions)
    return known


def _scores(lake: Lake, table: TableName, partitions: Sequence[str]) -> tuple[Scored, ...]:
    words = _words(lake, table, partitions, is_blocked=False) | _words(lake, table, partitions, is_blocked=True)
    return tuple(scored(name, word.of) for name, word in sorted(words.items()))


def _words(lake: Lake, table: TableName, partitions: Sequence[str], *, is_blocked: bool) -> dict[str, Recorded]:
    name = blocked_of(table) if is_blocked else table
    opened = lake.open(name)
    if opened is None or not partitions:
        return {}
    suffix = BLOCKED_SUFFIX if is_blocked else ""
    found = recorded(lake.objects_of(name), opened, partitions, suffix=suffix, skip_damaged=True)
    return {one: word for one, word in found.items() if (word.of.status == BLOCKED) == is_blocked}
