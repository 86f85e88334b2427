"""The few operations that Narwhals cannot express, or not equally on both engines, as Narwhals expressions.

Casts that give null instead of raising, text to times, lists of reasons; hashes are in `hashing`, JSON in `json_text`,
and all of them are found here. Everything else is plain Narwhals, in the room that needs it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.check_digits import iban_remainder, luhn_remainder
from lakehouse_assets.engines.hashing import content_hash, content_totals, row_hash, spread
from lakehouse_assets.engines.json_text import json_field, row_as_json
from lakehouse_assets.engines.native import Spark, double_text, let, natively, nfc
from lakehouse_assets.engines.portable import (
    as_of,
    days_after,
    iso_weekday,
    magnitude,
    product,
    quotient,
    rounded,
    rounded_product,
    sum_over_days,
    without_nulls,
)

__all__ = [
    "BLANKS", "ENGINE_ERRORS", "as_of", "as_text", "as_utc", "content_hash", "content_totals", "days_after",
    "has_only_ascii", "iban_remainder", "iso_weekday", "joined_field", "json_field", "localised", "luhn_remainder",
    "magnitude", "native_type", "natively", "product", "quotient", "read_number", "reasons_of", "rounded",
    "rounded_product", "row_as_json", "row_hash", "spread", "sum_over_days", "to_nfc", "try_cast", "try_datetime",
    "try_localise", "without_nulls",
]  # fmt: skip

ENGINE_ERRORS: tuple[type[Exception], ...] = (pl.exceptions.PolarsError, nw.exceptions.NarwhalsError)

# Everything that Unicode calls white space: `strip_chars()` without it strips less on Spark.
BLANKS = "\t\n\x0b\x0c\r \x85\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"

_DIGITS = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_INTEGER, _DECIMAL = r"\A[+-]?[0-9]+\z", rf"\A[+-]?{_DIGITS}\z"
_DOUBLE = rf"\A[+-]?({_DIGITS}|(?i:nan|inf|infinity))\z"
_BEYOND_LONG = float(2**63)
_DDL: Mapping[type[nw.dtypes.DType], str] = {
    nw.Boolean: "boolean", nw.Int8: "tinyint", nw.Int16: "smallint", nw.Int32: "int", nw.Int64: "bigint",
    nw.Float64: "double", nw.String: "string", nw.Date: "date",
}  # fmt: skip
# Chrono patterns of partition values, as Java writes them.
_JAVA = {"%Y-%m-%d": "yyyy-MM-dd", "%Y-%m-%d-%H:%M": "yyyy-MM-dd-HH:mm"}


def read_number(text: nw.Expr, dtype: nw.dtypes.DType) -> nw.Expr:
    """Read text as a number, null where it is none or does not fit; integers are exactly `[+-]?[0-9]+`.

    Digits beyond the scale of a decimal are rounded in the engine's own way: whoever reads makes sure there are none.
    """
    native = native_type(dtype)
    # Spark reads more than Polars: blanks around a number, and Java's suffixes.
    shape = _INTEGER if dtype.is_integer() else _DECIMAL if isinstance(dtype, nw.Decimal) else _DOUBLE

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        f, number = on.functions, c
        if shape is _DOUBLE:
            number = f.regexp_replace(c, r"\A[+-](?i:nan)\z", "nan")  # no sign there
        return f.when(c.rlike(shape), number).try_cast(_ddl(dtype))

    return natively(text, lambda e: e.cast(native, strict=False), spark)


def try_cast(number: nw.Expr, dtype: nw.dtypes.DType) -> nw.Expr:
    """Cast a number; what does not fit is null, and a fraction is cut off on the way to an integer."""
    native = native_type(dtype)

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        f, double = on.functions, c.cast("double")
        # Spark makes the largest long of doubles that are just beyond it.
        fits = (f.typeof(c) != "double") | ((double >= -_BEYOND_LONG) & (double < _BEYOND_LONG))
        return (f.when(fits, c) if dtype.is_integer() else c).try_cast(_ddl(dtype))

    return natively(number, lambda e: e.cast(native, strict=False), spark)


def try_datetime(expr: nw.Expr, pattern: str) -> nw.Expr:
    """Read text by one of the chrono patterns of partition values as UTC microseconds, null when it does not fit."""
    # A cache of seen texts pays only where few differ: times with seconds rarely repeat.
    cache = "%S" not in pattern
    java = _JAVA[pattern]

    def polars(e: pl.Expr) -> pl.Expr:
        return e.str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False, cache=cache)

    return natively(expr, polars, lambda c, on: on.functions.try_to_timestamp(c, on.functions.lit(java)))


def try_localise(expr: nw.Expr, zone: str, *, ambiguous: Literal["null", "earliest"] = "null") -> nw.Expr:
    """Read naive times as times of `zone` and return UTC; null where the clock skipped them or showed them twice."""

    def polars(e: pl.Expr) -> pl.Expr:
        return e.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone("UTC")

    return natively(expr, polars, lambda c, on: localised(c.cast("timestamp"), zone, ambiguous, on))


def localised(local: Any, zone: str, ambiguous: str, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    """Return Spark's UTC moments at which the clock of `zone` showed what `local` shows in UTC."""
    if zone == "UTC":
        return local
    f = on.functions

    def shown(moment: Any) -> Any:  # noqa: ANN401 - pyspark Columns
        return f.from_utc_timestamp(moment, zone)

    def candidate(local: Any, hours: int) -> Any:  # noqa: ANN401 - pyspark Columns
        near = f.timestamp_add("HOUR", f.lit(hours), local)
        return f.timestamp_micros(f.unix_micros(local) - (f.unix_micros(shown(near)) - f.unix_micros(near)))

    def chosen(both: Any) -> Any:  # noqa: ANN401 - pyspark Columns
        local, before, after = (both.getField(name) for name in ("local", "before", "after"))
        before, after = f.when(shown(before) == local, before), f.when(shown(after) == local, after)
        if ambiguous == "earliest":
            return f.least(before, after)
        return f.when(before.isNull() | after.isNull() | (before == after), f.coalesce(before, after))

    # The offsets of a day before and a day after: around a change of the clock one of them, both or neither is right.
    return let(
        let(
            local,
            lambda c: f.struct(c.alias("local"), candidate(c, -24).alias("before"), candidate(c, 24).alias("after")),
            on,
        ),
        chosen,
        on,
    )


