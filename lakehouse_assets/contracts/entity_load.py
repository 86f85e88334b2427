"""`mode: derived` checked: contracts that would run green and keep an entity wrongly are findings.

What becomes of a contract that passes is `entities`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lakehouse_assets.contracts.entities import VERSION, VERSIONED, added_names
from lakehouse_assets.contracts.entity_rules import is_judged_in_history
from lakehouse_assets.contracts.loading import History, Load, Mode
from lakehouse_assets.contracts.model import Column, Contract, Kind
from lakehouse_assets.contracts.properties import LoadBlock
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps
from lakehouse_assets.naming import TableName

_ORDERS = {Kind.TIMESTAMP, Kind.DATE, Kind.INTEGER, Kind.LONG, Kind.DECIMAL}
_ENTITY_KEYS = {"history": "history", "tracked": "tracked", "soft_deletes": "softDeletes", "buckets": "buckets"}


@dataclass(frozen=True, slots=True)
class _Entity:
    """How an entity is loaded, its columns, and where findings about it go."""

    load: Load
    columns: Sequence[Column]
    at: Steps
    reading: Reading

    def tell(self, code: str, key: str, message: str, hint: str = "") -> None:
        self.reading.tell(code, [*self.at, key], message, hint)

    def tell_column(self, code: str, column: Column, message: str, hint: str = "") -> None:
        listed = [entry["name"] for entry in self.reading.document.data["schema"][0]["properties"]]
        self.reading.tell(code, ["schema", 0, "properties", listed.index(column.name)], message, hint)


def check_entity(load: Load, columns: Sequence[Column], name: TableName, at: Steps, reading: Reading) -> None:
    """Find what makes an entity impossible or wrong; `at` is the place of `lakehouse.load`."""
    entity = _Entity(load, columns, at, reading)
    _check_order(entity)
    _check_tracked(entity)
    _check_types(entity)
    taken = added_names(name, columns, load)
    for column in columns:
        if column.name.lower() in taken:
            hint = "Give the column another name."
            entity.tell_column("LH525", column, f"{column.name!r} is a column that derivation adds itself.", hint)
    if load.duplicates == "quarantine":
        entity.tell("LH526", "duplicates", "several changes of one key are no duplicates.", "Remove it.")


def check_no_entity(block: LoadBlock, columns: Sequence[Column], at: Steps, reading: Reading) -> None:
    """Find settings of entities on a table that is none."""
    entity = _Entity(Load(), columns, at, reading)
    for field in sorted(_ENTITY_KEYS.keys() & block.model_fields_set):
        key = _ENTITY_KEYS[field]
        entity.tell("LH526", key, f"{key} has no effect on a table of mode {block.mode}.", "Use mode: derived.")
    for column in columns:
        if column.scd_type is not None:
            message = f"lakehouse.scdType of {column.name} has no effect on a table of mode {block.mode}."
            entity.tell_column("LH526", column, message, "Use mode: derived.")


def check_uniqueness(contract: Contract, reading: Reading) -> None:
    """Find values that are promised to be unique where no table has one row per key."""
    load = contract.load
    if load.mode is not Mode.DERIVED or load.history not in {History.SCD2, History.SCD6}:
        return
    for spec in contract.rules:
        if not is_judged_in_history(spec, contract):
            spot = replace(reading.document.spot(), path=spec.place.path, line=spec.place.line, column=0)
            message = f"{spec.id!r} is judged by nobody: a history holds a value once a version."
            reading.report.add("LH526", spot, message, "Use history: scd4; its current table is judged.")


def _check_order(entity: _Entity) -> None:
    load = entity.load
    for key, is_there in (("keys", load.keys), ("sequenceBy", load.sequence_by)):
        if not is_there:
            entity.tell(
                "LH521", key, f"an entity needs {key}.", "Name the columns that identify it and order its changes."
            )
    if load.sequence_by in load.keys:
        entity.tell(
            "LH521", "sequenceBy", f"{load.sequence_by!r} is a key: every change would be an entity of its own."
        )
    found = next((column for column in entity.columns if column.name == load.sequence_by), None)
    if found is None:
        return
    if found.type.kind not in _ORDERS:
        message = f'{found.name!r} is of type {found.type}: "10" would come before "9", or order nothing.'
        entity.tell("LH522", "sequenceBy", message, "Promise it as a timestamp or a number.")
    elif found.type.kind is not Kind.TIMESTAMP and (load.history in VERSIONED or load.soft_deletes):
        what = f"history: {load.history}" if load.history in VERSIONED else "softDeletes"
        entity.tell(
            "LH522", "sequenceBy", f"{what} needs the time of a change; {found.name!r} is of type {found.type}."
        )


def _check_tracked(entity: _Entity) -> None:
    load, known = entity.load, {column.name: column for column in entity.columns}
    if load.tracked and load.history not in VERSIONED:
        entity.tell(
            "LH523", "tracked", "without history no change makes a version.", "Add history: scd4, or remove it."
        )
    for name in load.tracked:
        if name not in known:
            entity.tell("LH523", "tracked", f"{name!r} is no column.", nearest(name, known))
        elif name in load.keys:
            entity.tell("LH523", "tracked", f"{name!r} is a key: another value is another entity.", "Remove it.")
        elif known[name].scd_type not in {None, VERSION}:
            message = f"{name!r} is tracked and of type {known[name].scd_type}, which makes no version."
            entity.tell("LH523", "tracked", message, "Keep one of the two.")
    if load.history in VERSIONED and not _versioning(entity):
        entity.tell("LH523", "history", "no column makes a new version.", "Track at least one.")


def _versioning(entity: _Entity) -> list[str]:
    load = entity.load
    typed = [column.name for column in entity.columns if column.scd_type == VERSION]
    if load.tracked:
        return [*load.tracked, *typed]
    left = (c.name for c in entity.columns if c.scd_type is None and c.name not in {*load.keys, load.sequence_by})
    return [*typed, *left]


def _check_types(entity: _Entity) -> None:
    for column in entity.columns:
        if column.scd_type is not None:
            for message in _objections(column, entity.load):
                entity.tell_column("LH524", column, message)


def _objections(column: Column, load: Load) -> Iterator[str]:
    if column.name in load.keys:
        yield f"{column.name!r} is a key and never changes; it has no type."
    elif column.name == load.sequence_by and column.scd_type in {0, 3}:
        yield f"{column.name!r} orders the changes and cannot be of type {column.scd_type}."
    if column.scd_type == VERSION and load.history not in VERSIONED:
        yield f"{column.name!r} is of type 2, but no history is kept."
