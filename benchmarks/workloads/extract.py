"""Rows of a database into bronze, and its own client reading the same rows and dropping them.

The figure starts the server and writes how it is reached into `connection.json`, so that no address is in the results.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.data import DAY
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.settings import load_settings

BATCH_ROWS = 50_000
BRONZE = TableName("bronze", ("bench", "orders"))
_COLUMNS = {
    "order_id": "long", "customer_id": "text", "product_id": "text", "quantity": "long", "unit_price": "decimal(18,4)",
    "currency": "text", "status": "text", "ordered_at": "timestamp", "country": "text", "note": "text",
}  # fmt: skip
_SOURCE = """\
source: bench
kind: {kind}
owner: bench@example.com
connection: {connection}
cadence: daily_after_midnight
calendar: {{starts: "2026-01-05", ends: "2026-01-05"}}
tables:
  orders: {{key: [order_id], columns: {columns}, options: {{window: partition, partitionColumn: day}},
            unknownColumns: ignore}}
"""
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM orders WHERE day = DATE '{DAY}'"  # noqa: S608 - constants
_FILL = """
CREATE TABLE orders AS SELECT n AS order_id, 'C' || lpad((n % 200000)::text, 7, '0') AS customer_id,
 'P' || lpad((n % 5000)::text, 5, '0') AS product_id, n % 97 + 1 AS quantity,
 ((n % 100000)::numeric / 7)::numeric(18,4) AS unit_price, 'EUR' AS currency, 'shipped' AS status,
 timestamp '2026-01-05' + n % 86400 * interval '1 second' AS ordered_at, 'Germany' AS country,
 'left at the door' AS note, date '2026-01-05' AS day FROM generate_series(1, {rows}) AS n
"""
_FILL_SNOWFLAKE = """
CREATE TABLE orders (order_id NUMBER(18,0), customer_id TEXT, product_id TEXT, quantity NUMBER(9,0),
 unit_price NUMBER(18,4), currency TEXT, status TEXT, ordered_at TIMESTAMP_NTZ, country TEXT, note TEXT, day DATE);
INSERT INTO orders SELECT n, 'C' || lpad((n % 200000)::text, 7, '0'), 'P' || lpad((n % 5000)::text, 5, '0'),
 n % 97 + 1, ((n % 100000) / 7)::number(18,4), 'EUR', 'shipped',
 dateadd(second, n % 86400, '2026-01-05'::timestamp_ntz), 'Germany', 'left at the door', '2026-01-05'::date
 FROM (SELECT row_number() OVER (ORDER BY 1) AS n FROM table(generator(rowcount => {rows})))
"""


def fill_sql(connection: Mapping[str, str], _folder: Path, rows: int) -> float:
    """Put rows into PostgreSQL."""
    import psycopg2

    with psycopg2.connect(_plain_url(connection)) as session, session.cursor() as cursor:
        cursor.execute(_FILL.format(rows=rows))
    return 0.0


def fill_snowflake(connection: Mapping[str, str], _folder: Path, rows: int) -> float:
    """Put rows into what stands for Snowflake."""
    from lakehouse_assets.connectors.snowflake import open_session  # noqa: PLC0415

    with open_session(connection) as session, session.cursor() as cursor:
        for statement in _FILL_SNOWFLAKE.format(rows=rows).split(";"):
            cursor.execute(statement)
    return 0.0


def plain_sql(connection: Mapping[str, str], _folder: Path, rows: int) -> float:
    """Read the rows with psycopg2, from a cursor of the server, and drop them."""
    import psycopg2

    started = time.perf_counter()
    with psycopg2.connect(_plain_url(connection)) as session, session.cursor(name="bench") as cursor:
        cursor.itersize = BATCH_ROWS
        cursor.execute(_SELECT)
        read = sum(len(batch) for batch in iter(lambda: cursor.fetchmany(BATCH_ROWS), []))
        seconds = time.perf_counter() - started
    assert read == rows
    return seconds


def plain_snowflake(connection: Mapping[str, str], _folder: Path, rows: int) -> float:
    """Read the rows with Snowflake's client, as Arrow batches, and drop them."""
    from lakehouse_assets.connectors.snowflake import open_session  # noqa: PLC0415

    _import_client()
    started = time.perf_counter()
    with open_session(connection) as session, session.cursor() as cursor:
        cursor.execute(_SELECT)
        read = sum(batch.num_rows for batch in cursor.fetch_arrow_batches())
        seconds = time.perf_counter() - started
    assert read == rows
    return seconds


def ours_sql(connection: Mapping[str, str], folder: Path, rows: int) -> float:
    """Land the rows of PostgreSQL in bronze."""
    return _land("sql", connection, folder, rows)


def ours_snowflake(connection: Mapping[str, str], folder: Path, rows: int) -> float:
    """Land the rows of what stands for Snowflake in bronze."""
    _import_client()
    return _land("snowflake", connection, folder, rows)


def _import_client() -> None:
    # It takes seconds, once a process; neither side is measured by it.
    import pyarrow as pa  # noqa: F401, TID251
    import snowflake.connector  # noqa: F401


def _land(kind: str, connection: Mapping[str, str], folder: Path, rows: int) -> float:
    lake = _lake(kind, connection, folder)
    shutil.rmtree(lake.root_of(BRONZE), ignore_errors=True)
    started = time.perf_counter()
    (result,) = materialise(lake, BRONZE, [DAY], run_id="extract")
    seconds = time.perf_counter() - started
    assert not result.is_blocked, result.message
    assert result.record.ledger.published == rows
    return seconds


def _lake(kind: str, connection: Mapping[str, str], folder: Path) -> Lake:
    config, here = folder / "config", Path(__file__).parents[2] / "config"
    for name in ("environments", "sources"):
        (config / name).mkdir(parents=True, exist_ok=True)
    for name in ("schedules.yaml", "retry_policies.yaml"):
        shutil.copy(here / name, config / name)
    for name in ("base", "local"):
        (config / f"environments/{name}.yaml").write_text("{}\n")
    given = {key: value for key, value in connection.items() if key != "password"} | (
        {"password": "${BENCH_PASSWORD:-snow}"} if "password" in connection else {}
    )
    text = _SOURCE.format(kind=kind, connection=json.dumps(given), columns=json.dumps(_COLUMNS))
    (config / "sources/bench.yaml").write_text(text)
    environ = {"LAKEHOUSE_ROOT": str(folder / "lake"), "LAKEHOUSE_RUN_LOG": "off"}
    return open_lake(load_settings(environ, config))


def _plain_url(connection: Mapping[str, str]) -> str:
    return connection["url"].replace("+psycopg2", "")


def main(action: str, folder: str, rows: str) -> None:
    """Do one thing and print how long it took."""
    actions: dict[str, Callable[[Mapping[str, str], Path, int], float]] = {
        "fill_sql": fill_sql, "plain_sql": plain_sql, "ours_sql": ours_sql,
        "fill_snowflake": fill_snowflake, "plain_snowflake": plain_snowflake, "ours_snowflake": ours_snowflake,
    }  # fmt: skip
    where = Path(folder)
    connection = json.loads((where / "connection.json").read_text())
    print(json.dumps({"seconds": actions[action](connection, where, int(rows))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
