"""A year of a real shop through the whole pipeline, compared with an oracle that knows nothing of it."""

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.naming import PROC_DATE, TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import Ledger
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.pipelines.retail_oracle import Expected, expect
from lakehouse_assets_tests.tiers import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.real_data, pytest.mark.slow]

ORDER_LINES = TableName.parse("bronze/retail/order_lines")
LINES = TableName.parse("silver/retail_order_lines")
SALES = TableName.parse("gold/retail_sales_daily")
PRODUCTS = TableName.parse("gold/retail_products")
CUSTOMERS = TableName.parse("gold/retail_customer_orders")


@pytest.fixture(scope="module")
def expected(retail_folder: Path) -> Expected:
    return expect(retail_folder)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, retail_folder: Path) -> Iterator[Lake]:
    root = tmp_path_factory.mktemp("retail")
    environ = {
        "LAKEHOUSE_ROOT": str(root),
        "LAKEHOUSE_RUN_LOG": "off",
        "LAKEHOUSE_SOURCES__RETAIL__CONNECTION__LOCATION": str(retail_folder),
    }
    filled = open_lake(load_settings(environ, REPOSITORY / "config"))
    for table in (ORDER_LINES, LINES, SALES, PRODUCTS, CUSTOMERS):
        for result in materialise(filled, table, filled.partitions(table), run_id="real"):
            assert not result.is_blocked, result.message
    yield filled
    shutil.rmtree(root)


def ledgers(lake: Lake, table: TableName) -> dict[str, Ledger]:
    return {partition: one.of.ledger for partition, one in served(lake, table).items()}


def rows(lake: Lake, table: TableName) -> pl.DataFrame:
    opened = lake.open(table)
    assert opened is not None
    return lake.engine.collect(lake.scan(opened))


def versions(lake: Lake) -> list[int]:
    return [table.version for name in (ORDER_LINES, LINES, SALES) if (table := lake.open(name))]


def test_every_row_of_every_file_lands(lake: Lake, expected: Expected) -> None:
    landed = ledgers(lake, ORDER_LINES)

    assert {day: ledger.published for day, ledger in landed.items()} == expected.read
    assert sum(ledger.read for ledger in landed.values()) == 541_909


def test_every_row_is_accounted_for_on_every_day(lake: Lake, expected: Expected) -> None:
    accounted = ledgers(lake, LINES)

    assert all(ledger.is_balanced for ledger in accounted.values())
    assert {day: ledger.read for day, ledger in accounted.items()} == expected.read
    assert {day: ledger.published for day, ledger in accounted.items()} == expected.published
    assert {day: ledger.quarantined for day, ledger in accounted.items() if ledger.quarantined} == {"2011-08-12": 3}


def test_equal_lines_of_an_invoice_are_kept(lake: Lake, expected: Expected) -> None:
    kept = rows(lake, LINES).drop("_row_id")

    assert kept.height - kept.n_unique() >= sum(expected.repeated.values()) == 5_268
    assert sum(ledger.deduplicated for ledger in ledgers(lake, LINES).values()) == 0


def test_net_revenue_and_fees_agree_to_the_penny_on_every_day_in_every_country(lake: Lake, expected: Expected) -> None:
    sales = rows(lake, SALES)

    found = {(str(row["sales_date"]), row["country"]): row for row in sales.iter_rows(named=True)}
    assert {key: row["net_amount"] for key, row in found.items()} == expected.net
    assert {key: row["fee_amount"] for key, row in found.items() if row["fee_amount"]} == {
        key: amount for key, amount in expected.fees.items() if amount
    }
    assert {key: row["orders_count"] for key, row in found.items() if row["orders_count"]} == {
        key: len(orders) for key, orders in expected.orders.items()
    }
    assert sum(row["net_amount"] for row in found.values()) == Decimal("9995439.563")


def test_products_agree(lake: Lake, expected: Expected) -> None:
    found = {row["stock_code"]: row for row in rows(lake, PRODUCTS).iter_rows(named=True)}

    assert {code: (row["description"], row["descriptions_count"]) for code, row in found.items()} == {
        code: (product.description, product.descriptions) for code, product in expected.products.items()
    }
    assert {code: (row["sold_units_count"], row["net_amount"]) for code, row in found.items()} == {
        code: (product.sold_units, product.net) for code, product in expected.products.items()
    }
    assert {code: (row["first_sale_date"], row["last_sale_date"]) for code, row in found.items()} == {
        code: (to_date(product.first_sale), to_date(product.last_sale)) for code, product in expected.products.items()
    }


def test_customers_agree(lake: Lake, expected: Expected) -> None:
    found = {row["customer_id"]: row for row in rows(lake, CUSTOMERS).iter_rows(named=True)}

    assert {
        customer: (row["orders_count"], row["cancellations_count"], row["net_amount"])
        for customer, row in found.items()
    } == {key: (customer.orders, customer.cancellations, customer.net) for key, customer in expected.customers.items()}
    assert {customer: (row["first_order_date"], row["last_order_date"]) for customer, row in found.items()} == {
        key: (to_date(customer.first_order), to_date(customer.last_order))
        for key, customer in expected.customers.items()
    }


def test_a_second_run_changes_nothing(lake: Lake) -> None:
    before = versions(lake)

    again = [
        result.status
        for name in (ORDER_LINES, LINES, SALES)
        for result in materialise(lake, name, lake.partitions(name)[:31], run_id="again")
    ]

    assert set(again) == {"unchanged"}
    assert versions(lake) == before


def test_the_partition_of_a_line_is_the_day_of_its_file(lake: Lake) -> None:
    lines = rows(lake, LINES)

    assert (lines["_row_id"].str.slice(0, 10) == lines[PROC_DATE].cast(pl.String)).all()


def to_date(text: str | None) -> object:
    return None if text is None else pl.Series([text]).str.to_date().item()
