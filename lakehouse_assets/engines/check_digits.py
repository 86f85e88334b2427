"""Arithmetic with the digits of a text, for check digits: exact however long the number is, and short plans everywhere.

Texts are given as their rule has checked them, and null where they have another shape. Found in `kit` like everything
else; what a text must look like is in the rules about formats.
"""

import operator
from functools import reduce
from string import ascii_uppercase
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.engines.native import Spark, let, natively

_LONGEST_LUHN = 32
_PAIRS = [f"{number:02}" for number in range(100)]
# The last digit of what two digits add up to: the first doubled, and less nine (or one more) above nine; or as it is.
_DOUBLED = [str((2 * tens + tens // 5 + ones) % 10) for tens in range(10) for ones in range(10)]
_ADDED = [str((tens + ones) % 10) for tens in range(10) for ones in range(10)]

_NUMBERS = {letter: str(number) for number, letter in enumerate(ascii_uppercase, start=10)}
_DIGITS_OF_IBAN = 72  # thirty-four characters of at most two digits each, in whole chunks
_CHUNK = 18
_MODULUS = 97
_WEIGHTS = {at: pow(10, _DIGITS_OF_IBAN - at - _CHUNK, _MODULUS) for at in range(0, _DIGITS_OF_IBAN, _CHUNK)}


def luhn_remainder(digits: nw.Expr) -> nw.Expr:
    """Return the last digit of the sum of ISO/IEC 7812-1 over up to 32 digits: 0 where the check digit is right."""

    def polars(e: pl.Expr) -> pl.Expr:
        # Pairs become digits until one is left: five passes, where digit by digit it would be thirty-two.
        folded = e.str.zfill(_LONGEST_LUHN).str.replace_many(_PAIRS, _DOUBLED)
        while_pairs_are_left = range(_LONGEST_LUHN.bit_length() - 2)
        return reduce(lambda each, _: each.str.replace_many(_PAIRS, _ADDED), while_pairs_are_left, folded).cast(
            pl.Int64
        )

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        def added(padded: Any) -> Any:  # noqa: ANN401 - pyspark Columns
            places = [padded.substr(at, 1).cast("bigint") for at in range(1, _LONGEST_LUHN + 1)]
            doubled = [digit * 2 + (digit > 4).cast("bigint") for digit in places[::2]]  # noqa: PLR2004
            return reduce(operator.add, [*doubled, *places[1::2]]) % 10

        return let(on.functions.lpad(c, _LONGEST_LUHN, "0"), added, on)

    return natively(digits, polars, spark)


def iban_remainder(iban: nw.Expr) -> nw.Expr:
    """Return the remainder of an IBAN by 97: its first four characters last, `A` as 10 to `Z` as 35 (ISO 13616)."""

    def polars(e: pl.Expr) -> pl.Expr:
        number = pl.concat_str(e.str.slice(4), e.str.slice(0, 4)).str.replace_many(
            list(_NUMBERS), list(_NUMBERS.values())
        )
        padded = number.str.zfill(_DIGITS_OF_IBAN)
        chunks = [padded.str.slice(at, _CHUNK).cast(pl.Int64) % _MODULUS * weight for at, weight in _WEIGHTS.items()]
        return reduce(operator.add, chunks) % _MODULUS

    def spark(c: Any, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
        f = on.functions
        number = f.concat(c.substr(5, _DIGITS_OF_IBAN), c.substr(1, 4))
        for letter, digits in _NUMBERS.items():
            number = f.replace(number, f.lit(letter), f.lit(digits))

        def divided(padded: Any) -> Any:  # noqa: ANN401 - pyspark Columns
            chunks = [
                padded.substr(at + 1, _CHUNK).cast("bigint") % _MODULUS * weight for at, weight in _WEIGHTS.items()
            ]
            return reduce(operator.add, chunks) % _MODULUS

        return let(f.lpad(number, _DIGITS_OF_IBAN, "0"), divided, on)

    return natively(iban, polars, spark)
