"""Circuits of sources as they are stored: closed, open, or half open while one process tries.

When to ask and what to do without a store is for `connectors.circuit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from lakehouse_assets.state import schema
from lakehouse_assets.state.absorb import upsert

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


@dataclass(frozen=True, slots=True)
class StoredCircuit:
    """The circuit of a source: faults in a row, the code of the last one, and when somebody may try again."""

    source: str
    state: str
    failures: int
    code: str
    opened_at: datetime | None
    retry_at: datetime | None

    @property
    def is_clean(self) -> bool:
        """Whether the last thing the source did was to answer."""
        return self.state == CLOSED and not self.failures


@dataclass(frozen=True, slots=True)
class Limits:
    """After how many faults in a row a circuit opens, and for how long."""

    failures: int
    open_seconds: float


def find_circuit(connection: sa.Connection, source: str) -> StoredCircuit | None:
    """Return the circuit of a source, or None when it never failed."""
    row = schema.circuits.c
    found = connection.execute(sa.select(*_columns()).where(row.source == source)).one_or_none()
    return StoredCircuit(*found) if found else None


def list_circuits(connection: sa.Connection) -> Sequence[StoredCircuit]:
    """Return the circuits of all sources that ever failed."""
    row = schema.circuits.c
    return [StoredCircuit(*found) for found in connection.execute(sa.select(*_columns()).order_by(row.source))]


def count_failure(connection: sa.Connection, source: str, code: str, *, at: datetime, limits: Limits) -> StoredCircuit:
    """Count a fault; the one that reaches the limit opens the circuit, and so does any while somebody tries."""
    found = find_circuit(connection, source)
    failures = (found.failures if found else 0) + 1
    was = found.state if found else CLOSED
    opens = was != CLOSED or failures >= limits.failures
    opened_at = (found.opened_at if found and was != CLOSED else at) if opens else None
    retry_at = at + timedelta(seconds=limits.open_seconds) if opens else None
    now = StoredCircuit(source, OPEN if opens else CLOSED, failures, code, opened_at, retry_at)
    _store(connection, now, at)
    return now


def count_success(connection: sa.Connection, source: str, *, at: datetime) -> None:
    """Close a circuit; one that others opened meanwhile stays open."""
    found = find_circuit(connection, source)
    if found is not None and found.state != OPEN:
        _store(connection, StoredCircuit(source, CLOSED, 0, "", None, None), at)


def take_try(connection: sa.Connection, source: str, *, at: datetime, seconds: float) -> bool:
    """Become the one who tries an open circuit; nobody else does for `seconds`, then the one counts as dead."""
    row = schema.circuits.c
    due = sa.and_(row.source == source, row.state != CLOSED, row.retry_at <= at)
    until = at + timedelta(seconds=seconds)
    taken = connection.execute(sa.update(schema.circuits).where(due).values(state=HALF_OPEN, retry_at=until))
    return taken.rowcount == 1


def reset_circuit(connection: sa.Connection, source: str, *, at: datetime) -> bool:
    """Close a circuit by hand; return whether it was open or had counted faults."""
    found = find_circuit(connection, source)
    if found is None or found.is_clean:
        return False
    _store(connection, StoredCircuit(source, CLOSED, 0, "", None, None), at)
    return True


def _columns() -> list[sa.Column[object]]:
    row = schema.circuits.c
    return [row.source, row.state, row.failures, row.code, row.opened_at, row.retry_at]


def _store(connection: sa.Connection, circuit: StoredCircuit, at: datetime) -> None:
    values = {
        "state": circuit.state,
        "failures": circuit.failures,
        "code": circuit.code,
        "opened_at": circuit.opened_at,
        "retry_at": circuit.retry_at,
        "changed_at": at,
    }
    statement = upsert(connection, schema.circuits).values(source=circuit.source, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))
