"""One request over HTTP and what came back, whole or not at all. Nothing here is asked twice.

What belongs here: connecting where the guard says, redirects, limits, what a status and a broken body mean. What does
not: asking again, which is `access`; who is asking, which is `signing`. No message holds a query, a header or a body.
"""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from lakehouse_assets.connectors.clock import Clock
from lakehouse_assets.connectors.web.guard import Guard, Target, shown
from lakehouse_assets.errors import PassingSourceError, SourceError

if TYPE_CHECKING:
    import urllib3

MAX_BYTES = 256 << 20
MAX_REDIRECTS = 5
# A server that sends a byte now and then keeps every single wait short; the whole answer may take this many of them.
WAITS_PER_ANSWER = 10
_CHUNK = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SECONDS = re.compile(r"[0-9]{1,18}")
_OK, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _SERVER = 200, 401, 403, 429, 500
_WAITING = frozenset({408, 425})
_REFUSED = {404: "not_found", 410: "not_found"}
# From a status and a body to the error they mean.
Explain = Callable[[int, bytes], SourceError | None]


class UnauthorizedError(SourceError):
    """The source did not accept who is asking."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. With a `body` it is sent, else only asked for; `headers` go to the first host and nobody else."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers are lower-case."""

    url: str
    headers: Mapping[str, str]
    content: bytes


