"""Holding a lease while working: taken, renewed in the background, given back. It saves double work and no more.

What makes a publish safe is its compare-and-swap. So a store that cannot be reached is a warning, never a reason
not to work; who a lease is for and what it is called is its caller's business.
"""

import logging
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakehouse_assets.errors import LeaseHeldError, MissingExtraError, StateError
from lakehouse_assets.pipeline.lake import Lake

if TYPE_CHECKING:
    from lakehouse_assets.state.store import Store

SECONDS = 60.0
_BEATS = 3  # a lease survives two lost heartbeats
_POLL_SECONDS = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held. `fence` grows with every new holder; None when the store could not be reached."""

    name: str
    holder: str
    fence: int | None
    lost: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def is_lost(self) -> bool:
        """Whether somebody else took it over, because our heartbeat was not heard for too long."""
        return self.lost.is_set()


@contextmanager
def held(lake: Lake, name: str, *, seconds: float = SECONDS, wait_seconds: float = 0.0) -> Iterator[Lease]:
    """Hold the lease `name` of this lake for as long as the block runs.

    Raises LeaseHeldError when somebody else still holds it after `wait_seconds`. A holder that died loses it after
    `seconds`. Look at `is_lost` before each step that need not be done twice.
    """
    holder = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    store = _opened(lake, name)
    if store is None:
        yield Lease(name, holder, None)
        return
    with store:
        lease = _taken(store, name, holder, seconds, wait_seconds)
        if lease.fence is None:
            yield lease
            return
        done = threading.Event()
        heart = threading.Thread(target=_beat, args=(store, lease, seconds, done), daemon=True)
        heart.start()
        try:
            yield lease
        finally:
            done.set()
            heart.join()
            _give_back(store, lease)


def _opened(lake: Lake, name: str) -> "Store | None":
    from lakehouse_assets.pipeline.absorb import store_of  # noqa: PLC0415 - SQLAlchemy, only where leases are used

    try:
        return store_of(lake)
    except (StateError, MissingExtraError) as error:
        _warn(name, error)
        return None


def _taken(store: "Store", name: str, holder: str, seconds: float, wait_seconds: float) -> Lease:
    from lakehouse_assets.state.leases import holder_of  # noqa: PLC0415

    waited = threading.Event()
    other, until = "nobody", datetime.now(UTC)
    for _ in range(1 + int(wait_seconds / _POLL_SECONDS)):
        try:
            fence = _acquire(store, name, holder, seconds)
            if fence is not None:
                return Lease(name, holder, fence)
            with store.reading() as connection:
                other, until = holder_of(connection, name)
        except StateError as error:
            _warn(name, error)
            return Lease(name, holder, None)
        if wait_seconds:
            waited.wait(_POLL_SECONDS)
    raise LeaseHeldError(
        f"{other} works on it and holds the lease until {until:%Y-%m-%d %H:%M:%S} UTC.",
        where=name,
        fix="Let it finish, or wait until its lease is over if it died.",
    )


def _acquire(store: "Store", name: str, holder: str, seconds: float) -> int | None:
    from lakehouse_assets.state.leases import acquire_lease  # noqa: PLC0415

    with store.transaction() as connection:
        return acquire_lease(connection, name, holder, at=datetime.now(UTC), seconds=seconds)


def _beat(store: "Store", lease: Lease, seconds: float, done: threading.Event) -> None:
    while not done.wait(seconds / _BEATS):
        try:
            fence = _acquire(store, lease.name, lease.holder, seconds)
        except StateError as error:
            _warn(lease.name, error)
            continue
        if fence != lease.fence:
            lease.lost.set()
            _log.warning("the lease %s was taken over: this process was not heard for too long.", lease.name)
            return


def _give_back(store: "Store", lease: Lease) -> None:
    from lakehouse_assets.state.leases import release_lease  # noqa: PLC0415

    try:
        with store.transaction() as connection:
            release_lease(connection, lease.name, lease.holder, at=datetime.now(UTC))
    except StateError as error:
        _warn(lease.name, error)


def _warn(name: str, error: Exception) -> None:
    _log.warning("working without the lease %s, so work may be done twice: %s", name, error)
