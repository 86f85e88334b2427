"""Text to numbers and booleans, exactly: no value passes through a float on its way to an integer or a decimal."""

import narwhals as nw

from lakehouse_assets.contracts.model import ColumnType, Kind, ParseOptions
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.quality.patterns import whole

_INTEGER = "[+-]?[0-9]+"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)"
# `1.234,56`: points only between groups of three.
_COMMA_NUMBER = r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]*)?"
# Digits that fit the scale below, so that casting never rounds; positive exponents only.
_LOSSLESS = r"[+-]?[0-9]{1,19}(\.[0-9]{0,15})?([eE]\+?[0-9]{1,2})?"
_WIDE = nw.Decimal(38, 18)
_EXACT_DOUBLE = float(2**53)
_TRUE, _FALSE = ["true", "1"], ["false", "0"]


def to_integer(text: nw.Expr, column_type: ColumnType, options: ParseOptions) -> nw.Expr:
    """Return the integer of `[+-]?[0-9]+`, or null; with `lossless_integer` also of `1.0` and `1e3`."""
    dtype = to_narwhals(column_type)
    plain = kit.read_number(text, dtype)
    if not options.lossless_integer:
        return plain
    rest = nw.when(plain.is_null()).then(text)
    exact = kit.read_number(nw.when(rest.str.contains(whole(_LOSSLESS))).then(rest), _WIDE)
    integer = kit.try_cast(exact, dtype)
    return nw.coalesce(plain, nw.when(kit.try_cast(integer, _WIDE) == exact).then(integer))


def to_decimal(text: nw.Expr, column_type: ColumnType, options: ParseOptions) -> nw.Expr:
    """Return the decimal of a plain number, or null where it has more digits than the type, beyond zeros."""
    text = _with_point(text, options)
    scale = column_type.scale
    bare = f"[0-9][0-9]{{0,{scale - 1}}}0*" if scale else "0+"
    fits = text.str.contains(whole(rf"[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?|\.{bare})"))
    return nw.when(fits).then(kit.read_number(text, to_narwhals(column_type)))


def to_double(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Return the finite double nearest to a number, or null; integers beyond 2^53 only where they are exact."""
    text = _with_point(text, options)
    value = kit.read_number(text, nw.Float64())
    large = nw.when(value.abs() >= _EXACT_DOUBLE).then(text)
    integer = kit.read_number(large, nw.Int64())
    loses = large.str.contains(whole(_INTEGER)) & (
        kit.try_cast(integer.cast(nw.Float64), nw.Int64()) != integer
    ).fill_null(value=True)
    return nw.when(value.is_finite() & ~loses.fill_null(value=False)).then(value)


def to_boolean(text: nw.Expr) -> nw.Expr:
    """Return true for `true` and `1`, false for `false` and `0`, in any case of letters; else null."""
    word = text.str.to_lowercase()
    return (
        nw.when(word.is_in(_TRUE))
        .then(nw.lit(value=True))
        .otherwise(nw.when(word.is_in(_FALSE)).then(nw.lit(value=False)))
    )


def is_number(text: nw.Expr, column_type: ColumnType, options: ParseOptions) -> nw.Expr:
    """Whether a refused text is a number after all, so that only its size or its digits were wrong."""
    if column_type.kind is Kind.DECIMAL:
        return text.str.contains(whole(_COMMA_NUMBER if options.decimal_comma else _NUMBER))
    return text.str.contains(whole(rf"{_INTEGER}(\.0*)?" if options.lossless_integer else _INTEGER))


def is_non_finite(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    """Whether a refused text is NaN, infinite, or too large for a double."""
    return ~kit.read_number(_with_point(text, options), nw.Float64()).is_finite()


def has_leading_zeros(text: nw.Expr) -> nw.Expr:
    """Whether an integer is written like `007`, which is an identifier more often than a number."""
    found = [text.str.starts_with(sign + "0") & (text != sign + "0") for sign in ("", "-", "+")]
    return nw.any_horizontal(*found, ignore_nulls=True)


def _with_point(text: nw.Expr, options: ParseOptions) -> nw.Expr:
    if not options.decimal_comma:
        return text
    shaped = nw.when(text.str.contains(whole(_COMMA_NUMBER))).then(text)
    return shaped.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True)
