"""Figures that compare the whole job with other tools at the same job, and with itself at other sizes."""

import statistics
from functools import cache
from pathlib import Path

from benchmarks.figure import MILLION, Figure, Measured, middle
from benchmarks.measure import Run
from benchmarks.peers.known import FLOOR, OURS, PEERS, Peer, Result, prepared, run_floor, run_ours, run_peer

FEW, SOME, MANY = MILLION, 5 * MILLION, 20 * MILLION
ROUNDS = 3
# Who is this much slower than the fastest at a million rows is not the fastest at five.
CONTENDERS = 3.0

Rounds = dict[str, list[Run]]


def usual_stack_ratio(folder: Path) -> Measured:
    """Wall time of the whole job over 1 million rows ÷ PySpark + Delta with the same rules, its session started."""
    rounds = _few(folder)
    return _ratios(rounds, "spark", "seconds")


def fastest_peer_ratio(folder: Path) -> Measured:
    """Wall time of the whole job over 5 million rows ÷ the fastest peer whose counts are right."""
    rounds = _some(folder)
    return _ratios(rounds, _fastest(rounds), "seconds")


def fastest_peer_memory(folder: Path) -> Measured:
    """Peak memory of that job ÷ of that peer."""
    rounds = _some(folder)
    return _ratios(rounds, _fastest(rounds), "peak_gib")


def growth_time(folder: Path) -> Measured:
    """Wall time a row of the whole job over 20 million rows ÷ over 1 million."""
    pairs = _sizes(folder)
    return middle([many.seconds / MANY / (few.seconds / FEW) for few, many in pairs])


def growth_memory(folder: Path) -> Measured:
    """Peak memory of the whole job over 20 million rows ÷ over 1 million."""
    pairs = _sizes(folder)
    return middle([many.peak_gib / few.peak_gib for few, many in pairs])


FIGURES = (
    Figure("usual_stack_ratio", "ratio", 0.12, 0.06, usual_stack_ratio),
    Figure("fastest_peer_ratio", "ratio", 1.0, 0.8, fastest_peer_ratio),
    Figure("fastest_peer_memory", "ratio", 0.4, 0.2, fastest_peer_memory),
    Figure("growth_time", "ratio", 1.1, 1.0, growth_time),
    Figure("growth_memory", "ratio", 2.0, 1.3, growth_memory),
)


@cache
def _few(folder: Path) -> Rounds:
    return _rounds(prepared(folder, FEW), FEW, PEERS)


@cache
def _some(folder: Path) -> Rounds:
    first = _few(folder)
    best = min(_seconds(runs) for name, runs in first.items() if name not in {OURS, FLOOR})
    named = {name for name, runs in first.items() if _seconds(runs) <= CONTENDERS * best}
    return _rounds(prepared(folder, SOME), SOME, tuple(peer for peer in PEERS if peer.name in named))


@cache
def _sizes(folder: Path) -> list[tuple[Run, Run]]:
    few, many = prepared(folder, FEW), prepared(folder, MANY)
    pairs = [(run_ours(few, FEW).run, run_ours(many, MANY).run) for _ in range(ROUNDS)]
    return [(one, other) for one, other in pairs if one and other]


def _rounds(folder: Path, rows: int, peers: tuple[Peer, ...]) -> Rounds:
    """Run everybody in turns; who fails or is wrong is told once, and not asked again."""
    rounds: Rounds = {}
    left = list(peers)
    for _ in range(ROUNDS):
        results = [run_floor(folder, rows), run_ours(folder, rows), *(run_peer(peer, folder, rows) for peer in left)]
        for result in results:
            _note(rounds, result)
        left = [peer for peer in left if peer.name in rounds]
    return rounds


def _note(rounds: Rounds, result: Result) -> None:
    if result.fault:
        print(f"  {result.peer}: {result.fault}", flush=True)
    elif result.run is not None:
        rounds.setdefault(result.peer, []).append(result.run)


def _fastest(rounds: Rounds) -> str:
    return min((name for name in rounds if name not in {OURS, FLOOR}), key=lambda name: _seconds(rounds[name]))


def _seconds(runs: list[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def _ratios(rounds: Rounds, peer: str, what: str) -> Measured:
    ours, theirs = rounds[OURS], rounds[peer]
    return middle([getattr(a, what) / getattr(b, what) for a, b in zip(ours, theirs, strict=True)])
