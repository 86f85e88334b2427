"""Calendars as configuration writes them: days, weekdays, zone."""

from datetime import date
from zoneinfo import available_timezones

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.properties import CalendarBlock
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_calendar(block: CalendarBlock, steps: Steps, reading: Reading) -> Calendar | None:
    """Return the calendar, or None and findings when it names no days."""
    before = reading.report.errors
    starts, ends = _day(block.starts, steps, reading), _day(block.ends, steps, reading)
    words = [word.lower() for word in block.closed]
    weekdays = tuple(sorted({WEEKDAYS.index(word) for word in words if word in WEEKDAYS}))
    closed = [_day(word, steps, reading) for word in words if word not in WEEKDAYS]
    holidays = [_holiday(word, steps, reading) for word in block.holidays]
    if block.timezone not in available_timezones():
        reading.tell("LH312", steps, f"there is no time zone {block.timezone!r}.")
    if starts is not None and ends is not None and ends < starts:
        reading.tell("LH905", steps, f"the calendar ends ({ends}) before it starts ({starts}).")
    if block.hourly and block.timezone != "UTC":
        # Where clocks are set back one hour has two names, or two hours have one.
        reading.tell("LH905", steps, f"hours are those of UTC, not of {block.timezone}.", "Leave timezone out.")
    if len(weekdays) == len(WEEKDAYS):
        reading.tell("LH905", steps, "every weekday is closed.")
    if starts is None or reading.report.errors > before:
        return None
    return Calendar(
        starts,
        ends,
        weekdays,
        tuple(sorted(day for day in closed if day)),
        block.timezone,
        holidays=tuple(sorted(day for day in holidays if day)),
        has_month_ends=block.month_ends,
        is_hourly=block.hourly,
    )


def _holiday(text: str, steps: Steps, reading: Reading) -> date | None:
    if text.lower() not in WEEKDAYS:
        return _day(text, steps, reading)
    reading.tell("LH905", steps, f"{text!r} is no holiday: weekdays are compared with each other anyway.")
    return None


def _day(text: str | None, steps: Steps, reading: Reading) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        hint = nearest(text, WEEKDAYS) if text.isalpha() else "Write days as 2026-01-05, in quotes."
        reading.tell("LH905", steps, f"{text!r} is neither a day nor a weekday.", hint)
        return None
