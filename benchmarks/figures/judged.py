"""The figure of judging thirty rules and two keys, with other tools that count the same beside it."""

from pathlib import Path

from benchmarks.figure import MILLION, Figure, Measured, middle
from benchmarks.measure import Run, note, run, run_module
from benchmarks.peers.known import ENVIRONMENTS
from benchmarks.peers.thirty import named
from benchmarks.thirty import truth

ROWS, ROUNDS = 5 * MILLION, 3
JUDGES = ("pandera", "dataframely", "pointblank", "great_expectations")
PART = "thirty"


def judge30_ratio(folder: Path) -> Measured:
    """Wall time of 30 rules and 2 keys on 5 million rows ÷ of one Polars select by hand; others count the same."""
    return measured(folder / "judge30", ROWS)


def measured(where: Path, rows: int, rounds: int = ROUNDS) -> Measured:
    """Measure everybody in turns; who fails or counts otherwise is told, and not asked again."""
    run("judge30", "prepare", str(where), str(rows))
    ratios, left = [], list(JUDGES)
    for _ in range(rounds):
        ours = run("judge30", "ours", str(where), str(rows))
        ratios.append(ours.seconds / run("judge30", "plain", str(where), str(rows)).seconds)
        left = [peer for peer in left if not _told(peer, fault_of(peer, where, rows))]
    return middle(ratios)


def fault_of(peer: str, where: Path, rows: int) -> str:
    """Let a peer count and return what is wrong about it, or nothing; its run is in the journal either way."""
    module, python = f"benchmarks.peers.{peer}.{PART}", ENVIRONMENTS / peer / "bin/python"
    try:
        done = run_module(module, str(where / "lines.parquet"), python=str(python))
    except (RuntimeError, FileNotFoundError) as error:
        fault = str(error).splitlines()[0] if python.exists() else "its environment is missing: `make bench-peers`"
        note(Run(f"peers.{peer}.{PART}", 0, 0, 0, {"rows": rows, "fault": fault}))
        return fault
    fault = difference(done.printed.pop("counts"), rows)
    done.printed.update(rows=rows, fault=fault)
    return fault


def difference(counts: dict[str, int], rows: int) -> str:
    """Return where counts differ from what is wrong with the rows, or nothing."""
    right = truth(rows)
    strange = sorted(set(counts) - set(right))
    wrong = [f"{name}: {count:,} instead of {right[name]:,}" for name, count in named(counts).items()
             if count != right[name]]  # fmt: skip
    return "; ".join([*wrong, *(f"{name}: asked by nobody" for name in strange)])


def _told(peer: str, fault: str) -> str:
    if fault:
        print(f"  {peer}: {fault}", flush=True)
    return fault


FIGURES = (Figure("judge30_ratio", "ratio", 1.5, 1.2, judge30_ratio),)
