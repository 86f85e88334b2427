"""Snowflake as its own client sees it, on DuckDB: fakesnow's server, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse_assets_tests.ports import await_port, free_port

_PROGRAM = "import sys, uvicorn, fakesnow.server as s; uvicorn.run(s.app, host='127.0.0.1', port=int(sys.argv[1]))"
_START_SECONDS = 60


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """Yield the `connection` of an empty account whose database is SHOP and whose schema is PUBLIC."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ,
    )
    try:
        await_port(server, port, seconds=_START_SECONDS)
        yield {
            "account": "fakesnow", "user": "reader", "database": "SHOP", "schema": "PUBLIC",
            "password": "snow",  # pragma: allowlist secret
            "host": "127.0.0.1", "port": str(port), "protocol": "http",
        }  # fmt: skip
    finally:
        server.kill()
        server.communicate()
