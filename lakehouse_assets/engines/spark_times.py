"""Text to UTC timestamps on Spark, form by form; `times` is the same on Polars and says what a form is.

A text that has the shape of its form is written again as ISO 8601 by one regular expression, which Spark reads fast.
"""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from lakehouse_assets.contracts.formats import POLARS_ONLY
from lakehouse_assets.engines.kit import localised
from lakehouse_assets.engines.native import Spark
from lakehouse_assets.engines.time_form import TimeForm
from lakehouse_assets.errors import LakehouseError

_MONTHS = [
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
]  # fmt: skip
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_NUMBERS = {"Y": "year", "m": "month", "d": "day", "e": "day", "H": "hour", "k": "hour", "M": "minute", "S": "second"}
_FRACTIONS = {"f": ".", "3f": ".", "6f": ".", "9f": ".", ".f": "", ".3f": "", ".6f": "", ".9f": ""}
_OFFSETS = frozenset({"z", ":z", "::z", "#z"})
# What Spark reads as it is.
_ISO = re.compile(r"%Y-%m-%d([ T]%H:%M(:%S(%\.f)?)?)?")
_CENTURY_TURNS = 70  # chrono: 69 is 2069, 70 is 1970
_HALF_DAY = 12
_MOST_HOURS, _MOST_MINUTES = 23, 59


