"""A lake without data for tests of the Dagster room: contracts by hand, and a verb that says what the test told it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from lakehouse_assets.contracts.cadence import Cadence, RetryPolicy
from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.loading import Load, Mode
from lakehouse_assets.contracts.model import Catalog, Contract, Source, SourceTable
from lakehouse_assets.defs.lake import LakeResource, Totals
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName, bronze
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import (
    BLOCKED,
    LABELS,
    PUBLISHED,
    UNCHANGED,
    Dimension,
    OnFailure,
    Outcome,
    PartitionRecord,
    PartitionResult,
    RuleResult,
)
from lakehouse_assets.settings import Settings
from lakehouse_assets_tests.builders import bare_contract, partition_record, rule_result

WEEK = Calendar(date(2026, 1, 1), date(2026, 1, 10))
EVERY_DAY = Load()
ORDERS, SALES, BRONZE = TableName("silver", ("orders",)), TableName("gold", ("sales",)), bronze("shop", "orders")


def table(
    name: TableName, *upstreams: TableName, calendar: Calendar = WEEK, load: Load = EVERY_DAY, **changes: object
) -> Contract:
    """Return the contract of a table with a calendar."""
    contract = replace(bare_contract(str(name)), calendar=calendar, load=load, upstreams=upstreams)
    return replace(contract, **changes)  # type: ignore[arg-type]


def snapshot(name: TableName, *upstreams: TableName) -> Contract:
    """Return the contract of a table without partitions."""
    return replace(table(name, *upstreams, load=Load(mode=Mode.SNAPSHOT)), calendar=None)


def catalog(*contracts: Contract, calendar: Calendar = WEEK, lookback: timedelta = timedelta(0)) -> Catalog:
    """Return contracts with the sources that their bronze tables need."""
    names = [contract.table for contract in contracts if contract.table.layer == "bronze"]
    sources = {
        source: Source(
            name=source,
            kind="files",
            description="",
            owner="",
            connection={},
            cadence="nightly",
            calendar=calendar,
            replay="exact",
            retry_policy="at_once",
            on_error="",
            tables={
                name.short: SourceTable(source, name.short, {}, None, lookback=lookback)
                for name in names
                if name.path[0] == source
            },
        )
        for source in {name.path[0] for name in names}
    }
    nightly = Cadence("nightly", "0 1 * * *")
    at_once = RetryPolicy("at_once", (0.0,), cap_seconds=0.0)
    tables = {contract.table: contract for contract in contracts}
    return Catalog(tables, sources, {nightly.name: nightly}, {at_once.name: at_once})


@dataclass
class Script:
    """What the scripted verb says.

    `contents` are content hashes; `breaks` raises before that partition (once, if it `heals`);
    `shown` is the version that readers see.
    """

    blocked: set[str] = field(default_factory=set)
    amber: set[str] = field(default_factory=set)
    contents: dict[str, str] = field(default_factory=dict)
    breaks: dict[str, LakehouseError] = field(default_factory=dict)
    dimensions: Sequence[Dimension] = (Dimension.COMPLETENESS, Dimension.CONFORMITY)
    served: dict[tuple[TableName, str], str] = field(default_factory=dict)
    asked: list[tuple[TableName, list[str]]] = field(default_factory=list)
    commits: int = 0
    heals: bool = False
    shown: int | None = None

    def __call__(
        self, lake: Lake, table: TableName, partitions: Sequence[str], *, run_id: str
    ) -> Iterator[PartitionResult]:
        """Publish in memory: the verb as the pipeline promises it."""
        del lake
        self.asked.append((table, list(partitions)))
        for partition in partitions:
            if partition in self.breaks:
                raise self.breaks.pop(partition) if self.heals else self.breaks[partition]
            yield self._say(table, partition, run_id)

    def _say(self, table: TableName, partition: str, run_id: str) -> PartitionResult:
        record = self._record(table, partition)
        status = BLOCKED if record.status == BLOCKED else PUBLISHED
        if status == PUBLISHED and self.served.get((table, partition)) == record.content_hash:
            status = UNCHANGED
        if status == PUBLISHED:
            self.commits += 1
            self.served[table, partition] = record.content_hash
        return PartitionResult(str(table), partition, status, f"{run_id}-0000-0", record, self.commits)

    def _record(self, table: TableName, partition: str) -> PartitionRecord:
        is_blocked = table == ORDERS and partition in self.blocked
        results = tuple(self._rule(dimension, partition, is_blocked=is_blocked) for dimension in self.dimensions)
        status = BLOCKED if is_blocked else PUBLISHED
        record = partition_record(partition, *results, status=status, read=100)
        return replace(record, content_hash=self.contents.get(partition, "1"))

    def _rule(self, dimension: Dimension, partition: str, *, is_blocked: bool) -> RuleResult:
        wrong = LABELS[dimension] == "Validity" and (is_blocked or partition in self.amber)
        outcome, rows = (Outcome.FAIL, 12) if wrong else (Outcome.PASS, 0)
        result = rule_result(f"amount.{dimension}", outcome=outcome, dimension=dimension, failed_rows=rows)
        return replace(result, on_failure=OnFailure.BLOCK if is_blocked else OnFailure.QUARANTINE)

    def totals(self, lake: Lake, table: TableName) -> Totals:
        """Return what the table holds now."""
        del lake
        return Totals(
            self.commits if self.shown is None else self.shown, 100 * sum(name == table for name, _ in self.served)
        )


def lake(
    root: Path,
    script: Script,
    *contracts: Contract,
    totals: Callable[..., Totals | None] | None = None,
    lookback: timedelta = timedelta(0),
) -> LakeResource:
    """Return a lake of these contracts whose verb is the script."""
    settings = Settings("local", root / "config", str(root), f"sqlite:///{root}/state.db")
    return LakeResource(
        Lake(str(root), catalog(*contracts, lookback=lookback), settings), script, totals or script.totals
    )


def shop() -> tuple[Contract, Contract, Contract]:
    """Return bronze and silver orders, and daily sales that read two days of late arrivals."""
    late = Load(partition_column="sold_on", lateness=timedelta(days=2))
    silver = Load(event_time="sold_at")
    return (table(BRONZE), table(ORDERS, BRONZE, load=silver), table(SALES, ORDERS, load=late))
