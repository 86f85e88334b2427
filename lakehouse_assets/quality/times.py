"""Text to dates and timestamps: by declared patterns or ISO 8601, in a declared zone, never guessed."""

from dataclasses import replace

import narwhals as nw

from lakehouse_assets.contracts.model import ParseOptions
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.time_form import TimeForm
from lakehouse_assets.engines.times import Ambiguous, from_micros, read_times
from lakehouse_assets.quality.patterns import read_pattern

_ISO_DATE = ("%Y-%m-%d",)
_ISO_TIMES = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
)  # fmt: skip
_EPOCHS = {"%s": 1_000_000, "%s%3f": 1_000, "%s%6f": 1}
_LAST_SECOND = 253_402_300_799  # of the year 9999


def to_date(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Return the date of a text, or null."""
    return _read(text, replace(options, formats=options.formats or _ISO_DATE), "UTC").cast(nw.Date)


def to_timestamp(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Return the UTC microseconds of a text, or null; local times the zone skipped or showed twice are null."""
    return _read(text, options, options.timezone)


def is_ambiguous(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Whether the zone's clock showed the time of a refused text twice."""
    return ~_read(text, options, options.timezone, "earliest").is_null()


def is_nonexistent(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Whether the zone's clock skipped the time of a refused text."""
    return ~_read(text, options, "UTC").is_null() & _read(text, options, options.timezone, "earliest").is_null()


def is_leap_second(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Whether a text names second 60."""
    found = [text.str.contains(form.leap) for form in _forms(options) if form.leap]
    return nw.any_horizontal(*found, ignore_nulls=True) if found else nw.lit(value=False)


def is_epoch(options: ParseOptions) -> bool:
    """Whether a format counts from 1970, so that a wrong unit still gives a time."""
    return any(pattern in _EPOCHS for pattern in options.formats)


def _read(text: nw.Expr, options: ParseOptions, zone: str, ambiguous: Ambiguous = "null") -> nw.Expr:
    counts = [_epoch(text, _EPOCHS[pattern]) for pattern in options.formats if pattern in _EPOCHS]
    forms = _forms(options)
    times = [read_times(text, forms, zone, ambiguous=ambiguous)] if forms else []
    found = [*times, *counts]
    return nw.coalesce(*found) if len(found) > 1 else found[0]


def _forms(options: ParseOptions) -> list[TimeForm]:
    return [read_pattern(pattern) for pattern in options.formats or _ISO_TIMES if pattern not in _EPOCHS]


def _epoch(text: nw.Expr, factor: int) -> nw.Expr:
    count = kit.read_number(text, nw.Int64())
    last = _LAST_SECOND * 1_000_000 // factor
    return from_micros(nw.when(count.is_between(-last, last)).then(count) * factor)
