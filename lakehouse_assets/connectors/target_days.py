"""Days on which the euro's payment system is closed, and with it the ECB publishes no rates.

Source: the ECB's "TARGET closing days": long-term calendar since 2002, transitional ones from 1999 to 2001
(https://www.ecb.europa.eu/press/pr/date/2000/html/pr001214_4.en.html).
"""

from datetime import date, timedelta

_FIXED = {(1, 1), (12, 25)}
_SINCE_2000 = {(5, 1), (12, 26)}
_ONCE = {date(1999, 12, 31), date(2001, 12, 31)}
_SATURDAY, _FULL_CALENDAR = 5, 2000


def is_closed(day: date) -> bool:
    """Whether no rates are published for a day."""
    fixed = _FIXED if day.year < _FULL_CALENDAR else _FIXED | _SINCE_2000
    if day.weekday() >= _SATURDAY or (day.month, day.day) in fixed or day in _ONCE:
        return True
    return day.year >= _FULL_CALENDAR and day - easter(day.year) in {timedelta(-2), timedelta(1)}


def easter(year: int) -> date:
    """Return Easter Sunday: the anonymous Gregorian computus (Meeus, Astronomical Algorithms, 1991, chapter 8)."""
    century, rest = divmod(year, 100)
    leaps, odd = divmod(century, 4)
    shift = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * (year % 19) + century - leaps - shift + 15) % 30
    fours, over = divmod(rest, 4)
    weekday = (32 + 2 * odd + 2 * fours - moon - over) % 7
    late = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
