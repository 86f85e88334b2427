"""A MariaDB server for tests: one that speaks MySQL's protocol, in a folder of its own, gone with the test run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lakehouse_assets_tests.ports import await_port, free_port

_PLACES = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", os.environ.get("PATH", "")))
_START_SECONDS = 30


def mariadb_server() -> str | None:
    """Return the server's program, where there is one and what it takes to set it up."""
    has_setup = shutil.which("mariadb-install-db", path=_PLACES) and shutil.which("my_print_defaults", path=_PLACES)
    return shutil.which("mariadbd", path=_PLACES) if has_setup else None


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Yield the URL of a running server with the empty database `shop`."""
    program, setup = mariadb_server(), shutil.which("mariadb-install-db", path=_PLACES)
    assert program is not None, "tests of the tier `mariadb` run only where a server is"
    assert setup is not None, "mariadb-install-db belongs to the server"
    data, port = folder / "data", free_port()
    as_user = ["--user=root"] if os.geteuid() == 0 else []
    base = [setup, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *as_user]
    subprocess.run([*base, "--skip-test-db"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (folder / "init.sql").write_text("CREATE DATABASE shop CHARACTER SET utf8mb4;\n", encoding="utf-8")
    options = [f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}"]
    more = [f"--init-file={folder / 'init.sql'}", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"]
    server = subprocess.Popen(
        [program, "--no-defaults", *as_user, *options, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        await_port(server, port, seconds=_START_SECONDS)
        yield f"mysql+pymysql://root@127.0.0.1:{port}/shop?charset=utf8mb4"
    finally:
        server.kill()
        server.communicate()
