"""What an incident is: key, states, priority, and the facts it is made from. Nothing is decided or stored here."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lakehouse_assets.results import Severity

PRODUCTION = "production"


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Resolution(StrEnum):
    """Why an incident was resolved; `FIXED` is what the tracker says when nothing fails any more."""

    FIXED = "fixed"
    FALSE_POSITIVE = "false_positive"
    MISSING_DATA = "missing_data"
    DUPLICATES = "duplicates"
    OUT_OF_BOUNDS = "out_of_bounds"
    OTHER = "other"


class Priority(StrEnum):
    """How fast someone must react; P1 pages."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class FailureClass(StrEnum):
    """What kind of cause a failure points to; each has a suggested action in `triage`."""

    CONNECTION = "connection"
    SCHEMA = "schema"
    QUALITY = "quality"
    MEMORY = "memory"
    PERMISSION = "permission"
    DUPLICATE_KEY = "duplicate_key"
    TIMEOUT = "timeout"
    MISSING_DATA = "missing_data"
    UNKNOWN = "unknown"


BY_SEVERITY = {
    Severity.CRITICAL: Priority.P1,
    Severity.ERROR: Priority.P2,
    Severity.WARNING: Priority.P3,
    Severity.INFO: Priority.P4,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One rule or failure class, said about one partition at one time. Texts never hold values of rows."""

    table: str
    rule_id: str
    partition: str
    failed: bool
    at: datetime
    severity: Severity = Severity.ERROR
    failure_class: FailureClass = FailureClass.QUALITY
    failed_rows: int = 0
    checked_rows: int = 0
    column: str = ""
    message: str = ""
    run_id: str = ""
    place: str = ""
    owner: str = ""
    runbook: str = ""


@dataclass(frozen=True, slots=True)
class Failing:
    """A partition an incident holds, with the counts of its newest failure."""

    failed_rows: int
    checked_rows: int
    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """One broken rule of one table in one environment, over all its partitions.

    `episode` counts from 1; a recurrence inside the reopen window reopens the same episode.
    `failed_rows` and `checked_rows` are sums over the failing partitions.
    """

    id: str
    key: str
    episode: int
    environment: str
    table: str
    rule_id: str
    failure_class: FailureClass
    state: State
    severity: Severity
    priority: Priority
    opened_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    resolution: str = ""
    reopened: int = 0
    failing_partitions: int = 0
    failed_rows: int = 0
    checked_rows: int = 0
    column: str = ""
    message: str = ""
    run_id: str = ""
    place: str = ""
    owner: str = ""
    runbook: str = ""

    @property
    def is_open(self) -> bool:
        """Whether someone still has to do something about it."""
        return self.state is not State.RESOLVED


@dataclass(frozen=True, slots=True)
class Event:
    """One change of an incident, kept for ever. `actor` is "" for the tracker itself."""

    incident_id: str
    type: str
    at: datetime
    detail: Mapping[str, object]
    actor: str = ""


def incident_key(environment: str, table: str, rule_id: str) -> str:
    """Return what all facts of one root cause share: no run and no partition are in it."""
    return hashlib.sha256(f"{environment}|{table}|{rule_id}".encode()).hexdigest()


def incident_id(key: str, episode: int) -> str:
    """Return the id people quote: short, and the same wherever it is computed."""
    return f"{key[:10]}-{episode}"


def priority_of(severity: Severity, environment: str, *, share: float = 0.0, high_share: float = 1.0) -> Priority:
    """Return the priority of a severity: at least P2 above a share of affected rows, at most P3 outside production."""
    priority = BY_SEVERITY[severity]
    if share > high_share and severity is not Severity.INFO:
        priority = min(priority, Priority.P2)
    return priority if environment == PRODUCTION else max(priority, Priority.P3)
