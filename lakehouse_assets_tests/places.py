"""Where a lake of a test may lie: a folder, or a bucket of one of two independent S3 servers on this machine.

moto always runs. versitygw keeps objects in files, survives a crash and knows permissions; it is a tier (`tiers`).
Fixtures in `conftest` start each server once a worker; `place` gives a test all three, one after the other.
"""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path

import obstore
import pytest

from lakehouse_assets.engines.stores import open_store
from lakehouse_assets_tests.ports import await_port, free_port

# For `place` of tests that send so many requests that moto, which is written in Python, would take most of their time.
SWIFT = ["disk", pytest.param("versitygw", marks=pytest.mark.versitygw)]
PREFIX = "LAKEHOUSE_STORAGE_OPTIONS__"
KEY, SECRET = "test", "testtest"  # pragma: allowlist secret
# All that moto looks for is the name of a service.
_AS_ANYONE = "AWS4-HMAC-SHA256 Credential=test/20260105/us-east-1/s3/aws4_request"
_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Place:
    """A root for a lake, empty, with the options that open it."""

    root: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that a deployment would set."""
        return {"LAKEHOUSE_ROOT": self.root} | {f"{PREFIX}{name.upper()}": text for name, text in self.options.items()}

    def listing(self) -> list[str]:
        """Return every object below the root."""
        if "://" not in self.root:
            found = (path for path in Path(self.root).rglob("*") if path.is_file())
            return sorted(path.relative_to(self.root).as_posix() for path in found)
        return sorted(meta["path"] for block in obstore.list(open_store(self.root, self.options)) for meta in block)


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server that runs; `make_bucket` makes an empty bucket."""

    endpoint: str
    make_bucket: Callable[[str], object]

    def place(self, bucket: str, *, make: bool = True) -> Place:
        """Return a root in a bucket of its own; `make=False` takes the bucket as it is."""
        if make:
            self.make_bucket(bucket)
        return Place(f"s3://{bucket}/lake", options_of(self.endpoint))


def options_of(endpoint: str, key: str = KEY, secret: str = SECRET) -> dict[str, str]:
    """Return what a lake in an S3 server needs to know."""
    return {
        "aws_endpoint_url": endpoint,
        "aws_region": "us-east-1",
        "aws_allow_http": "true",
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
    }


def bucket_name(test: str) -> str:
    """Return a name for the bucket of one test."""
    return sha256(test.encode()).hexdigest()[:20]


@contextmanager
def moto_server() -> Iterator[S3Server]:
    """Run moto in this process."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - seconds to import

    # It would tell every request.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"{host}:{port}"

    def make_bucket(name: str) -> None:
        connection = HTTPConnection(address)
        connection.request("PUT", f"/{name}", headers={"Authorization": _AS_ANYONE})
        assert connection.getresponse().status < 300
        connection.close()

    yield S3Server(f"http://{address}", make_bucket)
    server.stop()


@contextmanager
def versitygw_server(folder: Path) -> Iterator[S3Server]:
    """Run versitygw on a folder: a folder in `data` is a bucket."""
    binary = versitygw_binary()
    assert binary is not None, "tests of the tier `versitygw` run only where the server is"
    data, users, port = folder / "data", folder / "users", free_port()
    data.mkdir()
    users.mkdir()
    command: list[str | Path] = [
        binary,
        "--port",
        f"127.0.0.1:{port}",
        "--region",
        "us-east-1",
        "--iam-dir",
        users,
        "--quiet",
    ]
    server = subprocess.Popen(
        [*command, "posix", data],
        env=os.environ | {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        await_port(server, port, seconds=_START_SECONDS)
        yield S3Server(f"http://127.0.0.1:{port}", lambda name: (data / name).mkdir())
    finally:
        server.terminate()
        server.communicate(timeout=_START_SECONDS)


def versitygw_binary() -> str | None:
    """Return the server that `make versitygw` builds, or one that is installed."""
    folders = [Path(sys.executable).parent, Path.home() / "go/bin"]
    return shutil.which("versitygw", path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")]))
