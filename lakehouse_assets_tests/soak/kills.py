"""Killing runs at random moments: after a rerun the lake must equal one that was never disturbed."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.retail_files import write_days
from lakehouse_assets_tests.soak.chain import CHAIN, SILVER, run_chain

ROWS = 4_000


@dataclass(frozen=True, slots=True)
class Kill:
    """One run that was killed: after how many seconds, and whether it had already finished by itself."""

    seed: int
    seconds: float
    had_finished: bool
    torn: tuple[str, ...]
    differs: tuple[str, ...]


def environment(root: Path, drop: Path) -> dict[str, str]:
    """Return what a child process needs to work on a lake of its own."""
    return os.environ | {
        "LAKEHOUSE_ENV": "local",
        "LAKEHOUSE_ROOT": str(root),
        "LAKEHOUSE_RUN_LOG": "off",
        "RETAIL_DROP": str(drop),
    }


def lake_at(root: Path, drop: Path) -> Lake:
    """Open the lake of a campaign in this process."""
    os.environ["RETAIL_DROP"] = str(drop)
    return open_lake(load_settings(environment(root, drop)))


def hashes(lake: Lake) -> dict[str, str]:
    """Return the content hash of every table of the chain and of the quarantine."""
    return {str(table): content_of(lake, table).hash for table in (*CHAIN, quarantine_of(SILVER))}


def undisturbed(folder: Path) -> tuple[dict[str, str], float]:
    """Run the chain once in a child process; return the hashes and how long the work took."""
    drop = folder / "drop"
    write_days(drop, ROWS)
    child = _start(folder / "calm", drop)
    began = time.monotonic()
    child.communicate()
    return hashes(lake_at(folder / "calm", drop)), time.monotonic() - began


def kill_once(folder: Path, seed: int, seconds: float) -> Kill:
    """Kill a run after a moment drawn from `seed`, look at every table, run again, compare."""
    expected = hashes(lake_at(folder / "calm", folder / "drop"))
    root, drop = folder / f"killed-{seed}", folder / "drop"
    delay = random.Random(seed).uniform(0, seconds)  # noqa: S311 - a campaign must be repeatable
    child = _start(root, drop)
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate()
    lake = lake_at(root, drop)
    torn = tuple(str(table) for table in CHAIN if not _is_readable(lake, root / str(table)))
    run_chain(lake)
    found = hashes(lake)
    differs = tuple(table for table, digest in expected.items() if found[table] != digest)
    return Kill(seed, delay, "DONE" in rest, torn, differs)


def _is_readable(lake: Lake, folder: Path) -> bool:
    if not (folder / "_delta_log").exists() or not any((folder / "_delta_log").glob("*.json")):
        return True
    table = lake.open(next(name for name in CHAIN if folder.parts[-len(name.parts) :] == name.parts))
    if table is None:
        return True
    counted = pl.scan_delta(str(folder), version=table.version).select(pl.len()).collect().item()
    return int(counted) == sum(file.rows for file in table.files)


def _start(root: Path, drop: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "lakehouse_assets_tests.soak.chain"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(root, drop))
    if child.stdout is None or child.stdout.readline().strip() != "GO":
        raise RuntimeError("the chain did not start.")
    return child
