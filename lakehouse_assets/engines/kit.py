"""The few operations that Narwhals cannot express, or not equally on both engines, as Narwhals expressions.

Hashing, casts that give null instead of raising, text to times, JSON of a row. Everything else is plain Narwhals,
in the room that needs it. Each operation says what the other engine has to do to give the same result.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import Any, Literal

import narwhals as nw
import polars as pl
from narwhals._expression_parsing import ExprKind, ExprNode

from lakehouse_assets.errors import LakehouseError

ENGINE_ERRORS: tuple[type[Exception], ...] = (pl.exceptions.PolarsError, nw.exceptions.NarwhalsError)

SPARK_SEED = 42
_LOW_BITS = 0xFFFF_FFFF


class _PolarsExpr(nw.Expr):
    """An expression with a step that only Polars can run; on another engine it says so instead of guessing."""

    def _to_compliant_expr(self, ns: Any) -> Any:  # noqa: ANN401 - private protocol of Narwhals
        if ns._implementation is not nw.Implementation.POLARS:  # noqa: SLF001 - no public way to ask an expression
            raise LakehouseError(
                f"this operation has no {ns._implementation.name} half yet.",  # noqa: SLF001
                where="lakehouse_assets/engines/kit.py",
                fix="Set `engine: polars` for the table.",
            )
        return super()._to_compliant_expr(ns)


def natively(expr: nw.Expr, polars: Callable[[pl.Expr], pl.Expr]) -> nw.Expr:
    """Add a step in the engine's own language; the two halves of an operation are written next to each other."""
    # `pipe` reaches Polars untouched through Narwhals; the canary test in tests/unit/engines watches this.
    return _PolarsExpr(*expr._nodes, ExprNode(ExprKind.ELEMENTWISE, "pipe", function=polars))  # noqa: SLF001


def try_cast(expr: nw.Expr, dtype: nw.dtypes.DType) -> nw.Expr:
    """Cast; what cannot be cast is null. Text to integer takes exactly `[+-]?[0-9]+`, as Spark's `try_cast` of it."""
    native = native_type(dtype)
    return natively(expr, lambda e: e.cast(native, strict=False))


def try_datetime(expr: nw.Expr, pattern: str, *, has_offset: bool = False) -> nw.Expr:
    """Read text by a chrono pattern as microseconds, null when it does not fit; UTC with `has_offset`, else naive."""
    # A cache of seen texts pays only where few differ: times with seconds rarely repeat.
    cache = "%S" not in pattern

    def polars(e: pl.Expr) -> pl.Expr:
        zone = "UTC" if has_offset else None
        return e.str.to_datetime(pattern, time_unit="us", time_zone=zone, strict=False, cache=cache, ambiguous="null")

    return natively(expr, polars)


def try_localise(expr: nw.Expr, zone: str, *, ambiguous: Literal["null", "earliest"] = "null") -> nw.Expr:
    """Read naive times as times of `zone` and return UTC; null where the clock skipped them or showed them twice."""

    def polars(e: pl.Expr) -> pl.Expr:
        return e.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone("UTC")

    return natively(expr, polars)


def to_nfc(expr: nw.Expr) -> nw.Expr:
    """Return text in Unicode normalisation form C, in which equal text has equal bytes."""
    return natively(expr, lambda e: e.str.normalize("NFC"))


def has_only_ascii(expr: nw.Expr) -> nw.Expr:
    """Whether text has no character beyond ASCII: one cheap comparison that spares a regular expression."""
    return natively(expr, lambda e: e.str.len_bytes() == e.str.len_chars())


def row_as_json(columns: Mapping[str, str]) -> nw.Expr:
    """Return a JSON object of `columns` (name in the object -> column), nulls kept, decimals as exact text."""
    names = list(columns.items())

    def polars(_: pl.Expr) -> pl.Expr:
        return pl.struct([pl.col(column).alias(name) for name, column in names]).struct.json_encode()

    return natively(nw.col(names[0][1]), polars)


def json_field(expr: nw.Expr, name: str) -> nw.Expr:
    """Return one field of JSON objects as text: texts as they are, other values as JSON; null where there is none."""
    path = "$['" + name.replace("'", "\\'") + "']"

    def polars(e: pl.Expr) -> pl.Expr:
        if "\\" in name:  # paths cannot say it
            return e.str.json_decode(pl.Struct({name: pl.String})).struct.field(name)
        return e.str.json_path_match(path)

    return natively(expr, polars)


def reasons_of(flags: Mapping[str, Mapping[str, str | None]]) -> nw.Expr:
    """Return a list of structs: the constant fields of each column of `flags` that is true in the row."""
    items = list(flags.items())

    def polars(_: pl.Expr) -> pl.Expr:
        each = [pl.when(pl.col(flag)).then(_constant(fields)) for flag, fields in items]
        return pl.concat_list(each).list.drop_nulls()

    return natively(nw.col(items[0][0]), polars)


def joined_field(expr: nw.Expr, field: str) -> nw.Expr:
    """Return one field of a list of structs as text, joined by blanks in list order."""

    def polars(e: pl.Expr) -> pl.Expr:
        return e.list.eval(pl.element().struct.field(field)).list.join(" ")

    return natively(expr, polars)


