"""Whether time zones are known, and the same to all that computes; the machine's own zone decides nothing."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, error, fine, probe

_ZONE = "Europe/Berlin"
# Summer time there, and before midnight in UTC: a day is wrong as soon as any of the two is not minded.
_LOCAL, _INSTANT = datetime(2026, 7, 2, 0, 30), datetime(2026, 7, 1, 22, 30, tzinfo=UTC)  # noqa: DTZ001 - as received
_FIX = "Install the time zone database: `pip install tzdata`, or the system's package of that name."


@probe
def time_zone(_: Installation) -> Iterator[Diagnosis]:
    """Convert one local time on every path that runs take, and compare with what is known."""
    try:
        by_python = _LOCAL.replace(tzinfo=ZoneInfo(_ZONE)).astimezone(UTC)
    except ZoneInfoNotFoundError:
        yield error("there is no time zone database.", where="this machine", fix=_FIX)
        return
    local = pl.Series([_LOCAL]).dt.replace_time_zone(_ZONE).dt.convert_time_zone("UTC")
    day = local.dt.date()[0]
    if (by_python, local[0], day) != (_INSTANT, _INSTANT, _INSTANT.date()):
        yield error(f"{_ZONE} is converted wrongly: {by_python}, {local[0]}.", where="this machine", fix=_FIX)
    else:
        yield fine(f"days are UTC days; that this machine says {'/'.join(time.tzname)} changes nothing")
