"""How a table is loaded and when a partition is kept back: `lakehouse.load`, `lakehouse.publishGate`, `reconcile`.

What these words do is the pipeline's business; reading them from YAML is `contracts.load`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Mode(StrEnum):
    """Load modes: which partition values a publish replaces, and by which rows."""

    PARTITION = "partition"
    SNAPSHOT = "snapshot"
    DERIVED = "derived"
    APPEND_ONCE = "append_once"


class Role(StrEnum):
    """What a table is to its entity; one contract with `mode: derived` makes several tables."""

    TABLE = "table"
    CHANGES = "changes"
    CURRENT = "current"
    HISTORY = "history"


class History(StrEnum):
    """How much of an entity's past is kept: one row per key, versions, both, or versions with current values."""

    NONE = "none"
    SCD2 = "scd2"
    SCD4 = "scd4"
    SCD6 = "scd6"


@dataclass(frozen=True, slots=True)
class Load:
    """`lakehouse.load`.

    `partition_column`: `_proc_date`, or the business date this table is partitioned by;
    `event_time`: column of this table whose date places a row on a business date;
    `keys`: at most one published row per key and partition; `sequence_by`: newest wins;
    `duplicates`: `keep_newest` or `quarantine`; `identical_rows`: `drop` or `keep`;
    `lateness`: how many days after its date a row may arrive.
    Of entities: `history`; `tracked`: columns whose change makes a new version (empty: all but keys and `sequence_by`);
    `scd_types`: type 0, 1, 2 or 3 of every column but the keys, as this very table keeps it;
    `soft_deletes`: deleted keys stay, marked; `buckets`: into how many partitions the keys are spread.
    """

    mode: Mode = Mode.PARTITION
    partition_column: str = "_proc_date"
    event_time: str = ""
    keys: tuple[str, ...] = ()
    sequence_by: str = ""
    duplicates: str = "keep_newest"
    identical_rows: str = "drop"
    lateness: timedelta = timedelta(0)
    partitions_per_chunk: int = 31
    history: History = History.NONE
    tracked: tuple[str, ...] = ()
    scd_types: Mapping[str, int] = field(default_factory=dict)
    soft_deletes: bool = False
    buckets: int = 1


@dataclass(frozen=True, slots=True)
class Gate:
    """`lakehouse.publishGate`: when a partition is blocked. `empty_partition`: allow, warn or fail."""

    max_quarantine_ratio: float = 1.0
    min_rows: int = 0
    empty_partition: str = "fail"


@dataclass(frozen=True, slots=True)
class Reconcile:
    """What a source promises to record of each partition, and by which share of it what lands may differ."""

    rows: bool = True
    sums: tuple[str, ...] = ()
    sha256: bool = False
    tolerance: float = 0.01
