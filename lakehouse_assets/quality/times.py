"""Text to dates and timestamps: by declared patterns or ISO 8601, in a declared zone, never guessed."""

from collections.abc import Sequence

import narwhals as nw

from lakehouse_assets.contracts.model import ParseOptions
from lakehouse_assets.engines import kit
from lakehouse_assets.quality.patterns import Pattern, read_pattern

UTC_MICROSECONDS = nw.Datetime("us", "UTC")
_ISO_DATE = ("%Y-%m-%d",)
# Tried in groups, each only on what the ones before left: whatever form a source writes, it pays for few others.
_ISO_TIMES = (
    ("%Y-%m-%d %H:%M:%S",),
    ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"),
    (
        "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
    ),
)  # fmt: skip
_EPOCHS = {"%s": 1_000_000, "%s%3f": 1_000, "%s%6f": 1}
_LAST_SECOND = 253_402_300_800  # of the year 9999
_LITERAL_Z = "%SZ"


def to_date(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Return the date of a text, or null."""
    return _read(text, _groups(options.formats or _ISO_DATE))[0].cast(nw.Date)


def to_timestamp(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Return the UTC microseconds of a text, or null; local times the zone skipped or showed twice are null."""
    local, exact = _read(text, _timestamp_groups(options))
    return _together(_localised(local, options.timezone), exact)


def is_ambiguous(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Whether the zone's clock showed the time of a refused text twice."""
    local, _ = _read(text, _timestamp_groups(options))
    return kit.try_localise(local, options.timezone, ambiguous="earliest").is_null() == nw.lit(value=False)


def is_nonexistent(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Whether the zone's clock skipped the time of a refused text."""
    local, _ = _read(text, _timestamp_groups(options))
    skipped = kit.try_localise(local, options.timezone, ambiguous="earliest").is_null()
    return (local.is_null() == nw.lit(value=False)) & skipped


def is_leap_second(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Whether a text names second 60."""
    leaps = [p.leap for group in _timestamp_groups(options) for p in map(read_pattern, group) if p.leap]
    found = [text.str.contains(leap) for leap in leaps]
    return nw.any_horizontal(*found, ignore_nulls=True) if found else nw.lit(value=False)


def is_epoch(options: ParseOptions) -> bool:
    """Whether a format counts from 1970, so that a wrong unit still gives a time."""
    return any(pattern in _EPOCHS for pattern in options.formats)


def _timestamp_groups(options: ParseOptions) -> tuple[tuple[str, ...], ...]:
    return _groups(options.formats) if options.formats else _ISO_TIMES


def _groups(formats: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    first, rest = tuple(formats[:1]), tuple(formats[1:])
    return (first, rest) if rest else (first,)


def _read(text: nw.Expr, groups: Sequence[Sequence[str]]) -> tuple[nw.Expr, nw.Expr | None]:
    """Return naive local times, and UTC times of the patterns that carry an offset."""
    local: list[nw.Expr] = []
    exact: list[nw.Expr] = []
    for group in groups:
        matches = []
        for chrono in group:
            if chrono in _EPOCHS:
                exact.append(_epoch(text, _EPOCHS[chrono]))
                continue
            pattern = read_pattern(chrono)
            matches.append(text.str.contains(pattern.shape))
            is_utc = pattern.has_offset or chrono.endswith(_LITERAL_Z)
            (exact if is_utc else local).append(_parsed(text, matches[-1], pattern))
        if matches and group is not groups[-1]:
            text = nw.when(~nw.any_horizontal(*matches, ignore_nulls=True)).then(text)
    return nw.coalesce(*local) if local else nw.lit(None, nw.Datetime("us")), nw.coalesce(*exact) if exact else None


def _parsed(text: nw.Expr, matches: nw.Expr, pattern: Pattern) -> nw.Expr:
    moment = kit.try_datetime(nw.when(matches).then(text), pattern.chrono, has_offset=pattern.has_offset)
    if pattern.chrono.endswith(_LITERAL_Z):
        moment = moment.dt.replace_time_zone("UTC")
    if not pattern.leap:
        return moment
    # Second 60 was read as the next minute; it becomes the last microsecond of the one it belongs to.
    on_the_minute = nw.when(moment.dt.second() == 0).then(text)
    last = moment.dt.truncate("1m").dt.offset_by("-1us")
    return nw.when(on_the_minute.str.contains(pattern.leap)).then(last).otherwise(moment)


def _epoch(text: nw.Expr, factor: int) -> nw.Expr:
    count = kit.try_cast(text, nw.Int64())
    last = _LAST_SECOND * 1_000_000 // factor
    return (nw.when(count.is_between(-last, last)).then(count) * factor).cast(UTC_MICROSECONDS)


def _localised(local: nw.Expr, zone: str) -> nw.Expr:
    return local.dt.replace_time_zone("UTC") if zone == "UTC" else kit.try_localise(local, zone)


def _together(local: nw.Expr, exact: nw.Expr | None) -> nw.Expr:
    return local if exact is None else nw.coalesce(local, exact)
