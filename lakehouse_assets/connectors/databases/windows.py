"""The window of a partition: a pure function of it, in the terms of the column that decides.

What belongs here: which values of which column are in the day. What does not: any database's way to ask for them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from lakehouse_assets.connectors.databases.options import RelationOptions
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.errors import SourceError

Bound = date | datetime | int | str
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}


class Stored(StrEnum):
    """How a column holds time: a moment, a time without its zone, a date, a whole number, text."""

    MOMENT = "moment"
    LOCAL = "local"
    DATE = "date"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Window:
    """Rows whose `column` is at least `start` and below `end`; equal to `start` where there is no end."""

    column: str
    start: Bound
    end: Bound | None


def deciding_column(table: SourceTable, options: RelationOptions) -> str:
    """Return the column that says which partition a row belongs to; "" when a partition is all there is."""
    if options.window == "cursor" and not table.cursor:
        raise SourceError(
            "options",
            "the window is by cursor, but the table names no cursor.",
            where=str(table.place),
            fix="Add `cursor:` with the column, or choose another `window`.",
        )
    return {"full": "", "cursor": table.cursor, "partition": options.partition_column}[options.window]


def window_of(source: Source, table: SourceTable, options: RelationOptions, day: str, stored: Stored) -> Window:
    """Return the rows of a day: of its date where the column is one, of its moments in the calendar's zone else."""
    column, first = deciding_column(table, options), date.fromisoformat(day)
    after = first + timedelta(days=1)
    if options.window == "partition" and stored in {Stored.TEXT, Stored.NUMBER}:
        written = first.strftime(options.day_format)
        return Window(column, int(written) if stored is Stored.NUMBER else written, None)
    if stored is Stored.DATE:
        return Window(column, first, after)
    zone = ZoneInfo(source.calendar.timezone)
    start, end = (datetime.combine(one, time(), zone).astimezone(UTC) for one in (first, after))
    if stored is Stored.MOMENT:
        return Window(column, start, end)
    if stored is Stored.NUMBER:
        return Window(column, *(_counted(moment, table, options) for moment in (start, end)))
    local = [moment.astimezone(ZoneInfo(options.timezone)).replace(tzinfo=None) for moment in (start, end)]
    if stored is Stored.TEXT:
        return Window(column, *map(_written, local))
    return Window(column, *local)


def _counted(moment: datetime, table: SourceTable, options: RelationOptions) -> int:
    if not options.epoch:
        raise SourceError(
            "options",
            f"the cursor {table.cursor!r} is a whole number, and nothing says which time it means.",
            where=str(table.place),
            fix="Add `epoch: s`, `ms` or `us` to the options, or use a cursor that is a time.",
        )
    return int(moment.timestamp()) * _UNITS[options.epoch]


def _written(local: datetime) -> str:
    # A day alone sorts before every time of it, whether a blank or a T comes next.
    return local.date().isoformat() if local.time() == time() else local.isoformat(" ", "seconds")