class Client:
    """Sends requests and keeps connections. To be closed."""

    def __init__(
        self,
        guard: Guard,
        *,
        timeout_seconds: float,
        clock: Clock,
        max_bytes: int = MAX_BYTES,
        explain: Explain = lambda _status, _content: None,
    ) -> None:
        """Prepare; `explain` says what an answer that is no success means to its source, or None."""
        self._guard, self._timeout, self._clock, self._max_bytes = guard, timeout_seconds, clock, max_bytes
        self._explain = explain
        self._pools: dict[tuple[str, str, int], urllib3.HTTPConnectionPool] = {}

    def send(self, request: Request) -> Answer:
        """Return the answer with status 200.

        Raises PassingSourceError where asking again may help, UnauthorizedError, and SourceError for all else.
        """
        url, first = request.url, self._guard.target(request.url)
        for _ in range(MAX_REDIRECTS + 1):
            target = self._guard.target(url)
            headers = request.headers if target.origin == first.origin else {}
            status, answered, content = self._exchange(target, request, headers)
            if status not in _REDIRECTS:
                return self._judged(url, status, answered, content)
            url = urljoin(url, answered.get("location", ""))
        raise SourceError("redirects", f"{shown(request.url)} leads on and on.", where=self._guard.where)

    def close(self) -> None:
        """Give all connections back."""
        for pool in self._pools.values():
            pool.close()

    def _exchange(
        self, target: Target, request: Request, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        place = f"{target.scheme}://{target.host}:{target.port}"
        deadline = self._clock.now() + self._timeout * WAITS_PER_ANSWER
        from urllib3 import exceptions as faults  # noqa: PLC0415 - binds a socket when it is imported

        try:
            response = self._pool(target).urlopen(
                "GET" if request.body is None else "POST",
                target.path,
                body=request.body,
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                    "User-Agent": "lakehouse-assets",
                    **headers,
                    "Host": _host(target),
                },
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                answered = {name.lower(): value for name, value in response.headers.items()}
                content = self._body(response, deadline)
            finally:
                response.release_conn() if response.status == _OK else response.close()
        except faults.NewConnectionError:
            raise PassingSourceError("connection", f"{place} cannot be reached.", where=self._guard.where) from None
        except faults.TimeoutError:
            raise PassingSourceError("timeout", f"{place} did not answer in time.", where=self._guard.where) from None
        except faults.SSLError as error:
            raise SourceError(
                "tls",
                f"{place} has no certificate that can be trusted.",
                where=self._guard.where,
                fix="Ask its owner, or make its authority known to this worker (SSL_CERT_FILE).",
            ) from error
        except (faults.HTTPError, OSError) as error:
            raise PassingSourceError(
                "connection", f"{place} broke off ({type(error).__name__}).", where=self._guard.where
            ) from None
        return response.status, answered, _decoded(content, answered, self._max_bytes, self._guard.where)

    def _body(self, response: "urllib3.BaseHTTPResponse", deadline: float) -> bytes:
        found = bytearray()
        for chunk in response.stream(_CHUNK, decode_content=False):
            found += chunk
            if len(found) > self._max_bytes:
                raise _too_large(self._max_bytes, self._guard.where)
            if self._clock.now() > deadline:
                raise PassingSourceError("timeout", "the answer did not end in time.", where=self._guard.where)
        return bytes(found)

    def _pool(self, target: Target) -> "urllib3.HTTPConnectionPool":
        import urllib3  # noqa: PLC0415 - binds a socket when it is imported

        if target.origin not in self._pools:
            timeout = urllib3.Timeout(connect=self._timeout, read=self._timeout)
            if target.scheme == "https":
                self._pools[target.origin] = urllib3.HTTPSConnectionPool(
                    target.address,
                    target.port,
                    timeout=timeout,
                    server_hostname=target.host,
                    assert_hostname=target.host,
                    cert_reqs="CERT_REQUIRED",
                )
            else:
                self._pools[target.origin] = urllib3.HTTPConnectionPool(target.address, target.port, timeout=timeout)
        return self._pools[target.origin]

    def _judged(self, url: str, status: int, headers: Mapping[str, str], content: bytes) -> Answer:
        if status == _OK:
            return Answer(url, headers, content)
        explained = self._explain(status, content)
        if explained is not None:
            raise explained
        what, where = f"{shown(url)} answered {status}.", self._guard.where
        wait = retry_after(headers.get("retry-after", ""), self._clock.now())
        is_limit = status == _TOO_MANY or (
            status == _FORBIDDEN and (wait is not None or headers.get("x-ratelimit-remaining") == "0")
        )
        if is_limit:
            raise PassingSourceError(
                "throttled", what, where=where, fix="Ask less often: `requestsPerSecond`.", retry_after_seconds=wait
            )
        if status >= _SERVER or status in _WAITING:
            raise PassingSourceError("unavailable", what, where=where, retry_after_seconds=wait)
        if status == _UNAUTHORIZED:
            fix = "The credentials may have expired, or were replaced or withdrawn; correct them where they are kept."
            raise UnauthorizedError("unauthorized", what, where=where, fix=fix)
        if status == _FORBIDDEN:
            fix = "Ask the owner of the source for the permission to read this."
            raise SourceError("permission", what, where=where, fix=fix)
        raise SourceError(_REFUSED.get(status, "refused"), what, where=where, fix="Check `path` and `params`.")


def retry_after(text: str, now: float) -> float | None:
    """Return how many seconds a `Retry-After` asks for, which is seconds or a date; None when it is neither."""
    if _SECONDS.fullmatch(text.strip()):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _host(target: Target) -> str:
    name = f"[{target.host}]" if ":" in target.host else target.host
    return name if target.port in {80, 443} else f"{name}:{target.port}"


def _decoded(content: bytes, headers: Mapping[str, str], most: int, where: str) -> bytes:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", ""} or not content:
        return content
    if encoding not in {"gzip", "x-gzip"}:
        raise SourceError("encoding", "the answer is packed in a way that was not asked for.", where=where)
    found = bytearray()
    try:
        while content:
            unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
            found += unpacking.decompress(content, most + 1 - len(found))
            if len(found) > most:
                raise _too_large(most, where)
            if not unpacking.eof:
                raise PassingSourceError("truncated", "the packed answer ends too early.", where=where)
            content = unpacking.unused_data
    except zlib.error:
        raise PassingSourceError("corrupt", "the packed answer is damaged.", where=where) from None
    return bytes(found)


def _too_large(most: int, where: str) -> SourceError:
    return SourceError(
        "too_large",
        f"an answer is larger than {most >> 20} MiB.",
        where=where,
        fix="Ask for smaller pages (`paging.size`).",
    )
