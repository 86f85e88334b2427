"""Bronze from a 5-million-row CSV, by this project (`ours`) and as `scan_csv` → Parquet with text columns (`plain`)."""

import json
import shutil
import sys
import time
from pathlib import Path

import polars as pl

from benchmarks.data import COLUMNS, DAY, write_csv
from benchmarks.lakes import BRONZE, lake_below
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import PUBLISHED


def prepare(folder: Path, rows: int) -> float:
    """Make the input of both variants; not part of the figure."""
    (folder / "drop").mkdir(exist_ok=True)
    write_csv(folder / "drop" / f"{DAY}.csv", rows)
    return 0.0


def ours(folder: Path, rows: int) -> float:
    """Read, check, hash, stage, record and publish; return seconds."""
    lake = lake_below(folder)
    shutil.rmtree(lake.root_of(BRONZE), ignore_errors=True)
    started = time.perf_counter()
    (result,) = materialise(lake, BRONZE, [DAY], run_id="bench")
    seconds = time.perf_counter() - started
    assert result.status == PUBLISHED, result.message
    assert result.record.ledger.published == rows
    return seconds


def plain(folder: Path, rows: int) -> float:
    """Convert the same file with Polars alone; return seconds."""
    del rows
    started = time.perf_counter()
    schema = dict.fromkeys(COLUMNS, pl.String())
    pl.scan_csv(folder / "drop" / f"{DAY}.csv", schema=schema).sink_parquet(folder / "plain.parquet")
    return time.perf_counter() - started


if __name__ == "__main__":
    variant, where, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    where.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"seconds": {"prepare": prepare, "ours": ours, "plain": plain}[variant](where, count)}))
