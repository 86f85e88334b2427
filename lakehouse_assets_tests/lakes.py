"""Whole lakes below a temporary folder: the retail configuration of this repository, or a small shop made to measure.

The shop has one source of daily files and one silver table of five columns; every argument has a harmless default.
"""

import contextlib
import csv
import importlib
import os
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.refine import transform_of
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import PartitionResult
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.places import Place
from lakehouse_assets_tests.repository import ROOT

RAW, ORDERS = TableName.parse("bronze/shop/orders"), TableName.parse("silver/orders")
HEADER = ("order_id", "customer", "amount", "changed_at", "note")
RAW_COLUMNS = ", ".join(f"{name}: text" for name in HEADER)
DAY, NEXT, THIRD = "2010-12-01", "2010-12-02", "2010-12-03"

_SOURCE = """\
source: shop
kind: files
description: Orders of a small shop.
owner: shop@example.com
connection: {{location: "{drop}"}}
cadence: daily_after_midnight
calendar: {{starts: "2010-12-01", ends: "2010-12-31"}}
retryPolicy: fixed
tables:
  orders:
    read: {{pattern: "{{partition}}*.csv", stableSeconds: 0, finalNewline: false}}
    columns: {{{raw}}}
    unknownColumns: {unknown}
    arrival: {{minRows: 0}}
"""
_COLUMNS = """\
      - {name: order_id, logicalType: string, required: true, transformSourceObjects: [bronze.shop.orders.order_id]}
      - {name: customer, logicalType: string, transformSourceObjects: [bronze.shop.orders.customer]RELATIONSHIPS}
      - {name: amount, logicalType: integer, physicalType: long, logicalTypeOptions: {minimum: 0, maximum: 1000},
         transformSourceObjects: [bronze.shop.orders.amount]}
      - {name: changed_at, logicalType: timestamp, required: true,
         transformSourceObjects: [bronze.shop.orders.changed_at],
         customProperties: [{property: lakehouse.parse, value: {formats: ['%Y-%m-%d %H:%M:%S']}}]}
      - {name: note, logicalType: string, transformSourceObjects: [bronze.shop.orders.note]}
"""
_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {layer}.{name}
name: {name}
version: {version}
status: active
domain: shop
description: {{purpose: A table of the small shop.}}
schema:
  - name: {name}
    physicalName: {layer}.{name}
    logicalType: object
    properties:
{columns}    quality: {quality}
    customProperties:
      - {{property: lakehouse.load, value: {load}}}
      - {{property: lakehouse.publishGate, value: {gate}}}
team: {{name: shop, members: [{{username: shop@example.com, role: owner}}]}}
"""
# Customers that orders may refer to: their part of the source, their columns, and the reference of `orders.customer`.
CUSTOMERS_SOURCE = """\
  customers:
    read: {pattern: "customers/{partition}*.csv", stableSeconds: 0, finalNewline: false}
    columns: {customer: text}
    arrival: {minRows: 0}
"""
CUSTOMERS_COLUMNS = """\
      - {name: customer, logicalType: string, required: true, unique: true,
         transformSourceObjects: [bronze.shop.customers.customer]}
