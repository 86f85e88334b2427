"""`lakehouse.load` checked against the columns: what is replaced, what identifies a row, what is newest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lakehouse_assets.contracts.entity_load import check_entity, check_no_entity
from lakehouse_assets.contracts.loading import History, Load, Mode
from lakehouse_assets.contracts.model import Column, Kind
from lakehouse_assets.contracts.properties import LoadBlock
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps
from lakehouse_assets.naming import PROC_DATE, TableName

_TIMES = {Kind.DATE, Kind.TIMESTAMP}


@dataclass(frozen=True, slots=True)
class _Written:
    """The block as it was written, with the columns it may name and the place of each of its keys."""

    block: LoadBlock
    known: Mapping[str, Column]
    at: Steps
    reading: Reading

    def tell(self, code: str, key: str, message: str, hint: str = "") -> None:
        self.reading.tell(code, [*self.at, key], message, hint)


def read_load(block: LoadBlock, columns: Sequence[Column], name: TableName, at: Steps, reading: Reading) -> Load | None:
    """Return how a table is loaded, or None when its mode does not exist; `at` is the place of `lakehouse.load`."""
    written = _Written(block, {column.name: column for column in columns}, at, reading)
    if block.mode not in {Mode.PARTITION, Mode.SNAPSHOT, Mode.DERIVED} or _is_planned(block, name):
        written.tell("LH501", "mode", f"load mode {block.mode!r} is not available.", _instead(block, name))
        return None
    mode = Mode(block.mode)
    if mode is Mode.SNAPSHOT and block.partition_column:
        message = f"a snapshot has no partition column, but {block.partition_column!r} is written."
        written.tell("LH502", "partitionColumn", message)
    elif mode is not Mode.SNAPSHOT:
        _check_partition(written, name)
    _check_keys(written)
    _check_event_time(written)
    load = Load(
        mode=mode,
        partition_column=block.partition_column or PROC_DATE,
        event_time=block.event_time,
        keys=block.keys,
        sequence_by=block.sequence_by,
        duplicates=block.duplicates,
        identical_rows=block.identical_rows,
        lateness=block.lateness,
        partitions_per_chunk=block.partitions_per_chunk,
        history=History(block.history),
        tracked=block.tracked,
        scd_types={column.name: column.scd_type for column in columns if column.scd_type is not None},
        soft_deletes=block.soft_deletes,
        buckets=block.buckets,
    )
    if mode is Mode.DERIVED:
        check_entity(load, columns, name, at, reading)
    else:
        check_no_entity(block, columns, at, reading)
    return load


def _instead(block: LoadBlock, name: TableName) -> str:
    if block.mode == Mode.APPEND_ONCE:
        return "Only bronze is appended: write load: append_once at the table in its source file."
    return "It is planned; use partition or snapshot." if _is_planned(block, name) else nearest(block.mode, list(Mode))


def _is_planned(block: LoadBlock, name: TableName) -> bool:
    return block.mode == Mode.DERIVED and name.layer != "silver"


def _check_partition(written: _Written, name: TableName) -> None:
    partition, key = written.block.partition_column, "partitionColumn"
    if name.layer != "gold":
        if partition not in {"", PROC_DATE}:
            hint = f"Write {PROC_DATE}, or leave it out."
            written.tell("LH503", key, f"tables of the {name.layer} layer are partitioned by {PROC_DATE}.", hint)
        return
    column = written.known.get(partition)
    if column is None:
        message = f"{partition!r} is no column." if partition else "partitionColumn is missing."
        hint = nearest(partition, written.known) if partition else "Name the business date, or use mode: snapshot."
        written.tell("LH503", key, message, hint)
    elif column.type.kind is not Kind.DATE:
        written.tell("LH503", key, f"{partition!r} is of type {column.type}; a partition column is a date.")
    elif not column.required:
        written.tell("LH503", key, f"{partition!r} may be null.", "Add required: true.")


def _check_keys(written: _Written) -> None:
    block = written.block
    named = [("keys", key) for key in block.keys] + [("sequenceBy", block.sequence_by)] * bool(block.sequence_by)
    for key, name in named:
        if name not in written.known:
            written.tell("LH504", key, f"{name!r} is no column.", nearest(name, written.known))
        elif not written.known[name].required:
            written.tell("LH505", key, f"{name!r} may be null.", "Add required: true.")
    if block.duplicates == "quarantine" and not block.keys:
        written.tell("LH511", "duplicates", "duplicates: quarantine needs keys.", "Add keys: [column, …].")
    if block.keys and block.duplicates == "keep_newest" and not block.sequence_by and block.mode != Mode.DERIVED:
        hint = "Add sequenceBy, or duplicates: quarantine."
        written.tell("LH506", "keys", "keys without sequenceBy: nothing says which row of a key is newest.", hint)


def _check_event_time(written: _Written) -> None:
    name, key = written.block.event_time, "eventTime"
    if not name:
        return
    column = written.known.get(name)
    if column is None:
        written.tell("LH508", key, f"eventTime {name!r} is no column.", nearest(name, written.known))
    elif column.type.kind not in _TIMES or not column.required:
        written.tell("LH508", key, f"eventTime {name!r} must be a required date or timestamp.")
