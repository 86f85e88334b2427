"""Incidents in the state store: facts in, changed incidents out, with their events and outbox rows in one transaction.

What a fact does to an incident is `tracker`; sending what the outbox holds is `outbox`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.incidents.incident import (
    Event,
    Fact,
    Failing,
    FailureClass,
    Incident,
    Priority,
    Resolution,
    State,
    incident_key,
)
from lakehouse_assets.incidents.message import Notice
from lakehouse_assets.incidents.outbox import enqueue
from lakehouse_assets.incidents.routing import Routing
from lakehouse_assets.incidents.tracker import Case, Change, acknowledge, fold, resolve
from lakehouse_assets.results import Severity
from lakehouse_assets.state import schema
from lakehouse_assets.state.absorb import upsert

_RENAMED = {"table": "table_name", "column": "column_name"}
_ENUMS = {"failure_class": FailureClass, "state": State, "severity": Severity, "priority": Priority}


def track(connection: sa.Connection, facts: Iterable[Fact], routing: Routing) -> tuple[Incident, ...]:
    """Fold facts into incidents; return those that changed. All of it happens in the caller's transaction."""
    by_key: dict[str, list[Fact]] = {}
    for fact in facts:
        key = incident_key(routing.policy.environment, fact.table, fact.rule_id)
        by_key.setdefault(key, []).append(fact)
    cases = _newest_cases(connection, by_key)
    changed: list[Incident] = []
    for key, told in by_key.items():
        if key in cases or any(fact.failed for fact in told):
            for change in fold(cases.get(key), told, routing.policy):
                _store(connection, change, routing)
                changed.append(change.after.incident)
    return tuple(changed)


def acknowledge_incident(connection: sa.Connection, incident_id: str, *, actor: str, at: datetime) -> Incident:
    """Record that someone has taken an incident on; raise LakehouseError unless it is open."""
    incident = find_incident(connection, incident_id)
    if incident.state is not State.OPEN:
        raise LakehouseError(f"incident {incident.id} is {incident.state} already.", where=incident.table)
    taken, event = acknowledge(incident, actor=actor, at=at)
    _write_incident(connection, taken)
    _write_events(connection, (event,))
    return taken


def resolve_incident(
    connection: sa.Connection, incident_id: str, routing: Routing, *, resolution: Resolution, actor: str, at: datetime
) -> Incident:
    """Close an incident by hand and tell its channels; raise LakehouseError when it is resolved already."""
    incident = find_incident(connection, incident_id)
    if not incident.is_open:
        raise LakehouseError(f"incident {incident.id} is {incident.state} already.", where=incident.table)
    case = Case(incident, failing_partitions(connection, incident.id))
    change = resolve(case, resolution, actor=actor, at=at)
    _store(connection, change, routing)
    return change.after.incident


def find_incident(connection: sa.Connection, incident_id: str) -> Incident:
    """Return an incident by its id or an unambiguous beginning of it; raise LakehouseError otherwise."""
    begins = schema.incidents.c.id.startswith(incident_id, autoescape=True)
    found = [_to_incident(row) for row in connection.execute(sa.select(schema.incidents).where(begins)).mappings()]
    exact = [incident for incident in found if incident.id == incident_id]
    if len(exact or found) == 1:
        return (exact or found)[0]
    problem = "several incidents begin" if found else "no incident begins"
    raise LakehouseError(f"{problem} with {incident_id!r}.", fix="`lakehouse incidents list --all` shows their ids.")


def list_incidents(
    connection: sa.Connection, *, table: str | None = None, with_resolved: bool = False, limit: int = 100
) -> tuple[Incident, ...]:
    """Return incidents, the most urgent and newest first."""
    incident = schema.incidents.c
    query = sa.select(schema.incidents).order_by(incident.priority, incident.opened_at.desc(), incident.id)
    if not with_resolved:
        query = query.where(incident.state != State.RESOLVED.value)
    if table is not None:
        query = query.where(incident.table_name == table)
    return tuple(_to_incident(row) for row in connection.execute(query.limit(limit)).mappings())


def failing_partitions(connection: sa.Connection, incident_id: str) -> dict[str, Failing]:
    """Return the partitions an incident holds, by name."""
    return _failing(connection, [incident_id]).get(incident_id, {})