def as_text(expr: nw.Expr, dtype: nw.dtypes.DType) -> nw.Expr:
    """Return the text of a value of type `dtype`: doubles in as few digits as name them, times with microseconds."""
    if isinstance(dtype, nw.Datetime):
        zone = "+00:00" if dtype.time_zone else ""

        def of_time(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
            f = on.functions
            return f.concat(f.date_format(c, "yyyy-MM-dd HH:mm:ss.SSSSSS"), f.lit(zone))

        return natively(expr, lambda e: e.cast(pl.Datetime("us", dtype.time_zone)).cast(pl.String), of_time)
    if dtype == nw.Float64():
        return natively(expr, lambda e: pl.when(e == 0).then(pl.lit("0.0")).otherwise(e.cast(pl.String)), double_text)
    return expr.cast(nw.String)


def as_utc(expr: nw.Expr) -> nw.Expr:
    """Say of naive times that they are UTC."""
    return natively(expr, lambda e: e.dt.replace_time_zone("UTC"), lambda c, _: c.cast("timestamp"))


def to_nfc(expr: nw.Expr) -> nw.Expr:
    """Return text in Unicode normalisation form C, in which equal text has equal bytes."""
    return natively(expr, lambda e: e.str.normalize("NFC"), nfc)


def has_only_ascii(expr: nw.Expr) -> nw.Expr:
    """Whether text has no character beyond ASCII: one cheap comparison that spares a regular expression."""
    return natively(
        expr,
        lambda e: e.str.len_bytes() == e.str.len_chars(),
        lambda c, on: on.functions.octet_length(c) == on.functions.char_length(c),
    )


def reasons_of(flags: Mapping[str, Mapping[str, str | None]]) -> nw.Expr:
    """Return a list of structs: the constant fields of each column of `flags` that is true in the row."""
    items = list(flags.items())

    def polars(_: pl.Expr) -> pl.Expr:
        # Putting structs into lists is twenty times slower than numbers, which are named when few are left.
        numbers = [pl.when(pl.col(flag)).then(pl.lit(number, pl.UInt32)) for number, (flag, _) in enumerate(items)]
        named = [_named([fields[name] for _, fields in items]).alias(name) for name in items[0][1]]
        return pl.concat_list(numbers).list.drop_nulls().list.eval(pl.struct(named))

    def spark(_: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        f = on.functions
        structs = [f.struct(*(f.lit(v).cast("string").alias(k) for k, v in fields.items())) for _, fields in items]
        return f.array_compact(f.array(*(f.when(f.col(flag), s) for (flag, _), s in zip(items, structs, strict=True))))

    return natively(nw.col(items[0][0]), polars, spark)


def joined_field(expr: nw.Expr, field: str) -> nw.Expr:
    """Return one field of a list of structs as text, joined by blanks in list order."""

    def polars(e: pl.Expr) -> pl.Expr:
        return e.list.eval(pl.element().struct.field(field)).list.join(" ")

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        return on.functions.array_join(on.functions.transform(c, lambda each: each.getField(field)), " ")

    return natively(expr, polars, spark)


def native_type(dtype: nw.dtypes.DType) -> pl.DataType:
    """Return the Polars type of a Narwhals type."""
    native: pl.DataType = nw.new_series("x", [], dtype, backend="polars").to_native().dtype
    return native


def _ddl(dtype: nw.dtypes.DType) -> str:
    if isinstance(dtype, nw.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    return _DDL[type(dtype)]


def _named(values: Sequence[str | None]) -> pl.Expr:
    return pl.element().replace_strict(list(range(len(values))), list(values), return_dtype=pl.String)
