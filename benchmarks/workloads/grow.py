"""One thing at a time grows, everything else stays small: rows, partitions, tables, rules, files or commits."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from benchmarks.data import DAY
from benchmarks.lakes import BRONZE, SILVER, lake_below, land
from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.run import materialise

ROWS, FEW = 100_000, 100
_CONTRACT = "config/contracts/silver/orders.odcs.yaml"


def _days(count: int) -> list[str]:
    first = date.fromisoformat(DAY)
    return [(first + timedelta(days=number)).isoformat() for number in range(count)]


def _land_rows(folder: Path, count: int) -> None:
    land(lake_below(folder), count)


def _land_days(folder: Path, count: int) -> None:
    lake = lake_below(folder)
    for day in _days(count):
        land(lake, FEW, day=day)


def _land_files(folder: Path, count: int) -> None:
    lake = lake_below(folder)
    small = Lake(lake.root, lake.catalog, lake.settings, PolarsEngine(rows_per_file=max(1, ROWS // count)))
    land(small, ROWS)


def _declare_rules(folder: Path, count: int) -> None:
    land(lake_below(folder), ROWS)
    rules = [
        f"{{id: range_{number}, type: custom, engine: lakehouse,"
        f" implementation: {{rule: between, min: {-number}, max: {100_000 + number}}}}}"
        for number in range(count)
    ]
    path = folder / _CONTRACT
    lines = path.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "name: quantity" in line)
    lines[at] = lines[at].rstrip().removesuffix("}") + f", quality: [{', '.join(rules)}]}}\n"
    path.write_text("".join(lines))


def _declare_tables(folder: Path, count: int) -> None:
    lake_below(folder)
    text = (folder / _CONTRACT).read_text()
    for number in range(count):
        name = f"orders_{number:04}"
        copy = text.replace("silver.orders", f"silver.{name}").replace("name: orders\n", f"name: {name}\n")
        (folder / f"config/contracts/silver/{name}.odcs.yaml").write_text(copy)


def _commit_often(folder: Path, count: int) -> None:
    lake = lake_below(folder)
    for _ in range(count):
        land(lake, 1)


def _refine(folder: Path, days: list[str], *, keep: bool = False) -> float:
    lake = open_lake(lake_below(folder, keep=keep).settings)
    for table in (SILVER, quarantine_of(SILVER)):
        shutil.rmtree(lake.root_of(table), ignore_errors=True)
    started = time.perf_counter()
    results = list(materialise(lake, SILVER, days, run_id="grow"))
    seconds = time.perf_counter() - started
    assert len(results) == len(days)
    assert not any(result.is_blocked for result in results), results[0].message
    return seconds


def _open_tables(folder: Path) -> float:
    settings = lake_below(folder).settings
    started = time.perf_counter()
    open_lake(settings)
    return time.perf_counter() - started


def _open_log(folder: Path) -> float:
    lake = lake_below(folder)
    started = time.perf_counter()
    assert lake.open(BRONZE) is not None
    return time.perf_counter() - started


PREPARE: dict[str, Callable[[Path, int], None]] = {
    "rows": _land_rows,
    "partitions": _land_days,
    "tables": _declare_tables,
    "rules": _declare_rules,
    "files": _land_files,
    "commits": _commit_often,
}
RUN: dict[str, Callable[[Path, int], float]] = {
    "rows": lambda folder, _: _refine(folder, [DAY]),
    "partitions": lambda folder, count: _refine(folder, _days(count)),
    "tables": lambda folder, _: _open_tables(folder),
    "rules": lambda folder, _: _refine(folder, [DAY], keep=True),
    "files": lambda folder, _: _refine(folder, [DAY]),
    "commits": lambda folder, _: _open_log(folder),
}


if __name__ == "__main__":
    variant, what, where, sizes = sys.argv[1], sys.argv[2], Path(sys.argv[3]), [int(one) for one in sys.argv[4:]]
    if variant == "prepare":
        for size in sizes:
            PREPARE[what](where / str(size), size)
        print(json.dumps({"seconds": 0}))
    else:
        busy = time.process_time()
        took = RUN[what](where / str(sizes[0]), sizes[0])
        print(json.dumps({"seconds": took, "busy_seconds": time.process_time() - busy}))
