"""A proxy between a lake and its object store that does what networks and other people's servers do.

`Proxy.fault` is asked about every request; what it returns happens to it. Requests are counted, so that a test can
tell that its fault was met.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_CONDITIONS = frozenset({"if-none-match", "if-match"})
_OF_THE_HOP = frozenset({"connection", "transfer-encoding", "content-length", "date", "server"})
_SLOW_SECONDS = 0.3
_ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>As the test says.</Message></Error>'
_XML = [("Content-Type", "application/xml")]


class Fault(StrEnum):
    """What may happen to a request."""

    NONE = "none"
    STRIPPED = "forwarded without its conditions"
    BUSY = "answered 503 and not forwarded"
    DENIED = "answered 403 and not forwarded"
    LOST = "forwarded, and the answer never arrives"
    SLOW = "forwarded late"


_REFUSALS = {Fault.BUSY: (503, "SlowDown"), Fault.DENIED: (403, "AccessDenied")}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a fault sees it. `number` counts requests of this method, `total` all of them, from 1."""

    method: str
    path: str
    number: int
    total: int

    @property
    def is_commit(self) -> bool:
        """Whether it would add an entry to a Delta log."""
        return self.method == "PUT" and "/_delta_log/" in self.path


def nothing(_: Request) -> Fault:
    """Let everything pass."""
    return Fault.NONE


def always(fault: Fault) -> Callable[[Request], Fault]:
    """Let the same happen to every request."""
    return lambda _: fault


@dataclass
class Proxy:
    """What a test holds: the address to give to the lake, what to do to requests, and what has happened so far.

    `skew_seconds` is how far the clock is ahead that answers tell.
    """

    endpoint: str
    fault: Callable[[Request], Fault] = nothing
    skew_seconds: float = 0.0
    happened: Counter[Fault] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)


@contextmanager
def proxy_before(upstream: str) -> Iterator[Proxy]:
    """Run a proxy before an S3 server."""
    server = _Server(upstream)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.proxy = Proxy(f"http://127.0.0.1:{self.server_address[1]}")
        self.turn = threading.Lock()

    def met(self, method: str, path: str) -> Fault:
        """Count a request and say what happens to it."""
        with self.turn:
            self.proxy.requests[method] += 1
            counted = self.proxy.requests
            fault = self.proxy.fault(Request(method, path, counted[method], counted.total()))
            self.proxy.happened[fault] += 1
        return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time of a store whose clock is wrong by what the test says."""
        return super().date_time_string((timestamp or time.time()) + self.server.proxy.skew_seconds)

    def _pass(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        fault = self.server.met(self.command, self.path)
        body = self.rfile.read(length) if length else None
        if fault in _REFUSALS:
            status, code = _REFUSALS[fault]
            self._answer(status, _XML, _ERROR.format(code=code).encode())
            return
        if fault is Fault.SLOW:
            time.sleep(_SLOW_SECONDS)
        dropped = {"connection"} | (_CONDITIONS if fault is Fault.STRIPPED else frozenset())
        headers = {name: text for name, text in self.headers.items() if name.lower() not in dropped}
        upstream = HTTPConnection(self.server.upstream, timeout=60)
        try:
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if fault is Fault.LOST:
            self.close_connection = True
            return
        self._answer(answer.status, _kept(answer), content, answer.getheader("Content-Length"))

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, length: str | None = None) -> None:
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        is_head = self.command == "HEAD"
        if status != 204:
            self.send_header("Content-Length", length or "0" if is_head else str(len(content)))
        self.end_headers()
        if not is_head:
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - names of the standard library


def _kept(answer: HTTPResponse) -> list[tuple[str, str]]:
    return [(name, text) for name, text in answer.getheaders() if name.lower() not in _OF_THE_HOP]