"""
TO_CUSTOMERS = "[{type: foreignKey, to: customers.customer}]"


def contract(  # one keyword for each part of a contract that tests change
    name: str,
    columns: str,
    *,
    load: str,
    layer: str = "silver",
    gate: str = "{emptyPartition: allow}",
    quality: str = "[]",
    version: str = "1.0.0",
) -> str:
    """Return the text of a contract; the other arguments are YAML."""
    parts = {"layer": layer, "gate": gate, "quality": quality, "version": version}
    return _CONTRACT.format(name=name, columns=columns, load=load, **parts)


def orders_contract(load: str = "{identicalRows: keep}", *, relationships: str = "", **parts: str) -> str:
    """Return the contract of silver/orders; `parts` go to `contract`."""
    reference = f", relationships: {relationships}" if relationships else ""
    return contract("orders", _COLUMNS.replace("RELATIONSHIPS", reference) + parts.pop("more", ""), load=load, **parts)


def shop_lake(
    folder: Path,
    silver: str | None = None,
    *,
    unknown: str = "quarantine",
    raw: str = RAW_COLUMNS,
    source_also: str = "",
    contracts: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Lake:
    """Write the shop's configuration below `folder` and open its lake.

    `raw` are its raw columns, `contracts` maps paths to further contracts.
    """
    config = folder / "config"
    source = _SOURCE.format(drop=folder / "drop", raw=raw, unknown=unknown) + source_also
    texts = {"sources/shop.yaml": source, "contracts/silver/orders.odcs.yaml": silver or orders_contract()}
    texts |= {f"contracts/{path}.odcs.yaml": text for path, text in (contracts or {}).items()}
    for name in ("schedules.yaml", "retry_policies.yaml", "incidents.yaml"):
        texts[name] = (ROOT / "config" / name).read_text(encoding="utf-8")
    for name in ("base", "local"):
        texts[f"environments/{name}.yaml"] = "{}\n"
    for path, text in texts.items():
        (config / path).parent.mkdir(parents=True, exist_ok=True)
        (config / path).write_text(text, encoding="utf-8")
    (folder / "drop").mkdir(exist_ok=True)
    settings = {"LAKEHOUSE_ROOT": str(folder / "lake"), "LAKEHOUSE_RUN_LOG": "off", **(environ or {})}
    return open_lake(load_settings(settings, config))


def retail_environment(root: Path | str, drop: Path, **more: str) -> dict[str, str]:
    """Return the variables under which a process works on a retail lake of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LAKEHOUSE_")}
    ours = {"LAKEHOUSE_ENV": "local", "LAKEHOUSE_ROOT": str(root), "LAKEHOUSE_RUN_LOG": "off", "RETAIL_DROP": str(drop)}
    return inherited | ours | {"LAKEHOUSE_CONFIG_DIR": str(ROOT / "config")} | more


def retail_lake(root: Path | str, drop: Path, **more: str) -> Lake:
    """Open a lake under this repository's configuration that reads its files from `drop`."""
    location = {"LAKEHOUSE_SOURCES__RETAIL__CONNECTION__LOCATION": str(drop)}
    return open_lake(load_settings(retail_environment(root, drop, **location, **more)))


def variables_of(lake: Lake) -> dict[str, str]:
    """Return the variables under which another process works on this lake."""
    settings = lake.settings
    place = Place(lake.root, settings.storage_options).environ
    return retail_environment(lake.root, Path(), **place, LAKEHOUSE_CONFIG_DIR=str(settings.config_dir))


def order(order_id: object, **changes: object) -> list[str]:
    """Return one clean raw order; `changes` replace columns."""
    row = {"customer": "ann", "amount": "10", "changed_at": f"{DAY} 10:00:00", "note": ""}
    return [str(order_id), *map(str, (row | changes).values())]


def deliver(lake: Lake, day: str, rows: Iterable[Sequence[str]], *, header: Sequence[str] = HEADER) -> Path:
    """Put a daily file of the shop in place of an earlier one."""
    path = Path(lake.catalog.sources["shop"].connection["location"]) / f"{day}.csv"
    fresh = path.with_suffix(".tmp")
    with fresh.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return fresh.replace(path)


def run(lake: Lake, table: TableName, *partitions: str) -> dict[str, PartitionResult]:
    """Materialise partitions of a table and return what became of each."""
    wanted = partitions or ("0",)
    return {one.partition: one for one in materialise(lake, table, wanted, run_id=uuid.uuid4().hex)}


def refresh(lake: Lake, *days: str) -> dict[str, PartitionResult]:
    """Bring the shop's bronze and silver up to date; return what became of silver."""
    run(lake, RAW, *days)
    return run(lake, ORDERS, *days)


def rows_of(lake: Lake, table: TableName) -> pl.DataFrame:
    """Return what readers see, read with Polars' own Delta reader."""
    return pl.read_delta(lake.root_of(table), storage_options=lake.options or None)


def statuses(results: Mapping[str, PartitionResult]) -> dict[str, str]:
    """Return the status of every partition."""
    return {partition: result.status for partition, result in results.items()}


def stored(root: Path | str | Place) -> list[str]:
    """Return every data file, commit and record below a lake; pins and run log lines say that somebody looked."""
    found = (root if isinstance(root, Place) else Place(str(root))).listing()
    return [path for path in found if path.endswith((".parquet", ".zst")) or "_delta_log/" in path]


@contextlib.contextmanager
def transform(folder: Path, table: str, source: str) -> Iterator[None]:
    """Add a transform to the package for a while, as a file that the registry finds like any other."""
    layer, name = table.split("/")
    package = importlib.import_module(f"lakehouse_assets.transforms.{layer}")
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    package.__path__.append(str(folder))
    importlib.invalidate_caches()
    transform_of.cache_clear()
    try:
        yield
    finally:
        package.__path__.remove(str(folder))
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)
        transform_of.cache_clear()
