"""Results in files: what was accepted (committed), what was measured last (not), and what one says about the other."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Measured
from benchmarks.measure import Run

ACCEPTED = Path(__file__).parent / "results.json"
LAST = Path(".lake/bench/results.json")
OK, MISSED, REGRESSED = "ok", "missed", "regressed"


@dataclass(frozen=True, slots=True)
class Results:
    """Figures by their id, as they stand in a file, and the machine they were measured on."""

    machine: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, Any]]


def load(path: Path) -> Results:
    """Return what a file says; a file that is not there says nothing."""
    if not path.exists():
        return Results({}, {})
    found = json.loads(path.read_text())
    return Results(found["machine"], {figure["id"]: figure for figure in found["figures"]})


def save(path: Path, figures: Mapping[str, Mapping[str, Any]], order: Iterable[str]) -> None:
    """Write figures in the order of the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [figures[name] for name in order if name in figures]
    path.write_text(json.dumps({"machine": machine(), "figures": kept}, indent=1) + "\n")


def as_entry(figure: Figure, measured: Measured, runs: Iterable[Run], day: str) -> dict[str, Any]:
    """Return a figure as it stands in a file: value, single values, and the raw times of every process."""
    value = round(measured.value, 3)
    return {
        "id": figure.id,
        "value": value,
        "unit": figure.unit,
        "must": figure.must,
        "aim": figure.aim,
        "passed": figure.is_within(value, figure.must),
        "measured_on": day,
        "runs": [round(one, 3) for one in measured.runs],
        "rounds": [_round(run) for run in runs],
    }


def verdict(figure: Figure, value: float, accepted: Mapping[str, Any] | None) -> str:
    """Return whether a value misses what it must reach, or is worse than what was accepted beyond the noise."""
    if not figure.is_within(value, figure.must):
        return MISSED
    is_worse = accepted and not figure.is_within(value, figure.allowed(accepted["value"]))
    return REGRESSED if is_worse else OK


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
    }


def _round(run: Run) -> dict[str, Any]:
    told = {"seconds": run.seconds, "cpu_seconds": run.cpu_seconds, "peak_gib": run.peak_gib}
    return {"what": run.what, **{name: round(value, 3) for name, value in told.items()}, **run.printed}
