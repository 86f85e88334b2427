"""Calendars as Dagster partitions, and which partitions of an upstream a partition reads.

What a partition *contains* is the pipeline's business (`pipeline.curate`); here is only who is requested after whom.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import dagster as dg

from lakehouse_assets.contracts.calendar import HOUR_KEY, Calendar, hours_of
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs.preview import disable_dagster_warnings

_CRON_WEEKDAYS = (1, 2, 3, 4, 5, 6, 0)


def to_partitions(contract: Contract) -> dg.TimeWindowPartitionsDefinition | None:
    """Return the daily or hourly partitions of a table, or None for a table that has none."""
    if not contract.is_partitioned or contract.calendar is None:
        return None
    return _hourly(contract.calendar) if contract.is_hourly else _daily(contract.calendar)


def to_mapping(contract: Contract, upstream: Contract) -> dg.PartitionMapping | None:
    """Return which partitions of `upstream` request one of `contract`; None leaves it to Dagster (all of them).

    Offsets count partitions of the *downstream* table, so they are calendar days as long as that has no closed days;
    where it has, a partition is requested by some arrivals it does not read.
    """
    if not _is_timed(contract) or not _is_timed(upstream):
        return None
    return _window(*_days_read(contract, upstream))


@cache
def _window(first: int, last: int) -> dg.TimeWindowPartitionMapping:
    with disable_dagster_warnings():
        return dg.TimeWindowPartitionMapping(
            start_offset=first, end_offset=last, allow_nonexistent_upstream_partitions=True
        )


def reads_late_window(contract: Contract, upstreams: Iterable[Contract]) -> bool:
    """Whether some input of a partition may still be missing while the partition is already worth publishing."""
    return not _is_timed(contract) or any(_days_read(contract, upstream) != (0, 0) for upstream in upstreams)


def _days_read(contract: Contract, upstream: Contract) -> tuple[int, int]:
    # A gold business date D waits for arrivals from D to D+lateness; everything else is read on the same day.
    # Rows that came a day early are read too, but request nothing: docs/adr/0005-business-dates-and-their-arrivals.md.
    if contract.table.layer == "gold" and upstream.load.event_time:
        return 0, contract.load.lateness.days
    return 0, 0


def _is_timed(contract: Contract) -> bool:
    return contract.is_partitioned and contract.calendar is not None


@cache
def _daily(calendar: Calendar) -> dg.DailyPartitionsDefinition:
    exclusions: list[str | datetime] = [f"0 0 * * {_CRON_WEEKDAYS[day]}" for day in calendar.closed_weekdays]
    exclusions += [_midnight(calendar, day) for day in calendar.closed_dates]
    return dg.DailyPartitionsDefinition(
        start_date=_midnight(calendar, calendar.starts),
        # Dagster's end is the first day that is no partition; `ends` is the last one that is.
        end_date=_midnight(calendar, calendar.ends + timedelta(days=1)) if calendar.ends else None,
        timezone=calendar.timezone,
        exclusions=exclusions or None,
    )


@cache
def _hourly(calendar: Calendar) -> dg.HourlyPartitionsDefinition:
    exclusions: list[str | datetime] = [f"0 * * * {_CRON_WEEKDAYS[day]}" for day in calendar.closed_weekdays]
    exclusions += [calendar.start_of(hour) for day in calendar.closed_dates for hour in hours_of(day)]
    return dg.HourlyPartitionsDefinition(
        start_date=_midnight(calendar, calendar.starts),
        end_date=_midnight(calendar, calendar.ends + timedelta(days=1)) if calendar.ends else None,
        timezone=calendar.timezone,
        fmt=HOUR_KEY,
        # Records of the open hour are landed while it goes on.
        end_offset=0 if calendar.ends else 1,
        exclusions=exclusions or None,
    )


def _midnight(calendar: Calendar, day: date) -> datetime:
    # Aware on purpose: a naive exclusion is taken in the zone of the machine.
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(calendar.timezone))
