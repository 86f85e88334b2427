"""What a contract and a source file say, typed and frozen; the rest of the project reads only this.

The loader builds these from YAML. No YAML, no files, no frames here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from lakehouse_assets.contracts.cadence import Cadence, RetryPolicy
from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.exemption import Exemption
from lakehouse_assets.contracts.loading import Gate, Load, Mode, Reconcile, Role
from lakehouse_assets.contracts.performance import Performance
from lakehouse_assets.naming import TableName
from lakehouse_assets.results import Dimension, OnFailure, Severity

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Kind(StrEnum):
    """Storable column types; all else is refused at load."""

    STRING = "string"
    INTEGER = "integer"
    LONG = "long"
    DECIMAL = "decimal"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A storable type; timestamps are UTC microseconds, `precision` and `scale` are for decimals."""

    kind: Kind
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.kind is Kind.DECIMAL else self.kind.value


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was declared: a path below the configuration folder and a line."""

    path: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """How raw text becomes a typed value (`lakehouse.parse` of a property).

    `formats`: chrono patterns tried in order for dates and timestamps; `nulls`: texts that mean null;
    `lossless_integer`: `1.0` is 1; `decimal_comma`: `1.234,56`; `trim`: strip blanks first;
    `timezone`: zone of local timestamps; `empty`: whether `""` is `null` or `value`.
    """

    formats: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    lossless_integer: bool = False
    decimal_comma: bool = False
    trim: bool = False
    timezone: str = "UTC"
    empty: str = "null"


@dataclass(frozen=True, slots=True)
class Column:
    """One promised column. `sources` are `transformSourceObjects`, e.g. `bronze.retail.order_lines.Quantity`."""

    name: str
    type: ColumnType
    required: bool = False
    primary_key: bool = False
    unique: bool = False
    description: str = ""
    classification: str = ""
    sources: tuple[str, ...] = ()
    transform_logic: str = ""
    renamed_from: str = ""
    parse: ParseOptions = ParseOptions()
    masking: Mapping[str, Any] = field(default_factory=dict)
    erasure: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0
    scd_type: int | None = None

    @property
    def is_classified(self) -> bool:
        """Whether values of this column must never appear in messages, logs, metadata or statistics."""
        return self.classification not in {"", "public", "internal"}


class RuleKind(StrEnum):
    """What a rule looks at."""

    ROW = "row"
    GROUP = "group"
    PARTITION = "partition"
    TABLE = "table"
    FOREIGN_KEY = "foreign_key"
    OVER_TIME = "over_time"
    RECONCILED = "reconciled"


@dataclass(frozen=True, slots=True)
class RuleExample:
    """Rows an author gives to prove a rule: columns by name, as they are written; the others are filled in."""

    failing: tuple[Mapping[str, Any], ...] = ()
    passing: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One declared rule, bound to its column(s). `arguments` are the keyword arguments of the rule function.

    `fingerprint` is an order- and type-independent hash of the rule's meaning.
    """

    id: str
    rule: str
    kind: RuleKind
    dimension: Dimension
    severity: Severity
    on_failure: OnFailure
    fingerprint: str
    column: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    place: Place = Place("")
    example: RuleExample = field(default_factory=RuleExample)


