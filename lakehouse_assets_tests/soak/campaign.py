"""A campaign: undisturbed runs first, then runs that a fault strikes, each followed by a run that must mend it.

Every run is a forked child, so that hundreds of them cost no start-up; the parent itself never computes anything,
because threads of the engine do not survive a fork.
"""

import json
import os
import random
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.entities import turns
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.soak.modes import Mode
from lakehouse_assets_tests.soak.triggers import PHASES, STRIKES, Trigger, told_at

# A struck deriver leaves its lease behind, and hundreds of trials have no time to wait for its end.
turns.SECONDS = 1.5

Hashes = dict[str, str]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a fault strikes: at the `at`-th event of a phase."""

    fault: str
    phase: str
    at: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One struck run: where the fault struck, and what was wrong afterwards (nothing, when all is well)."""

    mode: str
    fault: str
    seed: int
    phase: str
    where: str
    problems: tuple[str, ...]


def trials(mode: Mode, folder: Path, fault: str, seeds: range) -> Iterator[Trial]:
    """Strike one run for each seed; the moment is drawn from the seed."""
    inputs = folder / "inputs"
    if not inputs.exists():
        mode.prepare(inputs)
    calm = _in_child(folder / "calm.json", lambda: _undisturbed(mode, folder / "calm", inputs))
    for seed in seeds:
        draw = random.Random(f"{mode.name} {fault} {seed}")  # noqa: S311 - a campaign must be repeatable
        phase = draw.choice([name for name in PHASES if calm["events"].get(name)])
        moment = Moment(fault, phase, draw.randint(1, calm["events"][phase]))
        yield _trial(mode, folder / f"trial-{seed}", moment, calm["hashes"], seed)


def _undisturbed(mode: Mode, root: Path, inputs: Path) -> dict[str, object]:
    shutil.rmtree(root, ignore_errors=True)
    lake = mode.open(root, inputs)
    with Trigger(root) as trigger:
        mode.work(lake)
    return {"events": trigger.counts, "hashes": _hashes(mode, lake)}


def _trial(mode: Mode, root: Path, moment: Moment, expected: Hashes, seed: int) -> Trial:
    inputs, told = root.with_name("inputs"), told_at(root)
    _in_child(None, lambda: _struck(mode, root, inputs, moment))
    where = told.read_text(encoding="utf-8") if told.exists() else "the run had finished"
    problems = _in_child(root.with_suffix(".json"), lambda: _mended(mode, root, inputs, expected))["problems"]
    shutil.rmtree(root, ignore_errors=True)
    told.unlink(missing_ok=True)
    return Trial(mode.name, moment.fault, seed, moment.phase, where, tuple(problems))


def _struck(mode: Mode, root: Path, inputs: Path, moment: Moment) -> None:
    lake = mode.open(root, inputs)
    with Trigger(root, moment.phase, moment.at, STRIKES[moment.fault]):
        mode.work(lake)


def _mended(mode: Mode, root: Path, inputs: Path, expected: Hashes) -> dict[str, list[str]]:
    lake = mode.open(root, inputs)
    problems = [f"{table} is torn" for table in mode.tables if _is_torn(lake, table)]
    mode.work(lake)
    found = _hashes(mode, lake)
    problems += [f"{table} differs" for table, digest in expected.items() if found[table] != digest]
    left = absorb(lake, store_of(lake))
    return {"problems": [*problems, *(f"record {record.publish} was not absorbed" for record in left)]}


def _hashes(mode: Mode, lake: Lake) -> Hashes:
    return {str(table): content_of(lake, table).hash for table in mode.watched if lake.open(table) is not None}


def _is_torn(lake: Lake, name: TableName) -> bool:
    table = lake.open(name)
    if table is None:
        return False
    counted = pl.scan_delta(table.root, version=table.version).select(pl.len()).collect().item()
    return int(counted) != sum(file.rows for file in table.files)


def _in_child(answer: Path | None, work: Callable[[], object]) -> dict[str, Any]:
    """Run `work` in a forked child and return what it wrote to `answer`; the child's errors are only told there."""
    if answer is not None:
        answer.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _be_child(answer, work)
    os.waitpid(child, 0)
    if answer is None:
        return {}
    if not answer.exists():
        raise RuntimeError(f"a run that nobody struck failed; its error is above ({answer.stem}).")
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def _be_child(answer: Path | None, work: Callable[[], object]) -> None:
    try:
        result = work()
        if answer is not None:
            answer.write_text(json.dumps(result), encoding="utf-8")
    except (LakehouseError, OSError, RuntimeError):
        # A struck run may fail in its own way; a mending one must not.
        if answer is not None:
            traceback.print_exc()
            sys.stderr.flush()
    finally:
        os._exit(0)
