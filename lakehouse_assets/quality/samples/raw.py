"""Raw values that reading must refuse, one for each built-in rule of a column, and one that it must accept.

What a value breaks is known from its rule's meaning, without asking how it is read. Times are written by Python and the
system's library, not by the engine that reads them.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw

from lakehouse_assets.contracts.model import Column, Kind

FINE_DAY = datetime(2024, 5, 6, 12, 34, 56)  # noqa: DTZ001 - a clock's time
_FAR = datetime(2250, 6, 15, 12)  # noqa: DTZ001 - a clock's time
_LEAP = datetime(2016, 12, 31, 23, 59, 59)  # noqa: DTZ001 - a clock's time
_EPOCH, _FIRST, _LAST = datetime(1970, 1, 1), date(2000, 1, 1), date(2035, 1, 1)  # noqa: DTZ001 - a clock's time
_EPOCHS = {"%s": 1, "%s%3f": 1_000, "%s%6f": 1_000_000}
_NO_VALUE = ("no such value", "*", "?!")
_LARGE = "9" * 60
# Chrono's directives that the system's library does not know or means otherwise, longest first.
_SAME = (
    ("%+", "%Y-%m-%dT%H:%M:%SZ"), ("%v", "%e-%b-%Y"), ("%c", "%a %b %e %H:%M:%S %Y"), ("%T", "%H:%M:%S"),
    ("%X", "%H:%M:%S"), ("%r", "%I:%M:%S %p"), ("%x", "%m/%d/%y"), ("%.f", ""), ("%.3f", ".000"), ("%.6f", ".000000"),
    ("%.9f", ".000000000"), ("%3f", "000"), ("%6f", "000000"), ("%9f", "000000000"), ("%f", "000000000"),
    ("%#z", "Z"), ("%:z", "+00:00"), ("%z", "+0000"),
)  # fmt: skip
_Written = Callable[[Column], str | None]


def fine_text(column: Column) -> str:
    """Return a text that can be read as a value of the column."""
    kind = column.type.kind
    if kind in {Kind.DATE, Kind.TIMESTAMP}:
        return written(FINE_DAY, _formats(column)[0])
    return {Kind.STRING: "x", Kind.BOOLEAN: "true"}.get(kind, "0")


def extremes(dtype: nw.dtypes.DType) -> list[Any]:
    """Return values at the ends of what arrives as a type, a usual one first; one that no type here has has none."""
    if dtype.is_integer():
        return [0, 2**31 - 1, 2 ** (63 if dtype == nw.Int64() else 31) - 1]
    if dtype.is_float():
        return [0.0, 1.5, 1e300, float("inf"), float("nan")]
    if isinstance(dtype, nw.Decimal):
        step = Decimal(1).scaleb(-dtype.scale)
        return [Decimal(0), step, Decimal(10) ** (dtype.precision - dtype.scale) - step]
    if isinstance(dtype, nw.Datetime):
        return [moment.replace(tzinfo=UTC if dtype.time_zone else None) for moment in (_EPOCH, FINE_DAY, _FAR)]
    others: dict[nw.dtypes.DType, list[Any]] = {nw.Date(): [FINE_DAY.date()], nw.Boolean(): [True, False]}
    return others.get(dtype, [])


def wrong_text(column: Column, code: str) -> str | None:
    """Return a text that breaks a built-in rule of the column and no other one; None where no text does.

    Raises KeyError for a rule that nothing is known about.
    """
    return _WRONG[code](column)


def written(moment: datetime, pattern: str, *, second: str = "%S") -> str:
    """Return a clock's time in a chrono pattern; `second` is what stands for its second."""
    if pattern in _EPOCHS:
        return str(round((moment - _EPOCH).total_seconds()) * _EPOCHS[pattern])
    for chrono, same in _SAME:
        pattern = pattern.replace(chrono, same)
    return moment.strftime(pattern.replace("%S", second))


def _formats(column: Column) -> tuple[str, ...]:
    usual = "%Y-%m-%d" if column.type.kind is Kind.DATE else "%Y-%m-%d %H:%M:%S"
    return column.parse.formats or (usual,)


def _no_value(column: Column) -> str | None:
    return next((text for text in _NO_VALUE if text not in column.parse.nulls), None)


def _far(column: Column) -> str | None:
    """Return a time that lies in another century; with two digits of a year none can be written."""
    whole = [each for each in _formats(column) if each in _EPOCHS or {"%Y", "%F"} & _directives(_spelled(each))]
    return written(_FAR, whole[0]) if whole else None


def _leap(column: Column) -> str | None:
    timed = [pattern for pattern in _formats(column) if "%S" in _spelled(pattern) and pattern not in _EPOCHS]
    return written(_LEAP, timed[0], second="60") if timed else None


def _clock(column: Column, shown: int) -> str | None:
    """Return a time that the zone's clock shows so many times, in a format that says no zone of its own."""
    moment = next(_changes(column.parse.timezone, shown), None)
    local = [each for each in _formats(column) if each not in _EPOCHS and "z" not in each and not each.endswith("Z")]
    local = [pattern for pattern in local if {"%H", "%M"} <= _directives(_spelled(pattern))]
    return None if moment is None or not local else written(moment, local[0])


@cache
def _changed_days(zone: str) -> tuple[date, ...]:
    found, at = [], ZoneInfo(zone)
    noon = datetime.combine(_FIRST, time(12), at)
    for _ in range((_LAST - _FIRST).days):
        following = datetime.combine(noon.date() + timedelta(days=1), time(12), at)
        if following.utcoffset() != noon.utcoffset():
            found.append(noon.date())
        noon = following
    return tuple(found)


def _changes(zone: str, shown: int) -> Iterator[datetime]:
    for day in _changed_days(zone):
        midnight = datetime.combine(day, time())
        quarters = (midnight + timedelta(minutes=15 * number) for number in range(4 * 48))
        yield from (moment for moment in quarters if _times_shown(moment, zone) == shown)


def _times_shown(moment: datetime, zone: str) -> int:
    both = {moment.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sum(one.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment for one in both)


def _spelled(pattern: str) -> str:
    for chrono, same in _SAME:
        pattern = pattern.replace(chrono, same)
    return pattern.replace("%R", "%H:%M")


def _directives(pattern: str) -> set[str]:
    return {pattern[at : at + 2] for at in range(len(pattern)) if pattern[at] == "%"}


_WRONG: Mapping[str, _Written] = {
    "parse": _no_value,
    "overflow": lambda _: _LARGE,
    "non_finite": lambda _: "1e400",
    "leading_zeros": lambda column: "007" if "007" not in column.parse.nulls else "0008",
    "invisible_characters": lambda _: "a\u200bb",
    "out_of_range": _far,
    "leap_second": _leap,
    "nonexistent_time": lambda column: _clock(column, 0),
    "ambiguous_time": lambda column: _clock(column, 2),
}