def read_on_spark(text: Any, forms: Sequence[TimeForm], zone: str, ambiguous: str, on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    """Return UTC timestamps of texts; null for texts of no form, and for times the zone's clock skipped or repeated."""
    for form in forms:
        check_readable(form)
    shapes = [(form, form.shape, "") for form in forms]
    shapes += [(form, form.leap, "59.999999") for form in forms if form.leap]
    known = [each for each in shapes if zone == "UTC" or each[0].has_offset or each[0].is_utc]
    in_zone = [each for each in shapes if each not in known]
    found = [_first(text, known, on)] if known else []
    found += [localised(_first(text, in_zone, on), zone, ambiguous, on)] if in_zone else []
    return on.functions.coalesce(*found)


def check_readable(form: TimeForm) -> None:
    """Raise LakehouseError when a form has a directive that only Polars reads."""
    unread = POLARS_ONLY.intersection(form.names)
    if unread:
        raise LakehouseError(
            f"Spark does not read %{min(unread)} in the pattern {form.pattern!r}.",
            fix="Name year, month and day in the pattern, or set `engine: polars` for the table.",
        )


def _first(text: Any, shapes: Sequence[tuple[TimeForm, str, str]], on: Spark) -> Any:  # noqa: ANN401 - pyspark Columns
    """Return what the first form that a text looks like makes of it, as if its clock were UTC's."""
    chosen = on.functions
    # Neighbours that are read alike are one step: every step is an expression that Spark has to compile.
    for _, those in groupby(shapes, key=lambda each: (each[2], _is_iso(each[0]) or each[0])):
        alike = list(those)
        form, _, second = alike[0]
        parts = _Parts(text, form, on)
        local = parts.local(second)
        looks_like_it = text.rlike("|".join(shape for _, shape, _ in alike))
        chosen = chosen.when(looks_like_it, parts.minus_offset(local) if form.has_offset else local)
    return chosen


def _is_iso(form: TimeForm) -> bool:
    return _ISO.fullmatch(form.pattern.removesuffix("Z")) is not None


class _Parts:
    """The parts of texts of one form, by the names of their directives."""

    def __init__(self, text: Any, form: TimeForm, on: Spark) -> None:  # noqa: ANN401 - pyspark Columns
        self._text, self._form, self._f = text, form, on.functions
        self._places = {_NUMBERS.get(name, name): place for place, name in enumerate(form.names, 1)}

    def local(self, second: str) -> Any:  # noqa: ANN401 - pyspark Columns
        """Return what the text says, as if it were UTC; `second` replaces second and fraction."""
        f, places = self._f, self._places
        fractions = [prefix + f"${places[name]}" for name, prefix in _FRACTIONS.items() if name in places]
        if _is_iso(self._form):
            head = f.rtrim(self._text, f.lit("Z"))
        elif {"year", "month", "day"} <= places.keys() and not {"I", "l", "p", "P"} & places.keys():
            day = "-".join(self._group(name) for name in ("year", "month", "day"))
            clock = ":".join(self._group(name) for name in ("hour", "minute", "second"))
            head = self._written(f"{day} {clock}")
        else:
            head = f.concat(self._date(), f.lit(" "), self._clock())
        if second:
            head = f.concat(f.substring(self._padded(head), 1, 17), f.lit(second))
        elif fractions and not _is_iso(self._form):
            head = f.concat(head, self._written(fractions[0]))
        return self._on_its_weekday(head.try_cast("timestamp"))

    def minus_offset(self, local: Any) -> Any:  # noqa: ANN401 - pyspark Columns
        """Return the moment of a text that says its own distance from UTC."""
        f = self._f
        offset = self._part(next(name for name in self._form.names if name in _OFFSETS))
        digits = f.regexp_replace(offset, "[^0-9]", "")
        hours = f.coalesce(f.substring(digits, 1, 2).try_cast("int"), f.lit(0))
        minutes = f.coalesce(f.substring(digits, 3, 2).try_cast("int"), f.lit(0))
        distance = (hours * 60 + minutes) * f.when(offset.startswith("-"), -1).otherwise(1)
        is_offset = (hours <= _MOST_HOURS) & (minutes <= _MOST_MINUTES)
        return f.when(is_offset, f.timestamp_micros(f.unix_micros(local) - distance.cast("bigint") * 60_000_000))

    def _group(self, name: str) -> str:
        return f"${self._places[name]}" if name in self._places else "00"

    def _part(self, name: str) -> Any:  # noqa: ANN401 - pyspark Columns
        return self._written(f"${self._places[name]}")

    def _written(self, template: str) -> Any:  # noqa: ANN401 - pyspark Columns
        return self._f.regexp_replace(self._text, self._form.parts, template)

    def _padded(self, iso: Any) -> Any:  # noqa: ANN401 - pyspark Columns
        return self._f.regexp_replace(iso, r"\b([0-9])\b", "0$1")

    def _two(self, number: Any) -> Any:  # noqa: ANN401 - pyspark Columns
        return self._f.lpad(number.cast("int").cast("string"), 2, "0")

    def _year(self) -> Any:  # noqa: ANN401 - pyspark Columns
        if "year" in self._places:
            return self._part("year")
        short = self._part("y").try_cast("int")
        return (short + self._f.when(short < _CENTURY_TURNS, 2000).otherwise(1900)).cast("string")

    def _date(self) -> Any:  # noqa: ANN401 - pyspark Columns
        f = self._f
        if "j" in self._places:
            number = self._part("j").try_cast("int")
            first = f.concat(self._year(), f.lit("-01-01")).try_cast("date")
            day = f.date_add(first, number - 1)
            return f.when((number >= 1) & (f.year(day) == f.year(first)), day).cast("string")
        named = next((name for name in "bB" if name in self._places), "")
        month = self._named(named, _MONTHS) if named else self._part("month").try_cast("int")
        return f.concat(
            self._year(), f.lit("-"), self._two(month), f.lit("-"), self._two(self._part("day").try_cast("int"))
        )

    def _clock(self) -> Any:  # noqa: ANN401 - pyspark Columns
        f = self._f
        half = next((name for name in "Il" if name in self._places), "")
        hour = self._part("hour").try_cast("int") if "hour" in self._places else f.lit(0)
        if half:
            number = self._part(half).try_cast("int")
            after_noon = f.lower(self._part(next(name for name in "pP" if name in self._places))) == "pm"
            hour = f.when(number.between(1, _HALF_DAY), number % _HALF_DAY + f.when(after_noon, _HALF_DAY).otherwise(0))
        rest = [self._part(name) if name in self._places else f.lit("00") for name in ("minute", "second")]
        return f.concat(self._two(hour), f.lit(":"), rest[0], f.lit(":"), rest[1])

    def _named(self, name: str, words: Sequence[str]) -> Any:  # noqa: ANN401 - pyspark Columns
        f, said = self._f, self._f.lower(self._part(name))
        places = [f.array_position(f.array(*map(f.lit, those)), said) for those in (words, [w[:3] for w in words])]
        place = f.greatest(*places)
        return f.when(place > 0, place)

    def _on_its_weekday(self, moment: Any) -> Any:  # noqa: ANN401 - pyspark Columns
        named = next((name for name in "aA" if name in self._places), "")
        if not named:
            return moment
        iso = (self._f.dayofweek(moment) + 5) % 7 + 1
        return self._f.when(self._named(named, _WEEKDAYS) == iso, moment)
