"""An HTTP API that lists records in pages, in every way that pages follow each other, and fails as a test says.

It counts what it was asked. `faults` maps the number of a request, from 1, to what happens to it.
"""

import gzip
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from lakehouse_assets_tests.ports import free_port

TOKEN_PATH = "/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the API saw it; `number` counts all of them from 1, `url` is path and query as they came."""

    number: int
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `cut` ends the connection after so many bytes of the body, although more were promised."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


def as_json(value: object, status: int = 200, **headers: str) -> Told:
    """Return a value as an answer."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Told(json.dumps(value).encode(), status, {"Content-Type": "application/json", **named})


def packed(told: Told) -> Told:
    """Return an answer as gzip."""
    return Told(gzip.compress(told.body), told.status, {**told.headers, "Content-Encoding": "gzip"})


@dataclass
class Api:
    """The API. `records` may change while it runs; `size` is its page size; `total` overrides what it says of all."""

    records: list[dict[str, Any]] = field(default_factory=list)
    size: int = 2
    total: int | None = None
    answer: Callable[["Api", Asked], Told] | None = None
    faults: dict[int, Callable[["Api", Asked], Told]] = field(default_factory=dict)
    # What must be in the header Authorization, once it is set; the token of client credentials is `tokens[-1]`.
    wanted: str = ""
    tokens: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def respond(self, asked: Asked) -> Told:
        """Return the answer to a request."""
        fault = self.faults.get(asked.number)
        if fault is not None:
            return fault(self, asked)
        if asked.path == TOKEN_PATH:
            return self._token(asked)
        if self.wanted and asked.headers.get("authorization") != self.wanted:
            return as_json({"error": "who are you"}, 401)
        return (self.answer or Api.list)(self, asked)

    def list(self, asked: Asked) -> Told:
        """Answer with a page: `/cursor`, `/page`, `/offset`, `/link`, or everything."""
        way = asked.path.strip("/").split("/")[0]
        size = int(asked.query.get("limit", self.size))
        starts = {
            "cursor": int(asked.query.get("cursor", 0)),
            "offset": int(asked.query.get("offset", 0)),
            "page": (int(asked.query.get("page", 1)) - 1) * size,
            "link": int(asked.query.get("at", 0)),
        }
        if way not in starts:
            return as_json(self.records)
        start = starts[way]
        page, following = self.records[start : start + size], start + size
        has_more = following < len(self.records)
        if way == "link":
            link = f'<{self.url}/link?at=0>; rel="first", </link?at={following}>; rel="next"' if has_more else ""
            return as_json(page, Link=link) if link else as_json(page)
        total = len(self.records) if self.total is None else self.total
        body: dict[str, Any] = {"data": {"items": page}, "meta": {"total": total}}
        if way == "cursor" and has_more:
            body["meta"]["next"] = following
        return as_json(body)

    def _token(self, asked: Asked) -> Told:
        basic = b64encode(b"client:canary-client-secret").decode()
        if asked.headers.get("authorization") != f"Basic {basic}":
            return as_json({"error": "invalid_client"}, 401)
        self.tokens.append(f"canary-token-{len(self.tokens) + 1}")
        self.wanted = f"Bearer {self.tokens[-1]}"
        return as_json({"access_token": self.tokens[-1], "expires_in": 3600})


_Served = TypeVar("_Served", bound=Api)


@contextmanager
def serving(api: _Served) -> Iterator[_Served]:
    """Serve an API on a port of its own for as long as the block runs."""
    api.port = free_port()
    server = ThreadingHTTPServer(("127.0.0.1", api.port), _handler(api))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def orders(count: int, *, first: int = 1) -> list[dict[str, Any]]:
    """Return records of orders."""
    return [{"id": number, "amount": f"{number}.10", "note": None} for number in range(first, first + count)]


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def log_message(self, *_: object) -> None:
            """Print nothing."""

        def _serve(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                asked = Asked(len(api.asked) + 1, parts.path, query, headers, body, self.path)
                api.asked.append(asked)
                told = api.respond(asked)
            self._tell(told)

        def _tell(self, told: Told) -> None:
            self.send_response(told.status)
            for name, value in {"Content-Length": str(len(told.body)), **told.headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body[: told.cut])
            if told.cut is not None:
                self.close_connection = True

    return Handler


def bodies(asked: Sequence[Asked]) -> list[str]:
    """Return path and query of requests, in order."""
    return [f"{one.path}?{'&'.join(f'{k}={v}' for k, v in one.query.items())}".rstrip("?") for one in asked]
