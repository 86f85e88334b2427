"""LakeLogic on Polars: a contract with types and SQL rules; good and quarantined frames come back and are written."""

from typing import Any

import lakelogic
import polars as pl
from loguru import logger

from benchmarks.peers.job import CURRENCIES, ORDER_ID, STATUSES, Job, carry_out

_TYPES = {"quantity": "integer", "unit_price": "decimal(18,4)", "ordered_at": "timestamp"}
_NAMES = (
    "order_id",
    "customer_id",
    "product_id",
    "quantity",
    "unit_price",
    "currency",
    "status",
    "ordered_at",
    "country",
    "note",
)
_OPTIONAL = {"product_id", "currency", "status", "note"}
_RULES = {
    "order_id_unique": "COUNT(*) OVER (PARTITION BY order_id) = 1",
    "order_id_pattern": f"REGEXP_LIKE(order_id, '^{ORDER_ID}$')",
    "customer_id_length": "LENGTH(customer_id) BETWEEN 3 AND 20",
    "product_id_length": "LENGTH(product_id) = 6",
    "quantity_range": "quantity BETWEEN 1 AND 100",
    "unit_price_range": "unit_price BETWEEN 0 AND 10000",
    "currency_known": f"currency IN {CURRENCIES}",
    "status_known": f"status IN {STATUSES}",
}


def work(job: Job) -> dict[str, Any]:
    """Run the contract; its own rule of uniqueness judges the whole set, so that of rows is written in SQL."""
    logger.remove()
    fields = [{"name": n, "type": _TYPES.get(n, "string"), "required": n not in _OPTIONAL} for n in _NAMES]
    rules = [{"name": name, "sql": sql} for name, sql in _RULES.items()]
    contract = {
        "version": "1.0.0",
        "dataset": "orders",
        "info": {"title": "Orders", "owner": "bench@example.com", "target_layer": "silver"},
        "model": {"fields": fields},
        "quality": {"row_rules": rules},
    }
    result = lakelogic.DataProcessor(contract, engine="polars").run_source(str(job.source))
    job.good.mkdir()
    job.refused.mkdir()
    result.good.write_parquet(job.good / "0.parquet")
    reasons = pl.col("_lakelogic_errors").list.join(" ").alias("reasons")
    result.bad.with_columns(reasons).write_parquet(job.refused / "0.parquet")
    return {"version": lakelogic.__version__}


if __name__ == "__main__":
    carry_out(work)
