"""Whichever engine computes a table, and however often it changes: the same rows, verdicts, ledgers and hashes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import PartitionRecord, PartitionResult
from lakehouse_assets_tests.entity_lakes import comparable, derive_all, entity_lake, publish_changes, table_rows
from lakehouse_assets_tests.entity_oracle import Event, customers, expected
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, RAW, THIRD, deliver, order, orders_contract, run, shop_lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A JVM on a busy machine takes its time.
pytestmark = [pytest.mark.integration, pytest.mark.spark, pytest.mark.timeout(900)]

LOAD = "{identicalRows: drop, keys: [order_id], sequenceBy: changed_at}"
DAYS = (DAY, NEXT, THIRD)
FILES = {
    DAY: [
        order(1),
        order(2, amount="-4"),
        order(3, amount="x"),
        order(4),
        order(4),
        order(5, note='line "5" — ä'),
        order(5, changed_at=f"{DAY} 11:00:00", note="newer"),
        order("", customer=""),
    ],
    NEXT: [order(7, amount="007"), order(8, customer="bob  ", changed_at="2010-02-30 10:00:00")],
    THIRD: [],
}
SHAPES: dict[str, dict[str, Any]] = {
    "folded": {},
    "first and previous values, deletions marked": {"types": {"name": 0, "score": 3}, "soft_deletes": True},
    "versions with current values": {"history": History.SCD6, "soft_deletes": True},
}
CHANGES: dict[str, list[Event]] = {
    "2026-01-01": [Event("a", 1, "x", 1), Event("b", 1, "y", 2), Event("c", 3, None, 1), Event(None, 1, "x", 1)],
    "2026-01-02": [Event("a", 4, "y", 1), Event("b", 2, None, 2, deleted=True), Event("d", 2, "x", 2)],
    # Late, deleted before it is inserted, and out of order.
    "2026-01-03": [Event("a", 2, "z", 2), Event("b", 0, "z", 1), Event("c", 1, "x", 1, deleted=True)],
}
TURNS = [("polars", "spark", "polars"), ("spark", "polars", "spark")]
# Each derivation is dozens of jobs: from scratch on Spark for every shape, in both orders for the plainest.
ENTITIES = [*(("folded", turns) for turns in TURNS), *((shape, TURNS[1]) for shape in list(SHAPES)[1:])]


def on(lake: Lake, engine: str, session: "SparkSession") -> Lake:
    """Return the lake computed by one engine."""
    return replace(lake, engine_name=engine, open_spark=lambda _: session)


def delivered(folder: Path, load: str = LOAD) -> Lake:
    """Return a shop whose files have landed."""
    folder.mkdir()
    lake = shop_lake(folder, orders_contract(load))
    for day, rows in FILES.items():
        deliver(lake, day, rows)
    run(lake, RAW, *DAYS)
    return lake


def judged(results: dict[str, PartitionResult]) -> dict[str, PartitionRecord]:
    """Return everything that was found out about partitions, without what differs between any two runs."""
    return {name: replace(one.record, inputs="") for name, one in results.items()}


@pytest.fixture(scope="module")
def by_polars(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, PartitionRecord]]:
    lake = delivered(tmp_path_factory.mktemp("engines") / "polars")
    return lake, judged(run(lake, ORDERS, *DAYS))


def test_several_days_at_once_are_judged_alike(
    tmp_path: Path, spark_connect: "SparkSession", by_polars: tuple[Lake, dict[str, PartitionRecord]]
) -> None:
    lake = on(delivered(tmp_path / "spark"), "spark", spark_connect)
    assert judged(run(lake, ORDERS, *DAYS)) == by_polars[1]
    for table in (ORDERS, quarantine_of(ORDERS)):
        assert content_of(lake, table).hash == content_of(by_polars[0], table).hash


@pytest.mark.parametrize("turns", TURNS, ids="-".join)
def test_engines_take_turns_a_day_each(
    turns: Sequence[str],
    tmp_path: Path,
    spark_connect: "SparkSession",
    by_polars: tuple[Lake, dict[str, PartitionRecord]],
) -> None:
    lake = delivered(tmp_path / "turns")
    for day, engine in zip(DAYS, turns, strict=True):
        computed = run(on(lake, engine, spark_connect), ORDERS, day)
        assert judged(computed) == {day: by_polars[1][day]}
    for table in (ORDERS, quarantine_of(ORDERS)):
        assert content_of(lake, table).hash == content_of(by_polars[0], table).hash


def test_a_day_that_was_computed_is_unchanged_on_the_other_engine(
    tmp_path: Path, spark_connect: "SparkSession"
) -> None:
    lake = delivered(tmp_path / "again")
    run(on(lake, "spark", spark_connect), ORDERS, DAY)
    assert run(lake, ORDERS, DAY)[DAY].status == "unchanged"


@pytest.mark.parametrize(
    ("shape", "turns"), ENTITIES, ids=lambda part: part if isinstance(part, str) else "-".join(part)
)
def test_engines_take_turns_at_an_entity(
    shape: str, turns: Sequence[str], tmp_path: Path, spark_connect: "SparkSession"
) -> None:
    contracts = customers(**SHAPES[shape])
    lakes = {name: entity_lake(tmp_path / name, *contracts) for name in ("turns", "polars")}
    for (day, events), engine in zip(CHANGES.items(), turns, strict=True):
        for lake in lakes.values():
            publish_changes(lake, day, events)
        derive_all(on(lakes["turns"], engine, spark_connect))
        derive_all(lakes["polars"])
        for contract in contracts[1:]:
            found, same = (content_of(lake, contract.table) for lake in lakes.values())
            assert (found.rows, found.partitions) == (same.rows, same.partitions)
    every = [event for events in CHANGES.values() for event in events]
    for contract in contracts[1:]:
        assert comparable(table_rows(lakes["turns"], contract.table)) == comparable(expected(every, contract))


def test_bronze_is_not_computed_by_spark(tmp_path: Path, spark_connect: "SparkSession") -> None:
    lake = on(delivered(tmp_path / "bronze"), "spark", spark_connect)
    with pytest.raises(LakehouseError, match="bronze/shop/orders: bronze cannot be computed by Spark: the client"):
        run(lake, RAW, DAY)
