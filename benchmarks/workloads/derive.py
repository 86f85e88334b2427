"""Folding changes into entities: a batch into a large current table, beside delta-rs MERGE and beside a plain rewrite.

`prepare` makes the tables; `batch` publishes changes that nothing was derived from yet; the others are measured.
The name of a folder with a current table ends in the number of its buckets: `derive-64`.
"""

import json
import sys
import time
import uuid
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake  # noqa: TID251 - the copy is the rival's table

from benchmarks.entities import BATCH, CHANGES, PEOPLE, changes, entity_lake, publish_changes
from lakehouse_assets.engines.protocol import Branch, Target
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets.results import PUBLISHED

KEYS = 10_000_000
HISTORY_BUCKETS = 16
HISTORY_KEYS, HISTORY_BATCHES = 100_000, 20
FIRST = "2026-01-01"


def lake_of(folder: Path) -> Lake:
    """Return the lake with the current table."""
    return entity_lake(folder, "none", buckets=int(folder.name.rpartition("-")[2]))


def prepare(folder: Path, _: str) -> float:
    """Make ten million keys, derive them, and copy the result into a table for MERGE."""
    lake = lake_of(folder)
    parts = (pl.int_range(first, first + BATCH) for first in range(0, KEYS, BATCH))
    publish_changes(lake, FIRST, [changes(part, seed=0) for part in parts])
    ours(folder, "")
    return 0.0


def copy(folder: Path, _: str) -> float:
    """Copy the current table into an unpartitioned one, which MERGE then works on."""
    for file in sorted((folder / f"lake/{PEOPLE}").rglob("*.parquet")):
        write_deltalake(str(folder / "merged"), pl.read_parquet(file, hive_partitioning=False), mode="append")
    return 0.0


def batch(folder: Path, asked: str) -> float:
    """Publish a day of changes: `<day number>:<rows>`, keys drawn uniformly, one in eleven of them new."""
    number, rows = map(int, asked.split(":"))
    draw = pl.int_range(rows) * 7_919_003 % (KEYS * 11 // 10)
    publish_changes(lake_of(folder), f"2026-02-{number:02d}", [changes(draw, seed=number)])
    return 0.0


def ours(folder: Path, _: str) -> float:
    """Derive the current table from what is new; return seconds."""
    lake = lake_of(folder)
    before = lake.open(PEOPLE)
    old = {file.path for file in before.files} if before else set()
    started = time.perf_counter()
    (result,) = materialise(lake, PEOPLE, ["0"], run_id=uuid.uuid4().hex)
    seconds = time.perf_counter() - started
    assert result.status == PUBLISHED, result.message
    after = lake.open(PEOPLE)
    assert after is not None
    touched = {file.partition for file in after.files if file.path not in old}
    print(f"{len(touched)} of {len(after.partitions)} buckets touched", file=sys.stderr)
    return seconds


def merge(folder: Path, asked: str) -> float:
    """Let delta-rs MERGE the same batch into the copy; return seconds."""
    day = f"2026-02-{int(asked.split(':', maxsplit=1)[0]):02d}"
    log = folder / f"lake/{CHANGES}/_proc_date={day}"
    source = pl.read_parquet(sorted(log.glob("*.parquet")), hive_partitioning=False).drop("_deleted")
    started = time.perf_counter()
    (
        DeltaTable(str(folder / "merged"))
        .merge(source, "t.person_id = s.person_id", source_alias="s", target_alias="t")
        .when_matched_update_all("s.changed_at > t.changed_at")
        .when_not_matched_insert_all()
        .execute()
    )
    return time.perf_counter() - started


def rewrite(folder: Path, _: str) -> float:
    """Write the whole current table once more; return seconds."""
    lake = lake_of(folder)
    table = lake.open(PEOPLE)
    assert table is not None
    target = Target(str(folder / "copy"), table.partition_column, f"copy-0000-{uuid.uuid4().hex[:8]}")
    started = time.perf_counter()
    lake.engine.stage([Branch(lake.scan(table), target)])
    return time.perf_counter() - started


def prepare_history(folder: Path, _: str) -> float:
    """Make a log of twenty million changes of a hundred thousand keys."""
    keys = [pl.int_range(BATCH) * 7_919 % HISTORY_KEYS for _ in range(HISTORY_BATCHES)]
    frames = [changes(drawn, seed=seed, values=4) for seed, drawn in enumerate(keys)]
    publish_changes(entity_lake(folder, "scd2", buckets=HISTORY_BUCKETS), FIRST, frames)
    return 0.0


def history(folder: Path, _: str) -> float:
    """Build every version of every key from the log; return seconds."""
    lake = entity_lake(folder, "scd2", buckets=HISTORY_BUCKETS)
    started = time.perf_counter()
    (result,) = materialise(lake, PEOPLE, ["0"], run_id=uuid.uuid4().hex)
    assert result.status == PUBLISHED, result.message
    return time.perf_counter() - started


_VARIANTS = {each.__name__: each for each in (prepare, copy, batch, ours, merge, rewrite, prepare_history, history)}

if __name__ == "__main__":
    variant, where, argument = sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""
    where.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"seconds": _VARIANTS[variant](where, argument)}))
