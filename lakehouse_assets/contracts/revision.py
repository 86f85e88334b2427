"""The configuration as it was at a git revision, to compare today's contracts with; the repository is only read."""

import io
import subprocess
import tarfile
from pathlib import Path

from lakehouse_assets.errors import LakehouseError

_SECONDS = 60


def write_revision(config_dir: Path, revision: str, target: Path) -> Path:
    """Write the configuration folder as it was at `revision` below `target`; return where it is now."""
    top = Path(_git(config_dir, "rev-parse", "--show-toplevel").decode().strip())
    inside = config_dir.resolve().relative_to(top.resolve()).as_posix()
    commit = _git(config_dir, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    if not _git(top, "ls-tree", commit, "--", inside):
        raise LakehouseError(
            f"{revision} has no folder {inside}.", fix="Name a revision that has one, such as origin/main."
        )
    archive = _git(top, "archive", "--format=tar", commit, "--", inside)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(target, filter="data")
    return target / inside


def _git(folder: Path, *words: str) -> bytes:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 - no shell
    except OSError as error:
        raise LakehouseError("git could not be started.", fix="Install it, or compare two files.") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise LakehouseError(
            f"git {words[0]} failed at {words[-1]!r}: {said[-1] if said else 'no reason given'}.",
            where=str(folder),
            fix="Name a revision that is here, or fetch it first: git fetch origin main.",
        )
    return done.stdout
