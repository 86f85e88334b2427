"""Typed rows judged, staged and published by the engine on Spark (`ours`), and Spark's own read and write (`plain`)."""

import json
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from benchmarks.data import DAY, orders
from benchmarks.lakes import SILVER, lake_below
from benchmarks.workloads.judge import TYPED
from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.engines.spark_session import open_session, session_settings
from lakehouse_assets.naming import PROC_DATE, RAW_HASH, ROW_ID, quarantine_of
from lakehouse_assets.pipeline.computing import computing
from lakehouse_assets.pipeline.publish import publish
from lakehouse_assets.pipeline.refine import scope_of
from lakehouse_assets.pipeline.split import Rules, split
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets.quality.judge import bind
from lakehouse_assets.results import PUBLISHED
from lakehouse_assets.settings import SparkPlace

ROWS_PER_FILE = 1_000_000


def prepare(folder: Path, rows: int) -> float:
    """Write typed rows as Spark would find them in a table; not part of the figure."""
    number = pl.int_range(pl.len())
    own = [number.cast(pl.String).alias(ROW_ID), number.alias(RAW_HASH), pl.lit(DAY).alias(PROC_DATE)]
    frame = orders(rows).with_columns(*TYPED, *own)
    for first in range(0, rows, ROWS_PER_FILE):
        file = folder / "typed" / f"{first // ROWS_PER_FILE}.parquet"
        file.parent.mkdir(exist_ok=True)
        frame.slice(first, ROWS_PER_FILE).sink_parquet(file)
    return 0.0


def ours(folder: Path, rows: int) -> float:
    """Evaluate the contract's rules, write good and refused rows, count and hash them, publish; return seconds."""
    lake = lake_below(folder)
    for table in (SILVER, quarantine_of(SILVER)):
        shutil.rmtree(lake.root_of(table), ignore_errors=True)
    contract = lake.contract(SILVER)
    step = open_step(computing(replace(lake, engine_name="spark"), contract), contract, [DAY], run_id="bench", chunk=0)
    specs = [spec for spec in contract.rules if spec.kind is RuleKind.ROW]
    rules = Rules(bind(specs, lake.rule_functions, scope_of(contract)))
    raw = {column.name: column.name for column in contract.columns}
    started = time.perf_counter()
    frame = nw.from_native(_session().read.parquet(str(folder / "typed")))
    done = split(step, [frame], frame, rules=rules, raw=raw)
    (result,) = publish(step, replace(done.draft, tallies=(done.tally(DAY, read=rows),)))
    seconds = time.perf_counter() - started
    assert result.status == PUBLISHED, result.message
    assert result.record.ledger.quarantined == rows // 100, result.record.ledger
    return seconds


def plain(folder: Path, rows: int) -> float:
    """Let Spark read the same rows and write them; return seconds."""
    del rows
    spark = _session()
    started = time.perf_counter()
    spark.read.parquet(str(folder / "typed")).write.mode("overwrite").parquet(str(folder / "plain"))
    return time.perf_counter() - started


def _session() -> Any:  # noqa: ANN401 - classic or Connect
    return open_session(session_settings(SparkPlace(), os.environ))


if __name__ == "__main__":
    variant, where, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    where.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"seconds": {"prepare": prepare, "ours": ours, "plain": plain}[variant](where, count)}))
