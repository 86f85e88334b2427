"""Whether this machine and the store agree on the time: which days are due, leases and signatures depend on it."""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, error, fine, probe, warning
from lakehouse_assets.storage.stalled_put import store_clock

NOTABLE_SECONDS, WRONG_SECONDS = 5.0, 300.0
# Stores tell whole seconds, cut off.
_HALF_A_SECOND = 0.5
_FIX = "Let a time service (chrony, systemd-timesyncd) set the clock of this machine, and of the store."


@probe
def clock(installation: Installation) -> Iterator[Diagnosis]:
    """Compare the time here with the time there, in the middle of the question."""
    settings = installation.settings
    before = time.time()
    if not settings.is_local:
        theirs = store_clock(settings.root, settings.storage_options)
        there = None if theirs is None else theirs.timestamp() + _HALF_A_SECOND
    else:
        there = None if installation.folder is None else _of_folder(installation.folder)
    here = (before + time.time()) / 2
    if there is None:
        yield fine(f"nothing to compare it with; it says {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", settings.root)
    else:
        yield judge(there - here, settings.root)


def judge(skew_seconds: float, where: str) -> Diagnosis:
    """Say whether two clocks agree well enough; positive when the store is ahead."""
    side = "ahead of" if skew_seconds > 0 else "behind"
    said = f"the store's clock is {abs(skew_seconds):,.1f} seconds {side} this machine's"
    if abs(skew_seconds) > WRONG_SECONDS:
        return error(f"{said}.", where=where, fix=_FIX)
    if abs(skew_seconds) > NOTABLE_SECONDS:
        return warning(f"{said}.", where=where, fix=_FIX)
    return fine(said, where)


def _of_folder(folder: Path) -> float:
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as inner:
        return Path(inner).stat().st_mtime
