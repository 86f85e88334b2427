"""One violation a rule: a partition that is fine but for one row, or but for what one rule says about all rows.

What breaks a rule is known without asking the rule where its meaning is known in plain Python, or where its own tested
example is the value; `known_by` says which.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product
from random import Random
from typing import Any

import polars as pl

from lakehouse_assets.quality.samples.near import near_values
from lakehouse_assets.quality.samples.promise import Meant, Promise, typed_row
from lakehouse_assets.quality.samples.row_meaning import OF_A_ROW, OF_A_VALUE, Row
from lakehouse_assets.quality.samples.rows import agree
from lakehouse_assets.quality.samples.whole_meaning import OF_ROWS

_CANDIDATES = 2_000
_BASES = 3
_MOST_ROWS = 200_000
MEANING, EXAMPLE, GIVEN, ASKED = "meaning", "example", "author", "the rule itself"


@dataclass(frozen=True, slots=True)
class Violation:
    """A partition that breaks a rule. `rows`: which ones, for a rule of single rows; `also`: other rules it breaks."""

    rule_id: str
    frame: pl.DataFrame
    rows: tuple[int, ...]
    also: tuple[str, ...]
    known_by: str


def violation_of(rule: Meant, rows: Sequence[Row], promise: Promise) -> Violation | None:
    """Return a violation of a rule among rows that are fine, or None when none was found."""
    if rule.spec.example.failing:
        return _given(rule, rows, promise)
    return _of_rows(rule, rows, promise) if rule.is_of_rows else _of_whole(rule, rows, promise)


def _given(rule: Meant, rows: Sequence[Row], promise: Promise) -> Violation:
    """Return what the contract's author says breaks the rule, whatever the rule says."""
    failing = [typed_row(dict(written), promise) for written in rule.spec.example.failing]
    spoiled = [row | given for row, given in zip(rows, failing, strict=False)]
    if rule.is_of_rows:
        spoiled += rows[len(spoiled) :]
    also = promise.broken(spoiled) - {rule.spec.id}
    bad = tuple(range(len(failing))) if rule.is_of_rows else ()
    return Violation(rule.spec.id, promise.frame(spoiled), bad, tuple(sorted(also)), GIVEN)


def _of_rows(rule: Meant, rows: Sequence[Row], promise: Promise) -> Violation | None:
    best: tuple[int, Row, frozenset[str]] | None = None
    others = [other for other in promise.of_rows if other is not rule]
    for at, base in enumerate(rows[:_BASES]):
        for row in _breaking(rule, base, promise):
            also = frozenset(other.spec.id for other in others if any(other.breaks([row])))
            if best is None or len(also) < len(best[2]):
                best = at, row, also
            if not also:
                break
        if best is not None and not best[2]:
            break
    if best is None:
        return None
    at, row, _ = best
    spoiled = [*rows[:at], row, *rows[at + 1 :]]
    also = promise.broken(spoiled) - {rule.spec.id}
    return Violation(rule.spec.id, promise.frame(spoiled), (at,), tuple(sorted(also)), _known_by(rule, row, promise))


def _breaking(rule: Meant, base: Row, promise: Promise) -> Iterator[Row]:
    candidates = list(islice(_changed(rule, base, promise), _CANDIDATES))
    for row, breaks in zip(candidates, rule.breaks(candidates), strict=True):
        if breaks:
            yield row
            # What other columns are made of may have to follow.
            followed = agree(row, promise, Random(0))  # noqa: S311 - samples
            if followed != row and any(rule.breaks([followed])):
                yield followed


def _changed(rule: Meant, base: Row, promise: Promise) -> Iterator[Row]:
    columns = [column for column in promise.columns if column.name in rule.columns]
    pools = {column.name: near_values(column, base[column.name], rule, promise) for column in columns}
    for count in range(1, len(pools) + 1):
        for names in combinations(pools, count):
            for values in product(*(pools[name] for name in names)):
                yield base | dict(zip(names, values, strict=True))


def _known_by(rule: Meant, row: Row, promise: Promise) -> str:
    if rule.spec.rule in OF_A_VALUE or rule.spec.rule in OF_A_ROW:
        return MEANING
    failing = promise.functions[rule.spec.rule].example.failing
    return EXAMPLE if row[rule.columns[0]] == failing and not rule.spec.arguments else ASKED


def _of_whole(rule: Meant, rows: Sequence[Row], promise: Promise) -> Violation | None:
    best: tuple[list[Row], frozenset[str]] | None = None
    for candidate in _spoiled(rule, list(rows), promise):
        if not any(rule.breaks(candidate)):
            continue
        also = promise.broken(candidate) - {rule.spec.id}
        if best is None or len(also) < len(best[1]):
            best = candidate, also
        if not also:
            break
    if best is None:
        return None
    known = MEANING if rule.spec.rule in OF_ROWS else ASKED
    return Violation(rule.spec.id, promise.frame(best[0]), (), tuple(sorted(best[1])), known)


def _spoiled(rule: Meant, rows: list[Row], promise: Promise) -> Iterator[list[Row]]:
    yield from _sized(rule, rows)
    columns = [column for column in promise.columns if column.name in rule.columns]
    keyed = {name: rows[0][name] for name in rule.columns}
    for count in (1, len(rows)):
        yield [row | keyed if 0 < at <= count else row for at, row in enumerate(rows)]
    yield rows[: len(rows) // 2] + rows[len(rows) // 2 + 1 :]
    for column in columns:
        values = [row[column.name] for row in rows]
        yield [row | {column.name: value} for row, value in zip(rows, reversed(values), strict=True)]
        for value in near_values(column, values[0], rule, promise):
            yield [row | {column.name: value} for row in rows]
            yield [rows[0], rows[0] | {column.name: value}, *rows[2:]]
            yield [*rows[:-1], rows[-1] | {column.name: value}]
            yield [row | keyed for row in rows[:-1]] + [rows[-1] | keyed | {column.name: value}]
        yield from _far(rows, column.name, rule.given)


def _sized(rule: Meant, rows: list[Row]) -> Iterator[list[Row]]:
    low, high = rule.given.get("min"), rule.given.get("max")
    if rule.spec.rule != "row_count":
        return
    if low:
        yield rows[: int(low) - 1]
    if high is not None and high < _MOST_ROWS:
        yield [rows[at % len(rows)] for at in range(int(high) + 1)]


def _far(rows: list[Row], name: str, given: Mapping[str, Any]) -> Iterator[list[Row]]:
    """Yield rows whose column holds a number so great that no sum or mean stays within its bounds."""
    kind = type(rows[0][name])
    if kind is bool or (not hasattr(kind, "__index__") and kind.__name__ not in {"float", "Decimal"}):
        return
    bounds = [abs(given[bound]) for bound in ("min", "max") if isinstance(given.get(bound), int | float)]
    for number in (int(max(bounds, default=0)) + 1_000, -int(max(bounds, default=0)) - 1_000):
        yield [row | {name: kind(number)} for row in rows]
