"""Row hashes, equal bit by bit on every engine, and what is made of them: buckets and hashes of content. All stored."""

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.native import PolarsHalf, Spark, SparkHalf, double_text, natively
from lakehouse_assets.errors import LakehouseError

SPARK_SEED = 42
_LOW_BITS = 0xFFFF_FFFF


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

    def spark(_: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        f = on.functions
        hashes = [f.xxhash64(f.lit(i), _spark_text(f.col(quoted(name)), dtype, on)) for i, (name, dtype) in items]
        combined = hashes[0]
        for each in hashes[1:]:
            combined = combined.bitwiseXOR(each)
        return f.xxhash64(combined.cast("string"))

    return natively(nw.col(items[0][1][0]), polars, spark)


def spread(columns: Mapping[str, nw.dtypes.DType], parts: int) -> nw.Expr:
    """Return a number below `parts` for the columns: the low 32 bits of their row hash, unsigned, modulo `parts`.

    Stored as buckets: never change it. On Spark: `row_hash & 4294967295L` and `%`, which is never negative then.
    """
    return natively(
        row_hash(columns),
        lambda e: (e.reinterpret(signed=False) & _LOW_BITS).cast(pl.Int64) % parts,
        lambda c, on: c.bitwiseAND(on.functions.lit(_LOW_BITS)) % on.functions.lit(parts),
    )


def column_seed(position: int) -> int:
    """Return the seed of the column at `position`: what Spark's `xxhash64(lit(position))` gives, unsigned."""
    return _xxh64_of_four_bytes(struct.pack("<i", position), SPARK_SEED)


def content_totals(hash_column: str, *, where: str = "", prefix: str = "content") -> list[nw.Expr]:
    """Return sums of the low and high 32 bits of a hash column, `<prefix>_low` and `<prefix>_high`, for an aggregation.

    Sums do not depend on order and add up over passes; `where` names a boolean column that selects rows.
    """
    low = _half(hash_column, where, lambda e: e & _LOW_BITS, lambda c, on: c.bitwiseAND(on.functions.lit(_LOW_BITS)))
    high = _half(
        hash_column, where, lambda e: e // (_LOW_BITS + 1), lambda c, on: on.functions.shiftrightunsigned(c, 32)
    )
    return [low.sum().alias(f"{prefix}_low"), high.sum().alias(f"{prefix}_high")]


def content_hash(rows: int, low: int, high: int) -> str:
    """Return the hash of a set of rows from its totals, 32 hexadecimal digits."""
    return hashlib.sha256(f"{rows}:{low}:{high}".encode()).hexdigest()[:32]


def quoted(name: str) -> str:
    """Return a column's name as Spark reads it: whole, even with a point in it."""
    return "`" + name.replace("`", "``") + "`"


def _half(column: str, where: str, of_polars: PolarsHalf, of_spark: SparkHalf) -> nw.Expr:
    def polars(e: pl.Expr) -> pl.Expr:
        half = of_polars(e.reinterpret(signed=False)).cast(pl.Int64)
        return half * pl.col(where).cast(pl.Int64) if where else half

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        half = of_spark(c, on)
        return half * on.functions.col(quoted(where)).cast("bigint") if where else half

    return natively(nw.col(column), polars, spark)


def _column_hash(column: pl.Expr, dtype: nw.dtypes.DType, seed: int) -> pl.Expr:
    text = column
    if isinstance(dtype, nw.Boolean):
        text = column.cast(pl.Int8)
    elif isinstance(dtype, nw.Date | nw.Datetime):
        text = column.to_physical()
    elif isinstance(dtype, nw.Float64):
        # One zero: -0.0 equals 0.0. Adding 0.0 would do, but Polars leaves that out for some batches.
        text = pl.when(column == 0).then(pl.lit(0.0)).otherwise(column)
    if not isinstance(dtype, nw.String):
        text = text.cast(pl.String)
    return _xxhash64(text, seed).fill_null(pl.lit(seed, pl.UInt64))


def _spark_text(column: Any, dtype: nw.dtypes.DType, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    f = on.functions
    if isinstance(dtype, nw.Float64):
        return double_text(f.when(f.abs(column) == 0, f.lit(0.0)).otherwise(column), on)
    if isinstance(dtype, nw.Boolean):
        column = column.cast("int")
    elif isinstance(dtype, nw.Date):
        column = f.unix_date(column)
    elif isinstance(dtype, nw.Datetime):
        column = f.unix_micros(column.cast("timestamp"))
    return column if isinstance(dtype, nw.String) else column.cast("string")


def _xxhash64(text: pl.Expr, seed: int) -> pl.Expr:
    hashed: pl.Expr = text.nchash.xxhash64(seed=seed)  # type: ignore[attr-defined]  # registered by polars_hash
    return hashed


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
