"""The part of `docs/figures.md` about judging alone: the same thirty rules and two keys, counted by everybody."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers.known import PEERS
from benchmarks.plot import Bar, bars

FIGURE, PLOT = "judge30_ratio", "figures/judged.svg"
_OURS, _PLAIN = "ours", "plain"
_TITLES = {_OURS: "this project", _PLAIN: "one select by hand", **{peer.name: peer.title for peer in PEERS}}
_DIFFERS = {
    _OURS: "From a contract: binds and tries every rule first, and has an outcome for each.",
    _PLAIN: "The expressions that one would write for these rules and no others.",
    "pandera": "Reads all rows into memory; keeps every failing value.",
    "dataframely": "Keeps every failing row, with its rules.",
    "pointblank": "Reads all rows into memory; one step a rule, lengths as patterns.",
    "great_expectations": "With pandas; money as floats.",
}
_HEAD = """\
## Thirty rules and two keys over {rows} million typed rows, and other tools at them

Ten rules ask for a value, five for a pattern, three for a length, five for a range, four for a set, two for a time,
and one compares two columns; the keys are an id and a line number in its invoice. Nothing is parsed, split or written.
All 32 counts are compared with what the generator knows of its rows; what differs is told. Times leave out imports.

![seconds](figures/judged.svg)

| | version | seconds | ÷ by hand | peak GiB | counts | what it does less or otherwise |
|---|---|---:|---:|---:|---|---|
"""

_Runs = Mapping[str, Sequence[Mapping[str, Any]]]


def judged_part(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the text of the part under "" and its plot by its path; nothing before it was accepted."""
    runs = _runs(figures.get(FIGURE, {}).get("rounds", []))
    if not runs:
        return {}
    rows = next(int(each[0]["what"].split()[-1]) for who, each in runs.items() if who == _OURS)
    times = {who: _middle(each, "seconds") for who, each in runs.items()}
    lines = [_line(who, each, times[_PLAIN]) for who, each in runs.items()]
    drawn = [Bar(_TITLES[who], time, f"{time:.1f} s", "ours" if who == _OURS else "bar")
             for who, time in times.items() if time and not _fault(runs[who])]  # fmt: skip
    about = f"30 rules and 2 keys over {rows // 1_000_000} million rows, right counts only; shorter is better"
    text = _HEAD.format(rows=rows // 1_000_000) + "\n".join(lines) + "\n"
    return {"": text, PLOT: bars("Wall time of judging alone", about, drawn)}


def _runs(rounds: Sequence[Mapping[str, Any]]) -> _Runs:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in rounds:
        words = str(one["what"]).split()
        who = words[0].split(".")[1] if words[0].startswith("peers.") else words[1]
        if who in _TITLES:
            found.setdefault(who, []).append(one)
    return dict(sorted(found.items(), key=lambda item: _middle(item[1], "seconds") or math.inf))


def _line(who: str, each: Sequence[Mapping[str, Any]], by_hand: float) -> str:
    seconds, fault = _middle(each, "seconds"), _fault(each)
    ran = f"{seconds:.2f} | {seconds / by_hand:.1f} | {_middle(each, 'peak_gib'):.2f}" if seconds else "- | - | -"
    counts = f"**wrong**: {fault}" if fault and seconds else fault or "right"
    return f"| {_TITLES[who]} | {each[0].get('version', '')} | {ran} | {counts} | {_DIFFERS[who]} |"


def _fault(each: Sequence[Mapping[str, Any]]) -> str:
    return str(each[0].get("fault", ""))


def _middle(each: Sequence[Mapping[str, Any]], what: str) -> float:
    return float(statistics.median(one[what] for one in each))
