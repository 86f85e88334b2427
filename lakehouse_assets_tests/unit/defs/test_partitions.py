"""Calendars as partitions, and which partitions depend on which."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.loading import Load
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.defs.partitions import reads_late_window, to_mapping, to_partitions
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.scripted import ORDERS, SALES, shop, snapshot, table

CLOSED = Calendar(date(2026, 1, 1), date(2026, 1, 12), closed_weekdays=(5,), closed_dates=(date(2026, 1, 6),))


def daily(contract: Contract) -> dg.TimeWindowPartitionsDefinition:
    partitions = to_partitions(contract)
    assert partitions is not None
    return partitions


def test_open_days_are_partitions_and_the_last_day_is_one_of_them() -> None:
    partitions = daily(table(ORDERS, calendar=CLOSED))

    keys = partitions.get_partition_keys(current_time=datetime(2026, 3, 1, tzinfo=UTC))

    assert keys == CLOSED.partitions(date(2026, 3, 1))
    assert keys[-1] == "2026-01-12"
    assert not {"2026-01-03", "2026-01-10", "2026-01-06"} & set(keys)


@pytest.mark.parametrize("weekday", range(7))
def test_each_weekday_can_be_closed(weekday: int) -> None:
    calendar = Calendar(date(2026, 1, 1), date(2026, 2, 28), closed_weekdays=(weekday,))

    keys = daily(table(ORDERS, calendar=calendar)).get_partition_keys(current_time=datetime(2026, 3, 1, tzinfo=UTC))

    assert weekday not in {date.fromisoformat(key).weekday() for key in keys}
    assert keys == calendar.partitions(date(2026, 2, 28))


def test_an_open_end_grows_with_the_days_that_are_over() -> None:
    partitions = daily(table(ORDERS, calendar=Calendar(date(2026, 1, 1))))

    keys = partitions.get_partition_keys(current_time=datetime(2026, 1, 4, 6, tzinfo=UTC))

    assert keys == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_days_and_exclusions_are_those_of_the_calendars_zone() -> None:
    calendar = replace(CLOSED, timezone="America/New_York")

    keys = daily(table(ORDERS, calendar=calendar)).get_partition_keys(current_time=datetime(2026, 3, 1, tzinfo=UTC))

    assert keys == CLOSED.partitions(date(2026, 3, 1))


def test_a_snapshot_has_no_partitions() -> None:
    assert to_partitions(snapshot(SALES)) is None


def upstream_days(contract: Contract, upstream: Contract, day: str) -> list[str]:
    mapping, here, there = to_mapping(contract, upstream), daily(contract), daily(upstream)
    assert mapping is not None
    wanted = here.subset_with_partition_keys([day])
    return sorted(
        mapping.get_upstream_mapped_partitions_result_for_partitions(
            wanted, here, there
        ).partitions_subset.get_partition_keys()
    )


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-01-01", ["2026-01-01", "2026-01-02"]),
        ("2026-01-03", ["2026-01-04", "2026-01-05"]),  # itself a closed Saturday
        ("2026-01-05", ["2026-01-05", "2026-01-07"]),  # the 6th is closed
        ("2026-01-12", ["2026-01-12"]),  # later days do not exist
    ],
)
def test_a_business_date_waits_for_the_arrivals_of_its_calendar_days(day: str, expected: list[str]) -> None:
    silver = table(ORDERS, calendar=CLOSED, load=Load(event_time="sold_at"))
    every_day = replace(CLOSED, closed_weekdays=(), closed_dates=())
    gold = table(SALES, ORDERS, calendar=every_day, load=Load(lateness=timedelta(days=2)))

    assert upstream_days(gold, silver, day) == expected


def test_silver_reads_the_same_day_of_bronze() -> None:
    bronze, silver, _ = shop()

    assert upstream_days(silver, bronze, "2026-01-05") == ["2026-01-05"]


def test_a_table_without_event_time_is_read_on_the_same_day() -> None:
    reference = table(TableName("silver", ("rates",)))
    gold = table(SALES, reference.table, load=Load(lateness=timedelta(days=2)))

    assert upstream_days(gold, reference, "2026-01-05") == ["2026-01-05"]


def test_a_snapshot_reads_all_partitions() -> None:
    assert to_mapping(snapshot(SALES, ORDERS), table(ORDERS)) is None


def test_only_tables_that_read_ahead_or_everything_publish_with_what_is_there() -> None:
    bronze, silver, gold = shop()

    assert not reads_late_window(silver, [bronze])
    assert reads_late_window(gold, [silver])
    assert reads_late_window(snapshot(SALES, ORDERS), [silver])


HOURLY = replace(CLOSED, is_hourly=True)


def test_open_hours_are_partitions_of_dagster_too() -> None:
    partitions = to_partitions(table(ORDERS, calendar=HOURLY))
    assert isinstance(partitions, dg.HourlyPartitionsDefinition)

    keys = partitions.get_partition_keys(current_time=datetime(2026, 3, 1, tzinfo=UTC))

    assert keys == HOURLY.partitions(date(2026, 3, 1))


def test_the_hour_that_goes_on_is_a_partition() -> None:
    endless = Calendar(date(2026, 1, 1), is_hourly=True)
    partitions = to_partitions(table(ORDERS, calendar=endless))
    assert partitions is not None

    now = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)

    assert partitions.get_partition_keys(current_time=now) == endless.partitions(now)


def test_a_business_date_is_requested_by_the_hours_from_its_own_to_its_lateness() -> None:
    hours, days = table(ORDERS, calendar=HOURLY), table(SALES, calendar=CLOSED)
    late = replace(hours, load=Load(event_time="ordered_at"))
    mapping = to_mapping(replace(days, load=Load(partition_column="sales_date", lateness=timedelta(days=1))), late)
    upstream, downstream = to_partitions(late), to_partitions(days)
    assert mapping is not None
    assert upstream is not None
    assert downstream is not None

    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        downstream.subset_with_partition_keys(["2026-01-01"]), downstream, upstream
    )

    keys = list(found.partitions_subset.get_partition_keys())
    assert (keys[0], keys[-1], len(keys)) == ("2026-01-01-00:00", "2026-01-02-23:00", 48)
