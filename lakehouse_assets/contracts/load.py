"""`lakehouse.load` checked against the columns: what is replaced, what identifies a row, what is newest."""

from collections.abc import Mapping, Sequence

from lakehouse_assets.contracts.model import Column, Kind, Load, Mode
from lakehouse_assets.contracts.properties import LoadBlock
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.naming import PROC_DATE, TableName

_AT: tuple[str | int, ...] = ("schema", 0, "customProperties")
_LATER = {"derived", "append_once"}
_TIMES = {Kind.DATE, Kind.TIMESTAMP}


def read_load(block: LoadBlock, columns: Sequence[Column], name: TableName, reading: Reading) -> Load | None:
    """Return how a table is loaded, or None when its mode does not exist."""
    if block.mode not in set(Mode):
        hint = "It is planned; use partition or snapshot." if block.mode in _LATER else nearest(block.mode, list(Mode))
        reading.tell("LH501", _AT, f"load mode {block.mode!r} is not available.", hint)
        return None
    known = {column.name: column for column in columns}
    mode = Mode(block.mode)
    partition = block.partition_column or (PROC_DATE if name.layer != "gold" else "")
    _check_partition(mode, block.partition_column, partition, known, name=name, reading=reading)
    _check_keys(block, known, reading)
    _check_event_time(block, known, reading)
    return Load(
        mode=mode,
        partition_column=partition or PROC_DATE,
        event_time=block.event_time,
        keys=block.keys,
        sequence_by=block.sequence_by,
        duplicates=block.duplicates,
        identical_rows=block.identical_rows,
        lateness=block.lateness,
        partitions_per_chunk=block.partitions_per_chunk,
    )


def _check_partition(
    mode: Mode, written: str, partition: str, known: Mapping[str, Column], *, name: TableName, reading: Reading
) -> None:
    if mode is Mode.SNAPSHOT:
        if written:
            reading.tell("LH502", _AT, f"a snapshot has no partition column, but {written!r} is written.")
        return
    if name.layer != "gold":
        if partition != PROC_DATE:
            hint = f"Write {PROC_DATE}, or leave it out."
            reading.tell("LH503", _AT, f"tables of the {name.layer} layer are partitioned by {PROC_DATE}.", hint)
        return
    column = known.get(partition)
    if column is None:
        message = f"{partition!r} is no column." if partition else "partitionColumn is missing."
        hint = nearest(partition, known) or "Name the business date, or use mode: snapshot."
        reading.tell("LH503", _AT, message, hint)
    elif column.type.kind is not Kind.DATE:
        reading.tell("LH503", _AT, f"{partition!r} is of type {column.type}; a partition column is a date.")
    elif not column.required:
        reading.tell("LH503", _AT, f"{partition!r} may be null.", "Add required: true.")


def _check_keys(block: LoadBlock, known: Mapping[str, Column], reading: Reading) -> None:
    named = [*block.keys, *([block.sequence_by] if block.sequence_by else [])]
    for name in named:
        if name not in known:
            reading.tell("LH504", _AT, f"{name!r} is no column.", nearest(name, known))
        elif not known[name].required:
            reading.tell("LH505", _AT, f"{name!r} may be null.", "Add required: true.")
    if block.duplicates == "quarantine" and not block.keys:
        reading.tell("LH511", _AT, "duplicates: quarantine needs keys.", "Add keys: [column, …].")
    if block.keys and block.duplicates == "keep_newest" and not block.sequence_by:
        hint = "Add sequenceBy, or duplicates: quarantine."
        reading.tell("LH506", _AT, "keys without sequenceBy: nothing says which row of a key is newest.", hint)


def _check_event_time(block: LoadBlock, known: Mapping[str, Column], reading: Reading) -> None:
    if not block.event_time:
        return
    column = known.get(block.event_time)
    if column is None:
        reading.tell("LH508", _AT, f"eventTime {block.event_time!r} is no column.", nearest(block.event_time, known))
    elif column.type.kind not in _TIMES or not column.required:
        message = f"eventTime {block.event_time!r} must be a required date or timestamp."
        reading.tell("LH508", _AT, message)
