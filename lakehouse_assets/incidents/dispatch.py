"""Sending what the outbox holds: claim, send, record; again later, and later still, when a channel fails.

Nothing is ever given up: a row stays until it is delivered. No transaction is open while a channel is talking.
"""

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakehouse_assets.errors import DeliveryError, LakehouseError
from lakehouse_assets.incidents.channel import Channel
from lakehouse_assets.incidents.outbox import Claimed, claim, record_failed, record_sent
from lakehouse_assets.state.store import Store

_LARGEST_POWER = 16


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a dispatcher owns a row, and how long it waits after a failure: doubling, capped, with jitter."""

    lease: timedelta = timedelta(minutes=5)
    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(hours=1)

    def wait(self, attempt: int, *, chance: float, asked: float | None = None) -> timedelta:
        """Return the wait after an attempt (1, 2, …): half of it sure, half by `chance`; what was asked goes first."""
        if asked is not None:
            return min(timedelta(seconds=max(asked, 1.0)), self.longest)
        doublings: int = 2 ** min(attempt - 1, _LARGEST_POWER)
        return min(self.first * doublings, self.longest) * (0.5 + 0.5 * chance)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What one call of `dispatch` did."""

    sent: int = 0
    failed: int = 0


def dispatch(
    store: Store,
    channels: Mapping[str, Channel],
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    patience: Patience = Patience(),
    batch: int = 10,
) -> Deliveries:
    """Send everything that is due now, each row once; any number of dispatchers may run at the same time."""
    holder, started = uuid.uuid4().hex, clock()
    sent = failed = 0
    while True:
        with store.transaction() as connection:
            rows = claim(connection, holder, due_at=started, until=clock() + patience.lease, limit=batch)
        if not rows:
            return Deliveries(sent, failed)
        for row in rows:
            if _deliver(store, channels, row, holder=holder, clock=clock, patience=patience):
                sent += 1
            else:
                failed += 1


def _deliver(
    store: Store,
    channels: Mapping[str, Channel],
    row: Claimed,
    *,
    holder: str,
    clock: Callable[[], datetime],
    patience: Patience,
) -> bool:
    try:
        external_id = _find(channels, row.channel).send(row.message)
    except Exception as error:  # noqa: BLE001 - an edge: whatever a channel raises, the row stays and waits
        asked = error.retry_after_seconds if isinstance(error, DeliveryError) else None
        now = clock()
        chance = random.random()  # noqa: S311 - jitter, not a secret
        next_at = now + patience.wait(row.attempt, chance=chance, asked=asked)
        with store.transaction() as connection:
            record_failed(connection, row, holder, _say(error), at=now, next_at=next_at)
        return False
    with store.transaction() as connection:
        record_sent(connection, row, holder, external_id, at=clock())
    return True


def _find(channels: Mapping[str, Channel], name: str) -> Channel:
    if name not in channels:
        raise DeliveryError(f"there is no channel {name!r}.", fix="Name another one in incidents.yaml.")
    return channels[name]


def _say(error: Exception) -> str:
    # Clients put addresses and credentials into their messages; ours do not.
    return error.what if isinstance(error, LakehouseError) else type(error).__name__
