"""Records as rows of bronze, by the partition that their timestamps are in; what cannot be a row is a dead letter.

What belongs here: names of columns that a record itself fills, row ids, which partition a record is of. What does not:
what a value says (`changes`), fitting it to declared types (`connectors.fitting`), positions.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import NoneType
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.connectors.fitting import fit
from lakehouse_assets.connectors.json_rows import ALL_NULL, NOT_SCALAR
from lakehouse_assets.connectors.kafka_records.changes import Change, Changes, as_text, headers_text
from lakehouse_assets.connectors.kafka_records.schemas import LARGEST_BYTES, Poison
from lakehouse_assets.connectors.protocol import Extraction
from lakehouse_assets.contracts.calendar import Calendar, day_of
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.naming import DEFECT, DEFECT_LINE, LOG_DIGITS, ROW_ID, SOURCE_OBJECT, UNKNOWN
from lakehouse_assets.results import ADDED, DeadLetter, DriftEvent, SourceObject

_MICROSECONDS = pl.Datetime("us", "UTC")
# What a record fills by itself, where the source file declares it. The second group is never lost: what is not declared
# is put aside with the values of other columns that are not.
RECORD_COLUMNS: Mapping[str, Any] = {
    "kafka_topic": pl.String(),
    "kafka_partition": pl.Int32(),
    "kafka_offset": pl.Int64(),
    "kafka_timestamp_type": pl.String(),
    "kafka_op": pl.String(),
    "kafka_order": pl.Decimal(38, 0),
    "debezium_order": pl.Decimal(38, 0),
    "kafka_timestamp": _MICROSECONDS,
    "kafka_key": pl.String(),
    "kafka_headers": pl.String(),
    "debezium_before": pl.String(),
}
_KEPT = ("kafka_timestamp", "kafka_key", "kafka_headers", "debezium_before")
_TYPES = {1: "create", 2: "append"}
_EARLY = timedelta(hours=1)
# No partition begins or ends inside of one: clocks of the world differ by quarters of an hour.
_QUARTER_MS = 15 * 60 * 1000
_PARTITION = "__partition"
_SCALAR = (str, NoneType, int, float)


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the client gave it. `at_ms` is None where it says no time."""

    partition: int
    offset: int
    at_ms: int | None
    timed_by: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]] | None

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")


@dataclass(slots=True)
class _Found:
    """What was read of some records so far; `known` says which partition a quarter of an hour is of."""

    now: datetime
    latest_ms: float
    known: dict[int, str | None] = field(default_factory=dict)
    rows: list[tuple[Record, str, Change]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    untimed: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """Makes rows of the records of one table; `prefix` says which topic, and row ids begin with it."""

    table: SourceTable
    calendar: Calendar
    changes: Changes
    prefix: str

    def of(self, records: Iterable[Record], now: datetime) -> list[Extraction]:
        """Return an Extraction for each partition that records are of; raise SourceError `schema_drift`."""
        found = _Found(now, (now + _EARLY).timestamp() * 1000)
        for record in records:
            self._add(record, found)
        frame, drift = self._frame(found.rows)
        partitions = sorted({partition for _, partition, _ in found.rows} | {one.partition for one in found.letters})
        return [self._extraction(partition, frame, drift, found) for partition in partitions]

    def _add(self, record: Record, found: _Found) -> None:
        partition = self._partition(record, found)
        try:
            if partition is None:
                reason = "its timestamp lies outside of the calendar, or in the future"
                raise Poison(reason)  # noqa: TRY301 - told like any other record that cannot be a row
            if record.size > LARGEST_BYTES:
                reason = f"it is larger than {LARGEST_BYTES >> 20} MB"
                raise Poison(reason)  # noqa: TRY301 - same
            change = self.changes.read(record.key, record.value)
        except Poison as poison:
            found.letters.append(
                self._letter(record, partition or self.calendar.partition_at(found.now), poison.reason)
            )
        else:
            found.untimed += record.at_ms is None
            found.rows.append((record, partition, change))

    def _partition(self, record: Record, found: _Found) -> str | None:
        if record.at_ms is None:
            return self.calendar.partition_at(found.now)
        quarter = record.at_ms // _QUARTER_MS
        if not 0 <= record.at_ms <= found.latest_ms:
            return None
        if quarter not in found.known:
            moment = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, UTC)
            partition = self.calendar.partition_at(moment)
            found.known[quarter] = partition if self.calendar.is_open(day_of(partition)) else None
        return found.known[quarter]

    def _letter(self, record: Record, partition: str, reason: str) -> DeadLetter:
        table, place = self.table, f"{self.prefix}/{record.partition:05}"
        content = record.value if record.value is not None else record.key or b""
        return DeadLetter(table.source, table.name, partition, place, record.offset, reason, content)

    def _frame(self, rows: Sequence[tuple[Record, str, Change]]) -> tuple[pl.DataFrame, tuple[DriftEvent, ...]]:
        declared, policy = self.table.columns, self.table.unknown_columns
        own = _own_columns(rows, self.changes.options.topic, {*declared, *_KEPT})
        named = dict.fromkeys(name for _, _, change in rows for name in change.values)
        extra = [name for name in named if name not in declared]
        shown = [*(name for name in declared if name not in own), *(extra if policy in {"evolve", "fail"} else ())]
        given = {name: [change.values.get(name) for _, _, change in rows] for name in shown}
        cells = {name: [as_text(value) for value in values] for name, values in given.items()}
        defects = self._defects({name: given[name] for name in declared if name not in own}, len(rows))
        lines = [as_text(change.values) if code else None for code, (_, _, change) in zip(defects, rows, strict=True)]
        put_aside = [] if policy in {"evolve", "ignore"} else [name for name in extra if name not in shown]
        kept = [] if policy == "ignore" else [name for name in _KEPT if name not in declared]
        batch = pl.DataFrame(
            [
                *(pl.Series(name, cells[name], pl.String) for name in shown),
                *(own[name] for name in declared if name in own),
                pl.Series(SOURCE_OBJECT, [f"{self.prefix}/{one.partition:05}" for one, _, _ in rows], pl.String),
                pl.Series(DEFECT, defects, pl.String),
                pl.Series(DEFECT_LINE, lines, pl.String),
                pl.Series(UNKNOWN, _put_aside(rows, put_aside, {name: own[name] for name in kept}), pl.String),
            ]
        )
        fitted = fit(batch, self.table, source_object=self.prefix, zone=self.calendar.timezone)
        ids = [f"{self.prefix}/{one.partition:05}/{one.offset:0{LOG_DIGITS}}" for one, _, _ in rows]
        drift = (DriftEvent(ADDED, added=tuple(put_aside), where=str(self.table.place)),) if put_aside else ()
        return fitted.rows.with_columns(
            pl.Series(ROW_ID, ids, pl.String), pl.Series(_PARTITION, [one for _, one, _ in rows], pl.String)
        ), (*fitted.drift, *drift)

    def _defects(self, given: Mapping[str, Sequence[Any]], rows: int) -> list[str | None]:
        """Return a code for each row that says nothing, or an object where a value should be."""
        if not given:
            return [None] * rows
        defects = [
            ALL_NULL if all(value is None for value in row) else None for row in zip(*given.values(), strict=True)
        ]
        for name, values in given.items():
            if name not in self.changes.options.nested:
                for at, value in enumerate(values):
                    if not isinstance(value, _SCALAR) and isinstance(value, Mapping | list):
                        defects[at] = NOT_SCALAR
        return defects

    def _extraction(
        self, partition: str, frame: pl.DataFrame, drift: tuple[DriftEvent, ...], found: _Found
    ) -> Extraction:
        rows = frame.filter(pl.col(_PARTITION) == partition).drop(_PARTITION)
        records = [record for record, one, _ in found.rows if one == partition]
        letters = tuple(letter for letter in found.letters if letter.partition == partition)
        untimed = sum(record.at_ms is None for record in records)
        warning = f"{untimed} records say no time; they are in the hour in which they were read"
        return Extraction(
            partition,
            nw.from_native(rows.lazy()),
            rows.height,
            objects=tuple(_objects(records, self.prefix)),
            drift=drift,
            dead_letters=letters,
            warnings=(warning,) if untimed else (),
            measures={"records": len(records) + len(letters), "bytes": sum(record.size for record in records)},
        )


