"""Silver from 5 million text rows: by this project (`ours`), once more (`again`), and as Polars' copy (`plain`)."""

import json
import shutil
import sys
import time
from pathlib import Path

import polars as pl

from benchmarks.data import DAY, write_text_parquet
from benchmarks.lakes import SILVER, lake_below, land
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import PUBLISHED, UNCHANGED


def prepare(folder: Path, rows: int) -> float:
    """Make the inputs of both variants; not part of the figure."""
    write_text_parquet(folder / "orders.parquet", rows)
    land(lake_below(folder), rows)
    return 0.0


def ours(folder: Path, rows: int) -> float:
    """Parse, drop identical rows, judge, dedupe, split, quarantine, record and publish; return seconds."""
    lake = lake_below(folder)
    for table in (SILVER, quarantine_of(SILVER)):
        shutil.rmtree(lake.root_of(table), ignore_errors=True)
    started = time.perf_counter()
    (result,) = materialise(lake, SILVER, [DAY], run_id="bench")
    seconds = time.perf_counter() - started
    ledger = result.record.ledger
    assert result.status == PUBLISHED, result.message
    assert (ledger.read, ledger.quarantined) == (rows, rows // 100)
    return seconds


def again(folder: Path, rows: int) -> float:
    """Run the partition once more with nothing changed; return seconds."""
    lake = lake_below(folder)
    started = time.perf_counter()
    (result,) = materialise(lake, SILVER, [DAY], run_id="again")
    seconds = time.perf_counter() - started
    assert (result.status, result.record.ledger.read) == (UNCHANGED, rows), result.message
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
    variants = {"prepare": prepare, "ours": ours, "again": again, "plain": plain}
    print(json.dumps({"seconds": variants[variant](where, count)}))
