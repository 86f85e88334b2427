"""Leases: one holder at a time, until it lets go or its time is over. They save double work; they make nothing safe.

Safety of a publish is its compare-and-swap. `fence` grows with every new holder, for whoever can check it.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from lakehouse_assets.state import schema
from lakehouse_assets.state.absorb import upsert


def acquire_lease(connection: sa.Connection, name: str, holder: str, *, at: datetime, seconds: float) -> int | None:
    """Take or extend a lease; return its fence, or None while someone else holds it."""
    row = schema.leases.c
    found = connection.execute(sa.select(schema.leases).where(row.name == name)).mappings().one_or_none()
    is_mine = found is not None and found["holder"] == holder
    if found is not None and not is_mine and found["expires_at"] > at:
        return None
    fence: int = 1 if found is None else found["fence"] + (0 if is_mine else 1)
    values = {"holder": holder, "fence": fence, "expires_at": at + timedelta(seconds=seconds)}
    statement = upsert(connection, schema.leases).values(name=name, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    return fence


def release_lease(connection: sa.Connection, name: str, holder: str, *, at: datetime) -> None:
    """Let go of a lease; nothing happens when someone else has it by now."""
    row = schema.leases.c
    statement = sa.update(schema.leases).where(row.name == name, row.holder == holder)
    connection.execute(statement.values(holder="", expires_at=at))


def holder_of(connection: sa.Connection, name: str) -> tuple[str, datetime]:
    """Return who holds a lease and until when; nobody, since ever, when it was never taken."""
    row = schema.leases.c
    found = connection.execute(sa.select(row.holder, row.expires_at).where(row.name == name)).one_or_none()
    return (found[0] or "nobody", found[1]) if found else ("nobody", datetime.min.replace(tzinfo=UTC))
