"""What happens to a run, and when: a fault strikes at the n-th event of one phase of this project's own code.

Events are calls and returns, also of the libraries it calls, so every step between two of them can be hit: before a
commit, after it, between record and quarantine. Counting makes a fault repeatable where a clock would not, and phases
keep the many small steps of judging from drawing all the faults.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Self

from deltalake import DeltaTable

_PACKAGE = f"{os.sep}lakehouse_assets{os.sep}"

# Where the events of a phase happen: modules of the package, as prefixes.
PHASES: dict[str, tuple[str, ...]] = {
    "stage": (
        "engines.polars_engine",
        "engines.staged_files",
        "pipeline.ingest",
        "pipeline.refine",
        "pipeline.curate",
        "pipeline.split",
    ),
    "derive": ("pipeline.entities",),
    "audit": ("pipeline.audit", "quality.gate", "quality.attest", "quality.partition_rules"),
    "record": ("storage.records", "storage.objects", "storage.pins"),
    "replay": ("pipeline.refused.release", "pipeline.rehearse"),
    "quarantine": ("pipeline.refused", "quality.quarantine", "pipeline.step"),
    "publish": ("storage.commit", "storage.table", "storage.staged", "pipeline.publish", "pipeline.batches"),
    "absorb": ("pipeline.absorb", "state", "incidents"),
}

Strike = Callable[[Path], None]


class Trigger:
    """Counts events of each phase and strikes at one of them; without `phase` it only counts."""

    def __init__(self, root: Path, phase: str = "", at: int = 0, strike: Strike | None = None) -> None:
        self._counters = {name: [0] for name in PHASES}
        self._root, self._strike = root, strike
        self._struck, self._at = self._counters.get(phase), at
        # Events of other code are most of them, and each costs time.
        self._foreign = [0]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many events each phase had."""
        return {phase: counter[0] for phase, counter in self._counters.items()}

    def __enter__(self) -> Self:
        sys.setprofile(self._observer())
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _observer(self) -> Callable[[FrameType, str, object], None]:
        counters: dict[CodeType, list[int]] = {}
        foreign, struck, at = self._foreign, self._struck, self._at

        def observe(frame: FrameType, event: str, _: object) -> None:
            counter = counters.get(frame.f_code)
            if counter is foreign:
                return
            if counter is None:
                counter = counters[frame.f_code] = self._counter_of(frame.f_code)
            counter[0] += 1
            if counter is struck and counter[0] == at:
                self._hit(frame.f_code, event)

        return observe

    def _counter_of(self, code: CodeType) -> list[int]:
        module = _module(code)
        phase = next((name for name, prefixes in PHASES.items() if module.startswith(prefixes)), "")
        return self._counters.get(phase, self._foreign)

    def _hit(self, code: CodeType, event: str) -> None:
        sys.setprofile(None)
        told_at(self._root).write_text(f"{_module(code)}.{code.co_name} ({event})", encoding="utf-8")
        if self._strike is not None:
            self._strike(self._root)


def told_at(root: Path) -> Path:
    """Return the file in which a struck run said where it was."""
    return root.with_suffix(".where")


def _module(code: CodeType) -> str:
    return code.co_filename.rpartition(_PACKAGE)[2].removesuffix(".py").replace(os.sep, ".")


def kill(_: Path) -> None:
    """End the process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def terminate(_: Path) -> None:
    """Ask the process to end, as an orchestrator does."""
    os.kill(os.getpid(), signal.SIGTERM)


def fill_disk(_: Path) -> None:
    """Let no file of this process grow any more; each write fails from here on."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def trim_logs(root: Path) -> None:
    """Write a checkpoint of every table and remove the log before it, as log cleanup does in time."""
    for log in sorted(root.rglob("_delta_log")):
        table = DeltaTable(str(log.parent))
        table.create_checkpoint()
        for entry in log.glob("*.json"):
            if entry.stem.isdigit() and int(entry.stem) < table.version():
                entry.unlink()


STRIKES: dict[str, Strike] = {"kill": kill, "terminate": terminate, "disk full": fill_disk, "log cleanup": trim_logs}
