"""Values just beyond what a rule allows: what a violation is looked for among."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from lakehouse_assets.contracts.model import Column, Kind
from lakehouse_assets.quality.samples.pattern_text import text_of
from lakehouse_assets.quality.samples.promise import Meant, Promise

_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_WHOLE = {Kind.INTEGER: 31, Kind.LONG: 63}
_STAND_INS = ("", " ", "N/A", "?")


def near_values(column: Column, value: Any, rule: Meant, promise: Promise) -> list[Any]:  # noqa: ANN401 - of its type
    """Return values of the column's type around what the rule's arguments say and around `value`, each once."""
    kind = column.type.kind
    found: list[Any] = [None, *_of_example(column, rule, promise)]
    if kind is Kind.BOOLEAN:
        found += [True, False]
    elif kind is Kind.STRING:
        found += _texts(value, rule)
    elif kind in _NUMBERS:
        found += _numbers(column, value, rule)
    else:
        found += _moments(kind, value, rule)
    return [each for at, each in enumerate(found) if each not in found[:at]]


def _of_example(column: Column, rule: Meant, promise: Promise) -> list[Any]:
    failing = promise.functions[rule.spec.rule].example.failing
    if isinstance(failing, dict):
        failing = failing.get(column.name)
    fits = {Kind.STRING: str, Kind.INTEGER: int, Kind.LONG: int, Kind.DOUBLE: float}.get(column.type.kind)
    return [failing] if fits is not None and type(failing) is fits else []


def _given(rule: Meant) -> Iterator[Any]:
    for value in rule.given.values():
        yield from value if isinstance(value, list | tuple) else [value]


def _texts(value: str | None, rule: Meant) -> Iterator[str]:
    random, text = Random(0), value or "x"  # noqa: S311 - samples
    yield from (each for each in _given(rule) if isinstance(each, str))
    if "pattern" in rule.given:
        yield text_of(rule.given["pattern"], random)
    yield from (f"{text}x", f"x{text}", f"{text}!", text[:-1], text.swapcase(), f" {text}", f"{text} ")
    yield from _STAND_INS
    for bound in (rule.given.get(name) for name in ("min", "max")):
        if isinstance(bound, int):
            yield from ((text * (bound + 1))[:length] for length in (bound - 1, bound + 1) if length >= 0)


def _numbers(column: Column, value: Any, rule: Meant) -> Iterator[Any]:  # noqa: ANN401 - of its type
    kind = column.type.kind
    step = Decimal(1).scaleb(-column.type.scale) if kind is Kind.DECIMAL else Decimal(1)
    around = [Decimal(str(each)) for each in _given(rule) if isinstance(each, int | float | Decimal)]
    around += [Decimal(str(value))] if value is not None else []
    for middle in (*around, Decimal(0)):
        for number in (middle, middle - step, middle + step, middle - 1, middle + 1):
            if kind is Kind.DOUBLE:
                yield float(number)
            elif kind is Kind.DECIMAL:
                exact = number.quantize(step)
                if abs(exact) < Decimal(10) ** (column.type.precision - column.type.scale):
                    yield exact
            elif number % 1 == 0 and abs(number) < 2 ** _WHOLE[kind]:
                yield int(number)


def _moments(kind: Kind, value: Any, rule: Meant) -> Iterator[Any]:  # noqa: ANN401 - date or time
    is_date = kind is Kind.DATE
    steps = [timedelta(days=1)] if is_date else [timedelta(microseconds=1), timedelta(days=1)]
    middles = [each for each in (*_given(rule), value) if isinstance(each, date)]
    for middle in (*middles, date(2000, 1, 1) if is_date else datetime(2000, 1, 1, tzinfo=UTC)):
        yield middle
        for step in steps:
            yield from (middle - step, middle + step)
