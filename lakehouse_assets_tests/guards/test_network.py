"""Tests talk to this machine only, and importing the definitions talks to nobody."""

import socket
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError

from lakehouse_assets_tests.repository import PACKAGE, ROOT, run, tool

# The name `snowflake` alone is there in every process where one of its packages is installed.
HEAVY = {
    "boto3", "confluent_kafka", "numpy", "pandas", "paramiko", "pyarrow", "pyspark", "redshift_connector", "requests",
    "snowflake.connector", "urllib3",
}  # fmt: skip
LISTEN = """
import sys

def refuse(event, args):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto"}:
        raise SystemExit(f"network at import: {event}")

sys.addaudithook(refuse)
"""


def import_quietly(module: str, folder: Path) -> tuple[int, str]:
    """Import a module where any use of the network ends the process; return the exit code and the modules loaded."""
    done = run(tool("python"), "-c", f"{LISTEN}\nimport {module}\nprint(' '.join(sys.modules))", cwd=folder)
    return done.returncode, done.stdout or done.stderr


def test_the_world_beyond_this_machine_is_out_of_reach() -> None:
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_importing_the_definitions_uses_no_network_and_no_optional_library() -> None:
    if not (PACKAGE / "definitions.py").exists():
        pytest.fail("lakehouse_assets/definitions.py is missing")
    code, loaded = import_quietly("lakehouse_assets.definitions", ROOT)
    assert code == 0, loaded
    assert HEAVY & set(loaded.split()) == set()


def test_a_module_that_connects_at_import_is_found(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text("import socket\nsocket.create_connection(('127.0.0.1', 9), timeout=1)\n")
    code, said = import_quietly("chatty", tmp_path)
    assert code != 0
    assert "network at import" in said
