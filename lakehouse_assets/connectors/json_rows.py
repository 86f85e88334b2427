"""JSON records as rows: declared columns as text, undeclared keys put aside, records that are no rows with a code.

What belongs here: which key is which column, and what a value of another shape means. What does not: reading JSON,
which is `json_text`; turning text into declared types, which is `fitting`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from lakehouse_assets.connectors.json_text import Number, Record, to_text
from lakehouse_assets.contracts.model import Kind, SourceTable
from lakehouse_assets.naming import DEFECT, DEFECT_LINE, UNKNOWN

NOT_SCALAR, WRONG_TYPE, ALL_NULL, NOT_OBJECT = "not_scalar", "wrong_type", "all_null", "not_object"
_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JsonRead:
    """How records become rows. `fields`: where a column stands that is not a key of its name, `user.name`.

    `nested`: columns whose objects and lists are kept as JSON text; `ignored`: keys that are no data.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    nested: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()

    def path_of(self, column: str) -> tuple[str, ...]:
        """Return the keys that lead to a column."""
        return tuple(self.fields[column].split(".")) if column in self.fields else (column,)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of some records, the declared columns that any of them had, and the undeclared keys they had."""

    rows: pl.DataFrame
    seen: frozenset[str]
    unknown: frozenset[str]


def to_batch(records: Iterable[Record], table: SourceTable, read: JsonRead | None = None) -> Batch:
    """Return records as rows: all declared columns as text, `_defect`, `_line`, `_unknown`.

    Undeclared keys are in `_unknown`, or are columns of their own where the table evolves or refuses them.
    """
    reader = _Reader(table, read or JsonRead())
    rows = [reader.row(record) for record in records]
    columns = [*table.columns, *sorted(reader.evolved), DEFECT, DEFECT_LINE, UNKNOWN]
    frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in columns}, dict.fromkeys(columns, pl.String))
    return Batch(frame, frozenset(reader.seen), frozenset(reader.unknown))


class _Reader:
    """Makes rows of one table and remembers which keys it met."""

    def __init__(self, table: SourceTable, read: JsonRead) -> None:
        self._table, self._read = table, read
        formers = {name: [(former,) for former in table.renamed_from.get(name, ())] for name in table.columns}
        self._paths = {name: [read.path_of(name), *formers[name]] for name in table.columns}
        known = [path for paths in self._paths.values() for path in paths]
        self._known = _tree([*known, *(tuple(name.split(".")) for name in read.ignored)])
        self.seen: set[str] = set()
        self.unknown: set[str] = set()
        self.evolved: set[str] = set()

    def row(self, record: Record) -> dict[str, str | None]:
        if record.defect is not None:
            return {DEFECT: record.defect, DEFECT_LINE: record.line}
        if not isinstance(record.value, Mapping):
            return {DEFECT: NOT_OBJECT, DEFECT_LINE: to_text(record.value)}
        values: dict[str, str | None] = {}
        defects: list[str] = []
        for name in self._paths:
            text, defect = self._value(name, record.value)
            values[name] = text
            defects += [defect] if defect else []
        defects += [] if defects or any(text is not None for text in values.values()) else [ALL_NULL]
        values |= self._extra(record.value)
        return {**values, DEFECT: defects[0], DEFECT_LINE: to_text(record.value)} if defects else values

    def _value(self, name: str, record: Mapping[str, Any]) -> tuple[str | None, str | None]:
        there = [one for path in self._paths[name] for one in _at(record, path)]
        if not there:
            return None, None
        found = there[0]
        self.seen.add(name)
        if isinstance(found, Mapping | list):
            return (to_text(found), None) if name in self._read.nested else (None, NOT_SCALAR)
        return (None, WRONG_TYPE) if _is_other(found, self._table.columns[name].kind) else (_text(found), None)

    def _extra(self, record: Mapping[str, Any]) -> dict[str, str | None]:
        extra = dict(_unknown_in(record, self._known))
        self.unknown |= set(extra)
        if not extra or self._table.unknown_columns == "ignore":
            return {}
        if self._table.unknown_columns == "quarantine":
            return {UNKNOWN: to_text(extra)}
        self.evolved |= set(extra)
        return {name: to_text(one) if isinstance(one, Mapping | list) else _text(one) for name, one in extra.items()}


def _at(record: Any, path: tuple[str, ...]) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Yield what stands at a path, which may be null; nothing where a key is missing."""
    for key in path:
        if not isinstance(record, Mapping) or key not in record:
            return
        record = record[key]
    yield record


def _text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_other(value: Any, kind: Kind) -> bool:  # noqa: ANN401 - JSON
    """Whether a value is of another type than a column that is declared with one; text takes everything."""
    if value is None or kind is Kind.STRING:
        return False
    if kind is Kind.BOOLEAN:
        return not isinstance(value, bool)
    return isinstance(value, Number) is not (kind in _NUMBERS) or isinstance(value, bool)


def _tree(paths: Iterable[tuple[str, ...]]) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        node = tree
        for key in path:
            node = node.setdefault(key, {})
    return tree


def _unknown_in(record: Mapping[str, Any], known: _Tree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if key not in known:
            yield f"{prefix}{key}", value
        elif known[key] and isinstance(value, Mapping):
            yield from _unknown_in(value, known[key], f"{prefix}{key}.")