def list_events(connection: sa.Connection, incident_id: str) -> tuple[Event, ...]:
    """Return everything that happened to an incident, in order."""
    event = schema.incident_events.c
    query = sa.select(event.incident_id, event.type, event.at, event.detail, event.actor)
    rows = connection.execute(query.where(event.incident_id == incident_id).order_by(event.id))
    return tuple(Event(*row) for row in rows)


def _newest_cases(connection: sa.Connection, keys: Iterable[str]) -> dict[str, Case]:
    query = sa.select(schema.incidents).where(schema.incidents.c.key.in_(list(keys)))
    newest: dict[str, Incident] = {}
    for row in connection.execute(query.order_by(schema.incidents.c.episode)).mappings():
        newest[row["key"]] = _to_incident(row)
    failing = _failing(connection, [incident.id for incident in newest.values() if incident.is_open])
    return {key: Case(incident, failing.get(incident.id, {})) for key, incident in newest.items()}


def _failing(connection: sa.Connection, incident_ids: Sequence[str]) -> dict[str, dict[str, Failing]]:
    held = schema.incident_partitions.c
    query = sa.select(schema.incident_partitions).where(held.incident_id.in_(incident_ids), held.is_failing)
    found: dict[str, dict[str, Failing]] = {}
    for row in connection.execute(query.order_by(held.partition)).mappings():
        state = Failing(row["failed_rows"], row["checked_rows"], row["run_id"], row["at"])
        found.setdefault(row["incident_id"], {})[row["partition"]] = state
    return found


def _store(connection: sa.Connection, change: Change, routing: Routing) -> None:
    _write_incident(connection, change.after.incident)
    _write_partitions(connection, change)
    _write_events(connection, change.events)
    notice = _notice(change)
    if notice is not None:
        enqueue(connection, notice, change.after, routing)


def _notice(change: Change) -> Notice | None:
    was_open = change.before is not None and change.before.incident.is_open
    if not change.after.incident.is_open:
        return Notice.RESOLVED
    if was_open:
        return Notice.UPDATED if change.events else None
    return Notice.OPENED if change.before is None else Notice.REOPENED


def _write_incident(connection: sa.Connection, incident: Incident) -> None:
    row = {_RENAMED.get(field.name, field.name): getattr(incident, field.name) for field in fields(incident)}
    row |= {name: str(row[name]) for name in _ENUMS}
    statement = upsert(connection, schema.incidents).values(**row)
    rest = {name: statement.excluded[name] for name in row if name != "id"}
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=rest))


def _write_partitions(connection: sa.Connection, change: Change) -> None:
    before = change.before.failing if change.before else {}
    after = change.after.failing
    rows = [_partition_row(change, name, state, is_failing=True) for name, state in after.items()]
    rows = [row for row in rows if before.get(row["partition"]) != after[row["partition"]]]
    cleared = [(name, state) for name, state in before.items() if name not in after]
    rows += [_partition_row(change, name, state, is_failing=False) for name, state in cleared]
    if not rows:
        return
    statement = upsert(connection, schema.incident_partitions)
    rest = {name: statement.excluded[name] for name in ("is_failing", "failed_rows", "checked_rows", "run_id", "at")}
    statement = statement.on_conflict_do_update(index_elements=["incident_id", "partition"], set_=rest)
    connection.execute(statement, rows)


def _partition_row(change: Change, name: str, state: Failing, *, is_failing: bool) -> dict[str, Any]:
    incident = change.after.incident
    cleared = replace(state, failed_rows=0, at=incident.updated_at)
    kept = state if is_failing else cleared
    return {
        "incident_id": incident.id,
        "partition": name,
        "is_failing": is_failing,
        "failed_rows": kept.failed_rows,
        "checked_rows": kept.checked_rows,
        "run_id": kept.run_id,
        "at": kept.at,
    }


def _write_events(connection: sa.Connection, events: Sequence[Event]) -> None:
    names = [field.name for field in fields(Event)]
    if events:
        rows = [{name: getattr(event, name) for name in names} for event in events]
        connection.execute(sa.insert(schema.incident_events), rows)


def _to_incident(row: sa.RowMapping) -> Incident:
    values = {field.name: row[_RENAMED.get(field.name, field.name)] for field in fields(Incident)}
    return Incident(**{**values, **{name: kind(values[name]) for name, kind in _ENUMS.items()}})
