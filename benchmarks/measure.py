"""Running workloads in fresh processes and taking their time, CPU and peak memory from the operating system."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
GIB = 1024 * 1024
# What is written down while a figure is measured: every process, whatever becomes of its times.
_JOURNALS: list[list["Run"]] = []


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process.

    `seconds` is the measured section's wall time, as the process itself printed it with whatever else it had to say;
    `peak_gib` adds the peaks of other processes that it used and measured (a Java server, say).
    """

    what: str
    seconds: float
    cpu_seconds: float
    peak_gib: float
    printed: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def journal() -> Iterator[list[Run]]:
    """Collect every run that is made inside."""
    runs: list[Run] = []
    _JOURNALS.append(runs)
    try:
        yield runs
    finally:
        _JOURNALS.remove(runs)


def run(workload: str, *arguments: str) -> Run:
    """Run `python -m benchmarks.workloads.<workload> <arguments>` and return what it cost."""
    return run_module(f"benchmarks.workloads.{workload}", *arguments)


def run_module(module: str, *arguments: str, python: str = sys.executable) -> Run:
    """Run a module of this folder in a fresh process, perhaps of another environment, and return what it cost."""
    command = [python, "-m", module, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[2:])} exited with {process.returncode}:\n{output[-2000:]}")
    printed = json.loads(output.strip().splitlines()[-1])
    seconds, helpers = float(printed.pop("seconds")), float(printed.pop("helpers_peak_gib", 0))
    what = " ".join([module.removeprefix("benchmarks.").removeprefix("workloads."), *_told(arguments)])
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / GIB + helpers
    return note(Run(what, seconds, cpu, peak, printed))


def note(run: Run) -> Run:
    """Write a run down in every open journal; it is returned."""
    for each in _JOURNALS:
        each.append(run)
    return run


def interleaved(workload: str, first: str, second: str, *arguments: str, times: int = 3) -> tuple[float, list[float]]:
    """Return the median of the ratios first ÷ second of runs taken in turn, and all ratios."""
    ratios = []
    for _ in range(times):
        a = run(workload, first, *arguments)
        b = run(workload, second, *arguments)
        ratios.append(a.seconds / b.seconds)
    return statistics.median(ratios), ratios


def _told(arguments: tuple[str, ...]) -> list[str]:
    # Folders are another in every run, and of this machine.
    return [argument for argument in arguments if not argument.startswith("/")]
