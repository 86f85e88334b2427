"""The outbox: what must be told, kept until it is. Rows are written with the incident; `dispatch` sends them.

Per incident and channel, rows leave in order; a change that nobody has been told yet is folded into what waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from lakehouse_assets.incidents.message import Message, Notice, to_message
from lakehouse_assets.incidents.routing import Routing
from lakehouse_assets.incidents.tracker import Case
from lakehouse_assets.state import schema


class Status(StrEnum):
    """Where a row stands. A claimed row is still pending until its delivery is recorded."""

    PENDING = "pending"
    SENT = "sent"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that one dispatcher alone may send until its lease ends."""

    id: int
    channel: str
    message: Message
    attempt: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not delivered yet, and since when the oldest of it waits."""

    waiting: int
    oldest_at: datetime | None


def enqueue(connection: sa.Connection, notice: Notice, case: Case, routing: Routing) -> None:
    """Write what each channel must be told about an incident that changed."""
    incident = case.incident
    told = _channels_told(connection, incident.id)
    routed = routing.channels_of(incident.priority)
    for channel in (*routed, *sorted(told - set(routed))):
        is_new = notice is Notice.UPDATED and channel not in told
        message = to_message(Notice.OPENED if is_new else notice, case)
        if notice is Notice.RESOLVED:
            _supersede(connection, incident.id, channel)
        elif notice is Notice.UPDATED and _fold_into_waiting(connection, incident.id, channel, message):
            continue
        delay = routing.digest_every if message.notice == Notice.UPDATED else timedelta(0)
        _add(connection, channel, message, incident.updated_at, delay)


def claim(connection: sa.Connection, holder: str, *, due_at: datetime, until: datetime, limit: int) -> list[Claimed]:
    """Take rows that were due at a time for `holder`: of each incident and channel only the oldest not sent."""
    row, turn = schema.outbox.c, schema.outbox.alias("turn").c
    oldest = sa.select(sa.func.min(turn.id)).where(turn.state == Status.PENDING.value)
    oldest = oldest.group_by(turn.incident_id, turn.channel)
    is_free = sa.or_(row.claimed_until.is_(None), row.claimed_until < due_at)
    query = sa.select(schema.outbox).where(row.id.in_(oldest), row.next_at <= due_at, is_free)
    rows = connection.execute(query.order_by(row.id).limit(limit)).mappings().all()
    return [_take(connection, found, holder, due_at, until) for found in rows]


def record_sent(connection: sa.Connection, claimed: Claimed, holder: str, external_id: str, *, at: datetime) -> None:
    """Close a row that was delivered."""
    values = {"state": Status.SENT.value, "sent_at": at, "external_id": external_id}
    _release(connection, claimed, holder, values)
    _finish_attempt(connection, claimed, "sent", "", at)


def record_failed(
    connection: sa.Connection, claimed: Claimed, holder: str, error: str, *, at: datetime, next_at: datetime
) -> None:
    """Give a row back that could not be delivered, to be tried again at `next_at`."""
    _release(connection, claimed, holder, {"next_at": next_at})
    _finish_attempt(connection, claimed, "failed", error, at)


def backlog(connection: sa.Connection) -> Backlog:
    """Return how much waits to be delivered."""
    row = schema.outbox.c
    query = sa.select(sa.func.count(), sa.func.min(row.created_at)).where(row.state == Status.PENDING.value)
    waiting, oldest_at = connection.execute(query).one()
    return Backlog(waiting, oldest_at)


def _channels_told(connection: sa.Connection, incident_id: str) -> set[str]:
    row = schema.outbox.c
    return set(connection.execute(sa.select(row.channel).distinct().where(row.incident_id == incident_id)).scalars())


def _waiting(incident_id: str, channel: str) -> sa.ColumnElement[bool]:
    row = schema.outbox.c
    is_pending = sa.and_(row.state == Status.PENDING.value, row.claimed_until.is_(None))
    return sa.and_(row.incident_id == incident_id, row.channel == channel, is_pending)


def _supersede(connection: sa.Connection, incident_id: str, channel: str) -> None:
    is_update = schema.outbox.c.kind == Notice.UPDATED.value
    statement = sa.update(schema.outbox).where(_waiting(incident_id, channel), is_update)
    connection.execute(statement.values(state=Status.SUPERSEDED.value))


def _fold_into_waiting(connection: sa.Connection, incident_id: str, channel: str, message: Message) -> bool:
    row = schema.outbox.c
    query = sa.select(row.id, row.kind).where(_waiting(incident_id, channel)).order_by(row.id.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    if found is None:
        return False
    payload = replace(message, notice=found.kind).to_dict()
    connection.execute(sa.update(schema.outbox).where(row.id == found.id).values(payload=payload))
    return True


def _add(connection: sa.Connection, channel: str, message: Message, at: datetime, delay: timedelta) -> None:
    row = {
        "incident_id": message.incident_id,
        "channel": channel,
        "kind": message.notice,
        "state": Status.PENDING.value,
        "payload": message.to_dict(),
        "created_at": at,
        "next_at": at + delay,
    }
    connection.execute(sa.insert(schema.outbox).values(**row))


def _take(connection: sa.Connection, found: sa.RowMapping, holder: str, at: datetime, until: datetime) -> Claimed:
    row = schema.outbox.c
    attempt = found["attempts"] + 1
    statement = sa.update(schema.outbox).where(row.id == found["id"])
    connection.execute(statement.values(claimed_by=holder, claimed_until=until, attempts=attempt))
    started = {"outbox_id": found["id"], "attempt": attempt, "outcome": "started", "at": at}
    connection.execute(sa.insert(schema.outbox_attempts).values(**started))
    same = sa.and_(row.incident_id == found["incident_id"], row.channel == found["channel"])
    earlier = sa.select(row.external_id).where(same, row.state == Status.SENT.value).order_by(row.id.desc()).limit(1)
    previous_id = connection.execute(earlier).scalar() or ""
    message = replace(Message.from_dict(found["payload"]), previous_id=previous_id)
    return Claimed(found["id"], found["channel"], message, attempt)


def _release(connection: sa.Connection, claimed: Claimed, holder: str, values: Mapping[str, Any]) -> None:
    # A holder whose lease ran out must not overwrite what the next one did.
    row = schema.outbox.c
    statement = sa.update(schema.outbox).where(row.id == claimed.id, row.claimed_by == holder)
    connection.execute(statement.values(**values, claimed_by="", claimed_until=None))


def _finish_attempt(connection: sa.Connection, claimed: Claimed, outcome: str, error: str, at: datetime) -> None:
    row = schema.outbox_attempts.c
    statement = sa.update(schema.outbox_attempts).where(row.outbox_id == claimed.id, row.attempt == claimed.attempt)
    connection.execute(statement.values(outcome=outcome, error=error, at=at))
