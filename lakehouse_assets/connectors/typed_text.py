"""Text as values of a declared type: exact or not at all. What cannot be read is null and named by a code.

For sources that say values as text because nothing else is exact (decimals, times with their offset, JSON numbers).
Text of files stays text in bronze and is parsed by contracts; that is `quality`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from lakehouse_assets.contracts.model import ColumnType, Kind

WRONG_TYPE, OVERFLOW, NON_FINITE = "wrong_type", "overflow", "non_finite"
OUT_OF_RANGE, NONEXISTENT, AMBIGUOUS = "out_of_range", "nonexistent_time", "ambiguous_time"
MICROSECONDS = pl.Datetime("us", "UTC")

_INTEGER = r"^[+-]?[0-9]+$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NOT_FINITE = r"^(?i)[+-]?(nan|inf|infinity)$"
# A date, alone or with more behind it, in any year that a database can say; `infinity` is one that ours cannot.
_DATED = r"^(?i)([+-]?[0-9]{4,}-[0-9]{2}-[0-9]{2}.*|[+-]?infinity)$"
_TIME = (
    r"^(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[ T](?<clock>[0-9]{2}:[0-9]{2})(:(?<seconds>[0-9]{2})(\.(?<part>[0-9]+))?)?"
    r"(?<offset>Z|[+-][0-9]{2}(:?[0-9]{2})?)?$"
)
_PLAIN = "%Y-%m-%d %H:%M:%S%.f"
_MICROSECOND_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Reading:
    """Values of the declared type, and a code where a value could not be one (None: all could)."""

    values: pl.Series
    defects: pl.Series | None = None


def read_text(text: pl.Series, declared: ColumnType, zone: str) -> Reading:
    """Return text as values of the declared type; times without an offset are times of `zone`."""
    reader = _READERS.get(declared.kind)
    if reader is None:
        return Reading(text)
    return reader(text, declared, zone)


def localise(naive: pl.Series, zone: str) -> Reading:
    """Return times of a zone in UTC; a code where its clock skipped them or showed them twice."""
    if zone == "UTC":
        return Reading(naive.dt.replace_time_zone("UTC"))
    times = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
    if times.null_count() == naive.null_count():
        return Reading(times)
    either = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    told = pl.select(
        pl.when(naive.is_not_null() & times.is_null()).then(
            pl.when(either.is_null()).then(pl.lit(NONEXISTENT)).otherwise(pl.lit(AMBIGUOUS))
        )
    )
    return Reading(times, told.to_series())


def finite(values: pl.Series) -> Reading:
    """Return doubles without those that are no number."""
    is_finite = values.is_finite()
    if is_finite.all():
        return Reading(values)
    frame = pl.select(
        values=pl.when(is_finite).then(values),
        defects=pl.when(~is_finite).then(pl.lit(NON_FINITE)),
    )
    return Reading(frame["values"], frame["defects"])


def told(values: pl.Series, before: pl.Series, codes: pl.Expr) -> Reading:
    """Return values, with a code where one is null that was none before; `codes` may look at `text`."""
    if values.null_count() == before.null_count():
        return Reading(values)
    frame = pl.DataFrame({"text": before, "value": values})
    lost = pl.col("text").is_not_null() & pl.col("value").is_null()
    return Reading(values, frame.select(pl.when(lost).then(codes)).to_series())


def _read_integer(text: pl.Series, declared: ColumnType, _zone: str) -> Reading:
    dtype = pl.Int32 if declared.kind is Kind.INTEGER else pl.Int64
    is_integer = pl.col("text").str.contains(_INTEGER)
    values = pl.DataFrame({"text": text}).select(
        pl.when(is_integer).then(pl.col("text").str.strip_prefix("+")).cast(dtype, strict=False)
    )
    code = pl.when(pl.col("text").str.contains(_NUMBER)).then(pl.lit(OVERFLOW)).otherwise(pl.lit(WRONG_TYPE))
    return told(values.to_series(), text, code)


def _read_decimal(text: pl.Series, declared: ColumnType, _zone: str) -> Reading:
    whole, scale = declared.precision - declared.scale, declared.scale
    fits = rf"^[+-]?0*[0-9]{{0,{whole}}}(\.[0-9]{{0,{scale}}}0*)?$"
    frame = pl.DataFrame({"text": text})
    shown = pl.col("text")
    # Digits beyond the scale are zeros, so that nothing is ever rounded.
    is_exact = shown.str.contains(_NUMBER) & shown.str.contains(fits)
    values = frame.select(pl.when(is_exact).then(shown).cast(pl.Decimal(declared.precision, scale), strict=False))
    beyond = pl.when(shown.str.contains(_NUMBER)).then(pl.lit(OVERFLOW))
    code = beyond.when(shown.str.contains(_NOT_FINITE)).then(pl.lit(NON_FINITE)).otherwise(pl.lit(WRONG_TYPE))
    return told(values.to_series(), text, code)


def _read_double(text: pl.Series, _declared: ColumnType, _zone: str) -> Reading:
    shown = pl.col("text")
    numbers = pl.DataFrame({"text": text}).select(
        pl.when(shown.str.contains(_NUMBER)).then(shown).cast(pl.Float64, strict=False)
    )
    values = numbers.to_series()
    is_beyond = pl.when(shown.str.contains(_NOT_FINITE) | shown.str.contains(_NUMBER))
    code = is_beyond.then(pl.lit(NON_FINITE)).otherwise(pl.lit(WRONG_TYPE))
    return told(values.set(values.is_infinite(), None), text, code)


def _read_boolean(text: pl.Series, _declared: ColumnType, _zone: str) -> Reading:
    words = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
    values = text.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)
    return told(values, text, pl.lit(WRONG_TYPE))


def _read_date(text: pl.Series, _declared: ColumnType, _zone: str) -> Reading:
    values = text.str.to_date("%Y-%m-%d", strict=False)
    dated = pl.when(pl.col("text").str.contains(_DATED))
    return told(values, text, dated.then(pl.lit(OUT_OF_RANGE)).otherwise(pl.lit(WRONG_TYPE)))


def _read_timestamp(text: pl.Series, _declared: ColumnType, zone: str) -> Reading:
    offset = next((one for one in ("+00", "+00:00") if text.str.ends_with(one).all()), "")
    if offset or not text.str.contains(r"(?i)z$|[:.][0-9]+[+-]").any():
        # What databases say of a whole column: one parser for all of it, five times faster.
        plain = text.str.strip_suffix(offset).str.to_datetime(_PLAIN, time_unit="us", strict=False)
        if plain.null_count() == text.null_count() and not text.str.contains(r"\.[0-9]{7}").any():
            return Reading(plain.dt.replace_time_zone("UTC")) if offset else localise(plain, zone)
    return _read_each_time(text, zone)


def _read_each_time(text: pl.Series, zone: str) -> Reading:
    parts = pl.DataFrame({"text": text}).select(
        pl.col("text"), pl.col("text").str.extract_groups(_TIME).struct.unnest()
    )
    # A leap second is the last moment of its minute (docs/ingestion-strategy.md).
    is_leap = pl.col("seconds") == "60"
    seconds = pl.when(is_leap).then(pl.lit("59")).otherwise(pl.col("seconds").fill_null("00"))
    part = pl.when(is_leap).then(pl.lit("999999")).otherwise(pl.col("part").fill_null("0"))
    clock = pl.format("{} {}:{}.{}", "date", "clock", seconds, part.str.slice(0, _MICROSECOND_DIGITS))
    naive = parts.select(clock.str.to_datetime(_PLAIN, time_unit="us", strict=False)).to_series()
    local = localise(naive, zone)
    unread = pl.lit(None, pl.String) if local.defects is None else local.defects
    frame = parts.with_columns(naive=naive, local=local.values, local_defect=unread)
    digits = pl.col("offset").str.replace_all(r"[Z:]", "").str.pad_end(5, "0")
    minutes = digits.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(3, 2).cast(
        pl.Int64, strict=False
    )
    minutes = pl.when(digits.str.starts_with("-")).then(-minutes).otherwise(minutes)
    minutes = pl.when(pl.col("offset") == "Z").then(0).otherwise(minutes)
    moved = (pl.col("naive") - pl.duration(minutes=minutes)).dt.replace_time_zone("UTC")
    has_offset = pl.col("offset").is_not_null()
    values = frame.select(pl.when(has_offset).then(moved).otherwise(pl.col("local")).cast(MICROSECONDS)).to_series()
    dated = pl.when(pl.col("text").str.contains(_DATED)).then(pl.lit(OUT_OF_RANGE)).otherwise(pl.lit(WRONG_TYPE))
    lost = pl.col("text").is_not_null() & pl.col("value").is_null()
    code = pl.when(lost).then(pl.coalesce("local_defect", dated))
    return Reading(values, frame.with_columns(value=values).select(code).to_series())


_READERS: Mapping[Kind, Callable[[pl.Series, ColumnType, str], Reading]] = {
    Kind.INTEGER: _read_integer,
    Kind.LONG: _read_integer,
    Kind.DECIMAL: _read_decimal,
    Kind.DOUBLE: _read_double,
    Kind.BOOLEAN: _read_boolean,
    Kind.DATE: _read_date,
    Kind.TIMESTAMP: _read_timestamp,
}
