"""Folders for what a run needs only while it runs: private, gone with the last use, and swept when a run was killed.

Below the system's temporary folder (`TMPDIR`). A folder is locked by the process that made it; the lock ends with the
process, however that ended, and whoever makes the next folder removes those that nobody holds any more.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path

_PREFIX, _MAKING = "lakehouse-spool-", "lakehouse-making-"


class TemporaryFolder:
    """A folder that lives as long as this object: removed when the object is, or when the process ends."""

    def __init__(self) -> None:
        sweep()
        made = Path(tempfile.mkdtemp(prefix=_MAKING))
        lock = os.open(made, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Named only when it is locked: a sweep never meets a folder that is not yet held.
        self.path = made.rename(made.with_name(made.name.replace(_MAKING, _PREFIX, 1)))
        weakref.finalize(self, _remove, self.path, lock, os.getpid())


def sweep() -> None:
    """Remove the folders of processes that are no more; those of others, of other users too, stay."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Another sweep, or its own process, may be quicker: then there is nothing left to do.
        with contextlib.suppress(OSError):
            _remove_unheld(folder)


def _remove_unheld(folder: Path) -> None:
    if folder.lstat().st_uid != os.geteuid():
        return
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _remove(folder: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:  # a forked child has copies of our objects, but the folder is not its own
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
