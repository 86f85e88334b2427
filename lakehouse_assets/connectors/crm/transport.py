"""The door through which vendors' clients go: what they send is sent by `web.client`, where its guard lets it go.

What belongs here: dressing that client up as what theirs expect. What does not: what they send, and asking again.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from lakehouse_assets.connectors.web.client import Answer, Client, Request

if TYPE_CHECKING:
    import requests

# What the client that sends says itself.
_OURS = frozenset({"accept-encoding", "connection", "content-length", "host", "user-agent"})

_NOTHING = Answer("", {}, b"")


@dataclass
class Wire:
    """Sends what a vendor's client would have sent. `home` is the URL of the connection, `last` the newest answer."""

    client: Client
    home: str
    last: Answer = _NOTHING

    def send(self, url: str, headers: Mapping[str, Any], body: str | bytes | None) -> Answer:
        """Return an answer that is a success; raise what `web.client` says of any other."""
        if self.home.startswith("http://") and url.startswith("https://"):
            url = f"http://{url.removeprefix('https://')}"  # clients insist on https, the connection does not
        told = {name.title(): _text(value) for name, value in headers.items() if name.lower() not in _OURS}
        sent = body.encode() if isinstance(body, str) else body
        self.last = self.client.send(Request(url, told, sent))
        return self.last

    def answer_to(self, call: Callable[[], object]) -> Answer:
        """Return what came back for a call of the client; what the client makes of it is not looked at."""
        self.last = _NOTHING
        # A body that is not what the client awaits is judged by who reads it.
        with suppress(ValueError, KeyError):
            call()
        return self.last


def session_of(wire: Wire) -> "requests.Session":
    """Return a session of `requests` that goes through the wire, and reads no files of its own."""
    import requests  # noqa: PLC0415 - comes with the client that wants it
    from requests.adapters import BaseAdapter  # noqa: PLC0415

    class Guarded(BaseAdapter):
        def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:  # noqa: ANN401 - its own types
            answer = wire.send(str(request.url), request.headers, request.body)
            response = requests.Response()
            response.status_code, response.url, response.encoding = 200, answer.url, "utf-8"
            response.headers.update(answer.headers)
            # Here it is unpacked already.
            response.headers.pop("content-encoding", None)
            response.raw, response.request = io.BytesIO(answer.content), request
            return response

        def close(self) -> None:
            """Keep the wire, which others use."""

    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Guarded())
    session.mount("http://", Guarded())
    return session


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as clients that were generated from a specification take it."""

    data: bytes
    status: int = 200


@dataclass(frozen=True, slots=True)
class Pool:
    """What such a client takes for a pool manager of urllib3."""

    wire: Wire

    def request(
        self,
        method: str,
        url: str,
        *,
        body: str | None = None,
        fields: Sequence[tuple[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,  # noqa: ANN401 - time-outs and the like are the wire's
    ) -> Raw:
        """Send it; `fields` are parameters of a GET and the form of a POST."""
        form = urlencode(fields or ())
        if method == "GET":
            return Raw(self.wire.send(f"{url}?{form}" if form else url, headers or {}, None).content)
        return Raw(self.wire.send(url, headers or {}, body if body is not None else form).content)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
