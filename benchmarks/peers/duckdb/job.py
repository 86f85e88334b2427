"""DuckDB: one SQL statement that parses and judges into a table, and two copies out of it."""

from typing import Any

import duckdb

from benchmarks.peers.job import CURRENCIES, ORDER_ID, STATUSES, TIME_FORMAT, Job, carry_out

_FINE = {
    "order_id": f"order_id IS NOT NULL AND regexp_full_match(order_id, '{ORDER_ID}') AND NOT is_repeated",
    "customer_id": "customer_id IS NOT NULL AND length(customer_id) BETWEEN 3 AND 20",
    "product_id": "length(product_id) = 6",
    "quantity": "quantity IS NOT NULL AND quantity BETWEEN 1 AND 100",
    "unit_price": "unit_price IS NOT NULL AND unit_price BETWEEN 0 AND 10000",
    "currency": f"currency IN {CURRENCIES}",
    "status": f"status IN {STATUSES}",
    "ordered_at": "ordered_at IS NOT NULL",
    "country": "country IS NOT NULL",
}


def work(job: Job) -> dict[str, Any]:
    """Judge into a temporary table, then write what has no reason and what has one."""
    reasons = ", ".join(f"CASE WHEN NOT coalesce({rule}, true) THEN '{name}' END" for name, rule in _FINE.items())
    database = duckdb.connect()
    database.execute("SET preserve_insertion_order = false")
    database.execute(f"""
        CREATE TEMP TABLE judged AS
        WITH repeated AS (
            SELECT order_id FROM read_parquet('{job.source}') GROUP BY order_id HAVING count(*) > 1
        ), parsed AS (
            SELECT order_id, customer_id, product_id, TRY_CAST(quantity AS INTEGER) AS quantity,
                   TRY_CAST(unit_price AS DECIMAL(18, 4)) AS unit_price, currency, status,
                   try_strptime(ordered_at, '{TIME_FORMAT}') AT TIME ZONE 'UTC' AS ordered_at, country, note,
                   order_id IN (FROM repeated) AS is_repeated
            FROM read_parquet('{job.source}')
        )
        SELECT * EXCLUDE (is_repeated), concat_ws(' ', {reasons}) AS reasons FROM parsed
    """)
    for folder, columns, where in ((job.good, "* EXCLUDE (reasons)", "="), (job.refused, "*", "<>")):
        folder.mkdir()
        database.execute(
            f"COPY (SELECT {columns} FROM judged WHERE reasons {where} '')"
            f" TO '{folder}/0.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    return {"version": duckdb.__version__}


if __name__ == "__main__":
    carry_out(work)
