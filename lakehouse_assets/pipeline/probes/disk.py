"""Whether there is room: for the lake and the state store where they are folders, and for temporary files."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, error, fine, probe, warning
from lakehouse_assets.state.database import sqlite_file

GIB = 2**30
LOW_GIB, EMPTY_GIB = 5.0, 1.0
_FIX = "Free space, or let maintenance remove what no reader needs; a run that meets a full disk publishes nothing."


@probe
def disk(installation: Installation) -> Iterator[Diagnosis]:
    """Report free space once a file system."""
    seen = set[int]()
    for path in _places(installation):
        device = path.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield judge(path, shutil.disk_usage(path).free / GIB)


def judge(path: Path, free_gib: float) -> Diagnosis:
    """Say whether so much free space is enough."""
    said = f"{free_gib:,.1f} GiB free"
    if free_gib < EMPTY_GIB:
        return error(f"the disk is full: {said}.", where=str(path), fix=_FIX)
    if free_gib < LOW_GIB:
        return warning(f"the disk is nearly full: {said}.", where=str(path), fix=_FIX)
    return fine(said, str(path))


def _places(installation: Installation) -> Iterator[Path]:
    settings = installation.settings
    if settings.is_local:
        yield _existing(Path(settings.root))
    state = sqlite_file(settings.state_url)
    if state is not None:
        yield _existing(state)
    yield Path(tempfile.gettempdir())


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.is_dir())
