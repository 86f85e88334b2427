"""The example of two warehouses, run through Dagster over their real clients: what was planted is found."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import psycopg2  # noqa: TID253 - what stands behind the relay
import pytest

from lakehouse_assets.connectors.snowflake import open_session
from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.naming import TableName, quarantine_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.doubles import redshift, snowflake
from lakehouse_assets_tests.lakes import rows_of
from lakehouse_assets_tests.relations import DAY
from lakehouse_assets_tests.repository import ROOT

# Dagster's own test function uses a beta parameter of Dagster.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.postgres,
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    # dagster_snowflake is written for an older pydantic.
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
]

EXAMPLE = ROOT / "examples/warehouses"
SALES = """
CREATE TABLE customers (customer_id TEXT, full_name TEXT, email TEXT, age NUMBER(3,0), country TEXT,
    updated_at TIMESTAMP_NTZ);
CREATE TABLE products (product_id TEXT, product_name TEXT, category TEXT, list_price NUMBER(18,4),
    updated_at TIMESTAMP_NTZ);
CREATE TABLE orders (order_id TEXT, customer_id TEXT, order_date DATE, status TEXT, completed_at TIMESTAMP_NTZ,
  net_amount NUMBER(18,4), tax_amount NUMBER(18,4), total_amount NUMBER(18,4));
CREATE TABLE order_items (order_id TEXT, line_item NUMBER(5,0), order_date DATE, product_id TEXT,
    quantity NUMBER(9,0),
  unit_price NUMBER(18,4), line_amount NUMBER(18,4));
INSERT INTO customers VALUES ('c1', 'Ada', 'ada@example.com', 36, 'GB', '2026-01-05 08:00:00'),
  ('c2', 'Ben', 'no address', 40, 'DE', '2026-01-05 08:00:00'), ('c3', 'Cyd', 'cyd@example.com', 130, 'FR',
    '2026-01-05 08:00:00');
INSERT INTO products VALUES ('p1', 'Pen', 'office', 1.5000, '2026-01-05 08:00:00'), ('p2', 'Pad', 'office', -1,
    '2026-01-05 08:00:00');
INSERT INTO orders VALUES ('o1', 'c1', '2026-01-05', 'completed', '2026-01-05 09:00:00', 10.0000, 2.0000, 12.0000),
  ('o2', 'c1', '2026-01-05', 'completed', NULL, 10, 2, 12), ('o3', 'c1', '2026-01-05', 'lost', NULL, 10, 2, 12),
  ('o4', 'c1', '2026-01-05', 'pending', NULL, 10, 2, 13), ('o5', 'c9', '2026-01-05', 'pending', NULL, 10, 2, 12),
  ('o6', 'c1', '2026-01-05', 'pending', NULL, 0, 0, 0), ('o7', 'c1', '2026-01-05', 'pending', NULL, 1000000, 2,
    1000002),
  ('o8', 'c1', '2026-01-05', 'pending', NULL, 0.1000, 0.2000, 0.3000);
INSERT INTO order_items VALUES ('o1', 1, '2026-01-05', 'p1', 8, 1.5000, 12.0000), ('o8', 1, '2026-01-05', 'p1', 1,
    0.3000, 0.3000),
  ('o1', 2, '2026-01-05', 'p1', 2, 1.5000, 4), ('o1', 3, '2026-01-05', 'p9', 1, 1, 1), ('o1', 4, '2026-01-05',
    'p1', 0, 1, 0)
"""
GOOD = [f"g{number:02}" for number in range(30)]
MORE_SALES = (
    ("customers", "('{0}', 'Gil', 'gil@example.com', 30, 'GB', '2026-01-05 08:00:00')"),
    ("products", "('{0}', 'Ink', 'office', 2, '2026-01-05 08:00:00')"),
    ("orders", "('{0}', '{0}', '2026-01-05', 'pending', NULL, 10, 2, 12)"),
    ("order_items", "('{0}', 1, '2026-01-05', '{0}', 6, 2, 12)"),
)
MORE_EVENTS = "('{0}', '{0}', 's2', 'cart', 'p1', 1.5, '2026-01-05 09:00+00')"
EVENTS = """
CREATE TABLE behavior_events (event_id text, customer_id text, session_id text, event_type text, product_id text,
  price numeric(18,4), happened_at timestamptz);
