"""Gold against the silver it was computed from: what its function loses or doubles keeps the partition back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import BLOCKED, PUBLISHED, Outcome, PartitionResult
from lakehouse_assets_tests.customers import bring as bring_changes
from lakehouse_assets_tests.customers import change, customers_lake, derived, gone
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    retail_lake,
    run,
    shop_lake,
    statuses,
    transform,
)
from lakehouse_assets_tests.recorded import judged
from lakehouse_assets_tests.retail_files import write_days

DAILY, TOTALS = TableName.parse("gold/daily"), TableName.parse("gold/totals")
COLUMNS = """\
      - {name: sold_on, logicalType: date, required: true, transformLogic: day of the order,
         transformSourceObjects: [silver.orders.changed_at]}
      - {name: customer, logicalType: string, transformSourceObjects: [silver.orders.customer]}
      - {name: amount, logicalType: integer, physicalType: long, transformSourceObjects: [silver.orders.amount]}
"""
FUNCTION = """\
import narwhals as nw

def daily(orders):
    rows = orders.with_columns(sold_on=nw.col("changed_at").dt.date())CHANGE
    return rows.group_by("sold_on", "customer").agg(nw.col("amount").sum())
"""
TOTALS_FUNCTION = FUNCTION.replace("def daily", "def totals")
QUALITY = """
      - {id: amounts, type: custom, engine: lakehouse, implementation: {rule: reconciles_with_upstream, TOLERANCE
         query: 'SELECT SUM(amount) FROM {object}', table: silver/orders,
         expected: 'SELECT SUM(amount) FROM {object}'}}
      - {id: customers, type: custom, engine: lakehouse, implementation: {rule: reconciles_with_upstream, tolerance: 0,
         query: 'SELECT COUNT(customer) FROM {object}', table: silver/orders,
         expected: "SELECT COUNT(DISTINCT customer) FROM {object} WHERE customer <> 'eve'"}}
"""


@contextmanager
def shop(folder: Path, *, change: str = "", tolerance: str = "tolerance: 0,") -> Iterator[Lake]:
    """Yield a shop with daily amounts by customer; `change` is what its function does besides."""
    silver = orders_contract("{identicalRows: keep, eventTime: changed_at, lateness: 1d}")
    quality = QUALITY.replace("TOLERANCE", tolerance)
    load = "{mode: partition, partitionColumn: sold_on, lateness: 1d}"
    gold = contract("daily", COLUMNS, layer="gold", load=load, quality=quality)
    with transform(folder, "gold/daily", FUNCTION.replace("CHANGE", change)):
        yield shop_lake(folder, silver, contracts={"gold/daily": gold})


def bring(lake: Lake, day: str, rows: Sequence[tuple[str, object]], *, happened: str = "") -> None:
    """Land and refine orders of a day from (customer, amount)."""
    at = f"{happened or day} 10:00:00"
    made = [order(number, customer=who, amount=amount, changed_at=at) for number, (who, amount) in enumerate(rows, 1)]
    deliver(lake, day, made)
    refresh(lake, day)


def daily(lake: Lake, *days: str) -> dict[str, PartitionResult]:
    return run(lake, DAILY, *(days or (DAY,)))


def test_gold_that_adds_up_to_its_silver_is_published_and_says_both_numbers(tmp_path: Path) -> None:
    with shop(tmp_path) as lake:
        bring(lake, DAY, [("ann", 10), ("ann", 20), ("bob", 5)])

        result = daily(lake)[DAY]

    assert result.status == PUBLISHED
    assert judged(result, "amounts").reason == "35 here, 35 in silver/orders"
    assert judged(result, "customers").reason == "2 here, 2 in silver/orders"


def test_a_function_that_loses_rows_keeps_the_day_back(tmp_path: Path) -> None:
    with shop(tmp_path, change='.filter(nw.col("amount") > 5)') as lake:
        bring(lake, DAY, [("ann", 10), ("bob", 5)])

        result = daily(lake)[DAY]

    assert result.status == BLOCKED
    assert judged(result, "amounts").reason == "10 here, 15 in silver/orders, 33.33% apart"
    assert judged(result, "customers").outcome is Outcome.FAIL


def test_a_function_that_doubles_amounts_keeps_the_day_back(tmp_path: Path) -> None:
    with shop(tmp_path, change='.with_columns(amount=nw.col("amount") * 2)') as lake:
        bring(lake, DAY, [("ann", 10)])

        assert judged(daily(lake)[DAY], "amounts").reason == "20 here, 10 in silver/orders, 100.00% apart"


@pytest.mark.parametrize(("lost", "outcome"), [(1, Outcome.PASS), (2, Outcome.FAIL)])
def test_one_percent_is_tolerated_unless_a_contract_says_otherwise(tmp_path: Path, lost: int, outcome: Outcome) -> None:
    change = f'.with_columns(amount=nw.when(nw.col("customer") == "ann").then(nw.col("amount") - {lost})'
    with shop(tmp_path, change=f'{change}.otherwise(nw.col("amount")))', tolerance="") as lake:
        bring(lake, DAY, [("ann", 50), ("bob", 50)])

        assert judged(daily(lake)[DAY], "amounts").outcome is outcome


def test_only_rows_that_the_filter_keeps_are_expected(tmp_path: Path) -> None:
    with shop(tmp_path, change='.filter(nw.col("customer") != "eve")') as lake:
        bring(lake, DAY, [("ann", 10), ("eve", 0)])

        assert daily(lake)[DAY].status == PUBLISHED


def test_nulls_add_nothing_on_either_side(tmp_path: Path) -> None:
    with shop(tmp_path) as lake:
        bring(lake, DAY, [("ann", ""), ("", 7), ("", "")])

        result = daily(lake)[DAY]

    assert judged(result, "amounts").reason == "7 here, 7 in silver/orders"
    assert judged(result, "customers").reason == "1 here, 1 in silver/orders"


def test_a_day_without_rows_agrees_with_a_day_without_rows(tmp_path: Path) -> None:
    with shop(tmp_path) as lake:
        bring(lake, DAY, [])

        result = daily(lake)[DAY]

    assert result.status == PUBLISHED
    assert judged(result, "amounts").reason == "0 here, 0 in silver/orders"


def test_a_function_that_returns_nothing_does_not_agree_with_a_day_that_has_rows(tmp_path: Path) -> None:
    with shop(tmp_path, change='.filter(nw.col("amount") > 999)') as lake:
        bring(lake, DAY, [("ann", 10)])

        assert judged(daily(lake)[DAY], "amounts").outcome is Outcome.FAIL


def test_late_rows_count_for_the_day_they_happened_on(tmp_path: Path) -> None:
    with shop(tmp_path) as lake:
        bring(lake, DAY, [("ann", 10)])
        bring(lake, NEXT, [("bob", 5)], happened=DAY)

        done = daily(lake, DAY, NEXT)

    assert statuses(done) == {DAY: PUBLISHED, NEXT: PUBLISHED}
    assert judged(done[DAY], "amounts").reason == "15 here, 15 in silver/orders"
    assert judged(done[NEXT], "amounts").reason == "0 here, 0 in silver/orders"


def test_a_snapshot_is_held_against_all_of_its_upstream(tmp_path: Path) -> None:
    quality = QUALITY.replace("TOLERANCE", "tolerance: 0,").partition("      - {id: customers")[0]
    gold = contract("totals", COLUMNS, layer="gold", load="{mode: snapshot}", quality=quality)
    with transform(tmp_path, "gold/totals", TOTALS_FUNCTION.replace("CHANGE", "")):
        lake = shop_lake(tmp_path, contracts={"gold/totals": gold})
        bring(lake, DAY, [("ann", 10)])
        bring(lake, NEXT, [("ann", 20), ("bob", 5)])

        result = run(lake, TOTALS)["0"]

    assert judged(result, "amounts").reason == "35 here, 35 in silver/orders"


def test_silver_may_be_held_against_the_bronze_it_was_read_from(tmp_path: Path) -> None:
    quality = """
      - {id: read_all, type: custom, engine: lakehouse, implementation: {rule: reconciles_with_upstream, tolerance: 0,
         query: 'SELECT COUNT(*) FROM {object}', table: bronze/shop/orders, expected: 'SELECT COUNT(*) FROM {object}'}}
