"""The whole retail chain in one process, for being killed: prints `GO` when work starts and `DONE` after it."""

import os
import sys
import uuid

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.retail_files import DAYS

BRONZE, SILVER = TableName.parse("bronze/retail/order_lines"), TableName.parse("silver/retail_order_lines")
DAILY, PRODUCTS = TableName.parse("gold/retail_sales_daily"), TableName.parse("gold/retail_products")
CUSTOMERS = TableName.parse("gold/retail_customer_orders")
CHAIN = (BRONZE, SILVER, DAILY, PRODUCTS, CUSTOMERS)


def run_chain(lake: Lake, days: tuple[str, ...] = DAYS) -> None:
    """Materialise every table of the chain for some days, each day in a chunk of its own."""
    for table in CHAIN:
        keys = list(days) if lake.contract(table).is_partitioned else ["0"]
        for key in keys:
            list(materialise(lake, table, [key], run_id=uuid.uuid4().hex))


if __name__ == "__main__":
    opened = open_lake(load_settings(os.environ))
    sys.stdout.write("GO\n")
    sys.stdout.flush()
    run_chain(opened)
    sys.stdout.write("DONE\n")
