"""Chrono patterns of dates and timestamps: a pattern must say everything, and in one way only."""

import re
from collections.abc import Sequence

from lakehouse_assets.contracts.model import ColumnType, Kind
from lakehouse_assets.contracts.reading import Reading

# https://docs.rs/chrono/latest/chrono/format/strftime; `%-d`, `%_d` and `%0d` change padding only.
_DIRECTIVE = re.compile(r"%(?:[-_0])?(?P<letter>:{0,3}z|#z|\.[369]?f|[369]f|\.?\d?f|[A-Za-z+%])")
_EXPANDED = {"F": "Ymd", "D": "mdy", "x": "mdy", "T": "HMS", "R": "HM", "v": "dbY", "c": "abdHMSY", "r": "IMSp"}
_YEAR, _MONTH, _DAY = set("YGyg"), set("mbBh"), set("de")
_KNOWN = set("YCyqmbBhdeaAwuUWGgVjDxFvHkIlPpMSfRTXrZzstn%+c")
_COMPLETE = "+s"
# Weeks, centuries, and seconds since 1970 amid other parts; a count of seconds by itself is read by both engines.
POLARS_ONLY = frozenset("GgVUWCuws")
_COUNTS = frozenset({"%s", "%s%3f", "%s%6f"})


def check_formats(formats: Sequence[str], found: ColumnType, steps: list[str | int], reading: Reading) -> None:
    """Find patterns that are unknown, incomplete for `found`, or readable in two ways."""
    for pattern in formats:
        letters = _letters(pattern)
        if letters is None:
            reading.tell("LH311", steps, f"{pattern!r} is not a chrono pattern.", "Write, for example, %Y-%m-%d.")
            continue
        if set(letters) & set(_COMPLETE):
            continue
        missing = _missing(letters, found)
        if missing:
            reading.tell("LH311", steps, f"{pattern!r} has no {missing}, so it cannot make a {found}.")
        if "y" in letters or "x" in pattern or "c" in _raw_letters(pattern):
            hint = "Write a year of four digits with %Y and every part by itself."
            reading.tell("LH310", steps, f"{pattern!r} has a year of two digits or depends on a locale.", hint)
    _check_pairs(formats, steps, reading)


def only_polars_reads(pattern: str) -> str:
    """Return a directive of a pattern that Spark does not read, or ""."""
    found = POLARS_ONLY.intersection(_raw_letters(pattern)) if pattern not in _COUNTS else frozenset()
    return f"%{min(found)}" if found else ""


def _check_pairs(formats: Sequence[str], steps: list[str | int], reading: Reading) -> None:
    """Two patterns that differ only in the order of day and month read one text in two ways."""
    shapes: dict[str, str] = {}
    for pattern in formats:
        shape = re.sub(r"%[-_0]?[dem]", "%#", pattern)
        other = shapes.setdefault(shape, pattern)
        if other != pattern and re.sub(r"[-_0]", "", other) != re.sub(r"[-_0]", "", pattern):
            message = f"{other!r} and {pattern!r} read the same text as different days."
            reading.tell("LH310", steps, message, "Keep the one that the source writes.")


def _letters(pattern: str) -> str | None:
    """Return the directive letters, shorthands expanded; None when something after % is unknown."""
    rest = _DIRECTIVE.sub("", pattern)
    raw = _raw_letters(pattern)
    if "%" in rest or not raw or not set(raw) <= _KNOWN:
        return None
    return "".join(_EXPANDED.get(letter, letter) for letter in raw)


def _raw_letters(pattern: str) -> str:
    return "".join(match["letter"][-1] for match in _DIRECTIVE.finditer(pattern))


def _missing(letters: str, found: ColumnType) -> str:
    have = set(letters)
    is_day = "j" in have or {"V", "u"} <= have
    needs: list[tuple[str, object]] = [
        ("year", have & _YEAR),
        ("month", is_day or have & _MONTH),
        ("day", is_day or have & _DAY),
    ]
    if found.kind is Kind.TIMESTAMP:
        half_day = not have & set("Il") or have & set("Pp")
        needs += [("hour", have & set("HkIl")), ("AM or PM", half_day), ("minute", "M" in have)]
    return next((part for part, is_there in needs if not is_there), "")
