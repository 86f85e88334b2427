"""Redshift as its own driver sees it, before PostgreSQL: a relay that speaks both dialects, and a process of its own.

It leaves out what only Redshift understands when a session begins, says that it is Redshift, and does what PostgreSQL
cannot: UNLOAD writes Parquet and a verbose manifest into a bucket. `running` starts it; all else is in the process.
"""

import io
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import obstore
import polars as pl

from lakehouse_assets.engines.stores import open_store
from lakehouse_assets_tests.ports import await_port, free_port

_ONLY_REDSHIFT = {
    b"client_protocol_version", b"driver_version", b"os_version", b"plugin_name", b"driver_discovery_version",
}  # fmt: skip
_SSL_REQUEST, _LENGTH = 80877103, struct.Struct("!I")
_UNLOAD = re.compile(r"\s*UNLOAD\s*\('(?P<query>(?:[^']|'')*)'\)\s*TO\s*'(?P<prefix>[^']+)'(?P<rest>.*)", re.DOTALL)
_WORDS = ("IAM_ROLE", "PARQUET", "MANIFEST VERBOSE")
_TYPES: Mapping[int, Any] = {
    16: pl.Boolean, 20: pl.Int64, 21: pl.Int16, 23: pl.Int32, 700: pl.Float32, 701: pl.Float64, 1082: pl.Date,
    1114: pl.Datetime("us"), 1184: pl.Datetime("us", "UTC"),
}  # fmt: skip
ROWS_PER_FILE = 3
_START_SECONDS = 30


@contextmanager
def running(postgres: str, store: Mapping[str, str]) -> Iterator[int]:
    """Yield the port of a Redshift before a PostgreSQL (its URL); `store` are options of buckets it unloads into."""
    port = free_port()
    told = json.dumps({"port": port, "postgres": postgres, "store": dict(store)})
    server = subprocess.Popen(
        [sys.executable, "-m", "lakehouse_assets_tests.doubles.redshift", told],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )
    try:
        await_port(server, port, seconds=_START_SECONDS)
        yield port
    finally:
        server.kill()
        server.communicate()


class Relay:
    """One session: what the driver says goes to PostgreSQL, what PostgreSQL says to the driver."""

    def __init__(self, client: socket.socket, postgres: str, store: Mapping[str, str]) -> None:
        self._client, self._postgres, self._store = client, postgres, store
        self._server = socket.socket(socket.AF_UNIX)

    def run(self) -> None:
        """Relay until one side is gone."""
        self._server.connect(f"{self._postgres.rpartition('host=')[2]}/.s.PGSQL.5432")
        with self._client, self._server, suppress(OSError, EOFError):
            self._begin()
            threading.Thread(target=self._answers, daemon=True).start()
            while True:
                kind, body = _message(self._client)
                self._server.sendall(_framed(kind, self._translated(kind, body)))

    def _begin(self) -> None:
        body = _exactly(self._client, _LENGTH.unpack(_exactly(self._client, 4))[0] - 4)
        if _LENGTH.unpack(body[:4])[0] == _SSL_REQUEST:
            self._client.sendall(b"N")
            body = _exactly(self._client, _LENGTH.unpack(_exactly(self._client, 4))[0] - 4)
        words = body[4:].rstrip(b"\0").split(b"\0")
        kept = [(key, value) for key, value in zip(words[::2], words[1::2], strict=True) if key not in _ONLY_REDSHIFT]
        told = body[:4] + b"".join(key + b"\0" + value + b"\0" for key, value in kept) + b"\0"
        self._server.sendall(_LENGTH.pack(len(told) + 4) + told)

    def _answers(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                kind, body = _message(self._server)
                if kind == b"S" and body.startswith(b"server_version\0"):
                    body = b"server_version\x008.0.2\0"
                self._client.sendall(_framed(kind, body))
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def _translated(self, kind: bytes, body: bytes) -> bytes:
        if kind != b"P":
            return body
        name, query, rest = body.split(b"\0", 2)
        found = _UNLOAD.fullmatch(query.decode())
        if found is None:
            return body
        # What cannot be done is an error of the statement, as it would be there.
        told = f"SELECT 1 / 0 -- {found['rest']}"
        if all(word in found["rest"] for word in _WORDS):
            unload(self._postgres, found["query"].replace("''", "'"), found["prefix"], self._store)
            told = "SET application_name TO 'unloaded'"
        return name + b"\0" + told.encode() + b"\0" + rest


def unload(postgres: str, query: str, prefix: str, store: Mapping[str, str]) -> None:
    """Write the rows of a query as Parquet files and a verbose manifest below a prefix."""
    import psycopg2

    bucket, _, folder = prefix.removeprefix("s3://").partition("/")
    target = open_store(f"s3://{bucket}", store)
    entries: list[dict[str, Any]] = []
    with psycopg2.connect(postgres) as connection, connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute(query)
        described = cursor.description or ()
        schema = {column.name: _type_of(column) for column in described}
        for number, rows in enumerate(iter(lambda: cursor.fetchmany(ROWS_PER_FILE), [])):
            file, name = io.BytesIO(), f"{number:04d}_part_00.parquet"
            pl.DataFrame(rows, schema, orient="row").write_parquet(file)
            obstore.put(target, f"{folder}{name}", file.getvalue())
            meta = {"content_length": len(file.getvalue()), "record_count": len(rows)}
            entries.append({"url": f"{prefix}{name}", "meta": meta})
    manifest = {"entries": entries, "meta": {"record_count": sum(one["meta"]["record_count"] for one in entries)}}
    obstore.put(target, f"{folder}manifest", json.dumps(manifest).encode())


def _type_of(column: Any) -> Any:  # noqa: ANN401 - psycopg2's
    if column.type_code == 1700:
        return pl.Decimal(column.precision, column.scale)
    return _TYPES.get(column.type_code, pl.String)


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(source, 5)
    return head[:1], _exactly(source, _LENGTH.unpack(head[1:])[0] - 4)


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + _LENGTH.pack(len(body) + 4) + body


def _exactly(source: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        chunk = source.recv(count - len(found))
        if not chunk:
            raise EOFError
        found += chunk
    return bytes(found)


def main(told: Mapping[str, Any]) -> None:
    """Listen until the process is ended."""
    with socket.create_server(("127.0.0.1", told["port"])) as server:
        while True:
            client, _ = server.accept()
            session = Relay(client, told["postgres"], told["store"])
            threading.Thread(target=session.run, daemon=True).start()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
