"""Ports for servers that tests start: never one that another worker or the system may hand out at the same moment."""

import os
import random
import socket
import subprocess
import time

# Below the range from which Linux serves `bind(0)`, so that no server that asks for any port can take ours meanwhile.
FIRST, PER_WORKER = 21_000, 400


def _own_range() -> list[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = FIRST + worker % 20 * PER_WORKER
    return random.sample(range(start, start + PER_WORKER), PER_WORKER)


_UNUSED = _own_range()


def free_port() -> int:
    """Return a port of this worker's own range that nobody listens on, never the same twice."""
    while _UNUSED:
        port = _UNUSED.pop()
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) != 0:
                return port
    msg = "all ports of this worker were used."
    raise RuntimeError(msg)


def await_port(server: subprocess.Popen[str], port: int, *, seconds: float) -> None:
    """Wait until a server answers; raise RuntimeError with what it printed when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            msg = f"{server.args!r} did not start: {server.communicate()[0]}"
            raise RuntimeError(msg)
        time.sleep(0.02)
