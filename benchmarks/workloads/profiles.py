"""Silver from 5 million text rows with statistics of its columns kept; how many of the seconds these took."""

import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.data import DAY
from benchmarks.lakes import SILVER, lake_below, land
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.profiling.stopwatch import Stopwatch
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.pipeline.table_statistics import statistics_of
from lakehouse_assets.results import PUBLISHED


def prepare(folder: Path, rows: int) -> dict[str, float]:
    """Land the input; not part of the figure."""
    land(lake_below(folder), rows)
    return {"seconds": 0.0}


def ours(folder: Path, rows: int) -> dict[str, float]:
    """Publish and keep statistics; return the seconds of all of it, and those of the statistics."""
    plain = lake_below(folder)
    lake = replace(plain, settings=replace(plain.settings, statistics="columns"))
    for table in (SILVER, quarantine_of(SILVER)):
        shutil.rmtree(lake.root_of(table), ignore_errors=True)
    with Stopwatch().running() as watch:
        started = time.perf_counter()
        (result,) = materialise(lake, SILVER, [DAY], run_id="bench")
        seconds = time.perf_counter() - started
    assert result.status == PUBLISHED, result.message
    (known,) = statistics_of(lake, SILVER).known
    assert known.rows == result.record.ledger.published == rows - rows // 100
    return {"seconds": seconds, "statistics": sum(lap.seconds for lap in watch.laps if lap.name == "statistics")}


if __name__ == "__main__":
    variant, where, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    where.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"prepare": prepare, "ours": ours}[variant](where, count)))
