"""What a connector is given beside its source: environment, retries, the source's circuit, checkpoints, time.

What belongs here: how often and how long a source is asked, and when nobody asks it. What does not: any protocol, which
is every connector's own, and what becomes of a fault in the end, which `onError` says in `pipeline.arrival`.
"""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from lakehouse_assets.connectors.circuit import Circuit, Closed
from lakehouse_assets.connectors.clock import Clock
from lakehouse_assets.connectors.connection import resolve
from lakehouse_assets.contracts.cadence import RetryPolicy
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.errors import PassingSourceError, SourceError

ONCE = RetryPolicy("once", (), cap_seconds=0.0)
TIMEOUT_SECONDS = 60.0
FAIL_FAST, RETRY, SKIP = "fail-fast", "retry", "skip-and-alert"
_Answer = TypeVar("_Answer")
# Opens a session with the resolved connection of a source.
Opener = Callable[[Mapping[str, str]], AbstractContextManager[Any]]


class Checkpoint(Protocol):
    """What was fetched of one window and survives a kill: pages in order, bytes as they came."""

    def pages(self) -> Iterator[bytes]:
        """Yield the pages that were kept by an extraction that did not end."""
        ...

    def keep(self, page: bytes) -> None:
        """Keep the next page; when this returns, it survives."""
        ...

    def drop(self) -> None:
        """Forget all pages: what they hold cannot be used, and the next extraction begins anew."""
        ...


class Checkpoints(Protocol):
    """Where pages are kept until the partition they are for is published."""

    def open(self, table: SourceTable, partition: str, window: str) -> Checkpoint:
        """Return the checkpoint of a window; `window` says what is asked, and pages of another are forgotten."""
        ...


class _Forgetful:
    """Keeps nothing: every extraction begins anew."""

    def open(self, table: SourceTable, partition: str, window: str) -> "_Forgetful":
        del table, partition, window
        return self

    def pages(self) -> Iterator[bytes]:
        yield from ()

    def keep(self, page: bytes) -> None:
        pass

    def drop(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Access:
    """How one source is reached. By itself: the process environment, one try, nothing shared and nothing kept.

    `sessions`: who opens a session instead of the connector itself, by kind of source.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    policy: RetryPolicy = ONCE
    circuit: Circuit = field(default_factory=Closed)
    checkpoints: Checkpoints = field(default_factory=_Forgetful)
    clock: Clock = field(default_factory=Clock)
    sessions: Mapping[str, Opener] = field(default_factory=dict, repr=False)

    @property
    def timeout_seconds(self) -> float:
        """The longest time of one try, for the client to keep."""
        return self.policy.timeout_seconds or TIMEOUT_SECONDS

    def connection(self, source: Source) -> dict[str, Any]:
        """Return the connection with variables and secrets filled in: read now, kept nowhere.

        Raises ConfigError for variables that are not set, SourceError `secret` for secrets that cannot be read.
        """
        return resolve(source, self.environ)

    def attempt(self, what: str, operation: Callable[[], _Answer]) -> _Answer:
        """Return what `operation` returns; ask again, as the policy says, when it raises PassingSourceError.

        `what` says in messages what was asked, never with a secret. Raises the last fault when all tries are used up,
        SourceError `circuit_open` when the source is not to be asked, any other error at once.
        """
        tries = len(self.policy.delays_seconds) + 1
        for number in range(tries):
            self.circuit.enter()
            try:
                answer = operation()
            except PassingSourceError as error:
                self.circuit.fail(error.code)
                if number == tries - 1:
                    raise _used_up(error, what, tries) from error
                self.clock.sleep(self._wait(number, error.retry_after_seconds or 0.0))
            except SourceError:
                self.circuit.succeed()  # it answered, although not with what was asked for
                raise
            else:
                self.circuit.succeed()
                return answer
        raise AssertionError  # a policy has at least one try

    def _wait(self, number: int, asked_seconds: float) -> float:
        policy = self.policy
        delay = policy.delays_seconds[number]
        drawn = random.uniform(0, delay) if policy.has_jitter else delay  # noqa: S311 - jitter, not a secret
        return min(max(drawn, asked_seconds), policy.cap_seconds)


def _used_up(error: PassingSourceError, what: str, tries: int) -> PassingSourceError:
    said = error.what.removeprefix(f"{error.code}: ").rstrip(".")
    times = "once" if tries == 1 else f"{tries} times"
    return PassingSourceError(
        error.code,
        f"{said} ({what}, asked {times}).",
        where=error.where,
        fix=error.fix,
        retry_after_seconds=error.retry_after_seconds,
    )
