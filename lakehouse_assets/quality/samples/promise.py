"""A contract for one partition, ready to be kept or broken: its rules with what they mean, and its rows as a frame.

Rules are held against `row_meaning` and `whole_meaning`; one that these do not know is asked itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.arguments import columns_of
from lakehouse_assets.contracts.calendar import Calendar, hours_of
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, RuleKind, RuleSpec
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.engines.kit import native_type
from lakehouse_assets.naming import RAW_HASH, SNAPSHOT_PARTITION
from lakehouse_assets.quality.group_rules import violating_groups
from lakehouse_assets.quality.judge import Scope, bind, flag, flag_of, window_end_of
from lakehouse_assets.quality.literals import RUN_TIME
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.rule import RuleFunction, load_rules
from lakehouse_assets.quality.samples.row_meaning import Row, row_meaning
from lakehouse_assets.quality.samples.whole_meaning import whole_meaning
from lakehouse_assets.quality.sql_rule import SQL, written_values

Breaks = Callable[[Sequence[Row]], list[bool]]
_DEFAULT_DAY = "2026-01-05"
# Rules that need no other table and no other partition.
_OF_THESE_ROWS = {RuleKind.ROW, RuleKind.GROUP, RuleKind.PARTITION, RuleKind.TABLE}
_COMPARED = frozenset({"value", "values", "validValues", "missingValues"})
_BOUNDS = frozenset({"min", "max", "exclusive_min", "exclusive_max"})


@dataclass(frozen=True, slots=True)
class Meant:
    """A rule of a row: its arguments as Python compares them, the columns it looks at, and which rows break it."""

    spec: RuleSpec
    given: Mapping[str, Any]
    columns: tuple[str, ...]
    breaks: Breaks

    @property
    def is_of_rows(self) -> bool:
        """Whether it looks at single rows; then `breaks` says one truth a row, otherwise one about all of them."""
        return self.spec.kind is RuleKind.ROW


@dataclass(frozen=True, slots=True)
class Promise:
    """A contract and one partition of it."""

    contract: Contract
    partition: str
    columns: tuple[Column, ...]
    rules: tuple[Meant, ...]
    functions: Mapping[str, RuleFunction]

    @property
    def of_rows(self) -> tuple[Meant, ...]:
        """The rules about single rows."""
        return tuple(rule for rule in self.rules if rule.is_of_rows)

    @property
    def of_whole(self) -> tuple[Meant, ...]:
        """The rules about all rows together."""
        return tuple(rule for rule in self.rules if not rule.is_of_rows)

    @property
    def day(self) -> date:
        """The day of the partition; some day where the table has no days."""
        return day_of(self.partition)

    def broken(self, rows: Sequence[Row]) -> frozenset[str]:
        """Return the ids of the rules that these rows break."""
        return frozenset(rule.spec.id for rule in self.rules if any(rule.breaks(rows)))

    def frame(self, rows: Sequence[Row]) -> pl.DataFrame:
        """Return rows as a frame of exactly the promised types, with the partition column."""
        return to_frame(rows, self.columns, self.contract.partition_column, self.partition)


def promise(contract: Contract, partition: str = "", *, functions: Mapping[str, Any] | None = None) -> Promise:
    """Return what a contract promises about one of its partitions: the first of its calendar when none is named."""
    functions = {**load_rules(), **(functions or {})}
    partition = partition or _a_partition(contract)
    technical = (Column(RAW_HASH, ColumnType(Kind.LONG), required=True),) if _mentions(contract, RAW_HASH) else ()
    columns = (*contract.columns, *technical)
    bare = Promise(contract, partition, columns, (), functions)
    judged = (spec for spec in contract.rules if spec.kind in _OF_THESE_ROWS)
    return replace(bare, rules=tuple(_meant(spec, bare) for spec in judged))


def to_frame(rows: Sequence[Row], columns: Iterable[Column], by: str, partition: str) -> pl.DataFrame:
    """Return rows as Polars holds them; a partition column that is no promised one is text."""
    named = {column.name: native_type(to_narwhals(column.type)) for column in columns}
    frame = pl.DataFrame([{name: row[name] for name in named} for row in rows], schema=named, orient="row")
    return frame if by in named else frame.with_columns(pl.lit(partition).alias(by))


def day_of(partition: str) -> date:
    """Return the day that a partition is named after, or one that serves."""
    return date.fromisoformat((partition if len(partition) >= len(_DEFAULT_DAY) else _DEFAULT_DAY)[:10])


def typed_row(written: Row, promise: Promise) -> Row:
    """Return values that a contract's author wrote as values of their columns."""
    kinds = {column.name: column.type.kind for column in promise.columns}
    return {name: _typed(value, kinds[name], promise.day) for name, value in written.items()}


