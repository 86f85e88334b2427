"""Asking an object store whether exactly one of two writers wins when both create the same object.

One writer stalls in the middle of its body, the other creates the object meanwhile. A server that looks before it
has read the body tells both that they won; asked one after the other it would look safe. What follows from the
answer is `proof`'s.
"""

import contextlib
import http.client
import secrets
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from lakehouse_assets.engines.stores import open_store
from lakehouse_assets.errors import StorageError
from lakehouse_assets.naming import probe_file
from lakehouse_assets.storage.objects import translated

# More than any buffer a server may fill before it looks whether the object exists.
_HALF = 200_000
_STALL_SECONDS = 0.4
_PATIENCE_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
_LOST = frozenset({http.client.CONFLICT, http.client.PRECONDITION_FAILED})


@dataclass(frozen=True, slots=True)
class Contest:
    """Who was told to have created one and the same object: the stalled writer, the quick one, one that came after."""

    stalled_won: bool
    quick_won: bool
    late_won: bool

    @property
    def is_atomic(self) -> bool:
        """Whether exactly one of the two that met had created the object, and the one that came after had not."""
        return self.stalled_won != self.quick_won and not self.late_won

    @property
    def is_decided(self) -> bool:
        """Whether anybody won; a store may send everybody away that meets another."""
        return self.stalled_won or self.quick_won or self.late_won

    @property
    def sentence(self) -> str:
        """Say what happened."""
        if self.late_won:
            return "it created an object that was already there: `If-None-Match` has no effect"
        if self.stalled_won and self.quick_won:
            return "it told two writers at once that each of them had created the same object"
        if self.is_atomic:
            return "one of two writers created the object, the other was told"
        return "it refused every writer of a new object"


def contest(root: str, options: Mapping[str, str]) -> Contest:
    """Let two writers create one object below `root`, remove it again, and return who was told to have won.

    Raises StorageError when the store cannot be asked.
    """
    key = probe_file(secrets.token_hex(8))
    with translated(root):
        return _contest(open_store(root, options), key, options, root)


def store_clock(root: str, options: Mapping[str, str]) -> datetime | None:
    """Return the time a store answers with, to the second, or None when it names none; no permission is needed."""
    with translated(root):
        address = urlsplit(obstore.sign(open_store(root, options), "GET", probe_file("clock"), timedelta(minutes=1)))
        with _connected(address, options) as connection:
            # Unsigned on purpose: a store refuses what was signed by a clock that is far off.
            connection.request("HEAD", address.path)
            answer = connection.getresponse()
    date = answer.getheader("Date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else None


def _contest(store: Any, key: str, options: Mapping[str, str], root: str) -> Contest:  # noqa: ANN401 - obstore's union
    address = urlsplit(obstore.sign(store, "PUT", key, timedelta(minutes=5)))
    with _connected(address, options) as stalled, ThreadPoolExecutor(1) as second:
        _begin(stalled, address)
        try:
            time.sleep(_STALL_SECONDS)
            # The library that Delta commits with; it may wait for the first writer, so it must not hold us up.
            quick = second.submit(_create, store, key)
            wait([quick], timeout=_PATIENCE_SECONDS)
            stalled_won = _finish(stalled, root)
            return Contest(stalled_won, quick.result(), late_won=_create(store, key))
        finally:
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(store, key)


@contextlib.contextmanager
def _connected(address: SplitResult, options: Mapping[str, str]) -> Iterator[http.client.HTTPConnection]:
    if address.scheme == "http":
        connection = http.client.HTTPConnection(address.netloc, timeout=_ANSWER_SECONDS)
    else:
        connection = http.client.HTTPSConnection(address.netloc, timeout=_ANSWER_SECONDS, context=_trust(options))
    try:
        yield connection
    except http.client.HTTPException as error:
        raise ConnectionError(f"no answer that is HTTP ({type(error).__name__})") from error
    finally:
        connection.close()


def _trust(options: Mapping[str, str]) -> ssl.SSLContext:
    named = {name.lower().removeprefix("aws_"): value for name, value in options.items()}
    context = ssl.create_default_context(cadata=named.get("proxy_ca_certificate"))
    if named.get("allow_invalid_certificates", "").lower() in {"true", "1"}:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _begin(connection: http.client.HTTPConnection, address: SplitResult) -> None:
    connection.putrequest("PUT", f"{address.path}?{address.query}")
    connection.putheader("If-None-Match", "*")
    connection.putheader("Content-Length", str(2 * _HALF))
    connection.endheaders(bytes(_HALF))


def _finish(connection: http.client.HTTPConnection, root: str) -> bool:
    connection.send(bytes(_HALF))
    answer = connection.getresponse()
    answer.read()
    if answer.status == http.client.OK:
        return True
    if answer.status in _LOST:
        return False
    raise StorageError(
        f"the store answered a conditional PUT with {answer.status} {answer.reason}.",
        where=root,
        fix="Check the permission to write, and that the store knows `If-None-Match` on PUT.",
    )


def _create(store: object, key: str) -> bool:
    try:
        obstore.put(cast("Any", store), key, b"quick", mode="create")
    except (AlreadyExistsError, PreconditionError):
        return False
    return True
