"""Fine rows of a contract: drawn column by column, made to agree with each other, and held against every rule."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import prod
from random import Random
from typing import Any

from lakehouse_assets.contracts.model import Column, Kind
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.samples.draw import draw_value
from lakehouse_assets.quality.samples.promise import Meant, Promise, typed_row
from lakehouse_assets.quality.samples.row_meaning import Row
from lakehouse_assets.quality.samples.wholes import ARRANGED, WITHOUT_NULLS

ROWS = 20
_TRIES = 300
_NULLS = 0.1
_REPEATS = {"unique": "columns", "duplicate_rate": "columns", "duplicate_values": "properties"}


def fine_rows(promise: Promise, random: Random, count: int = 0) -> list[Row]:
    """Return rows that keep every rule of the contract; raise LakehouseError naming the rules that none keeps."""
    seen: dict[tuple[str, ...], set[tuple[Any, ...]]] = {key: set() for key in _keys(promise)}
    rows = [_fine_row(promise, random, seen) for _ in range(_amount(promise, count))]
    for rule in promise.of_whole:
        if rule.spec.rule in ARRANGED and any(rule.breaks(rows)):
            ARRANGED[rule.spec.rule](rows, rule, random)
    rows = [agree(row, promise, random) for row in rows]
    broken = promise.broken(rows)
    if broken:
        raise _impossible(promise, broken)
    return rows


def agree(row: Row, promise: Promise, random: Random) -> Row:
    """Return the row with the columns changed that a rule over several columns wants otherwise."""
    changed = dict(row)
    for rule in promise.of_rows:
        if rule.spec.rule in _AGREED and any(rule.breaks([changed])):
            _AGREED[rule.spec.rule](changed, rule, promise, random)
    return changed


def _fine_row(promise: Promise, random: Random, seen: dict[tuple[str, ...], set[tuple[Any, ...]]]) -> Row:
    broken: frozenset[str] = frozenset()
    for _ in range(_TRIES):
        drawn = {column.name: _value(column, promise, random) for column in promise.columns}
        row = agree(drawn | _given(promise, random), promise, random)
        broken = frozenset(rule.spec.id for rule in promise.of_rows if any(rule.breaks([row])))
        keys = {key: tuple(row[name] for name in key) for key in seen}
        if not broken and not any(values in seen[key] for key, values in keys.items()):
            for key, values in keys.items():
                seen[key].add(values)
            return row
    repeats = frozenset(rule.spec.id for rule in promise.of_whole if rule.spec.rule in _REPEATS)
    raise _impossible(promise, broken or repeats)


def _given(promise: Promise, random: Random) -> Row:
    """Return what authors of rules gave as fine values."""
    chosen = [random.choice(rule.spec.example.passing) for rule in promise.rules if rule.spec.example.passing]
    return {name: value for row in chosen for name, value in typed_row(dict(row), promise).items()}


def _impossible(promise: Promise, broken: frozenset[str]) -> LakehouseError:
    return LakehouseError(
        f"no rows were found that are fine for {', '.join(sorted(broken))} together with the other rules.",
        where=str(promise.contract.place),
        fix="Correct what contradicts it, or give an example of fine values (lakehouse.example).",
    )


def _amount(promise: Promise, count: int) -> int:
    bounds = [rule.given for rule in promise.of_whole if rule.spec.rule == "row_count"]
    least = max([promise.contract.gate.min_rows, *(given.get("min") or 0 for given in bounds)])
    most = min([given["max"] for given in bounds if given.get("max") is not None], default=None)
    wanted = max(count or ROWS, int(least))
    return wanted if most is None else min(wanted, int(most))


def _keys(promise: Promise) -> list[tuple[str, ...]]:
    partition = promise.contract.partition_column
    named = [rule.columns for rule in promise.of_whole if rule.spec.rule in _REPEATS]
    found = [tuple(name for name in columns if name != partition) for columns in (*named, promise.contract.load.keys)]
    return [columns for columns in found if columns]


def _value(column: Column, promise: Promise, random: Random) -> Any:  # noqa: ANN401 - of the column's type
    if _may_be_null(column, promise) and random.random() < _NULLS:
        return None
    return draw_value(column, promise, random)


def _may_be_null(column: Column, promise: Promise) -> bool:
    contract = promise.contract
    is_told = column.required or column.primary_key or column.name in (contract.partition_column, *contract.load.keys)
    rules = {rule.spec.rule for rule in promise.rules if rule.spec.column == column.name}
    return not is_told and not rules & WITHOUT_NULLS


def _combine(row: Row, rule: Meant, promise: Promise, named: tuple[str, Callable[[list[Any]], Any]]) -> None:
    name, combine = named
    parts = [row[part] for part in rule.given[name]]
    column = next(column for column in promise.columns if column.name == rule.spec.column)
    if None in parts:
        row[column.name] = None if not column.required else row[column.name]
        return
    total = combine([Decimal(str(part)) for part in parts])
    kind = column.type.kind
    row[column.name] = (
        total.quantize(Decimal(1).scaleb(-column.type.scale))
        if kind is Kind.DECIMAL
        else float(total)
        if kind is Kind.DOUBLE
        else int(total)
    )


def _ordered(row: Row, rule: Meant, _: Promise, __: Random) -> None:
    one, other = str(rule.spec.column or rule.given["column"]), rule.given["other"]
    row[one], row[other] = (row[other], row[other]) if rule.given["operator"] == "==" else (row[other], row[one])


def _allowed(row: Row, rule: Meant, _: Promise, random: Random) -> None:
    row[rule.given["other"]] = random.choice(list(rule.given["allowed"]))


def _filled(row: Row, rule: Meant, promise: Promise, random: Random) -> None:
    name = str(rule.spec.column or rule.given["columns"][0])
    row[name] = draw_value(next(column for column in promise.columns if column.name == name), promise, random)


_AGREED: Mapping[str, Callable[[Row, Meant, Promise, Random], None]] = {
    "sum_of_parts": lambda row, rule, promise, _: _combine(row, rule, promise, ("parts", sum)),
    "product_of": lambda row, rule, promise, _: _combine(row, rule, promise, ("factors", prod)),
    "compare_columns": _ordered,
    "implies": _allowed,
    "required_when": _filled,
    "any_present": _filled,
}
