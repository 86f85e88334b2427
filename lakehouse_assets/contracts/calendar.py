"""Which days or hours are partitions, and which are like no other. Reading calendars from YAML is `calendars`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUR_KEY = "%Y-%m-%d-%H:%M"
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days on which a source delivers; `closed` holds weekdays (0 = Monday) and dates. `ends` is inclusive.

    `holidays` are partitions, but like no other day; `has_month_ends` whether month ends are like each other only.
    `is_hourly`: each hour (of UTC) of such a day is a partition, not the day.
    """

    starts: date
    ends: date | None = None
    closed_weekdays: tuple[int, ...] = ()
    closed_dates: tuple[date, ...] = ()
    timezone: str = "UTC"
    holidays: tuple[date, ...] = ()
    has_month_ends: bool = False
    is_hourly: bool = False

    def is_open(self, day: date) -> bool:
        """Whether `day` is a partition, or its hours are."""
        inside = self.starts <= day and (self.ends is None or day <= self.ends)
        return inside and day.weekday() not in self.closed_weekdays and day not in self.closed_dates

    def is_month_end(self, day: date) -> bool:
        """Whether no later day of the month is open."""
        later = (day + timedelta(days=number) for number in range(1, 31))
        return not any(self.is_open(one) for one in later if one.month == day.month)

    def partitions(self, until: date) -> list[str]:
        """Return the open days up to and including `until` as ISO dates; of an hourly calendar their hours.

        A moment ends with the hour it lies in, a day with its last hour.
        """
        last_day = until.date() if isinstance(until, datetime) else until
        last = min(last_day, self.ends) if self.ends else last_day
        days = (self.starts + timedelta(n) for n in range((last - self.starts).days + 1))
        opened = (day for day in days if self.is_open(day))
        if not self.is_hourly:
            return [day.isoformat() for day in opened]
        newest = hour_key(until) if isinstance(until, datetime) else f"{until.isoformat()}-24"
        return [hour for day in opened for hour in hours_of(day) if hour <= newest]

    def names(self, text: str) -> bool:
        """Whether `text` is written as partitions of this calendar are, whether or not there is such a one."""
        try:
            start = self.start_of(text)
        except ValueError:
            return False
        return text == (hour_key(start) if self.is_hourly else day_of(text).isoformat())

    def holds(self, text: str) -> bool:
        """Whether `text` is a partition, at some time or other."""
        return self.names(text) and self.is_open(day_of(text))

    def start_of(self, partition: str) -> datetime:
        """Return the moment at which a partition begins, in UTC; ValueError for what names none."""
        if self.is_hourly:
            return datetime.strptime(partition, HOUR_KEY).replace(tzinfo=UTC)
        return self._midnight(date.fromisoformat(partition))

    def end_of(self, partition: str) -> datetime:
        """Return the moment at which a partition is over, in UTC."""
        if self.is_hourly:
            return self.start_of(partition) + timedelta(hours=1)
        return self._midnight(date.fromisoformat(partition) + timedelta(days=1))

    def partition_at(self, moment: datetime) -> str:
        """Return the partition that a moment lies in, open or not."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        return hour_key(moment) if self.is_hourly else local.date().isoformat()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.timezone)).astimezone(UTC)


def hour_key(moment: datetime) -> str:
    """Return the name of the hour, in UTC, that a moment lies in."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d-%H:00")


def hours_of(day: date) -> Iterator[str]:
    """Yield the names of the hours of a day."""
    yield from (f"{day.isoformat()}-{hour:02}:00" for hour in range(_HOURS))


def day_of(partition: str) -> date:
    """Return the day of a daily or hourly partition."""
    return date.fromisoformat(day_key(partition))


def day_key(partition: str) -> str:
    """Return the name of the day that an hour belongs to; of a day its own."""
    return partition[:10]
