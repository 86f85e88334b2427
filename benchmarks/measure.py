"""Running workloads in fresh processes and taking their time, CPU and peak memory from the operating system."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

GIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process. `seconds` is the measured section's wall time, as the process itself printed it."""

    seconds: float
    cpu_seconds: float
    peak_gib: float


def run(workload: str, *arguments: str) -> Run:
    """Run `python -m benchmarks.workloads.<workload> <arguments>` and return what it cost."""
    command = [sys.executable, "-m", f"benchmarks.workloads.{workload}", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[2:])} exited with {process.returncode}:\n{output[-2000:]}")
    printed = json.loads(output.strip().splitlines()[-1])
    return Run(float(printed["seconds"]), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / GIB)


def interleaved(workload: str, first: str, second: str, *arguments: str, times: int = 3) -> tuple[float, list[float]]:
    """Return the median of the ratios first ÷ second of runs taken in turn, and all ratios."""
    ratios = []
    for _ in range(times):
        a = run(workload, first, *arguments)
        b = run(workload, second, *arguments)
        ratios.append(a.seconds / b.seconds)
    return statistics.median(ratios), ratios