_TOLD: Mapping[str, Callable[[Record, Change], Any]] = {
    "kafka_partition": lambda record, _: record.partition,
    "kafka_offset": lambda record, _: record.offset,
    "kafka_timestamp_type": lambda record, _: _TYPES.get(record.timed_by),
    "kafka_op": lambda _, change: change.operation,
    "kafka_order": lambda record, _: (record.at_ms or 0) * 10**LOG_DIGITS + record.offset,
    "debezium_order": lambda _, change: change.place,
    "kafka_timestamp": lambda record, _: None if record.at_ms is None else record.at_ms * 1000,
    "kafka_key": lambda _, change: change.key,
    "kafka_headers": lambda record, _: headers_text(record.headers),
    "debezium_before": lambda _, change: change.before,
}


def _own_columns(
    rows: Sequence[tuple[Record, str, Change]], topic: str, wanted: Collection[str]
) -> dict[str, pl.Series]:
    columns: dict[str, pl.Series] = {}
    for name, kind in RECORD_COLUMNS.items():
        if name in wanted:
            told = _TOLD.get(name)
            values = [topic if told is None else told(record, change) for record, _, change in rows]
            columns[name] = pl.Series(name, values, pl.Int64 if kind == _MICROSECONDS else kind).cast(kind)
    return columns


def _put_aside(
    rows: Sequence[tuple[Record, str, Change]], names: Sequence[str], own: Mapping[str, pl.Series]
) -> list[str | None]:
    """Return what a row says under names that are not declared, as the text of a JSON object."""
    texts = {name: series.cast(pl.String).to_list() for name, series in own.items() if series.count()}
    told: list[str | None] = []
    for index, (_, _, change) in enumerate(rows):
        values = change.values
        found = {name: values[name] for name in names if values.get(name) is not None} if names else {}
        for name, column in texts.items():
            if column[index] is not None:
                found[name] = column[index]
        told.append(as_text(found) if found else None)
    return told


def _objects(records: Sequence[Record], prefix: str) -> Iterable[SourceObject]:
    """Return what was read of each part as an object: a range of offsets, and a hash of the records in it."""
    for part in sorted({record.partition for record in records}):
        inside = [record for record in records if record.partition == part]
        digest = sha256()
        for record in inside:
            digest.update(b"%d:%d:" % (record.offset, record.size))
            digest.update(record.value or b"")
        name = f"{prefix}/{part:05}@{inside[0].offset}-{inside[-1].offset}"
        yield SourceObject(name, sum(record.size for record in inside), digest.hexdigest())
