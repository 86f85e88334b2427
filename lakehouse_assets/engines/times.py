"""Text to UTC timestamps, form by form: each form is tried only on the texts that the ones before did not take.

Which forms there are is decided by who calls. On Polars each batch stops at the form that takes its last text, so
a source that writes one form pays for one; on Spark the same is a `coalesce`, in `spark_times`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.native import Spark, natively
from lakehouse_assets.engines.spark_times import read_on_spark
from lakehouse_assets.engines.time_form import TimeForm

_UTC = pl.Datetime("us", "UTC")
Ambiguous = Literal["null", "earliest"]


def read_times(text: nw.Expr, forms: Sequence[TimeForm], zone: str, *, ambiguous: Ambiguous = "null") -> nw.Expr:
    """Return UTC microseconds; null for texts of no form, and for times the zone's clock skipped or showed twice.

    Second 60 is the last microsecond of its minute. With `ambiguous="earliest"` times shown twice are the first.
    """

    def read(texts: pl.Series) -> pl.Series:
        return _read(texts, forms, lambda local: _localised(local, zone, ambiguous))

    known: list[tuple[pl.Expr, pl.Expr]] = []

    # Two uses of one reading must be one object, or Polars computes it twice.
    def polars(e: pl.Expr) -> pl.Expr:
        for seen, reading in known:
            if seen.meta.eq(e):
                return reading
        known.append((e, e.map_batches(read, _UTC, is_elementwise=True)))
        return known[-1][1]

    def spark(column: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        return read_on_spark(column, forms, zone, ambiguous, on)

    return natively(text, polars, spark)


def from_micros(count: nw.Expr) -> nw.Expr:
    """Return the UTC timestamps that are so many microseconds after 1970."""
    return natively(count, lambda e: e.cast(_UTC), lambda c, on: on.functions.timestamp_micros(c))


def _read(texts: pl.Series, forms: Sequence[TimeForm], localised: Callable[[pl.Series], pl.Series]) -> pl.Series:
    found: list[pl.Series] = []
    rest = texts
    for form, is_leap in [(form, False) for form in forms] + [(form, True) for form in forms if form.leap]:
        if rest.null_count() == len(rest):
            break
        matches = rest.str.contains(form.leap if is_leap else form.shape)
        if not matches.any():
            continue
        moments = _parsed(_only(matches, rest), form)
        moments = _last_of_minute(moments) if is_leap else moments
        found.append(moments if form.has_offset else localised(moments) if not form.is_utc else _as_utc(moments))
        rest = _only(~matches, rest)
    if not found:
        return pl.Series(texts.name, [None], _UTC).new_from_index(0, len(texts))
    return pl.select(pl.coalesce(found)).to_series().alias(texts.name)


def _parsed(texts: pl.Series, form: TimeForm) -> pl.Series:
    return texts.str.to_datetime(
        form.pattern,
        time_unit="us",
        time_zone="UTC" if form.has_offset else None,
        strict=False,
        # Remembering texts pays only where few differ: times with seconds rarely repeat.
        cache="%S" not in form.pattern,
    )


def _only(condition: pl.Series, texts: pl.Series) -> pl.Series:
    if condition.all():
        return texts
    return pl.select(pl.when(condition).then(texts).alias(texts.name)).to_series()


def _last_of_minute(moments: pl.Series) -> pl.Series:
    # Chrono reads second 60 as the minute after.
    return moments.dt.truncate("1m").dt.offset_by("-1us")


def _localised(local: pl.Series, zone: str, ambiguous: Ambiguous) -> pl.Series:
    if zone == "UTC":
        return _as_utc(local)
    return local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone("UTC")


def _as_utc(moments: pl.Series) -> pl.Series:
    return moments.dt.replace_time_zone("UTC")
