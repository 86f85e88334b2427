"""A lake: configuration, engine and storage put together. What every verb is given; opens nothing by itself."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals as nw

from lakehouse_assets import registry
from lakehouse_assets.connectors.access import FAIL_FAST, ONCE, Access
from lakehouse_assets.connectors.access import Opener as SessionOpener
from lakehouse_assets.connectors.circuit import SharedCircuit
from lakehouse_assets.connectors.protocol import Connector
from lakehouse_assets.contracts.loader import load_valid_catalog
from lakehouse_assets.contracts.model import Catalog, Contract, Source
from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.engines.protocol import DataFile, Engine
from lakehouse_assets.engines.spark_session import Opener, open_session
from lakehouse_assets.errors import LakehouseError, UnknownPartitionError, UnknownTableError
from lakehouse_assets.naming import SNAPSHOT_PARTITION, TableName
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary
from lakehouse_assets.quality.preconditions import require_pandera_enabled
from lakehouse_assets.settings import Settings
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import OpenTable, open_table


@dataclass(frozen=True)
class Lake:
    """Where the tables are and what they promise. `root` is an absolute folder or an object-store URL.

    `computes` is the engine of a step; without one, frames are Polars'. `engine_name` is asked for instead of what
    contracts and settings say. `open_spark` opens a session where one is needed,
    `sessions` those of sources, by kind; without one, a connector opens its own.
    """

    root: str
    catalog: Catalog
    settings: Settings
    computes: Engine | None = field(default=None, compare=False)
    engine_name: str = ""
    open_spark: Opener = field(default=open_session, compare=False)
    sessions: Mapping[str, SessionOpener] = field(default_factory=dict, compare=False)

    @cached_property
    def engine(self) -> Engine:
        """The engine that computes frames of this lake."""
        return self.computes or PolarsEngine(self.options)

    @cached_property
    def options(self) -> dict[str, str]:
        """Options of every object-store call."""
        return dict(self.settings.storage_options)

    @cached_property
    def rule_functions(self) -> Mapping[str, Callable[..., Any]]:
        """Every rule function by name."""
        found = registry.discover("lakehouse_assets.quality.rules", _rule_name)
        return {name: plugin.value for name, plugin in found.items()}

    def contract(self, table: TableName) -> Contract:
        """Return a table's contract; raise UnknownTableError with the nearest name."""
        if table not in self.catalog.contracts:
            raise UnknownTableError(
                f"there is no table {str(table)!r}.",
                fix=f"Known tables: {', '.join(map(str, self.catalog.contracts))}.",
            )
        return self.catalog.contract(table)

    def root_of(self, table: TableName) -> str:
        """Return the folder of a table."""
        return f"{self.root}/{table}"

    def objects_of(self, table: TableName) -> Objects:
        """Return the small objects beside a table."""
        return Objects(self.root_of(table), self.options)

    def open(self, table: TableName, version: int | None = None) -> OpenTable | None:
        """Open a table at a version, or return None when nothing was ever published to it."""
        return open_table(self.root_of(table), self.options, version)

    def scan(self, table: OpenTable, files: Iterable[DataFile] | None = None) -> nw.LazyFrame:
        """Return the rows of a pinned version (or of some of its files); the partition column is text."""
        columns = {name: kind for name, kind in table.columns.items() if name != table.partition_column}
        wanted = table.files if files is None else tuple(files)
        return self.engine.scan(table.root, wanted, table.partition_column, in_memory(columns))

    def partitions(self, table: TableName, until: datetime | None = None) -> list[str]:
        """Return the partitions a table should have by now; `["0"]` for a snapshot."""
        contract = self.contract(table)
        if not contract.is_partitioned or contract.calendar is None:
            return [SNAPSHOT_PARTITION]
        return contract.calendar.partitions(until or datetime.now(UTC))

    def check_partitions(self, table: TableName, partitions: Iterable[str]) -> list[str]:
        """Return the partitions asked for, sorted and once each; raise UnknownPartitionError for any other."""
        known = set(self.partitions(table))
        wanted = sorted(set(partitions))
        unknown = [partition for partition in wanted if partition not in known]
        if unknown:
            raise UnknownPartitionError(
                f"{table} has no partition {unknown[0]!r}.", where=str(self.contract(table).place), fix=_calendar(known)
            )
        return wanted

    def connector(self, source: str, access: Access | None = None) -> Connector:
        """Return a connector for a source, built from the one class that offers its kind."""
        declared = self.catalog.sources[source]
        return _connector_class(declared)(declared, access or self.access(source))

    def access(self, source: str) -> Access:
        """Return how a source is reached: its retries, the circuit that all processes share, its checkpoints."""
        from lakehouse_assets.pipeline.absorb import store_of  # noqa: PLC0415 - both need lakes
        from lakehouse_assets.pipeline.checkpoints import StoredCheckpoints  # noqa: PLC0415

        declared = self.catalog.sources[source]
        policy = self.catalog.retry_policies.get(declared.retry_policy, ONCE)
        tries = replace(policy, delays_seconds=()) if declared.on_error == FAIL_FAST else policy
        circuit = SharedCircuit(source, policy, lambda: store_of(self), str(declared.place))
        return Access(policy=tries, circuit=circuit, checkpoints=StoredCheckpoints(self), sessions=self.sessions)


def open_lake(settings: Settings) -> Lake:
    """Load and check the configuration and return the lake; raise ConfigError with every problem at once."""
    require_pandera_enabled(os.environ)
    catalog = load_valid_catalog(settings.config_dir, collect_vocabulary(), settings.sources)
    return Lake(settings.root if "://" in settings.root else str(Path(settings.root).absolute()), catalog, settings)


def _rule_name(value: object) -> str | None:
    signature = getattr(value, "signature", None)
    return getattr(signature, "name", None)


def _connector_class(source: Source) -> Callable[[Source, Access], Connector]:
    found = registry.discover("lakehouse_assets.connectors", _kind)
    if source.kind not in found:
        raise LakehouseError(f"unknown kind of source {source.kind!r}.", where=str(source.place))
    return found[source.kind].value  # type: ignore[no-any-return]


def _kind(value: object) -> str | None:
    return getattr(value, "kind", None) if isinstance(value, type) and hasattr(value, "extract") else None


def _calendar(known: set[str]) -> str:
    if not known:
        return "Its calendar has no open day yet."
    if known == {SNAPSHOT_PARTITION}:
        return f"It is one partition, {SNAPSHOT_PARTITION!r}."
    return f"Its calendar has {len(known)} partitions from {min(known)} to {max(known)}; closed days have none."
