"""How facts become incidents: pure functions, no clock and no database.

One incident per key holds the partitions that fail. It opens with the first, closes with the last, reopens within
the window, and is a new episode after it. Any batching of the same facts tells the same story.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from lakehouse_assets.incidents.incident import (
    Event,
    Fact,
    Failing,
    Incident,
    Resolution,
    State,
    incident_id,
    incident_key,
    priority_of,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides about incidents besides facts (`config/incidents.yaml`)."""

    environment: str
    reopen_within: timedelta = timedelta(hours=24)
    high_share: float = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """The newest episode of a key, and the partitions it holds (none when it is resolved)."""

    incident: Incident
    failing: Mapping[str, Failing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a batch did to one incident: how it was, how it is, and what happened in between."""

    before: Case | None
    after: Case
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    case: Case
    events: tuple[Event, ...]


def fold(case: Case | None, facts: Sequence[Fact], policy: Policy) -> tuple[Change, ...]:
    """Return what facts of one key do to its newest episode; one change for each episode they touched."""
    changes: dict[str, Change] = {}
    current = case
    for at, moment in groupby(sorted(facts, key=lambda fact: fact.at), key=lambda fact: fact.at):
        step = _step(current, {fact.partition: fact for fact in moment}, at, policy)
        if step is None:
            continue
        known = changes.get(step.case.incident.id)
        before = known.before if known else _same_episode(current, step.case)
        changes[step.case.incident.id] = Change(before, step.case, (known.events if known else ()) + step.events)
        current = step.case
    return tuple(changes.values())


def acknowledge(incident: Incident, *, actor: str, at: datetime) -> tuple[Incident, Event]:
    """Return an incident someone has taken on."""
    taken = replace(incident, state=State.ACKNOWLEDGED, acknowledged_at=at, updated_at=at)
    return taken, Event(incident.id, "acknowledged", at, {}, actor)


def resolve(case: Case, resolution: Resolution, *, actor: str, at: datetime) -> Change:
    """Return an incident someone has closed; it holds nothing any more, and the next failure reopens it."""
    incident = replace(
        case.incident,
        state=State.RESOLVED,
        resolved_at=at,
        updated_at=at,
        resolution=resolution.value,
        failing_partitions=0,
        failed_rows=0,
        checked_rows=0,
    )
    detail = {"resolution": resolution.value, "removed": sorted(case.failing)}
    return Change(case, Case(incident), (Event(incident.id, "resolved", at, detail, actor),))


def _same_episode(current: Case | None, case: Case) -> Case | None:
    return current if current and current.incident.id == case.incident.id else None


def _step(case: Case | None, words: Mapping[str, Fact], at: datetime, policy: Policy) -> _Step | None:
    held = case.failing if case else {}
    fresh = {name: fact for name, fact in words.items() if name not in held or held[name].at <= at}
    failed = {name: fact for name, fact in fresh.items() if fact.failed}
    passed = sorted(name for name, fact in fresh.items() if not fact.failed and name in held)
    if case is not None and case.incident.is_open:
        return _continue(case, failed, passed, at, policy) if failed or passed else None
    return _begin(case, failed, at, policy) if failed else None


def _begin(last: Case | None, failed: Mapping[str, Fact], at: datetime, policy: Policy) -> _Step:
    fact = next(iter(failed.values()))
    if last and _is_recent(last.incident, at, policy):
        kind, incident = "reopened", _reopen(last.incident)
    else:
        kind, incident = "opened", _open(fact, last.incident.episode + 1 if last else 1, policy)
    case = _hold(incident, _to_failing(failed), fact, at, policy)
    detail = {"partitions": sorted(failed), "priority": case.incident.priority.value}
    return _Step(case, (Event(incident.id, kind, at, detail),))


def _is_recent(incident: Incident, at: datetime, policy: Policy) -> bool:
    return incident.resolved_at is not None and at - incident.resolved_at <= policy.reopen_within


def _reopen(incident: Incident) -> Incident:
    return replace(
        incident,
        state=State.OPEN,
        acknowledged_at=None,
        resolved_at=None,
        resolution="",
        reopened=incident.reopened + 1,
    )


def _open(fact: Fact, episode: int, policy: Policy) -> Incident:
    key = incident_key(policy.environment, fact.table, fact.rule_id)
    return Incident(
        id=incident_id(key, episode),
        key=key,
        episode=episode,
        environment=policy.environment,
        table=fact.table,
        rule_id=fact.rule_id,
        failure_class=fact.failure_class,
        state=State.OPEN,
        severity=fact.severity,
        priority=priority_of(fact.severity, policy.environment),
        opened_at=fact.at,
        updated_at=fact.at,
    )


def _continue(case: Case, failed: Mapping[str, Fact], passed: Sequence[str], at: datetime, policy: Policy) -> _Step:
    failing = {name: state for name, state in case.failing.items() if name not in passed} | _to_failing(failed)
    after = _hold(case.incident, failing, next(iter(failed.values()), None), at, policy)
    events = tuple(_describe(case, after, at))
    if failing:
        return _Step(after, events)
    resolved = replace(after.incident, state=State.RESOLVED, resolved_at=at, resolution=Resolution.FIXED.value)
    ending = Event(resolved.id, "resolved", at, {"resolution": resolved.resolution})
    return _Step(Case(resolved), (*events, ending))


def _describe(before: Case, after: Case, at: datetime) -> Iterator[Event]:
    added = sorted(after.failing.keys() - before.failing.keys())
    removed = sorted(before.failing.keys() - after.failing.keys())
    if added or removed:
        yield Event(after.incident.id, "partitions_changed", at, {"added": added, "removed": removed})
    old, new = before.incident.priority, after.incident.priority
    if new is not old and after.failing:
        yield Event(after.incident.id, "priority_changed", at, {"from": old.value, "to": new.value})


def _to_failing(failed: Mapping[str, Fact]) -> dict[str, Failing]:
    return {name: Failing(fact.failed_rows, fact.checked_rows, fact.run_id, fact.at) for name, fact in failed.items()}


def _hold(
    incident: Incident, failing: Mapping[str, Failing], newest: Fact | None, at: datetime, policy: Policy
) -> Case:
    if newest is not None:
        copied = ("severity", "failure_class", "column", "message", "run_id", "place", "owner", "runbook")
        incident = replace(incident, **{name: getattr(newest, name) for name in copied})
    failed_rows = sum(state.failed_rows for state in failing.values())
    checked_rows = sum(state.checked_rows for state in failing.values())
    share = failed_rows / checked_rows if checked_rows else 0.0
    held = replace(
        incident,
        failing_partitions=len(failing),
        failed_rows=failed_rows,
        checked_rows=checked_rows,
        updated_at=at,
    )
    if not failing:
        return Case(held)
    priority = priority_of(held.severity, held.environment, share=share, high_share=policy.high_share)
    return Case(replace(held, priority=priority), failing)
