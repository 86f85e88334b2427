"""Timing the stages of a run for whoever listens; costs next to nothing when nobody does.

What stages there are is said where they happen (`with stage("audit"): …`); what is done with them is not known here.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

_EVERY_SECONDS = 0.005
_STATM = Path("/proc/self/statm")
_LISTENING: ContextVar["Stopwatch | None"] = ContextVar("stopwatch", default=None)


@dataclass(slots=True)
class Lap:
    """One stage that happened: its cost, what it read and wrote. `depth` 1 is inside the stage of depth 0 before."""

    name: str
    depth: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    rows: int = 0
    bytes_read: int = 0
    bytes_written: int = 0


@dataclass(slots=True)
class Stopwatch:
    """Laps in the order they began, and the memory that the process held before the first."""

    laps: list[Lap] = field(default_factory=list)
    before_bytes: int = 0
    _open: list[Lap] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator["Stopwatch"]:
        """Listen to every stage of this thread, and look at the memory of the process all the time."""
        self.before_bytes = _held()
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(done,), daemon=True)
        token = _LISTENING.set(self)
        watcher.start()
        try:
            yield self
        finally:
            _LISTENING.reset(token)
            done.set()
            watcher.join()

    @contextlib.contextmanager
    def lap(self, name: str) -> Iterator[Lap]:
        """Time one stage."""
        lap = Lap(name, len(self._open), peak_bytes=_held())
        self.laps.append(lap)
        self._open.append(lap)
        started, busy = time.perf_counter(), time.process_time()
        try:
            yield lap
        finally:
            lap.seconds, lap.cpu_seconds = time.perf_counter() - started, time.process_time() - busy
            lap.peak_bytes = max(lap.peak_bytes, _held())
            self._open.remove(lap)

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(_EVERY_SECONDS):
            held = _held()
            for lap in tuple(self._open):
                lap.peak_bytes = max(lap.peak_bytes, held)


@contextlib.contextmanager
def stage(name: str) -> Iterator[Lap]:
    """Say that a stage happens; the lap that is given is filled in by the stage itself (rows, bytes)."""
    watch = _LISTENING.get()
    if watch is None:
        yield Lap(name, 0)
        return
    with watch.lap(name) as lap:
        yield lap


def _held() -> int:
    """Return the memory that this process holds now; 0 where the system does not say."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096
