"""Chrono patterns as strict regular expressions: what a date or time must look like before it is read.

Chrono itself is lenient: it skips blanks, takes signs and years of one digit. A text that does not look exactly like
its pattern is refused, never guessed. Reading the text is done in `times`.
"""

import re
from functools import cache

from lakehouse_assets.engines.time_form import TimeForm
from lakehouse_assets.errors import LakehouseError

# https://docs.rs/chrono/latest/chrono/format/strftime; `%-d`, `%_d` and `%0d` change padding only.
_DIRECTIVE = re.compile(r"%[-_0]?(:{0,3}z|#z|\.?[369]f|\.f|[A-Za-z+%])")
_SHORTHANDS = {
    "%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%T": "%H:%M:%S", "%R": "%H:%M", "%X": "%H:%M:%S", "%x": "%m/%d/%y",
    "%+": "%Y-%m-%dT%H:%M:%S%.f%#z", "%v": "%e-%b-%Y", "%c": "%a %b %e %H:%M:%S %Y", "%r": "%I:%M:%S %p", "%h": "%b",
}  # fmt: skip
_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"  # there is no year 0
_OFFSET = r"[+-][0-9]{2}:?[0-9]{2}"
_FRACTION = r"\.[0-9]{1,6}0*"  # beyond microseconds only zeros: nothing is cut off
_SHAPES = {
    "Y": _YEAR, "G": _YEAR, "y": "[0-9]{2}", "g": "[0-9]{2}", "C": "[0-9]{2}", "j": "[0-9]{1,3}",
    "M": "[0-9]{2}", "S": "[0-5][0-9]", "b": "[A-Za-z]{3}", "B": "[A-Za-z]{3,9}", "a": "[A-Za-z]{3}",
    "A": "[A-Za-z]{6,9}", "p": "[AaPp][Mm]", "P": "[AaPp][Mm]", "u": "[1-7]", "w": "[0-6]", "V": "[0-9]{1,2}",
    "U": "[0-9]{1,2}", "W": "[0-9]{1,2}", "s": "-?[0-9]{1,12}", "f": "[0-9]{9}", "3f": "[0-9]{3}", "6f": "[0-9]{6}",
    "9f": "[0-9]{6}000", ".f": f"(?:{_FRACTION})?", ".3f": r"\.[0-9]{3}", ".6f": r"\.[0-9]{6}", ".9f": r"\.[0-9]{6}000",
    "z": _OFFSET, ":z": _OFFSET, "#z": "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)", "%": "%", "n": "\n", "t": "\t",
}  # fmt: skip
_ONE_OR_TWO = frozenset("mdeHkIl")
_SPACE_PADDED = frozenset("ekl")
_WITH_OFFSET = frozenset({"z", ":z", "#z"})


@cache
def read_pattern(chrono: str) -> TimeForm:
    """Return what a pattern accepts; numbers next to each other without a separator must have all their digits."""
    for short, long in _SHORTHANDS.items():
        chrono = chrono.replace(short, long)
    pieces = _pieces(chrono)
    names = {name for is_directive, name in pieces if is_directive}
    shape, leap = ("".join(_shape(pieces, at, second) for at in range(len(pieces))) for second in ("", "60"))
    parts = "".join(_part(pieces, at) for at in range(len(pieces)))
    return TimeForm(
        chrono,
        whole(shape),
        leap=whole(leap) if "S" in names else "",
        parts=whole(parts),
        names=tuple(name for is_directive, name in pieces if is_directive),
        has_offset=bool(names & _WITH_OFFSET),
        is_utc=chrono.endswith("%SZ"),
    )


def whole(expression: str) -> str:
    """Return a portable expression that matches only whole texts: `$` would let a final line end through."""
    return rf"\A(?:{expression})\z"


def portable(expression: str) -> str:
    """Return the whole-text form of a pattern; raise LakehouseError for what engines do not read alike."""
    escapes = re.findall(r"\\(.)", expression)
    special = [f"\\{letter}" for letter in escapes if letter.isalnum() and letter not in "ntr"]
    groups = re.findall(r"\(\?(?!:)..?", re.sub(r"\\.", "__", expression))
    if special or groups:
        raise LakehouseError(
            f"the pattern uses {(special + groups)[0]!r}, which engines read differently.",
            fix="Write classes out, such as [0-9]; look-around and back-references do not exist everywhere.",
        )
    return whole(expression)


def _pieces(chrono: str) -> list[tuple[bool, str]]:
    pieces: list[tuple[bool, str]] = []
    end = 0
    for match in _DIRECTIVE.finditer(chrono):
        if match.start() > end:
            pieces.append((False, chrono[end : match.start()]))
        pieces.append((True, match[1]))
        end = match.end()
    return [*pieces, (False, chrono[end:])] if end < len(chrono) else pieces


def _part(pieces: list[tuple[bool, str]], index: int) -> str:
    """Return the shape of a piece as a group, without the blank that may stand for a leading zero."""
    is_directive, name = pieces[index]
    shape = _shape(pieces, index, "[0-5][0-9]|60")
    if not is_directive:
        return shape
    return f" ?({shape.removeprefix(' ?')})" if name in _SPACE_PADDED else f"({shape})"


def _shape(pieces: list[tuple[bool, str]], index: int, second: str) -> str:
    is_directive, name = pieces[index]
    if not is_directive:
        return re.escape(name)
    if name == "S" and second:
        return second
    if name not in _ONE_OR_TWO:
        return _SHAPES.get(name, ".+")
    neighbours = [pieces[at][0] for at in (index - 1, index + 1) if 0 <= at < len(pieces)]
    digits = "[0-9]{2}" if any(neighbours) else "[0-9]{1,2}"
    return f" ?{digits}" if name in _SPACE_PADDED else digits
