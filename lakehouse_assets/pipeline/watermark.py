"""Up to when a table is complete: the end of its newest gap-free window, derived from what is published, never stored.

Counted from the first partition that was ever published; the calendar says which days should be there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.naming import TableName, blocked_of
from lakehouse_assets.pipeline.lake import Lake

MISSING, BLOCKED = "missing", "blocked"


@dataclass(frozen=True, slots=True)
class Gap:
    """A partition that should be complete and is not; a blocked one may still serve what it had before."""

    partition: str
    why: str
    is_served: bool = False


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a table is complete. `at` is None while its first partition is not, and for tables without partitions.

    `gaps` are all there are between the first published partition and now, those after the watermark included.
    """

    table: str
    is_partitioned: bool
    first: str | None = None
    newest: str | None = None
    at: datetime | None = None
    age_seconds: float | None = None
    gaps: tuple[Gap, ...] = ()


def watermark_of(lake: Lake, table: TableName, now: datetime) -> Watermark:
    """Return how far a table is complete at `now`; raise UnknownTableError."""
    contract = lake.contract(table)
    if not contract.is_partitioned or contract.calendar is None:
        return Watermark(str(table), is_partitioned=False)
    opened = lake.open(table)
    published = set(opened.partitions) if opened else set()
    due = list(_due(contract.calendar, now))
    began = [partition for partition in due if partition in published]
    if not began:
        return Watermark(str(table), is_partitioned=True)
    expected = due[due.index(began[0]) :]
    gaps = tuple(_gaps(expected, published, _blocked(lake, table)))
    at = _reached(expected, {gap.partition for gap in gaps}, contract.calendar)
    age = None if at is None else (now - at).total_seconds()
    return Watermark(str(table), True, began[0], max(published), at, age, gaps)  # noqa: FBT003 - a field of its own


def window_end(partition: str, calendar: Calendar) -> datetime:
    """Return the moment at which a partition is over, in UTC."""
    return calendar.end_of(partition)


def _due(calendar: Calendar, now: datetime) -> Iterator[str]:
    local = now.astimezone(ZoneInfo(calendar.timezone))
    yield from (partition for partition in calendar.partitions(local) if window_end(partition, calendar) <= now)


def _blocked(lake: Lake, table: TableName) -> set[str]:
    side = lake.open(blocked_of(table))
    return set(side.partitions) if side else set()


def _gaps(expected: list[str], published: set[str], blocked: set[str]) -> Iterator[Gap]:
    for partition in expected:
        if partition in blocked:
            yield Gap(partition, BLOCKED, is_served=partition in published)
        elif partition not in published:
            yield Gap(partition, MISSING)


def _reached(expected: list[str], gaps: set[str], calendar: Calendar) -> datetime | None:
    reached = None
    for partition in expected:
        if partition in gaps:
            break
        reached = window_end(partition, calendar)
    return reached
