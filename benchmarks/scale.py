"""`python -m benchmarks.scale`: let one thing grow a hundredfold at a time, and write down what that costs.

CPU seconds are the measure: they hold on a machine that does other things besides. The table between the marks in
`docs/scale.md` is written from `benchmarks/scale.json` and from nothing else.
"""

import json
import math
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, run
from benchmarks.results import machine

RESULTS = Path(__file__).parent / "scale.json"
PAGE = ROOT / "docs/scale.md"
START, END = "<!-- measured: python -m benchmarks.scale -->\n", "<!-- end of measured -->\n"
DECADES = (1, 10, 100)
TIMES = 1
DAYS = (("1 GB", 10**9), ("10 GB", 10**10), ("100 GB", 10**11), ("1 TB", 10**12), ("10 TB", 10**13))
# What is held of each row of a partition while repeats are looked for.
HASH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Growing:
    """What grows, from which size, and what one of it is called."""

    name: str
    first: int
    one: str
    about: str


GROWING = (
    Growing("rows", 10_000, "row", "one partition, ten columns, twelve rules, to silver"),
    Growing("partitions", 1, "partition", "one run over days of a hundred rows, to silver"),
    Growing("tables", 1, "contract", "reading and checking the configuration"),
    Growing("rules", 1, "rule", "more range rules on one column of 100,000 rows"),
    Growing("files", 1, "file", "one partition of 100,000 rows in so many files"),
    Growing("commits", 1, "commit", "opening a table whose log has so many commits since it began"),
)


def main(names: list[str]) -> None:
    """Measure what is asked for (default: everything); each result is written at once, with the page."""
    for growing in GROWING:
        if growing.name in names or not names:
            known = {one["name"]: one for one in _known()["growth"]}
            known[growing.name] = _measured(growing)
            _write([known[each.name] for each in GROWING if each.name in known])


def _known() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"growth": []}
    return found


def _write(growth: list[dict[str, Any]]) -> None:
    RESULTS.write_text(json.dumps({"machine": machine(), "growth": growth}, indent=1) + "\n")
    write_page()


def write_page() -> None:
    """Write what was measured between the marks of the page."""
    PAGE.write_text(with_table(PAGE.read_text(), json.loads(RESULTS.read_text())))


def with_table(page: str, found: dict[str, Any]) -> str:
    """Return the page with the measured part made again."""
    before, rest = page.split(START)
    return before + START + rendered(found) + END + rest.split(END)[1]


def rendered(found: dict[str, Any]) -> str:
    """Return the table of slopes, and what they come to at 10 TB a day."""
    lines = [
        "| what grows | CPU s, 1-fold, 10-fold, 100-fold | each one more | exponent | peak GiB, 1-fold, 100-fold | in |"
    ]
    lines.append("|---|---:|---:|---:|---:|---|")
    for one in found["growth"]:
        points = one["points"]
        seconds = ", ".join(f"{point['cpu_seconds']:.2f}" for point in points)
        peaks = f"{points[0]['peak_gib']:.2f}, {points[-1]['peak_gib']:.2f}"
        more = _short(slope(points))
        name = f"{one['name']} ({points[0]['size']:,} to {points[-1]['size']:,})"
        lines.append(f"| {name} | {seconds} | {more} | {exponent(points):.2f} | {peaks} | {one['about']} |")
    return "\n".join([*lines, "", *_daily(found), ""])


def slope(points: list[dict[str, Any]]) -> float:
    """Return CPU seconds for one more of what grows, from the first to the last size."""
    first, last = points[0], points[-1]
    return float((last["cpu_seconds"] - first["cpu_seconds"]) / (last["size"] - first["size"]))


def exponent(points: list[dict[str, Any]]) -> float:
    """Return the power of the size with which cost grows in the last decade; 1 is in proportion."""
    before, last = points[-2], points[-1]
    return math.log10(max(last["cpu_seconds"], 1e-9) / max(before["cpu_seconds"], 1e-9))


def _daily(found: dict[str, Any]) -> list[str]:
    rows = next((one for one in found["growth"] if one["name"] == "rows"), None)
    if rows is None:
        return []
    weight, each = rows["bytes_a_row"], slope(rows["points"])
    lines = [
        f"A row is {weight:.0f} bytes as CSV. At the slope of rows, silver alone would be, extrapolated:",
        "",
        "| text a day | rows | core hours | cores busy all day | hashes held if it were one partition |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, size in DAYS:
        count = size / weight
        hours = each * count / 3600
        held = count * HASH_BYTES / 2**30
        lines.append(f"| {name} | {count / 1e6:,.0f} million | {hours:,.1f} | {hours / 24:,.2f} | {held:,.2f} GiB |")
    return lines


def _short(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _measured(growing: Growing) -> dict[str, Any]:
    points = []
    with tempfile.TemporaryDirectory(prefix="lakehouse-scale-") as folder:
        sizes = [growing.first * decade for decade in DECADES]
        run("grow", "prepare", growing.name, folder, *map(str, sizes))
        for size in sizes:
            runs = [run("grow", "run", growing.name, folder, str(size)) for _ in range(TIMES)]
            points.append(
                {
                    "size": size,
                    "cpu_seconds": round(statistics.median(one.printed["busy_seconds"] for one in runs), 4),
                    "wall_seconds": [round(one.seconds, 3) for one in runs],
                    "peak_gib": round(statistics.median(one.peak_gib for one in runs), 3),
                }
            )
            print(growing.name, points[-1], flush=True)
    weight = {"bytes_a_row": _bytes_a_row()} if growing.name == "rows" else {}
    return {"name": growing.name, "one": growing.one, "about": growing.about, "points": points, **weight}


def _bytes_a_row() -> float:
    from benchmarks.data import orders  # noqa: PLC0415

    return len(orders(10_000).collect().write_csv()) / 10_000


if __name__ == "__main__":
    if sys.argv[1:] == ["--page"]:
        write_page()
    else:
        main(sys.argv[1:])