@dataclass(frozen=True, slots=True)
class Sla:
    """One entry of `slaProperties`."""

    property: str
    value: Any
    unit: str = ""
    element: str = ""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who reads this table: a team, dashboard, model or export, and which columns."""

    name: str
    kind: str
    access: str = "read"
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """A table and everything promised about it. Bronze tables without a contract file get one from their source.

    `upstreams` are the tables named in `transformSourceObjects`; `odcs` is the document itself, plain
    data that is valid against the standard, for descriptive fields.
    """

    table: TableName
    version: str
    columns: tuple[Column, ...]
    rules: tuple[RuleSpec, ...]
    load: Load
    gate: Gate
    place: Place
    role: Role = Role.TABLE
    calendar: Calendar | None = None
    upstreams: tuple[TableName, ...] = ()
    rule_set: str = ""
    description: str = ""
    status: str = "active"
    domain: str = ""
    tier: int = 3
    owner: str = ""
    engine: str = ""
    cluster: tuple[str, ...] = ()
    max_runtime_minutes: int = 30
    automation_window_days: int | None = None
    breaking_change_policy: str = "version-bump"
    consumers: tuple[Consumer, ...] = ()
    slas: tuple[Sla, ...] = ()
    support: tuple[Mapping[str, Any], ...] = ()
    runbook: str = ""
    tags: tuple[str, ...] = ()
    odcs: Any = None

    @property
    def is_partitioned(self) -> bool:
        """Whether the table's Dagster asset has partitions."""
        return self.load.mode not in {Mode.SNAPSHOT, Mode.DERIVED}

    @property
    def is_hourly(self) -> bool:
        """Whether a partition is an hour."""
        return self.is_partitioned and self.calendar is not None and self.calendar.is_hourly

    @property
    def is_appended(self) -> bool:
        """Whether a partition grows by batches, so that a bad one does not keep the others from readers."""
        return self.load.mode is Mode.APPEND_ONCE

    @property
    def has_one_engine(self) -> bool:
        """Whether only Polars computes it: rows of bronze are landed by clients of their sources, which run here."""
        return self.table.layer == "bronze"

    @property
    def partition_column(self) -> str:
        """The one Delta partition column."""
        return self.load.partition_column if self.is_partitioned else "_bucket"

    def column(self, name: str) -> Column:
        """Return a column by name; KeyError when it is not promised."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a file of a source is read; `pattern` holds `{partition}` and maybe `*`."""

    pattern: str
    format: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    header: bool = True
    compression: tuple[str, ...] = ()
    trim_header: bool = False
    max_field_bytes: int = 1_000_000
    comment: str = ""
    stable_seconds: float = 2.0
    success_marker: str = ""
    trailer: str = ""
    final_newline: bool = True
    fields: Mapping[str, str] = field(default_factory=dict)
    nested: tuple[str, ...] = ()
    sheet: str = ""
    header_row: int = 1
    merged_cells: str = "fail"
    max_expansion: int = 200
    control: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bounds that bronze checks on what arrived."""

    min_rows: int = 1
    max_rows: int | None = None
    max_duplicate_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Deletes:
    """Which rows of a source say that their key is gone: those with one of `values` in a raw column."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table of a source: raw columns with their types (text unless the source is typed), in order.

    `schema`: whether columns that were declared later are read from what landed (`on_read`) or landed again
    (`on_write`); `renamed_from`: former names of columns, the newest first.
    """

    source: str
    name: str
    columns: Mapping[str, ColumnType]
    read: ReadOptions | None
    optional_columns: tuple[str, ...] = ()
    unknown_columns: str = "quarantine"
    schema: str = "on_read"
    renamed_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lookback: timedelta = timedelta(0)
    arrival: Arrival = Arrival()
    key: tuple[str, ...] = ()
    cursor: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    place: Place = Place("")
    load: Mode = Mode.PARTITION
    deletes: Deletes | None = None
    reconcile: Reconcile | None = None

    @property
    def table(self) -> TableName:
        """The bronze table this lands in."""
        return TableName("bronze", (self.source, self.name))


@dataclass(frozen=True, slots=True)
class Source:
    """A source file: where data comes from, when, and what a replay means."""

    name: str
    kind: str
    description: str
    owner: str
    connection: Mapping[str, Any]
    cadence: str
    calendar: Calendar
    replay: str
    retry_policy: str
    on_error: str
    tables: Mapping[str, SourceTable]
    place: Place = Place("")
    watch: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything under `config/`: contracts of all layers (bronze ones included) and sources, by name."""

    contracts: Mapping[TableName, Contract]
    sources: Mapping[str, Source] = field(default_factory=dict)
    cadences: Mapping[str, Cadence] = field(default_factory=dict)
    retry_policies: Mapping[str, RetryPolicy] = field(default_factory=dict)
    performance: Performance = field(default_factory=Performance)
    waivers: Mapping[TableName, tuple[Exemption, ...]] = field(default_factory=dict)

    def contract(self, table: TableName) -> Contract:
        """Return the contract of a table; KeyError when there is none."""
        return self.contracts[table]

    def source_table(self, table: TableName) -> SourceTable:
        """Return what lands in a bronze table."""
        source, name = table.path
        return self.sources[source].tables[name]

    def downstream_of(self, table: TableName) -> tuple[TableName, ...]:
        """Return the tables that read `table` directly."""
        return tuple(name for name, contract in self.contracts.items() if table in contract.upstreams)
