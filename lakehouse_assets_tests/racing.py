"""Several processes on one lake: started apart, let go together, and none of them may fail unless the test says so."""

import subprocess
import sys
from collections.abc import Sequence

from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import variables_of
from lakehouse_assets_tests.repository import ROOT


def start(lake: Lake, rounds: int, tables: str, *partitions: str, **environ: str) -> subprocess.Popen[str]:
    """Start a process that runs tables in rounds once it is told to; `environ` replaces variables."""
    return _start(lake, "racer", [str(rounds), tables, *partitions], environ)


def start_scheduler(lake: Lake, rounds: int, tables: str, *partitions: str) -> subprocess.Popen[str]:
    """Start a process that lets a Dagster instance of its own do that."""
    return _start(lake, "scheduler", [str(rounds), tables, *partitions], {})


def _start(lake: Lake, module: str, arguments: Sequence[str], environ: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"lakehouse_assets_tests.soak.{module}", *arguments]
    pipe = subprocess.PIPE
    environment = variables_of(lake) | environ
    return subprocess.Popen(command, text=True, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)


def let_go(*racers: subprocess.Popen[str]) -> None:
    """Wait until all processes are ready, then let them run at once."""
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "GO\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()


def finish(*racers: subprocess.Popen[str]) -> list[str]:
    """Let the processes run at once and return what they said; insist that none of them failed."""
    let_go(*racers)
    said = [racer.communicate() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * len(racers), [errors for _, errors in said]
    return [output for output, _ in said]
