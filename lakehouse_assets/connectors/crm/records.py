"""Records of customer systems as flat ones, a key for each column: where it stands, what is the same in all of them.

What belongs here: nested and textual values of vendors. What does not: rows, which are `json_rows`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse_assets.connectors.crm.options import PATH, CrmOptions
from lakehouse_assets.connectors.json_text import Number, Record
from lakehouse_assets.contracts.model import Kind, SourceTable
from lakehouse_assets.errors import SourceError

_NUMBERS = frozenset({Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE})
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of a table stand in a record: `paths` of keys, and `constants`."""

    table: SourceTable
    paths: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, str]

    def flat(self, record: Record, *, filled: bool) -> Record:
        """Return a record with a key for each column that it has; with `filled`, null for those it has not."""
        if record.defect is not None or not isinstance(record.value, dict):
            return record
        found: dict[str, Any] = dict(self.constants)
        for column, path in self.paths.items():
            is_there, value = _at(record.value, path)
            if is_there or filled:
                found[column] = _as_declared(value, self.table.columns[column].kind)
        return Record(found)


def layout_of(table: SourceTable, options: CrmOptions) -> Layout:
    """Return where columns stand; raise SourceError `options` for one that is neither a field nor constant."""
    names = {name: options.fields.get(name, name) for name in table.columns if name not in options.constants}
    strange = sorted({*options.fields, *options.constants} - set(table.columns))
    strange += [name for name, path in names.items() if not PATH.fullmatch(path)]
    if strange:
        raise SourceError(
            "options",
            f"{', '.join(map(repr, strange))}: no column, or no field.",
            where=str(table.place),
            fix="Name columns as fields are called, or say with `fields` where they stand.",
        )
    return Layout(table, {name: tuple(path.split(".")) for name, path in names.items()}, options.constants)


def _at(value: Any, path: tuple[str, ...]) -> tuple[bool, Any]:  # noqa: ANN401 - JSON
    for key in path:
        if not isinstance(value, dict) or key not in value:  # JSON objects are dicts, and asking for a Mapping is slow
            return False, None
        value = value[key]
    return True, value


def _as_declared(value: Any, kind: Kind) -> Any:  # noqa: ANN401 - JSON
    """Return text as what a column is declared to be: properties and bulk files write everything as text."""
    if not isinstance(value, str) or isinstance(value, Number):
        return value
    if kind in _NUMBERS and _NUMBER.fullmatch(value):
        return Number(value)
    return _TRUTH.get(value, value) if kind is Kind.BOOLEAN else value
