"""The circuit of a source: after faults in a row nobody asks it for a while, then one tries, whoever it is.

All processes share it through the state store. A store that cannot be reached is a warning, never a reason not to
work: the source is then asked as if its circuit were closed. What is stored is `state.circuits`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from lakehouse_assets.connectors.clock import Clock
from lakehouse_assets.contracts.cadence import RetryPolicy
from lakehouse_assets.errors import MissingExtraError, SourceError, StateError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lakehouse_assets.state.circuits import StoredCircuit
    from lakehouse_assets.state.store import Store

CIRCUIT_OPEN = "circuit_open"
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Circuit(Protocol):
    """Asked before every try, told how it ended."""

    def enter(self) -> None:
        """Raise SourceError `circuit_open` when the source is not to be asked now."""
        ...

    def fail(self, code: str) -> None:
        """Count a fault; `code` is that of its error."""
        ...

    def succeed(self) -> None:
        """Say that the source answered."""
        ...


class Closed:
    """A circuit that never opens."""

    def enter(self) -> None:
        """Let everybody ask."""

    def fail(self, code: str) -> None:
        """Count nothing."""

    def succeed(self) -> None:
        """Count nothing."""


@dataclass
class SharedCircuit:
    """The circuit of one source as the state store has it."""

    source: str
    policy: RetryPolicy
    open_store: "Callable[[], Store]"
    place: str = ""
    clock: Clock = field(default_factory=Clock)
    _store: "Store | None" = field(default=None, init=False, repr=False)
    _is_clean: bool = field(default=True, init=False)

    def enter(self) -> None:
        """Raise SourceError `circuit_open` unless it is closed, or it is time to try and nobody else does."""
        from lakehouse_assets.state import circuits  # noqa: PLC0415 - SQLAlchemy, only where a source is asked

        found = self._read(lambda connection: circuits.find_circuit(connection, self.source))
        self._is_clean = found is None or found.is_clean
        if found is None or found.state == circuits.CLOSED or self._is_admitted(found):
            return
        raise SourceError(
            CIRCUIT_OPEN,
            f"{self.source} failed {found.failures} times in a row, last with {found.code!r}, and is not asked"
            f" before {found.retry_at:%Y-%m-%d %H:%M:%S} UTC.",
            where=self.place,
            fix=f"Mend the source, then run `lakehouse source circuit reset {self.source}`, or wait.",
        )

    def fail(self, code: str) -> None:
        """Count a fault; the one that fills the measure opens the circuit, and so does a try that failed."""
        from lakehouse_assets.state import circuits  # noqa: PLC0415

        self._is_clean = False
        if self.policy.open_after == 0:
            return
        found = self._write(
            lambda connection: circuits.count_failure(
                connection,
                self.source,
                code,
                at=self._now(),
                limits=circuits.Limits(self.policy.open_after, self.policy.open_seconds),
            )
        )
        if found is not None and found.state == circuits.OPEN:
            _log.warning("the circuit of %s is open: %d faults in a row.", self.source, found.failures)

    def succeed(self) -> None:
        """Close it, unless others found the source broken meanwhile."""
        from lakehouse_assets.state import circuits  # noqa: PLC0415

        if not self._is_clean:
            self._write(lambda connection: circuits.count_success(connection, self.source, at=self._now()))
            self._is_clean = True

    def _is_admitted(self, found: "StoredCircuit") -> bool:
        from lakehouse_assets.state import circuits  # noqa: PLC0415

        at, seconds = self._now(), self.policy.open_seconds
        if found.retry_at is None or at < found.retry_at:
            return False
        taken = self._write(lambda connection: circuits.take_try(connection, self.source, at=at, seconds=seconds))
        return taken is not False

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def _read(self, ask: "Callable[[Connection], _T]") -> "_T | None":
        try:
            with self._opened().reading() as connection:
                return ask(connection)
        except (StateError, MissingExtraError) as error:
            self._warn(error)
            return None

    def _write(self, change: "Callable[[Connection], _T]") -> "_T | None":
        try:
            with self._opened().transaction() as connection:
                return change(connection)
        except (StateError, MissingExtraError) as error:
            self._warn(error)
            return None

    def _opened(self) -> "Store":
        if self._store is None:
            self._store = self.open_store()
        return self._store

    def _warn(self, error: Exception) -> None:
        _log.warning("the source %s is asked without its circuit: %s", self.source, error)
