"""Lakes with a past: crumbs, replaced files, quarantine nobody counts, a run that died; all of it hours old."""

import os
from datetime import timedelta
from pathlib import Path

import polars as pl

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.storage.records import write_record
from lakehouse_assets_tests.builders import partition_record, publish_record
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, deliver, order, orders_contract, refresh

RETENTION = {"LAKEHOUSE_MAINTENANCE__RETENTION": "60min"}
LONG_AGO = timedelta(hours=3)


def crumbling(lake: Lake) -> Lake:
    """Return the same lake with an engine that writes files of three rows."""
    other = Lake(lake.root, lake.catalog, lake.settings)
    vars(other)["engine"] = PolarsEngine(lake.options, rows_per_file=3)
    return other


def clustered_by(columns: str) -> str:
    gate = "      - {property: lakehouse.publishGate"
    cluster = f"      - {{property: lakehouse.cluster, value: {columns}}}\n"
    return orders_contract().replace(gate, cluster + gate)


def live_through(lake: Lake) -> Lake:
    """Publish two days four times, once in crumbs, so that rows are replaced, refused and taken back."""
    for last in ("many", "none", "7"):
        for day in (DAY, NEXT):
            deliver(lake, day, [*[order(number, amount=30 - number) for number in range(9)], order(9, amount=last)])
        refresh(crumbling(lake), DAY, NEXT)
    deliver(lake, DAY, [order(number, amount="many") for number in range(3)])
    refresh(lake, DAY)
    return lake


def die_after_staging(lake: Lake, publish: str) -> None:
    """Leave what a run leaves that is killed between its record and its commit."""
    folder = Path(lake.root_of(ORDERS))
    pl.DataFrame({"order_id": ["x"]}).write_parquet(folder / f"_proc_date={DAY}/stg-{publish}-00000.parquet")
    (folder / f"_proc_date={DAY}/stg-{publish}-00001.parquet#1").write_bytes(b"half a file")
    write_record(lake.objects_of(ORDERS), publish_record(publish, partition_record(DAY), at="2026-01-01T00:00:00"))


def age(lake: Lake) -> None:
    """Make everything that is there hours old, in the order in which it was written."""
    for path in Path(lake.root).rglob("*"):
        if path.is_file() and not path.name.startswith("state.db"):
            before = path.stat().st_mtime - LONG_AGO / timedelta(seconds=1)
            os.utime(path, (before, before))


def picture(lake: Lake) -> tuple[object, ...]:
    """Return what readers see: rows, records, refused rows."""
    rows = served_quarantine(lake, ORDERS)
    refused = [] if rows is None else sorted(lake.engine.collect(rows)["raw"])
    return content_of(lake, ORDERS).partitions, served(lake, ORDERS), refused


def files_below(folder: str | Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())
    return sorted(path for path in found if "/versions/" not in path)
