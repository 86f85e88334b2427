"""A lake with one source and one silver table of twelve rules, made for one measurement below a folder."""

import itertools
from collections.abc import Callable
from pathlib import Path

import narwhals as nw
import polars as pl

from benchmarks.data import COLUMNS, DAY, orders
from lakehouse_assets.engines import kit
from lakehouse_assets.engines.protocol import Branch, Target
from lakehouse_assets.naming import PROC_DATE, RAW_HASH, TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.step import stored_columns
from lakehouse_assets.settings import load_settings
from lakehouse_assets.storage.commit import Change, commit
from lakehouse_assets.storage.table import create_table

BRONZE, SILVER = TableName("bronze", ("bench", "orders")), TableName("silver", ("orders",))

SOURCE = """\
source: bench
kind: files
description: Generated order lines.
owner: bench@example.com
connection: {location: "LOCATION"}
cadence: daily_after_midnight
calendar: {starts: "2026-01-01", ends: "2026-12-31"}
replay: exact
retryPolicy: fixed
onError: dead-letter
tables:
  orders:
    read: {pattern: "{partition}.csv", format: csv}
    columns: {COLUMNS}
"""

_PROPERTIES = {
    "order_id": ("string", "required: true, logicalTypeOptions: {pattern: 'O[0-9]{9}'}"),
    "customer_id": ("string", "required: true, logicalTypeOptions: {minLength: 3, maxLength: 20}"),
    "product_id": ("string", "logicalTypeOptions: {minLength: 6, maxLength: 6}"),
    "quantity": ("integer", "required: true, logicalTypeOptions: {minimum: 1, maximum: 100}"),
    "unit_price": ("decimal(18,4)", "logicalTypeOptions: {minimum: 0, maximum: 10000}"),
    "currency": ("string", "enum: [{value: EUR}, {value: USD}, {value: GBP}]"),
    "status": ("string", "enum: [{value: pending}, {value: shipped}, {value: delivered}]"),
    "ordered_at": (
        "timestamp",
        "required: true, customProperties: [{property: lakehouse.parse, value: {formats: ['%Y-%m-%d %H:%M:%S']}}]",
    ),
    "country": ("string", "required: true"),
    "note": ("string", ""),
}
# Of the publishes in one process: files of two must not have one name.
_NUMBERS = itertools.count()
_LOGICAL = {"string": "string", "integer": "integer", "decimal(18,4)": "number", "timestamp": "timestamp"}


def lake_below(folder: Path, *, duplicates: str = "keep_newest", keep: bool = False) -> Lake:
    """Write the configuration below `folder` and open the lake; `duplicates` is what becomes of repeated ids.

    `keep`: the contract that is there stays.
    """
    config = folder / "config"
    for name in ("environments", "sources", "contracts/silver"):
        (config / name).mkdir(parents=True, exist_ok=True)
    here = Path(__file__).parents[1] / "config"
    for name in ("schedules.yaml", "retry_policies.yaml"):
        (config / name).write_text((here / name).read_text())
    for name in ("base", "local"):
        (config / f"environments/{name}.yaml").write_text("{}\n")
    columns = ", ".join(f"{name}: text" for name in COLUMNS)
    source = SOURCE.replace("LOCATION", str(folder / "drop")).replace("{COLUMNS}", f"{{{columns}}}")
    (config / "sources/bench.yaml").write_text(source)
    contract = config / "contracts/silver/orders.odcs.yaml"
    if not keep or not contract.exists():
        contract.write_text(_contract(duplicates))
    environ = {"LAKEHOUSE_ROOT": str(folder / "lake"), "LAKEHOUSE_RUN_LOG": "off"}
    return open_lake(load_settings(environ, config))


def land(lake: Lake, rows: int, made: Callable[[int], pl.LazyFrame] = orders, *, day: str = DAY) -> None:
    """Put `rows` orders into bronze as one partition, in files as landing writes them."""
    columns = stored_columns(lake, lake.contract(BRONZE))
    table = create_table(lake.root_of(BRONZE), {}, columns, partition_column=PROC_DATE, description="")
    frame = (
        made(rows)
        .with_row_index("i")
        .with_columns(
            pl.format("{}.csv#{}", pl.lit(day), pl.col("i").cast(pl.String).str.zfill(9)).alias("_row_id"),
            pl.lit(f"{day}.csv").alias("_source_object"),
            *(pl.lit(None, pl.String).alias(name) for name in ("_defect", "_line", "_unknown")),
            pl.lit(day).alias(PROC_DATE),
        )
    )
    raw = {name: nw.String() for name in (*COLUMNS, "_defect", "_line", "_unknown")}
    hashed = nw.from_native(frame).with_columns(kit.row_hash(raw).alias(RAW_HASH)).select(*columns)
    (files,), _ = lake.engine.stage([Branch(hashed, Target(table.root, PROC_DATE, f"bench-{next(_NUMBERS):04}-0"))])
    commit(table, Change(tuple(files), (day,), columns, {}))


def _contract(duplicates: str) -> str:
    properties = "".join(
        f"      - {{name: {name}, logicalType: {_LOGICAL[kind]}, physicalType: '{kind}',"
        f" transformSourceObjects: [bronze.bench.orders.{name}]{', ' + more if more else ''}}}\n"
        for name, (kind, more) in _PROPERTIES.items()
    )
    load = f"{{mode: partition, keys: [order_id], sequenceBy: ordered_at, duplicates: {duplicates}}}"
    return f"""\
apiVersion: v3.1.0
kind: DataContract
id: silver.orders
name: orders
version: 1.0.0
status: active
domain: bench
description: {{purpose: Orders of the benchmark.}}
schema:
  - name: orders
    physicalName: silver.orders
    logicalType: object
    properties:
{properties}    customProperties:
      - {{property: lakehouse.load, value: {load}}}
team: {{name: bench, members: [{{username: bench@example.com, role: owner}}]}}
"""