def row_hash(columns: Mapping[str, nw.dtypes.DType]) -> nw.Expr:
    """Return one signed 64-bit hash of the columns (name -> type) in their order. Stored: never change it.

    Definition, with XXH64 over UTF-8 bytes and the seed of column i, `S(i) = XXH64(i as 4 bytes little-endian, 42)`:
    a null is `S(i)`, anything else `XXH64(canonical text, S(i))`; these are combined by XOR, and the result is
    `XXH64(decimal text of the combined signed integer, 42)`. On Spark: `xxhash64(lit(i), text)`, `bitwiseXOR`, and
    `xxhash64(text of it)`. Canonical text: strings as they are; integers, decimals and doubles as Polars prints them
    (decimals with their full scale); booleans `0` or `1`; dates as days, timestamps as microseconds since 1970.
    """
    if not columns:
        raise LakehouseError("a row hash needs at least one column.", where="lakehouse_assets/engines/kit.py")
    items = list(enumerate(columns.items()))

    def polars(_: pl.Expr) -> pl.Expr:
        import polars_hash  # noqa: F401, PLC0415 - registers the namespace; only where a row is hashed

        hashes = [_column_hash(pl.col(name), dtype, column_seed(i)) for i, (name, dtype) in items]
        combined = hashes[0]
        for each in hashes[1:]:
            combined = combined ^ each
        text = combined.reinterpret(signed=True).cast(pl.String)
        return _xxhash64(text, SPARK_SEED).reinterpret(signed=True)

    return natively(nw.col(items[0][1][0]), polars)


def spread(columns: Mapping[str, nw.dtypes.DType], parts: int) -> nw.Expr:
    """Return a number below `parts` for the columns: the low 32 bits of their row hash, unsigned, modulo `parts`.

    Stored as buckets: never change it. On Spark: `row_hash & 4294967295L` and `%`, which is never negative then.
    """
    return natively(row_hash(columns), lambda e: (e.reinterpret(signed=False) & _LOW_BITS).cast(pl.Int64) % parts)


def column_seed(position: int) -> int:
    """Return the seed of the column at `position`: what Spark's `xxhash64(lit(position))` gives, unsigned."""
    return _xxh64_of_four_bytes(struct.pack("<i", position), SPARK_SEED)


def content_totals(hash_column: str, *, where: str = "", prefix: str = "content") -> list[nw.Expr]:
    """Return sums of the low and high 32 bits of a hash column, `<prefix>_low` and `<prefix>_high`, for an aggregation.

    Sums do not depend on order and add up over passes; `where` names a boolean column that selects rows.
    """
    return [
        _half(hash_column, where, lambda e: e & _LOW_BITS).sum().alias(f"{prefix}_low"),
        _half(hash_column, where, lambda e: e // (_LOW_BITS + 1)).sum().alias(f"{prefix}_high"),
    ]


def content_hash(rows: int, low: int, high: int) -> str:
    """Return the hash of a set of rows from its totals, 32 hexadecimal digits."""
    return hashlib.sha256(f"{rows}:{low}:{high}".encode()).hexdigest()[:32]


def native_type(dtype: nw.dtypes.DType) -> pl.DataType:
    """Return the Polars type of a Narwhals type."""
    native: pl.DataType = nw.new_series("x", [], dtype, backend="polars").to_native().dtype
    return native


def _half(column: str, where: str, part: Callable[[pl.Expr], pl.Expr]) -> nw.Expr:
    def polars(e: pl.Expr) -> pl.Expr:
        half = part(e.reinterpret(signed=False)).cast(pl.Int64)
        return half * pl.col(where).cast(pl.Int64) if where else half

    return natively(nw.col(column), polars)


def _column_hash(column: pl.Expr, dtype: nw.dtypes.DType, seed: int) -> pl.Expr:
    text = column
    if isinstance(dtype, nw.Boolean):
        text = column.cast(pl.Int8)
    elif isinstance(dtype, nw.Date | nw.Datetime):
        text = column.to_physical()
    elif isinstance(dtype, nw.Float64):
        text = column + 0.0  # one zero: -0.0 equals 0.0
    if not isinstance(dtype, nw.String):
        text = text.cast(pl.String)
    return _xxhash64(text, seed).fill_null(pl.lit(seed, pl.UInt64))


def _xxhash64(text: pl.Expr, seed: int) -> pl.Expr:
    hashed: pl.Expr = text.nchash.xxhash64(seed=seed)  # type: ignore[attr-defined]  # registered by polars_hash
    return hashed


def _constant(fields: Mapping[str, str | None]) -> pl.Expr:
    return pl.struct([pl.lit(value, pl.String).alias(name) for name, value in fields.items()])


_PRIME_1, _PRIME_2, _PRIME_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_PRIME_5 = 0x27D4EB2F165667C5
_MASK = 0xFFFF_FFFF_FFFF_FFFF


def _xxh64_of_four_bytes(data: bytes, seed: int) -> int:
    # XXH64 specification, the branch for inputs of exactly four bytes.
    state = (seed + _PRIME_5 + 4) & _MASK
    state ^= (int.from_bytes(data, "little") * _PRIME_1) & _MASK
    state = ((state << 23 | state >> 41) * _PRIME_2 + _PRIME_3) & _MASK
    state = ((state ^ state >> 33) * _PRIME_2) & _MASK
    state = ((state ^ state >> 29) * _PRIME_3) & _MASK
    return state ^ state >> 32
