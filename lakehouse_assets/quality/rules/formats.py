"""Does a text look as a standard says? Well-known formats, each exactly as its docstring defines it. A null passes.

All of them look at whole texts of ASCII characters: blanks around a value, other digits and empty texts fail.
"""

import narwhals as nw

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines import kit
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.codes import COUNTRIES, CURRENCIES, IBAN_LENGTHS
from lakehouse_assets.quality.patterns import whole
from lakehouse_assets.quality.rule import Example, rule
from lakehouse_assets.results import Dimension

_DIMENSION = Dimension.CONFORMITY
_COUNTRY_FORMS = {"alpha2": tuple(COUNTRIES), "alpha3": tuple(COUNTRIES.values())}
_PHONE = r"\+[1-9][0-9]{7,14}"
_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

# RFC 3986. Loops over groups are bounded and all others are over one class: Java recurses into groups.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_LAST_LABEL = "[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"(?:{_OCTET}(?:\.{_OCTET}){{3}}|(?:{_LABEL}\.){{0,126}}{_LAST_LABEL})"
_PORT = ":(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_SAFE = "A-Za-z0-9._~!$&'()*+,;=:@/%-"
_URL = rf"[Hh][Tt][Tt][Pp][Ss]?://{_HOST}(?:{_PORT})?(?:/[{_SAFE}]*)?(?:\?[{_SAFE}?]*)?(?:#[{_SAFE}?]*)?"
_BAD_ESCAPE = r"%(?:[^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|[0-9A-Fa-f]?\z)"

# The Gregorian calendar from year 1 on, written out.
_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_BY_FOUR = "(?:0[48]|[2468][048]|[13579][26])"
_LEAP_YEAR = f"(?:[0-9]{{2}}{_BY_FOUR}|{_BY_FOUR}00)"
_LONG = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
_SHORT = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])"
_ISO_DATE = f"{_YEAR}-(?:{_LONG}|{_SHORT})|{_LEAP_YEAR}-02-29"

# Check digits are 02 to 98: 00, 01 and 99 would leave the same remainders as 97, 98 and 02.
_CHECK_DIGITS = "(?:0[2-9]|[1-8][0-9]|9[0-8])"


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="+442079460018", failing="020 7946 0018"))
def phone(column: nw.Expr) -> nw.Expr:
    """Text is a telephone number as E.164 writes it: `+`, then 8 to 15 digits, the first no zero, and nothing else."""
    return column.str.contains(whole(_PHONE))


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(passing="https://example.com/a?b=1", failing="example.com/a"),
)
def url(column: nw.Expr) -> nw.Expr:
    """Text is a web address: `http://` or `https://`, a host, and at will port, path, query and fragment.

    The host is an IPv4 address or a name of labels of up to 63 letters, digits and inner hyphens, the last of which
    begins with a letter; one label is enough. The rest is in the characters of RFC 3986, others as `%` and two
    hexadecimal digits. There is no user before the host, no IPv6 address, and no letter beyond ASCII.
    """
    return column.str.contains(whole(_URL)) & ~column.str.contains(_BAD_ESCAPE)


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(passing="f81d4fae-7dec-11d0-a765-00a0c91e6bf6", failing="{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}"),
)
def uuid(column: nw.Expr) -> nw.Expr:
    """Text is a UUID of any version: 8-4-4-4-12 hexadecimal digits in any case, with hyphens and without braces."""
    return column.str.contains(whole(_UUID))


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="GB", failing="UK"))
def country(column: nw.Expr, *, form: str = "alpha2") -> nw.Expr:
    """Text is an assigned country code of ISO 3166-1 in capitals: of two letters, or three with `form: alpha3`."""
    if form not in _COUNTRY_FORMS:
        raise LakehouseError(f"{form!r} is no form of country codes.", fix=f"Write {' or '.join(_COUNTRY_FORMS)}.")
    return column.is_in(_COUNTRY_FORMS[form])


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="EUR", failing="DEM"))
def currency(column: nw.Expr) -> nw.Expr:
    """Text is a currency code of ISO 4217 that is in use, in capitals; funds and metals have one, too."""
    return column.is_in(CURRENCIES)


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="2012-02-29", failing="2010-02-29"))
def iso_date(column: nw.Expr) -> nw.Expr:
    """Text is a day of the calendar, written YYYY-MM-DD, from 0001-01-01 to 9999-12-31."""
    return column.str.contains(whole(_ISO_DATE))


@rule(kind=RuleKind.ROW, dimension=_DIMENSION, example=Example(passing="4111111111111111", failing="4111111111111112"))
def luhn(column: nw.Expr) -> nw.Expr:
    """Text is a number of 2 to 32 digits whose last is its Luhn check digit, as those of cards and devices are."""
    is_number = column.str.contains(whole("[0-9]{2,32}"))
    return is_number & (kit.luhn_remainder(nw.when(is_number).then(column)) == 0)


@rule(
    kind=RuleKind.ROW,
    dimension=_DIMENSION,
    example=Example(passing="GB29NWBK60161331926819", failing="GB29NWBK60161331926891"),
)
def iban(column: nw.Expr) -> nw.Expr:
    """Text is an IBAN: capitals and digits without blanks, as long as its country's are, with the right check digits.

    The parts of the account number, which every country divides in its own way, are not looked at.
    """
    is_shaped = column.str.contains(whole(_iban_shape()))
    return is_shaped & (kit.iban_remainder(nw.when(is_shaped).then(column)) == 1)


def _iban_shape() -> str:
    by_length: dict[int, list[str]] = {}
    for code, length in IBAN_LENGTHS.items():
        by_length.setdefault(length, []).append(code)
    return "|".join(
        f"(?:{'|'.join(codes)}){_CHECK_DIGITS}[A-Z0-9]{{{length - 4}}}" for length, codes in by_length.items()
    )
