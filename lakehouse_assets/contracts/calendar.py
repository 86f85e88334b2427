"""Which days are partitions, and which of them are like no other. Reading calendars from YAML is `calendars`."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days on which a source delivers; `closed` holds weekdays (0 = Monday) and dates. `ends` is inclusive.

    `holidays` are partitions, but like no other day; `has_month_ends` whether month ends are like each other only.
    """

    starts: date
    ends: date | None = None
    closed_weekdays: tuple[int, ...] = ()
    closed_dates: tuple[date, ...] = ()
    timezone: str = "UTC"
    holidays: tuple[date, ...] = ()
    has_month_ends: bool = False

    def is_open(self, day: date) -> bool:
        """Whether `day` is a partition."""
        inside = self.starts <= day and (self.ends is None or day <= self.ends)
        return inside and day.weekday() not in self.closed_weekdays and day not in self.closed_dates

    def is_month_end(self, day: date) -> bool:
        """Whether no later day of the month is open."""
        later = (day + timedelta(days=number) for number in range(1, 31))
        return not any(self.is_open(one) for one in later if one.month == day.month)

    def partitions(self, until: date) -> list[str]:
        """Return the open days up to and including `until` as ISO dates."""
        last = min(until, self.ends) if self.ends else until
        days = (self.starts + timedelta(n) for n in range((last - self.starts).days + 1))
        return [day.isoformat() for day in days if self.is_open(day)]