"""
    lake = shop_lake(tmp_path, orders_contract(quality=quality))
    deliver(lake, DAY, [order(1), order(2, amount="many")])

    result = refresh(lake, DAY)[DAY]

    assert result.status == BLOCKED
    assert judged(result, "read_all").reason == "1 here, 2 in bronze/shop/orders, 50.00% apart"


def test_of_an_entity_the_change_log_is_held_against_what_arrived_deletions_included(tmp_path: Path) -> None:
    quality = """
      - {id: all_changes, type: custom, engine: lakehouse, implementation: {rule: reconciles_with_upstream,
         query: 'SELECT COUNT(*) FROM {object}', table: bronze/shop/people, expected: 'SELECT COUNT(*) FROM {object}'}}
"""
    lake = customers_lake(tmp_path, quality=quality)

    done = bring_changes(lake, DAY, [change("c1", f"{DAY} 08:00:00"), gone("c2", f"{DAY} 09:00:00")])

    assert judged(done[DAY], "all_changes").reason == "2 here, 2 in bronze/shop/people"
    assert set(derived(lake).values()) == {PUBLISHED}


def test_our_gold_tables_agree_with_the_order_lines_to_the_penny(tmp_path: Path) -> None:
    days = ("2010-12-01", "2010-12-02")
    write_days(tmp_path / "drop", 200, days)
    lake = retail_lake(tmp_path / "lake", tmp_path / "drop")
    for name in ("bronze/retail/order_lines", "silver/retail_order_lines"):
        run(lake, TableName.parse(name), *days)

    done = [
        *run(lake, TableName.parse("gold/retail_sales_daily"), *days).values(),
        *run(lake, TableName.parse("gold/retail_products")).values(),
        *run(lake, TableName.parse("gold/retail_customer_orders")).values(),
    ]

    told = [one for result in done for one in result.record.results if one.rule_id.endswith("_of_the_lines")]
    assert len(told) == 2 * 2 + 2 + 2
    assert {one.outcome for one in told} == {Outcome.PASS}
    assert {result.status for result in done} == {PUBLISHED}
    assert all(one.expectation is not None and one.expectation.observed > 0 for one in told)
