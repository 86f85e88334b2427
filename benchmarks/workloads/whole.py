"""The whole job that peers do too (`ours`), dirty text rows to a published table and quarantine; a copy (`plain`)."""

import json
import shutil
import sys
import time
from pathlib import Path

import polars as pl

from benchmarks.data import DAY, dirty_orders, truth_of
from benchmarks.lakes import SILVER, lake_below, land
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import PUBLISHED


def prepare(folder: Path, rows: int) -> float:
    """Write the input once for all: as text Parquet, as CSV, and landed in bronze."""
    dirty_orders(rows).sink_parquet(folder / "orders.parquet")
    dirty_orders(rows).sink_csv(folder / "orders.csv")
    land(lake_below(folder, duplicates="quarantine"), rows, dirty_orders)
    return 0.0


def ours(folder: Path, rows: int) -> float:
    """Parse, drop identical rows, judge, find repeated ids, split, quarantine, record and publish; return seconds."""
    lake = lake_below(folder, duplicates="quarantine")
    for table in (SILVER, quarantine_of(SILVER)):
        shutil.rmtree(lake.root_of(table), ignore_errors=True)
    started = time.perf_counter()
    (result,) = materialise(lake, SILVER, [DAY], run_id="bench")
    seconds = time.perf_counter() - started
    assert result.status == PUBLISHED, result.message
    assert result.record.ledger.published == truth_of(rows).good, result.record.ledger
    return seconds


def plain(folder: Path, rows: int) -> float:
    """Copy the same rows with Polars alone; return seconds."""
    del rows
    started = time.perf_counter()
    pl.scan_parquet(folder / "orders.parquet").sink_parquet(folder / "plain.parquet")
    return time.perf_counter() - started


if __name__ == "__main__":
    variant, where, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    where.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"seconds": {"prepare": prepare, "ours": ours, "plain": plain}[variant](where, count)}))
