"""What a channel is given: an incident as one self-contained message, the same for every channel."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from lakehouse_assets.incidents.incident import Incident
from lakehouse_assets.incidents.tracker import Case
from lakehouse_assets.incidents.triage import ACTIONS

SHOWN_PARTITIONS = 10


class Notice(StrEnum):
    """Why a message is sent."""

    OPENED = "opened"
    UPDATED = "updated"
    REOPENED = "reopened"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. `partitions` are the first failing ones; `partition_count` is how many there are.

    Channels that know `key` or `previous_id` (what they returned last time) must not create a second ticket.
    """

    notice: str
    incident_id: str
    key: str
    title: str
    priority: str
    severity: str
    state: str
    environment: str
    table: str
    rule_id: str
    failure_class: str
    column: str
    detail: str
    suggested_action: str
    runbook: str
    owner: str
    place: str
    run_id: str
    opened_at: str
    updated_at: str
    partition_count: int
    partitions: tuple[str, ...]
    failed_rows: int
    checked_rows: int
    previous_id: str = ""

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Read a message back from the outbox."""
        return cls(**{**fields, "partitions": tuple(fields["partitions"])})

    def to_dict(self) -> dict[str, Any]:
        """Return the message as JSON-ready fields."""
        return {**asdict(self), "partitions": list(self.partitions)}


def to_message(notice: Notice, case: Case) -> Message:
    """Return what to tell about an incident as it is now."""
    incident = case.incident
    return Message(
        notice=notice.value,
        incident_id=incident.id,
        key=incident.key,
        title=title_of(incident),
        priority=incident.priority.value,
        severity=incident.severity.value,
        state=incident.state.value,
        environment=incident.environment,
        table=incident.table,
        rule_id=incident.rule_id,
        failure_class=incident.failure_class.value,
        column=incident.column,
        detail=incident.message,
        suggested_action=ACTIONS[incident.failure_class],
        runbook=incident.runbook,
        owner=incident.owner,
        place=incident.place,
        run_id=incident.run_id,
        opened_at=incident.opened_at.isoformat(),
        updated_at=incident.updated_at.isoformat(),
        partition_count=incident.failing_partitions,
        partitions=tuple(sorted(case.failing)[:SHOWN_PARTITIONS]),
        failed_rows=incident.failed_rows,
        checked_rows=incident.checked_rows,
    )


def title_of(incident: Incident) -> str:
    """Return the one line everybody reads."""
    head = f"[{incident.priority}] {incident.table}: {incident.rule_id}"
    if not incident.is_open:
        return f"{head} holds again"
    count = incident.failing_partitions
    return f"{head} fails in {count} partition{'' if count == 1 else 's'}"
