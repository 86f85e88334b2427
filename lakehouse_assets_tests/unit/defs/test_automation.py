"""What is requested when, on a real (ephemeral) event log: corrections propagate, unchanged reruns do not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.scripted import BRONZE, ORDERS, SALES, Script, lake, shop, snapshot

# Dagster's own test function uses a beta parameter of Dagster.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

SUMMARY = TableName("gold", ("customers",))
ALL = [f"2026-01-{day:02d}" for day in range(1, 11)]


class Automation:
    """Definitions, an instance, and the place of the automation in its event log."""

    def __init__(  # one keyword for each thing that automation depends on
        self,
        instance: dg.DagsterInstance,
        root: Path,
        *,
        landed: Sequence[str] = ALL,
        window_days: int | None = None,
        lookback: timedelta = timedelta(0),
    ) -> None:
        self.script = Script()
        self.instance = instance
        bronze, silver, gold = shop()
        gold = replace(gold, automation_window_days=window_days)
        self.definitions = assemble(
            lake(root, self.script, bronze, silver, gold, snapshot(SUMMARY, ORDERS), lookback=lookback)
        )
        self.cursor: Any = None
        self.run([BRONZE], landed)
        self.requests()

    def requests(self, at: str = "2026-01-11T02:00") -> dict[str, list[str | None]]:
        """Tick once and return what is asked for, by table."""
        result = dg.evaluate_automation_conditions(
            self.definitions,
            instance=self.instance,
            cursor=self.cursor,
            evaluation_time=datetime.fromisoformat(at).replace(tzinfo=UTC),
        )
        self.cursor = result.cursor
        tables = (BRONZE, ORDERS, SALES, SUMMARY)
        asked = {table: result.get_requested_partitions(dg.AssetKey(table.parts)) for table in tables}
        return {str(table): sorted(found, key=str) for table, found in asked.items() if found}

    def run(self, tables: Sequence[TableName], days: Sequence[str], *, success: bool = True) -> None:
        """Materialise a range of days."""
        keys = [dg.AssetKey(table.parts) for table in tables]
        job = self.definitions.resolve_implicit_global_asset_job_def()
        tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
        result = job.execute_in_process(instance=self.instance, asset_selection=keys, tags=tags, raise_on_error=False)
        assert result.success is success


@pytest.fixture
def automation(instance: dg.DagsterInstance, tmp_path: Path) -> Automation:
    """Return automation of a lake in which everything is up to date."""
    automation = Automation(instance, tmp_path)
    automation.run([ORDERS], ALL)
    automation.requests()
    automation.run([SALES], ALL)
    assert automation.requests() == {}
    return automation


def test_a_range_reaches_every_day_below_but_not_blocked_ones(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    automation = Automation(instance, tmp_path)
    automation.script.blocked, automation.script.amber = {"2026-01-06"}, {"2026-01-02"}

    automation.run([ORDERS], ALL, success=False)

    assert automation.requests() == {"gold/sales": ALL, "gold/customers": [None]}


def test_a_corrected_older_day_reaches_the_business_dates_that_read_it_and_nothing_else(automation: Automation) -> None:
    automation.script.contents = {"2026-01-05": "2"}

    automation.run([ORDERS], ["2026-01-05"])

    # Rows that arrived on the 5th belong to business dates from the 3rd (two days late) on.
    expected = ["2026-01-03", "2026-01-04", "2026-01-05"]
    assert automation.requests() == {"gold/sales": expected, "gold/customers": [None]}
    assert automation.requests() == {}


def test_a_rerun_that_changes_nothing_moves_nothing(automation: Automation) -> None:
    automation.run([ORDERS], ALL)

    assert automation.requests() == {}


def test_a_changed_day_inside_an_unchanged_range_moves_only_its_readers(automation: Automation) -> None:
    automation.script.contents = {"2026-01-01": "2"}

    automation.run([ORDERS], ALL)

    assert automation.requests() == {"gold/sales": ["2026-01-01"], "gold/customers": [None]}


def test_a_day_that_is_kept_back_moves_nothing_until_it_is_corrected(automation: Automation) -> None:
    automation.script.blocked, automation.script.contents = {"2026-01-09"}, {"2026-01-09": "2"}
    automation.run([ORDERS], ["2026-01-09"], success=False)
    while_red = automation.requests()
    automation.script.blocked = set()

    automation.run([ORDERS], ["2026-01-09"])

    assert while_red == {}
    expected = ["2026-01-07", "2026-01-08", "2026-01-09"]
    assert automation.requests() == {"gold/sales": expected, "gold/customers": [None]}


def test_bronze_moves_silver_on_the_same_day(automation: Automation) -> None:
    automation.script.contents = {"2026-01-04": "2"}

    automation.run([BRONZE], ["2026-01-04"])

    assert automation.requests()["silver/orders"] == ["2026-01-04"]


def test_good_days_reach_the_tables_that_a_failed_run_skipped(automation: Automation) -> None:
    automation.script.blocked = {"2026-01-01"}
    automation.script.contents = dict.fromkeys(ALL, "2")

    automation.run([ORDERS, SALES], ALL, success=False)

    assert automation.requests() == {"gold/sales": ALL, "gold/customers": [None]}


def test_tables_that_ran_in_the_same_run_are_not_asked_again(automation: Automation) -> None:
    automation.script.contents = dict.fromkeys(ALL, "2")

    automation.run([ORDERS, SALES], ALL)

    assert automation.requests() == {"gold/customers": [None]}


def test_bronze_is_asked_by_its_cadence_for_the_newest_day_and_for_missing_ones(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    automation = Automation(instance, tmp_path, landed=ALL[:7])
    before = automation.requests("2026-01-11T02:05")

    at_the_tick = automation.requests("2026-01-12T01:05")

    assert "bronze/shop/orders" not in before
    assert at_the_tick["bronze/shop/orders"] == ["2026-01-08", "2026-01-09", "2026-01-10"]
    assert "bronze/shop/orders" not in automation.requests("2026-01-12T02:05")


@pytest.mark.parametrize(("days", "expected"), [(0, ALL[-1:]), (2, ALL[-3:]), (4, ALL[-5:])])
def test_bronze_is_asked_again_for_the_partitions_of_its_lookback(
    instance: dg.DagsterInstance, tmp_path: Path, days: int, expected: list[str]
) -> None:
    automation = Automation(instance, tmp_path, lookback=timedelta(days=days))

    at_the_tick = automation.requests("2026-01-12T01:05")
    automation.run([BRONZE], expected)

    assert at_the_tick["bronze/shop/orders"] == expected
    assert "bronze/shop/orders" not in automation.requests("2026-01-12T02:05")
    assert automation.requests("2026-01-13T01:05")["bronze/shop/orders"] == expected


def test_a_window_in_the_contract_bounds_how_far_back_automation_looks(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    automation = Automation(instance, tmp_path, window_days=3)
    automation.run([ORDERS], ALL)

    assert automation.requests()["gold/sales"] == ["2026-01-08", "2026-01-09", "2026-01-10"]
