"""Which partitions a range of days means for a table, and which partitions of other tables read them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from lakehouse_assets.contracts.calendar import Calendar, day_key, day_of, hours_of
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName, blocked_of
from lakehouse_assets.pipeline.lake import Lake


@dataclass(frozen=True, slots=True)
class Scope:
    """The days of a range. `existing`, `missing` and `blocked` are run; the others are skipped by design.

    `closed` are days on which nothing is due, `outside` lie before or after the calendar, `not_due` in the future.
    """

    existing: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    not_due: tuple[str, ...] = ()

    @property
    def partitions(self) -> tuple[str, ...]:
        """What is to be run, in calendar order."""
        return tuple(sorted({*self.existing, *self.missing, *self.blocked}))


@dataclass(frozen=True, slots=True)
class Affected:
    """A table that reads what changes, with those of its partitions that do; the only one of a table without is 0."""

    table: str
    partitions: tuple[str, ...]


def scope_of(lake: Lake, table: TableName, first: str, last: str, now: datetime) -> Scope:
    """Return what a range of days means for a table; raise LakehouseError when it has no days."""
    contract = lake.contract(table)
    if not contract.is_partitioned or contract.calendar is None:
        raise LakehouseError(
            f"{table} has no partitions to backfill.", fix=f"Compute it whole: `lakehouse run {table}`."
        )
    due = set(lake.partitions(table, now))
    side = lake.open(blocked_of(table))
    attempted, blocked = _attempted(lake, table), set(side.partitions if side else ())
    found: dict[str, list[str]] = {name: [] for name in Scope.__dataclass_fields__}
    for key in _keys(contract.calendar, first, last):
        if key in due:
            word = "blocked" if key in blocked else "existing" if key in attempted else "missing"
        else:
            word = _why_not(contract.calendar, day_of(key), now.astimezone(UTC).date())
        found[word].append(key)
    return Scope(**{name: tuple(keys) for name, keys in found.items()})


def affected_by(lake: Lake, table: TableName, partitions: Collection[str]) -> tuple[Affected, ...]:
    """Return every table below, upstreams first, with the partitions that read the given ones directly or not.

    Of business dates around the range only those that are there already: the others lack their own arrivals too.
    """
    reached: dict[TableName, set[str]] = {table: set(partitions)}
    for name in _in_order(lake, table):
        contract = lake.contract(name)
        touched = set[str]()
        for upstream in contract.upstreams:
            touched |= _readers(lake, contract, upstream, reached.get(upstream, set()))
        reached[name] = touched
    reached.pop(table)
    return tuple(Affected(str(name), tuple(sorted(found))) for name, found in reached.items() if found)


def _keys(calendar: Calendar, first: str, last: str) -> Iterator[str]:
    """Yield what a range names; days name all of their hours."""
    for day in _days(day_key(first), day_key(last)):
        if not calendar.is_hourly:
            yield day.isoformat()
        else:
            yield from (hour for hour in hours_of(day) if first <= hour and (hour <= last or hour.startswith(last)))


def _days(first: str, last: str) -> list[date]:
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise LakehouseError(f"{first}…{last} is no range of days.", fix="Write days as 2026-01-05.") from error
    if end < start:
        raise LakehouseError(f"{last} lies before {first}.", fix="Name the earlier day first.")
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def _why_not(calendar: Calendar, day: date, today: date) -> str:
    if day < calendar.starts or (calendar.ends is not None and day > calendar.ends):
        return "outside"
    return "not_due" if day > today and calendar.is_open(day) else "closed"


def _in_order(lake: Lake, table: TableName) -> list[TableName]:
    """Return the tables below, each after everything it reads."""
    ordered: list[TableName] = []

    def visit(name: TableName) -> None:
        for below in lake.catalog.downstream_of(name):
            if below not in ordered:
                visit(below)
        if name not in ordered:
            ordered.insert(0, name)

    visit(table)
    return ordered[1:]


def _readers(lake: Lake, contract: Contract, upstream: TableName, partitions: Collection[str]) -> set[str]:
    if not partitions:
        return set()
    if not contract.is_partitioned:
        return {SNAPSHOT_PARTITION}
    known = set(lake.partitions(contract.table))
    if SNAPSHOT_PARTITION in partitions:
        return known
    if contract.table.layer != "gold":
        return known & set(partitions)
    if not lake.contract(upstream).load.event_time:
        return known & {day_key(partition) for partition in partitions}
    # A business date reads arrivals from the day before it to its lateness after it.
    late = contract.load.lateness.days
    arrivals = [day_of(partition) for partition in partitions]
    readers = {(day + timedelta(days=n)).isoformat() for day in arrivals for n in range(-late, 2)}
    return known & readers & {*map(day_key, partitions), *_attempted(lake, contract.table)}


def _attempted(lake: Lake, table: TableName) -> set[str]:
    opened = (lake.open(table), lake.open(blocked_of(table)))
    return {partition for one in opened if one for partition in one.partitions}
