"""`relationships`: each becomes a rule that every value exists in the referenced column."""

from collections.abc import Iterator, Mapping
from typing import Any

from lakehouse_assets.contracts.custom import read_properties
from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.contracts.properties import ReferenceProperties
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.rules import Declaration, check_action, to_spec
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Plain
from lakehouse_assets.naming import LAYERS, TableName
from lakehouse_assets.results import Dimension, OnFailure

RULE = "foreign_key"
_Steps = list[str | int]


def foreign_keys(table: Mapping[str, Any], name: TableName, at: _Steps, reading: Reading) -> Iterator[RuleSpec]:
    """Yield the references of a table and of its columns."""
    for index, entry in enumerate(table.get("relationships") or []):
        steps = [*at, "relationships", index]
        column = entry["from"].rsplit(".", 1)[-1] if isinstance(entry["from"], str) else None
        yield from _reference(entry, column, name, steps, reading)
    for number, owner in enumerate(table.get("properties") or []):
        for index, entry in enumerate(owner.get("relationships") or []):
            steps = [*at, "properties", number, "relationships", index]
            yield from _reference(entry, owner["name"], name, steps, reading)


def _reference(
    entry: Mapping[str, Any], column: str | None, name: TableName, steps: _Steps, reading: Reading
) -> Iterator[RuleSpec]:
    ours = read_properties(ReferenceProperties, entry, (reading.document, steps), reading.report)
    target = _target(entry.get("to"), name, steps, reading)
    if target is None or column is None:
        return
    table, referenced = target
    nulls = {"nulls": ours.nulls} if ours.nulls != "allow" else {}
    declaration = Declaration(
        id=f"{column}.{RULE}",
        rule=RULE,
        steps=steps,
        column=column,
        arguments={"table": str(table), "column": referenced, **nulls},
        on_failure=OnFailure(ours.on_failure) if ours.on_failure else None,
    )
    spec = to_spec(declaration, RuleKind.FOREIGN_KEY, Dimension.CONSISTENCY, reading)
    check_action(spec, steps, reading)
    yield spec


def _target(to: Plain, name: TableName, steps: _Steps, reading: Reading) -> tuple[TableName, str] | None:
    """Find the table: in the same layer, in a lower one, or in the layer that is written in front."""
    if not isinstance(to, str) or "/" in to:
        hint = "Write `to: table.column`; keys of several columns are not supported."
        reading.tell("LH607", [*steps, "to"], "the reference names no single column.", hint)
        return None
    *path, column = to.split(".")
    table = _find(path, name, reading.tables)
    if table is None:
        known = [".".join(other.path) for other in reading.tables]
        reading.tell("LH607", [*steps, "to"], f"there is no table {'.'.join(path)!r}.", nearest(".".join(path), known))
        return None
    if LAYERS.index(table.layer) > LAYERS.index(name.layer):
        message = f"{table} is in a higher layer than {name}."
        reading.tell("LH608", [*steps, "to"], message, "Point to a table of the same layer or below.")
        return None
    return table, column


def _find(path: list[str], name: TableName, tables: frozenset[TableName]) -> TableName | None:
    if path[0] in LAYERS and len(path) > 1:
        written = TableName(path[0], tuple(path[1:]))
        return written if written in tables else None
    below = LAYERS[: LAYERS.index(name.layer) + 1][::-1]
    above = LAYERS[LAYERS.index(name.layer) + 1 :]
    for layer in (*below, *above):
        if TableName(layer, tuple(path)) in tables:
            return TableName(layer, tuple(path))
    return None
