"""Asking one source over HTTP for pages: who asks, how fast, how often, what an answer says. Retries are `access`'s."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.connection import hidden_in
from lakehouse_assets.connectors.json_text import NOT_JSON, Number, Record, read_entries, read_page, value_at
from lakehouse_assets.connectors.web.client import Answer, Client, Request, UnauthorizedError
from lakehouse_assets.connectors.web.guard import Guard, hosts_in
from lakehouse_assets.connectors.web.options import RestOptions
from lakehouse_assets.connectors.web.signing import ClientCredentials, Fixed, Signer
from lakehouse_assets.contracts.model import Source
from lakehouse_assets.errors import PassingSourceError, SourceError

_NO_ERROR: tuple[object, ...] = (None, "", False, [], {})
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer and the records in it."""

    answer: Answer
    value: Any
    records: list[Record]


@dataclass
class Session:
    """One extraction's way to its source. To be closed."""

    source: Source
    access: Access
    base: str = ""
    requests: int = 0
    last: bytes = b""
    _next_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        connection, where = self._connection(), str(self.source.place)
        self.base = str(connection.get("url", ""))
        allowed = hosts_in(str(connection.get("allowedHosts", "")))
        self._client = self._client_of(self.base, allowed)
        self._clients = [self._client]
        if connection.get("auth") == "oauth2":
            issuer = self._client_of(str(connection.get("oauthUrl", "")), allowed)
            self._clients.append(issuer)
            self._signer: Signer = ClientCredentials(self._connection, issuer, now=self.access.clock.now, where=where)
        else:
            self._signer = Fixed(self._connection, where)

    def fetch(self, url: str, options: RestOptions, what: str) -> Fetched:
        """Return a page, asked for as often as the source's policy says; `what` names it in messages."""
        return self.access.attempt(what, lambda: self._ask(url, options))

    def read(self, answer: Answer, options: RestOptions) -> Fetched:
        """Return an answer with its records.

        Raises PassingSourceError for what is no JSON, and SourceError where the answer says that it is an error.
        """
        where, path = str(self.source.place), options.records.split(".") if options.records else []
        try:
            if options.entries is None:
                value, records = read_page(answer.content, path, where=where)
            else:
                names = options.entries.key, options.entries.value
                value, records = read_entries(answer.content, path, names, where=where)
        except SourceError as error:
            self.last = answer.content
            if error.code not in {NOT_JSON, "encoding"}:
                raise
            said = error.what.removeprefix(f"{error.code}: ")
            raise PassingSourceError(error.code, said, where=where, fix=error.fix) from None
        told = value_at(value, options.error.split(".")) if options.error else None
        if told not in _NO_ERROR and not (isinstance(told, Number) and not told.strip("0.")):
            self.last = answer.content
            raise SourceError(
                "source_error",
                f"the answer has status 200, but says at {options.error!r} that it is an error.",
                where=where,
                fix="It is kept among the dead letters: `lakehouse dead-letters`.",
            )
        self.last = b""
        once = {name: value_at(value, at.split(".")) for name, at in options.once.items()}
        return Fetched(answer, value, [_with(record, once) for record in records] if once else records)

    def without_secrets(self, content: bytes) -> bytes:
        """Return bytes in which no credential is, for a source may repeat them."""
        try:
            said = " ".join(self._signer.headers().values())
            hidden = {*hidden_in(self._connection()), *said.split()}
        except SourceError:
            return b""  # what must not be told is not known: then nothing is
        for secret in sorted(hidden, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                content = content.replace(secret.encode(), b"***")
        return content

    def close(self) -> None:
        """Give all connections back."""
        for client in self._clients:
            client.close()

    def _ask(self, url: str, options: RestOptions) -> Fetched:
        try:
            answer = self._send(url, options)
        except UnauthorizedError:
            if not self._signer.renew():
                raise
            answer = self._send(url, options)
        return self.read(answer, options)

    def _send(self, url: str, options: RestOptions) -> Answer:
        if options.max_requests is not None and self.requests >= options.max_requests:
            raise SourceError(
                "budget",
                f"{self.requests} requests were made, which is all that one run may.",
                where=str(self.source.place),
                fix="Run the partition again, it goes on where it stopped; or raise `options.maxRequests`.",
            )
        if options.requests_per_second:
            now = self.access.clock.now()
            if now < self._next_at:
                self.access.clock.sleep(self._next_at - now)
            self._next_at = max(now, self._next_at) + 1 / options.requests_per_second
        headers = {**options.headers, **self._signer.headers()}
        self.requests += 1
        return self._client.send(Request(url, headers))

    def _connection(self) -> Mapping[str, Any]:
        return self.access.connection(self.source)

    def _client_of(self, url: str, allowed: tuple[str, ...]) -> Client:
        guard = Guard(url, allowed, str(self.source.place))
        return Client(guard, timeout_seconds=self.access.timeout_seconds, clock=self.access.clock)


def _with(record: Record, once: Mapping[str, Any]) -> Record:
    return replace(record, value={**record.value, **once}) if isinstance(record.value, Mapping) else record


def to_page(answer: Answer) -> bytes:
    """Return an answer as it is kept until its partition is published."""
    kept = {name: answer.headers[name] for name in ("link",) if name in answer.headers}
    return json.dumps({"url": answer.url, "headers": kept}).encode() + b"\n" + answer.content


def from_page(page: bytes) -> Answer:
    """Return the answer that was kept."""
    head, _, content = page.partition(b"\n")
    told = json.loads(head)
    return Answer(told["url"], told["headers"], content)
