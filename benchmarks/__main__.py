"""`python -m benchmarks [figure …]`: measure and write `benchmarks/results.json`; exit 1 when a `must` is missed."""

import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.figures import FIGURES, Figure

RESULTS = Path(__file__).parent / "results.json"


def main(wanted: list[str]) -> int:
    """Measure the figures asked for (default: all), keeping earlier values of the others."""
    known = {figure["id"]: figure for figure in _earlier()}
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        for figure in FIGURES:
            if not wanted or figure.id in wanted:
                known[figure.id] = _measured(figure, Path(folder))
                _write(known)
    return 0 if all(figure["passed"] for figure in known.values()) else 1


def _write(known: dict[str, dict[str, Any]]) -> None:
    figures = [known[figure.id] for figure in FIGURES if figure.id in known]
    RESULTS.write_text(json.dumps({"machine": _machine(), "figures": figures}, indent=1) + "\n")


def _measured(figure: Figure, folder: Path) -> dict[str, Any]:
    measured = figure.measure(folder)
    value = round(measured.value, 3)
    verdict = "ok" if value <= figure.must else "MISSED"
    print(f"{figure.id:22} {value:8.3f} {figure.unit:6} must {figure.must}  aim {figure.aim}  {verdict}", flush=True)
    return {
        "id": figure.id,
        "value": value,
        "unit": figure.unit,
        "must": figure.must,
        "aim": figure.aim,
        "passed": value <= figure.must,
        "runs": [round(one, 3) for one in measured.runs],
    }


def _earlier() -> list[dict[str, Any]]:
    return json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else []


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