INSERT INTO behavior_events VALUES ('e1', 'c1', 's1', 'view', 'p1', 1.5, '2026-01-05 08:00+00'),
  ('e1', 'c1', 's1', 'view', 'p1', 1.5, '2026-01-05 08:00+00'), ('e2', 'c1', 's1', 'dance', 'p1', 1.5,
    '2026-01-05 08:01+00'),
  ('e3', 'c1', 's1', 'purchase', 'p1', NULL, '2026-01-05 08:02+00');
"""
TABLES = (
    "bronze/warehouse/customers", "bronze/warehouse/products", "bronze/warehouse/orders",
    "bronze/warehouse/order_items", "bronze/analytics/behavior_events", "silver/customers_changes",
    "silver/customers", "silver/products_changes", "silver/products", "silver/orders", "silver/order_items",
    "silver/behavior_events",
)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """Yield a lake of the example, whose warehouses hold a day."""
    url = postgres.format(database="postgres")
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"{EVENTS} INSERT INTO behavior_events VALUES {_each(MORE_EVENTS)}")  # noqa: S608
    with snowflake.running() as account, redshift.running(url, {}) as port:
        with open_session(account) as session, session.cursor() as told:
            for statement in SALES.split(";"):
                told.execute(statement)
            for table, values in MORE_SALES:
                told.execute(f"INSERT INTO {table} VALUES {_each(values)}")  # noqa: S608
        known = {"HOST": "127.0.0.1", "PORT": str(port), "DATABASE": "postgres", "USER": "lake", "SSL": "false"}
        for name, value in known.items():
            monkeypatch.setenv(f"REDSHIFT_{name}", value)
        for name in ("account", "user", "password", "host", "port", "protocol"):
            monkeypatch.setenv(f"SNOWFLAKE_{name.upper()}", account[name])
        yield _lake(tmp_path)


def _each(values: str) -> str:
    return ", ".join(values.format(name) for name in GOOD)


def _lake(folder: Path) -> Lake:
    config = folder / "config"
    shutil.copytree(EXAMPLE, config)
    for name in ("schedules.yaml", "retry_policies.yaml", "incidents.yaml"):
        shutil.copy(ROOT / "config" / name, config)
    (config / "environments").mkdir()
    for name in ("base", "local"):
        (config / f"environments/{name}.yaml").write_text("{}\n")
    return open_lake(load_settings({"LAKEHOUSE_ROOT": str(folder / "lake"), "LAKEHOUSE_RUN_LOG": "off"}, config))


def _refused(lake: Lake, table: str) -> set[tuple[str, str]]:
    rows = rows_of(lake, quarantine_of(TableName.parse(table))).select("raw", "reasons").rows()
    return {(str(raw).split('"')[3], reason["rule_id"]) for raw, reasons in rows for reason in reasons}


def test_a_day_of_two_warehouses_becomes_silver_and_what_was_planted_is_found(
    shop: Lake, instance: dg.DagsterInstance
) -> None:
    job = assemble(LakeResource(shop)).resolve_implicit_global_asset_job_def()
    for name in TABLES:
        is_partitioned = shop.contract(TableName.parse(name)).is_partitioned
        key = [dg.AssetKey(TableName.parse(name).parts)]
        ran = job.execute_in_process(
            instance=instance, asset_selection=key, partition_key=DAY if is_partitioned else None
        )
        assert ran.success, name

    silver = {name: rows_of(shop, TableName.parse(name)) for name in TABLES if name.startswith("silver")}
    orders, items = silver["silver/orders"], silver["silver/order_items"]
    assert sorted(orders["order_id"]) == [*GOOD, "o1", "o8"]
    assert orders.filter(order_id="o8")["total_amount"].item() == Decimal("0.3000")
    assert sorted(items.select("order_id", "line_item").rows()) == [*((name, 1) for name in GOOD), ("o1", 1), ("o8", 1)]
    assert sorted(silver["silver/customers"]["customer_id"]) == ["c1", *GOOD]
    assert sorted(silver["silver/products"]["product_id"]) == [*GOOD, "p1"]
    assert sorted(silver["silver/behavior_events"]["event_id"]) == ["e1", "e3", *GOOD]
    assert silver["silver/behavior_events"]["happened_at"].min() == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert _refused(shop, "silver/orders") == {
        ("o2", "completed_orders_say_when"), ("o3", "status.in_set"), ("o4", "total_is_the_sum_of_its_parts"),
        ("o5", "customer_id.foreign_key"), ("o6", "total_amount.greater_than"), ("o7", "total_amount.between"),
    }  # fmt: skip
