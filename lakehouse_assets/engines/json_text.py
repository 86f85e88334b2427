"""Rows as JSON and fields of JSON, equal on every engine byte by byte: refused rows are kept and hashed so."""

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.hashing import quoted
from lakehouse_assets.engines.native import Spark, double_text, natively

# Java writes the letters of these escapes as capitals.
_CAPITALS = tuple(f"{code:02x}" for code in range(32) if not f"{code:02x}".isdigit() and chr(code) not in "\n\r\f")


def row_as_json(columns: Mapping[str, str]) -> nw.Expr:
    """Return a JSON object of `columns` (name in the object -> column), nulls kept, decimals as exact text."""
    names = list(columns.items())

    def polars(_: pl.Expr) -> pl.Expr:
        return pl.struct([pl.col(column).alias(name) for name, column in names]).struct.json_encode()

    def spark(_: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        f, types = on.functions, dict(on.frame.dtypes)
        parts = []
        for name, column in names:
            value = f.coalesce(_json_value(f.col(quoted(column)), types[column], on), f.lit("null"))
            parts += [_key(f.lit(name), on), f.lit(":"), value, f.lit(",")]
        return f.concat(f.lit("{"), *parts[:-1], f.lit("}"))

    return natively(nw.col(names[0][1]), polars, spark)


def json_field(expr: nw.Expr, name: str) -> nw.Expr:
    """Return one field of JSON objects as text: texts as they are, other values as JSON; null where there is none."""
    path = "$['" + name.replace("'", "\\'") + "']"

    def polars(e: pl.Expr) -> pl.Expr:
        if "\\" in name:  # paths cannot say it
            return e.str.json_decode(pl.Struct({name: pl.String})).struct.field(name)
        return e.map_batches(field, pl.String, is_elementwise=True)

    def field(texts: pl.Series) -> pl.Series:
        # As a rule no row of a batch has an object; looking for ten fields in nothing is a twentieth of a whole load.
        return texts if texts.null_count() == len(texts) else texts.str.json_path_match(path)

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        return on.functions.from_json(c, f"{quoted(name)} string").getField(name)

    return natively(expr, polars, spark)


def _key(name: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    return _json_text(name, on)


def _json_value(column: Any, kind: str, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    f = on.functions
    if kind == "string":
        return _json_text(column, on)
    if kind == "double":
        return f.when(f.isnan(column) | (f.abs(column) == float("inf")), None).otherwise(
            f.when((f.abs(column) == 0) & column.cast("string").startswith("-"), f.lit("-0.0")).otherwise(
                double_text(column, on)
            )
        )
    if kind.startswith("timestamp"):
        return _quoted_text(_time(column, kind, on), on)
    text = column.cast("string")
    return _quoted_text(text, on) if kind.startswith(("decimal", "date")) else text


def _quoted_text(text: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    f = on.functions
    return f.concat(f.lit('"'), text, f.lit('"'))


def _json_text(text: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    f = on.functions
    escaped = f.to_json(f.array(text))
    escaped = f.substring(escaped, 2, f.length(escaped) - 2)
    for code in _CAPITALS * 2:  # twice: neighbours share the character that tells an escape from its like
        escape = rf"u00{code[0]}{code[1].upper()}"
        escaped = f.regexp_replace(escaped, rf"((^|[^\\])(\\\\)*)\\{escape}", rf"$1\\{escape.lower()}")
    plain = ~text.rlike(r'[\x00-\x1f"\\]')
    return f.when(plain, _quoted_text(text, on)).when(text.isNotNull(), escaped)


def _time(column: Any, kind: str, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    """Return a time as Polars writes it: no fraction, or one of three or six digits."""
    f = on.functions
    has_zone = kind == "timestamp"
    whole = f.date_format(column, "yyyy-MM-dd'T'HH:mm:ss" if has_zone else "yyyy-MM-dd HH:mm:ss")
    micros = f.pmod(f.unix_micros(column.cast("timestamp")), f.lit(1_000_000))
    digits = f.lpad(micros.cast("string"), 6, "0")
    fraction = (
        f.when(micros == 0, "")
        .when(micros % 1000 == 0, f.concat(f.lit("."), f.substring(digits, 1, 3)))
        .otherwise(f.concat(f.lit("."), digits))
    )
    return f.concat(whole, fraction, f.lit("+00:00" if has_zone else ""))