def _a_partition(contract: Contract) -> str:
    if not contract.is_partitioned:
        return SNAPSHOT_PARTITION
    calendar = contract.calendar
    return _first_of(calendar) if calendar else _DEFAULT_DAY


def _first_of(calendar: Calendar) -> str:
    return next(hours_of(calendar.starts)) if calendar.is_hourly else calendar.starts.isoformat()


def _scope_of(bare: Promise) -> Scope:
    end = window_end_of(bare.contract.partition_column, hourly=bare.contract.is_hourly)
    return Scope(bare.contract.columns, end)


def _mentions(contract: Contract, name: str) -> bool:
    return any(name in columns_of(spec) for spec in contract.rules)


def _meant(spec: RuleSpec, bare: Promise) -> Meant:
    given, columns = _resolved(spec, bare), columns_of(spec)
    if spec.kind is RuleKind.ROW:
        fine = row_meaning(spec.rule, spec.column, given)
        breaks = _asked_rows(spec, bare) if fine is None else lambda rows: [not fine(row) for row in rows]
        return Meant(spec, given, columns, breaks)
    if spec.kind is RuleKind.GROUP:
        return Meant(spec, given, columns, _asked_groups(spec, bare))
    whole = whole_meaning(spec.rule, given)
    return Meant(spec, given, columns, _asked_whole(spec, bare) if whole is None else lambda rows: [not whole(rows)])


def _asked_rows(spec: RuleSpec, bare: Promise) -> Breaks:
    by = bare.contract.partition_column
    bound = bind([spec], bare.functions, _scope_of(bare))

    def breaks(rows: Sequence[Row]) -> list[bool]:
        text = bare.frame(rows).with_columns(pl.lit(bare.partition).alias(by))
        flagged: pl.DataFrame = flag(nw.from_native(text.lazy()), bound).select(flag_of(0)).collect().to_native()
        return flagged.to_series().to_list()

    return breaks


def _asked_whole(spec: RuleSpec, bare: Promise) -> Breaks:
    by = bare.contract.partition_column

    def breaks(rows: Sequence[Row]) -> list[bool]:
        text = nw.from_native(bare.frame(rows).with_columns(pl.lit(bare.partition).alias(by)).lazy())
        scope = _scope_of(bare)
        found = [frame.collect() for frame in judge_partitions(text, by, [spec], bare.functions, scope)]
        return [not result.passed for result in to_partition_results([spec], found, bare.partition, len(rows), scope)]

    return breaks


def _asked_groups(spec: RuleSpec, bare: Promise) -> Breaks:
    by = bare.contract.partition_column

    def breaks(rows: Sequence[Row]) -> list[bool]:
        text = nw.from_native(bare.frame(rows).with_columns(pl.lit(bare.partition).alias(by)).lazy())
        scope = _scope_of(bare)
        found = violating_groups(text, by, [spec], bare.functions, scope)[0]
        return [isinstance(found, str) or found.collect().shape[0] > 0]

    return breaks


def _resolved(spec: RuleSpec, bare: Promise) -> dict[str, Any]:
    if spec.rule == SQL:
        return {"values": written_values(spec.arguments)}
    named = spec.column or spec.arguments.get("column")
    column = next((column for column in bare.columns if column.name == named), None)
    is_about_values = spec.kind is RuleKind.ROW and spec.rule != "length"
    given = dict(spec.arguments)
    for name in (_COMPARED | _BOUNDS if is_about_values else _COMPARED) & given.keys():
        if column is not None and given[name] is not None and "other" not in given:
            given[name] = _typed(given[name], column.type.kind, bare.day)
    return given


def _typed(value: Any, kind: Kind, day: date) -> Any:  # noqa: ANN401 - YAML values
    if isinstance(value, list | tuple):
        return [_typed(each, kind, day) for each in value]
    if value is None or isinstance(value, bool) or kind is Kind.STRING:
        return value
    return _moment(str(value), kind, day) if kind in {Kind.DATE, Kind.TIMESTAMP} else _number(value, kind)


def _moment(text: str, kind: Kind, day: date) -> date:
    if text == RUN_TIME:
        return day if kind is Kind.DATE else datetime.combine(day, time.max, UTC)
    if kind is Kind.DATE:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(value: float | str | Decimal, kind: Kind) -> Decimal | int | float:
    number = Decimal(str(value))
    if kind is Kind.DECIMAL:
        return number
    return int(number) if kind is not Kind.DOUBLE and number == int(number) else float(number)
