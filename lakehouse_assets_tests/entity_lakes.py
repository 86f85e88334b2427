"""Lakes with one entity: change logs published by hand through the write primitive, and derived by the real verb."""

import hashlib
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from lakehouse_assets.contracts.model import Catalog, Contract
from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.publish import publish
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets.results import Ledger, PartitionResult
from lakehouse_assets.settings import Settings
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets_tests.entity_oracle import Event, Row, customers

CHANGES, CUSTOMERS = TableName("silver", ("customers_changes",)), TableName("silver", ("customers",))


def entity_lake(root: Path, *contracts: Contract, **settings: Any) -> Lake:  # noqa: ANN401 - of `Settings`
    """Return a lake of these contracts, by default `silver/customers` with its change log; nothing is published."""
    tables = {contract.table: contract for contract in contracts or customers()}
    url = settings.pop("state_url", f"sqlite:///{root}/state.db")
    return Lake(
        str(root), Catalog(tables), Settings("local", root / "config", str(root), url, run_log="off", **settings)
    )


def publish_changes(lake: Lake, day: str, events: Iterable[Event]) -> PartitionResult:
    """Publish the changes that arrived on one day in place of those that were published for it before."""
    rows = [event.row for event in events]
    step = open_step(lake, lake.contract(CHANGES), [day], run_id=uuid.uuid4().hex, chunk=0)
    kinds = {
        name: nw.new_series("x", [], kind, backend="polars").to_native().dtype
        for name, kind in in_memory(step.columns).items()
        if name != "_proc_date"
    }
    frame = pl.LazyFrame(rows, schema=list(kinds), schema_overrides=kinds).with_columns(_proc_date=pl.lit(day))
    staged, _ = lake.engine.stage([Branch(nw.from_native(frame), step.target())])
    content = hashlib.sha256(repr(rows).encode()).hexdigest()[:32]
    tally = Tally(day, Ledger(len(rows), len(rows)), content_hash=content)
    return publish(step, Draft((tally,), valid=tuple(staged[0]), columns=step.columns))[0]


def derive_all(lake: Lake) -> dict[str, PartitionResult]:
    """Bring every derived table up to date; return what became of each, by its name."""
    derived = [name for name in lake.catalog.contracts if name != CHANGES]
    return {
        name.short: result for name in derived for result in materialise(lake, name, ["0"], run_id=uuid.uuid4().hex)
    }


def table_rows(lake: Lake, table: TableName) -> list[Row]:
    """Return what readers see, read with Polars' own Delta reader; technical columns are left out."""
    rows = pl.read_delta(lake.root_of(table))
    return rows.drop([name for name in rows.columns if name.startswith("_")]).to_dicts()


def comparable(rows: Iterable[Row]) -> list[Row]:
    """Return rows in one order, without surrogate keys."""
    told = [{name: row[name] for name in sorted(row) if not name.endswith("_sk")} for row in rows]
    return sorted(told, key=lambda row: (row["id"], str(row.get("valid_from"))))
