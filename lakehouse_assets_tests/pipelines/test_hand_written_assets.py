"""Assets that people write themselves: a returned frame is published with a contract, an input is a pinned frame."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.loading import Gate
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind
from lakehouse_assets.defs.assets import IO_MANAGER
from lakehouse_assets.defs.io_manager import LakeIOManager
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.scripted import Script, lake, snapshot

pytestmark = pytest.mark.integration

PRICES, TOTALS = TableName("gold", ("prices",)), TableName("gold", ("totals",))


def priced(name: TableName) -> Contract:
    """Return a snapshot with one promised column and at least one row."""
    column = Column("amount", ColumnType(Kind.LONG))
    return replace(snapshot(name), columns=(column,), gate=Gate(min_rows=1), rule_set="rules-1")


@pytest.fixture
def shelf(tmp_path: Path) -> LakeResource:
    scripted = lake(tmp_path, Script(), priced(PRICES), priced(TOTALS))
    return LakeResource(scripted.lake)


@dg.asset(key=list(TOTALS.parts), ins={"prices": dg.AssetIn(list(PRICES.parts))}, io_manager_key=IO_MANAGER)
def totals(prices: nw.LazyFrame) -> Any:  # noqa: ANN401 - what a person returns
    return prices.select(nw.col("amount").sum())


def prices_of(*amounts: int) -> dg.AssetsDefinition:
    """Return a hand-written asset that returns these amounts."""

    @dg.asset(key=list(PRICES.parts), io_manager_key=IO_MANAGER)
    def prices() -> pl.DataFrame:
        return pl.DataFrame({"amount": amounts}, schema={"amount": pl.Int64})

    return prices


def run(shelf: LakeResource, instance: dg.DagsterInstance, *amounts: int) -> dg.ExecuteInProcessResult:
    assets = [prices_of(*amounts), totals]
    return dg.materialize(assets, instance=instance, resources={IO_MANAGER: LakeIOManager(shelf)}, raise_on_error=False)


def amounts_in(shelf: LakeResource, table: TableName) -> list[int]:
    opened = shelf.open(table)
    return [] if opened is None else shelf.lake.engine.collect(shelf.scan(opened))["amount"].to_list()


def test_a_returned_frame_is_published_and_read_by_the_next_asset(
    shelf: LakeResource, instance: dg.DagsterInstance
) -> None:
    result = run(shelf, instance, 2, 3)

    assert result.success
    assert sorted(amounts_in(shelf, PRICES)) == [2, 3]
    assert amounts_in(shelf, TOTALS) == [5]


def test_a_frame_that_breaks_its_contract_leaves_the_previous_version(
    shelf: LakeResource, instance: dg.DagsterInstance
) -> None:
    run(shelf, instance, 2, 3)

    result = run(shelf, instance)

    assert not result.success
    assert sorted(amounts_in(shelf, PRICES)) == [2, 3]
    assert amounts_in(shelf, TOTALS) == [5]
