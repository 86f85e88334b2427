"""`make soak [ARGS="--seed N --kills N --others N MODE…"]`: strikes runs of each load mode at moments drawn by seeds.

The mode `kafka` needs `make kafka-jars` and is asked for by name. Writes `docs/reliability.md` with commit, seeds and
machine when every mode was asked for; exits with 1 when a struck run was not mended by the next. Modes run side by
side, each in a process of its own.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from lakehouse_assets_tests.soak import streams
from lakehouse_assets_tests.soak.campaign import Trial, trials
from lakehouse_assets_tests.soak.modes import MODES, Mode
from lakehouse_assets_tests.soak.report import REPORT, REPOSITORY, page
from lakehouse_assets_tests.soak.triggers import STRIKES

KILLS, OTHERS = 200, 25
# Struck by itself: its work has no end that a run could be compared with.
KAFKA = "kafka"


def main(arguments: list[str]) -> int:
    """Run the campaign and write the report."""
    asked = _asked(arguments)
    if asked.modes == [KAFKA]:
        return streams.main(asked.seed)
    chosen = [mode for mode in MODES if not asked.modes or mode.name in asked.modes]
    if asked.alone:
        for trial in _strike(chosen[0], asked):
            sys.stdout.write(json.dumps(asdict(trial)) + "\n")
            sys.stdout.flush()
        return 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = [trial for of in pool.map(lambda mode: _alone(mode, asked), chosen) for trial in of]
    if not asked.modes:
        REPORT.write_text(page(found, seed=asked.seed), encoding="utf-8")
    return 1 if any(trial.problems for trial in found) else 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--kills", type=int, default=KILLS, help="kills a mode")
    parser.add_argument("--others", type=int, default=OTHERS, help="strikes of every other fault a mode")
    parser.add_argument("--alone", action="store_true", help="one mode in this process, JSON lines on stdout")
    parser.add_argument("modes", nargs="*")
    return parser.parse_args(arguments)


def _strike(mode: Mode, asked: argparse.Namespace) -> Iterator[Trial]:
    with tempfile.TemporaryDirectory(prefix="lakehouse-soak-") as name:
        for fault in STRIKES:
            times = asked.kills if fault == "kill" else asked.others
            yield from trials(mode, Path(name), fault, range(asked.seed, asked.seed + times))


def _alone(mode: Mode, asked: argparse.Namespace) -> list[Trial]:
    options = ["--alone", "--seed", asked.seed, "--kills", asked.kills, "--others", asked.others, mode.name]
    command = [sys.executable, "-m", "lakehouse_assets_tests.soak", *map(str, options)]
    found: list[Trial] = []
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            data = json.loads(line)
            trial = Trial(**(data | {"problems": tuple(data["problems"])}))
            found.append(trial)
            verdict = "; ".join(trial.problems) or "equal"
            sys.stdout.write(f"{trial.mode}, {trial.fault} {trial.seed}, {trial.phase}, {trial.where}: {verdict}\n")
            sys.stdout.flush()
    if child.returncode:
        raise RuntimeError(f"the campaign of {mode.name} did not end; its error is above.")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
