"""`docs/figures.md` and its plots, rendered from what was accepted; nothing on that page is written by hand."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.figures import FIGURES
from benchmarks.figures.peers import FEW, SOME
from benchmarks.page_judged import judged_part
from benchmarks.peers.known import FLOOR, OURS, PEERS
from benchmarks.plot import Bar, bars
from benchmarks.results import Results

DOCS = Path(__file__).parents[1] / "docs"
_TITLES = {OURS: "this project", FLOOR: "Polars' copy (floor)", **{peer.name: peer.title for peer in PEERS}}
_DIFFERS = {
    OURS: "Publishes a Delta table with its quarantine, a record, a ledger and content hashes.",
    FLOOR: "Moves the bytes and does nothing else.",
    **{peer.name: peer.differs for peer in PEERS},
}
_HEAD = """\
# Figures

<!-- Written by `make bench ARGS=--accept`; do not edit. What was tried, and why figures miss, is in performance.md. -->

Every figure is a ratio inside one run or what the operating system says of a process, and lower is better; only of
what is found among planted anomalies more is better.
Processes are fresh, those that are compared take turns, and the value is the median. Raw times of all rounds are
in `benchmarks/results.json`. `make bench` measures again and fails when a figure misses what it must reach, or is
more than 25 % (memory: 15 %) worse than here. What was tried to make them better: [performance](performance.md).
"""


def write_page(results: Results) -> None:
    """Write the page and its plots."""
    for path, text in rendered(results).items():
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(text)


def rendered(results: Results) -> dict[str, str]:
    """Return the text of the page and of every plot by their paths below `docs/`."""
    figures = results.figures
    plots = {"figures/all.svg": _plot_of_all(figures)}
    parts = [_HEAD, _machine(results.machine), "![figures](figures/all.svg)\n", _table(figures)]
    for rows, name in ((SOME, "five"), (FEW, "one")):
        runs = _rounds_of(figures, rows)
        if len(runs) > 1:
            plots |= _plots_of_peers(runs, rows, name)
            parts.append(_peers(runs, rows, name))
    judged = judged_part(figures)
    parts += [judged.pop("")] if judged else []
    return {"figures.md": "\n".join(parts), **plots, **judged}


def _machine(machine: Mapping[str, Any]) -> str:
    return (
        f"Measured on {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}"
        f" {machine['processor']}, Python {machine['python']}; the cores are shared with other work.\n"
        if machine
        else ""
    )


def _table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["| figure | value | must | aim | | what |", "|---|---:|---:|---:|---|---|"]
    for figure in FIGURES:
        known = figures.get(figure.id)
        value = f"{known['value']:g} {_unit(figure.unit)}".strip() if known else "not measured yet"
        word = _word(known, figure)
        lines.append(f"| `{figure.id}` | {value} | {figure.must:g} | {figure.aim:g} | {word} | {figure.says} |")
    return "\n".join(lines) + "\n"


def _word(known: Mapping[str, Any] | None, figure: Figure) -> str:
    if known is None:
        return ""
    if not known["passed"]:
        return "**misses**"
    return "aim reached" if figure.is_within(known["value"], figure.aim) else "holds"


def _unit(unit: str) -> str:
    return "" if unit in {"ratio", "share"} else unit


def _plot_of_all(figures: Mapping[str, Mapping[str, Any]]) -> str:
    items = [
        Bar(
            figure.id,
            min(figure.part(known["value"]), 1.6),
            f"{known['value']:g} of {figure.must:g}",
            "ours" if known["passed"] else "bad",
        )
        for figure in FIGURES
        if (known := figures.get(figure.id))
    ]
    return bars(
        "Figures as parts of what they must reach", "shorter is better; the dashed line is the limit", items, mark=1
    )


def _rounds_of(figures: Mapping[str, Mapping[str, Any]], rows: int) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for name in ("usual_stack_ratio", "fastest_peer_ratio"):
        rounds = figures.get(name, {}).get("rounds", [])
        mine = [one for one in rounds if one.get("rows") == rows]
        if mine:
            found = {}
        for one in mine:
            found.setdefault(_who(one["what"]), []).append(one)
    return dict(sorted(found.items(), key=lambda item: _seconds(item[1])))


def _who(what: str) -> str:
    module = what.split(maxsplit=1)[0]
    if module.startswith("peers."):
        return module.split(".")[1]
    return OURS if "ours" in what else FLOOR


def _fault(runs: Sequence[Mapping[str, Any]]) -> str:
    return str(runs[0].get("fault", ""))


def _seconds(runs: Sequence[Mapping[str, Any]]) -> float:
    return float(statistics.median(one["seconds"] for one in runs))


def _peak(runs: Sequence[Mapping[str, Any]]) -> float:
    return float(statistics.median(one["peak_gib"] for one in runs))


def _plots_of_peers(runs: Mapping[str, Sequence[Mapping[str, Any]]], rows: int, name: str) -> dict[str, str]:
    right = {who: each for who, each in runs.items() if not _fault(each)}
    about = f"whole job over {rows // 1_000_000} million rows, right counts only; shorter is better"
    times = [Bar(_TITLES[who], _seconds(each), f"{_seconds(each):.1f} s", _kind(who)) for who, each in right.items()]
    by_peak = sorted(right.items(), key=lambda item: _peak(item[1]))
    peaks = [Bar(_TITLES[who], _peak(each), f"{_peak(each):.2f} GiB", _kind(who)) for who, each in by_peak]
    return {
        f"figures/time-{name}.svg": bars("Wall time", about, times),
        f"figures/memory-{name}.svg": bars("Peak memory", about, peaks),
    }


def _kind(who: str) -> str:
    return "ours" if who == OURS else "bar"


def _peers(runs: Mapping[str, Sequence[Mapping[str, Any]]], rows: int, name: str) -> str:
    lines = [
        f"## The whole job over {rows // 1_000_000} million rows, and other tools at it\n",
        "Ten text columns; 1.6 % of the rows have one of seven faults or a repeated id. Asked for are parsing, twelve",
        "row rules, good rows as Delta or Parquet, and refused rows with their reasons. Whoever's counts are not those",
        "of the generator is listed as wrong. Times leave out imports and starting a Spark session.\n",
        f"![wall time](figures/time-{name}.svg)\n",
        f"![peak memory](figures/memory-{name}.svg)\n",
        "| | version | seconds | peak GiB | counts | what it does less or otherwise |",
        "|---|---|---:|---:|---|---|",
    ]
    for who, each in runs.items():
        fault, ran = _fault(each), _seconds(each) > 0
        numbers = f"{_seconds(each):.2f} | {_peak(each):.2f}" if ran else "- | -"
        counts = "-" if who == FLOOR else f"**wrong**: {fault}" if fault and ran else fault or "right"
        lines.append(f"| {_TITLES[who]} | {each[0].get('version', '')} | {numbers} | {counts} | {_DIFFERS[who]} |")
    return "\n".join(lines) + "\n"
