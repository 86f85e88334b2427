"""Rows that arrive after their day, on a real lake under real Dagster: what is asked for, kept and counted."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets_tests.lakes import (
    ORDERS,
    RAW,
    contract,
    deliver,
    order,
    orders_contract,
    rows_of,
    shop_lake,
    transform,
)
from lakehouse_assets_tests.repository import SCRIPTS
from lakehouse_assets_tests.repository import run as command

# Dagster's own test function uses a beta parameter of Dagster.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::dagster.BetaWarning")]

DAILY = TableName("gold", ("daily",))
WEEK = [f"2010-12-{day:02d}" for day in range(1, 7)]
LATENESS = 2
_COLUMNS = """\
      - {name: sold_on, logicalType: date, required: true, primaryKey: true,
         transformSourceObjects: [silver.orders.changed_at], transformLogic: date of changed_at}
      - {name: amount, logicalType: integer, physicalType: long, transformSourceObjects: [silver.orders.amount],
         transformLogic: sum}
"""
_FUNCTION = '''
import narwhals as nw


def daily(orders: nw.LazyFrame) -> nw.LazyFrame:
    """Sum amounts a day."""
    days = orders.with_columns(nw.col("changed_at").dt.date().alias("sold_on"))
    return days.group_by("sold_on").agg(nw.col("amount").sum())
'''


class Shop:
    """A shop whose tables are run and asked for by Dagster, and what it has delivered so far."""

    def __init__(self, lake: Lake, instance: dg.DagsterInstance) -> None:
        self.lake, self.instance = lake, instance
        self.definitions = assemble(LakeResource(lake))
        self.cursor: Any = None
        self.delivered: dict[str, list[tuple[str, int]]] = {}

    def receive(self, arrived: str, *rows: tuple[str, int]) -> None:
        """Deliver the file of a day: business day and amount of every order."""
        self.delivered[arrived] = list(rows)
        orders = [order(n, changed_at=f"{day} 12:00:00", amount=amount) for n, (day, amount) in enumerate(rows)]
        deliver(self.lake, arrived, orders)

    def run(self, tables: Sequence[TableName], first: str, last: str) -> None:
        """Materialise a range of days in one run."""
        keys = [dg.AssetKey(table.parts) for table in tables]
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        job = self.definitions.resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=self.instance, asset_selection=keys, tags=tags).success

    def asked(self) -> list[str]:
        """Tick once and return the business dates that automation asks for."""
        result = dg.evaluate_automation_conditions(
            self.definitions,
            instance=self.instance,
            cursor=self.cursor,
            evaluation_time=datetime(2010, 12, 8, 12, tzinfo=UTC),
        )
        self.cursor = result.cursor
        return sorted(str(key) for key in result.get_requested_partitions(dg.AssetKey(DAILY.parts)))

    def expected(self) -> dict[date, int]:
        """Return the sum of every business date, of rows that were not too late."""
        sums: Counter[date] = Counter()
        for arrived, rows in self.delivered.items():
            for day, amount in rows:
                if date.fromisoformat(arrived) - date.fromisoformat(day) <= timedelta(days=LATENESS):
                    sums[date.fromisoformat(day)] += amount
        return dict(sums)

    def published(self) -> dict[date, int]:
        """Return the sums that readers see."""
        return dict(rows_of(self.lake, DAILY).select("sold_on", "amount").rows())


@pytest.fixture
def shop(tmp_path: Path, instance: dg.DagsterInstance) -> Iterator[Shop]:
    load = f"{{identicalRows: keep, eventTime: changed_at, lateness: {LATENESS}d}}"
    gold = contract(
        "daily", _COLUMNS, layer="gold", load=f"{{mode: partition, partitionColumn: sold_on, lateness: {LATENESS}d}}"
    )
    with transform(tmp_path, "gold/daily", _FUNCTION):
        shop = Shop(shop_lake(tmp_path, orders_contract(load), contracts={"gold/daily": gold}), instance)
        for number, day in enumerate(WEEK, 1):
            shop.receive(day, (day, number))
        shop.run([RAW, ORDERS, DAILY], WEEK[0], WEEK[-1])
        shop.asked()
        assert shop.asked() == []
        yield shop


def test_a_late_row_makes_automation_ask_for_its_business_date_and_sums_become_right(shop: Shop) -> None:
    shop.receive("2010-12-05", ("2010-12-05", 5), ("2010-12-03", 100))

    shop.run([RAW, ORDERS], "2010-12-05", "2010-12-05")
    asked = shop.asked()
    before = {day: word.publish for day, word in served(shop.lake, DAILY).items()}
    shop.run([DAILY], asked[0], asked[-1])
    after = {day: word.publish for day, word in served(shop.lake, DAILY).items()}

    assert asked == ["2010-12-03", "2010-12-04", "2010-12-05"]
    assert [day for day in WEEK if after[day] != before[day]] == ["2010-12-03"]
    assert shop.published() == shop.expected()
    assert shop.asked() == []


def test_a_day_that_lands_late_makes_automation_ask_for_every_date_that_reads_it(shop: Shop) -> None:
    shop.receive("2010-12-07", ("2010-12-07", 7), ("2010-12-05", 100))

    shop.run([RAW, ORDERS], "2010-12-07", "2010-12-07")
    asked = shop.asked()
    shop.run([DAILY], asked[0], asked[-1])

    assert asked == ["2010-12-05", "2010-12-06", "2010-12-07"]
    assert shop.published() == shop.expected()


def test_a_withdrawn_late_row_leaves_its_business_date_again(shop: Shop) -> None:
    shop.receive("2010-12-05", ("2010-12-05", 5), ("2010-12-04", 100))
    shop.run([RAW, ORDERS, DAILY], "2010-12-04", "2010-12-05")
    shop.asked()
    shop.receive("2010-12-05", ("2010-12-05", 5))

    shop.run([RAW, ORDERS], "2010-12-05", "2010-12-05")
    asked = shop.asked()
    shop.run([DAILY], asked[0], asked[-1])

    assert "2010-12-04" in asked
    assert shop.published() == shop.expected()


def test_a_row_beyond_the_lateness_is_refused_counted_and_changes_no_sum(shop: Shop) -> None:
    shop.receive("2010-12-05", ("2010-12-05", 5), ("2010-12-02", 100), ("2010-12-04", 7), ("2010-12-03", 7))

    shop.run([RAW, ORDERS], "2010-12-05", "2010-12-05")
    shop.run([DAILY], WEEK[0], WEEK[-1])

    of = served(shop.lake, ORDERS)["2010-12-05"].of
    too_late = next(result for result in of.results if result.rule_id == "too_late")
    assert (of.measures["late_rows"], too_late.failed_rows) == (2, 1)
    assert (of.ledger.published, of.ledger.quarantined) == (3, 1)
    assert shop.published() == shop.expected()


def test_days_without_late_rows_measure_none(shop: Shop) -> None:
    assert {word.of.measures["late_rows"] for word in served(shop.lake, ORDERS).values()} == {0}
    assert all("late_rows" not in word.of.measures for word in served(shop.lake, RAW).values())


def test_the_command_shows_the_rate_of_late_arrivals(shop: Shop, tmp_path: Path) -> None:
    shop.receive("2010-12-05", ("2010-12-05", 5), ("2010-12-02", 100), ("2010-12-04", 7), ("2010-12-03", 7))
    shop.run([RAW, ORDERS], "2010-12-05", "2010-12-05")
    with store_of(shop.lake) as store:
        absorb(shop.lake, store)
    where = {"LAKEHOUSE_ROOT": shop.lake.root, "LAKEHOUSE_CONFIG_DIR": str(tmp_path / "config")}
    # The command runs in a process of its own, which does not know the transform of this test.
    (tmp_path / "config/contracts/gold/daily.odcs.yaml").unlink()

    tables, days = (
        command(SCRIPTS / "lakehouse", "late", *more, "--json", env={**os.environ, **where})
        for more in ((), (str(ORDERS),))
    )

    assert tables.returncode == days.returncode == 0, tables.stderr + days.stderr
    numbers = {"published": 8, "late": 2, "too_late": 1, "rate": round(3 / 9, 6)}
    assert json.loads(tables.stdout) == [{"table": "silver/orders", "partitions": 6, **numbers}]
    assert next(row for row in json.loads(days.stdout) if row["partition"] == "2010-12-05")["rate"] == 0.75
