"""What rules said over a window of partitions, attempt by attempt, for whoever asks what rules are good for.

What follows from it is `pipeline.rule_use`'s business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lakehouse_assets.state import schema


@dataclass(frozen=True, slots=True)
class Look:
    """One partition of the window (of a table without partitions: one publish), with its attempts, oldest first."""

    name: str
    publishes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What one rule said in one attempt at one look. `fingerprint` tells whether it was today's rule."""

    look: str
    publish: str
    rule_id: str
    fingerprint: str
    outcome: str
    failed_rows: int
    checked_rows: int
    reason: str


def looks(connection: sa.Connection, table: str, *, last: int, by_publish: bool) -> tuple[Look, ...]:
    """Return the newest partitions of a table, or its newest publishes, oldest first."""
    ledger = schema.partition_ledger.c
    query = (
        sa.select(ledger.partition, ledger.publish)
        .where(ledger.table_name == table)
        .order_by(ledger.finished_at, ledger.publish)
    )
    attempts: dict[str, list[str]] = {}
    for partition, publish in connection.execute(query):
        attempts.setdefault(publish if by_publish else partition, []).append(publish)
    names = list(attempts) if by_publish else sorted(attempts)
    return tuple(Look(name, tuple(attempts[name])) for name in names[-last:])


def said_in(connection: sa.Connection, table: str, window: Sequence[Look]) -> tuple[Said, ...]:
    """Return what every rule said in every attempt of a window."""
    if not window:
        return ()
    rule = schema.rule_results.c
    publishes = {publish: look.name for look in window for publish in look.publishes}
    names = {look.name for look in window}
    columns = ("partition", "publish", "rule_id", "fingerprint", "outcome", "failed_rows", "checked_rows", "reason")
    query = sa.select(*(rule[name] for name in columns)).where(rule.table_name == table)
    if all(look.publishes == (look.name,) for look in window):
        query = query.where(rule.publish.in_(list(publishes)))
        return tuple(_said(row.publish, row) for row in connection.execute(query))
    query = query.where(rule.partition >= min(names), rule.partition <= max(names))
    return tuple(_said(row.partition, row) for row in connection.execute(query))


def _said(look: str, row: sa.Row[Any]) -> Said:
    _, publish, *rest = row
    return Said(look, publish, *rest)
