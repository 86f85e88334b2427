"""Questions to the state store, answered as frozen rows: partitions, rules, runs, open incidents, volumes.

Nothing is written here. How an answer looks on a screen is up to `cli` and `observability`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lakehouse_assets.results import BLOCKED, PUBLISHED, TOO_LATE, WITHDRAWN
from lakehouse_assets.state import schema


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """The newest word on one partition. `served_publish` is "" when nothing of it was ever published."""

    table: str
    partition: str
    status: str
    publish: str
    served_publish: str
    run_id: str
    rows_read: int
    rows_published: int
    rows_quarantined: int
    score: float
    contract_version: str
    rule_set: str
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class StoredResult:
    """What one rule said about one partition in its newest publish."""

    rule_id: str
    dimension: str
    severity: str
    on_failure: str
    outcome: str
    column: str
    reason: str
    failed_rows: int
    checked_rows: int


@dataclass(frozen=True, slots=True)
class RunSummaryRow:
    """One run over all its tables and partitions. `status`: success, failed or partial."""

    run_id: str
    pipeline_name: str
    status: str
    started_at: datetime
    completed_at: datetime
    tables: int
    partitions: int
    rows_extracted: int
    rows_loaded: int
    rows_rejected: int
    checks_passed: int
    checks_failed: int


@dataclass(frozen=True, slots=True)
class LateArrivals:
    """Rows of one partition that arrived after the day they happened on; those `too_late` are in quarantine."""

    table: str
    partition: str
    published: int
    late: int
    too_late: int
    finished_at: datetime

    @property
    def rate(self) -> float:
        """Share of late rows, refused ones included, in all rows with a readable day."""
        rows = self.published + self.too_late
        return (self.late + self.too_late) / rows if rows else 0.0


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that is not resolved, as one line."""

    id: str
    priority: str
    severity: str
    state: str
    table: str
    rule_id: str
    failing_partitions: int
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDrift:
    """One drift event of one partition, as its newest publish told it."""

    table: str
    partition: str
    publish: str
    at: datetime
    type: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    type_changed: tuple[str, ...]
    where: str

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it is about, for a person."""
        return (*self.added, *self.removed, *(f"{old} → {new}" for old, new in self.renamed), *self.type_changed)


@dataclass(frozen=True, slots=True)
class ServedVersions:
    """How many partitions of a table readers see as one contract version and rule set left them."""

    table: str
    contract_version: str
    rule_set: str
    partitions: int


def latest_partitions(connection: sa.Connection, table: str | None = None) -> tuple[PartitionStatus, ...]:
    """Return the newest word on every partition, of one table or of all, by table and partition."""
    ledger, publish = schema.partition_ledger, schema.publishes
    newest = _ranked(sa.select(ledger, _rank(ledger.c)), table).subquery("newest")
    decisive = ledger.c.status.in_([PUBLISHED, WITHDRAWN])
    served = _ranked(sa.select(ledger, _rank(ledger.c)).where(decisive), table).subquery("served")
    same = sa.and_(served.c.table_name == newest.c.table_name, served.c.partition == newest.c.partition)
    query = (
        sa.select(
            newest.c.table_name,
            newest.c.partition,
            newest.c.status,
            newest.c.publish,
            sa.case((served.c.status == PUBLISHED, served.c.publish), else_=""),
            publish.c.run_id,
            newest.c.read,
            newest.c.published,
            newest.c.quarantined,
            newest.c.score,
            publish.c.contract_version,
            publish.c.rule_set,
            newest.c.finished_at,
        )
        .join(publish, sa.and_(publish.c.table_name == newest.c.table_name, publish.c.publish == newest.c.publish))
        .outerjoin(served, sa.and_(same, served.c.rank == 1))
        .where(newest.c.rank == 1)
        .order_by(newest.c.table_name, newest.c.partition)
    )
    return tuple(PartitionStatus(*row) for row in connection.execute(query))


def served_versions(connection: sa.Connection) -> tuple[ServedVersions, ...]:
    """Return by how many partitions of each table each contract version and rule set is served."""
    ledger, publish = schema.partition_ledger, schema.publishes
    good = sa.select(ledger, _rank(ledger.c)).where(ledger.c.status != BLOCKED).subquery("good")
    names = (publish.c.table_name, publish.c.contract_version, publish.c.rule_set)
    same = sa.and_(publish.c.table_name == good.c.table_name, publish.c.publish == good.c.publish)
    query = (
        sa.select(*names, sa.func.count()).join(good, same).where(good.c.rank == 1).group_by(*names).order_by(*names)
    )
    return tuple(ServedVersions(*row) for row in connection.execute(query))


def drift_events(connection: sa.Connection, table: str | None = None) -> tuple[StoredDrift, ...]:
    """Return every difference that publishes told of, by table, partition and time; each once a partition."""
    ledger = schema.partition_ledger
    query = sa.select(
        ledger.c.table_name, ledger.c.partition, ledger.c.publish, ledger.c.finished_at, ledger.c.drift
    ).order_by(ledger.c.table_name, ledger.c.partition, ledger.c.finished_at)
    if table is not None:
        query = query.where(ledger.c.table_name == table)
    found: dict[tuple[Any, ...], StoredDrift] = {}
    for name, partition, publish, at, events in connection.execute(query):
        for event in events:
            one = _drift((name, partition, publish, at), event)
            found[name, partition, one.type, one.names] = one
    return tuple(found.values())


def _drift(of: tuple[str, str, str, datetime], event: dict[str, Any]) -> StoredDrift:
    return StoredDrift(
        *of,
        type=event["type"],
        added=tuple(event["added"]),
        removed=tuple(event["removed"]),
        renamed=tuple((old, new) for old, new in event["renamed"]),
        type_changed=tuple(event["type_changed"]),
        where=event["where"],
    )


def known_publishes(connection: sa.Connection) -> frozenset[tuple[str, str]]:
    """Return table and publish of every record that was absorbed."""
    query = sa.select(schema.publishes.c.table_name, schema.publishes.c.publish)
    return frozenset((table, publish) for table, publish in connection.execute(query))


def partition_results(connection: sa.Connection, table: str, partition: str) -> tuple[StoredResult, ...]:
    """Return what every rule said in the newest publish of a partition, by rule."""
    ledger, rule = schema.partition_ledger.c, schema.rule_results.c
    newest = (
        sa.select(ledger.publish)
        .where(ledger.table_name == table, ledger.partition == partition)
        .order_by(ledger.finished_at.desc(), ledger.publish.desc())
        .limit(1)
        .scalar_subquery()
    )
    names = ("rule_id", "dimension", "severity", "on_failure", "outcome", "column_name", "reason")
    query = (
        sa.select(*(rule[name] for name in names), rule.failed_rows, rule.checked_rows)
        .where(rule.table_name == table, rule.partition == partition, rule.publish == newest)
        .order_by(rule.rule_id)
    )
    return tuple(StoredResult(*row) for row in connection.execute(query))


def list_runs(connection: sa.Connection, *, limit: int = 20, run_id: str | None = None) -> tuple[RunSummaryRow, ...]:
    """Return runs, the newest first."""
    log = schema.run_log.c
    failed = sa.func.sum(sa.case((log.status == "success", 0), else_=1))
    good = sa.func.sum(sa.case((log.status == "failed", 0), else_=1))
    totals = ("rows_extracted", "rows_loaded", "rows_rejected", "quality_checks_passed", "quality_checks_failed")
    query = (
        sa.select(
            log.run_id,
            sa.func.max(log.pipeline_name),
            sa.case((failed == 0, "success"), (good == 0, "failed"), else_="partial"),
            sa.func.min(log.started_at),
            sa.func.max(log.completed_at).label("ended_at"),
            sa.func.count(log.table_name.distinct()),
            sa.func.count(log.partition.distinct()),
            *(sa.cast(sa.func.sum(log[name]), sa.BigInteger) for name in totals),
        )
        .group_by(log.run_id)
        .order_by(sa.desc("ended_at"), log.run_id)
        .limit(limit)
    )
    if run_id is not None:
        query = query.where(log.run_id == run_id)
    return tuple(RunSummaryRow(*row) for row in connection.execute(query))


def run_lines(connection: sa.Connection, run_id: str) -> tuple[dict[str, Any], ...]:
    """Return the run log of one run, by table, partition and stage."""
    log = schema.run_log
    query = sa.select(log).where(log.c.run_id == run_id).order_by(log.c.table_name, log.c.partition, log.c.started_at)
    return tuple(dict(row) for row in connection.execute(query).mappings())


def open_incidents(connection: sa.Connection, tables: Sequence[str] | None = None) -> tuple[OpenIncident, ...]:
    """Return unresolved incidents, the most urgent and oldest first; `tables` limits them."""
    incident = schema.incidents.c
    names = ("id", "priority", "severity", "state", "table_name", "rule_id", "failing_partitions", "opened_at")
    query = (
        sa.select(*(incident[name] for name in names))
        .where(incident.state != "resolved")
        .order_by(incident.priority, incident.opened_at, incident.id)
    )
    if tables is not None:
        query = query.where(incident.table_name.in_(tables))
    return tuple(OpenIncident(*row) for row in connection.execute(query))


def late_arrivals(connection: sa.Connection, table: str | None = None) -> tuple[LateArrivals, ...]:
    """Return how many rows came after their day, in the newest publish of every partition that measured it."""
    ledger, rule = schema.partition_ledger, schema.rule_results.c
    ranked = _ranked(sa.select(ledger, _rank(ledger.c)).where(ledger.c.status == PUBLISHED), table).subquery()
    keys = ("table_name", "publish", "partition")
    same = sa.and_(*(rule[name] == ranked.c[name] for name in keys), rule.rule_id == TOO_LATE)
    query = (
        sa.select(
            *(ranked.c[name] for name in ("table_name", "partition", "published", "late_rows")),
            sa.func.coalesce(rule.failed_rows, 0),
            ranked.c.finished_at,
        )
        .outerjoin(schema.rule_results, same)
        .where(ranked.c.rank == 1, ranked.c.late_rows.is_not(None))
        .order_by(ranked.c.table_name, ranked.c.partition)
    )
    return tuple(LateArrivals(*row) for row in connection.execute(query))


def volume_history(connection: sa.Connection, table: str) -> tuple[tuple[str, int], ...]:
    """Return rows read per partition in its newest publish, by partition: the baseline of anomalies.

    Blocked attempts are left out, and so are backfills, which may read a past that looks different now.
    """
    ledger, publish = schema.partition_ledger, schema.publishes
    same = sa.and_(publish.c.table_name == ledger.c.table_name, publish.c.publish == ledger.c.publish)
    ordinary = sa.select(ledger, _rank(ledger.c)).join(publish, same).where(publish.c.purpose == "")
    ranked = _ranked(ordinary.where(ledger.c.status != BLOCKED), table).subquery()
    is_held = sa.and_(ranked.c.rank == 1, ranked.c.status != WITHDRAWN)
    query = sa.select(ranked.c.partition, ranked.c.read).where(is_held).order_by(ranked.c.partition)
    return tuple((partition, rows) for partition, rows in connection.execute(query))


def _rank(ledger: Any) -> sa.Label[int]:  # noqa: ANN401 - a column collection is typed by its table only
    newest_first = (ledger.finished_at.desc(), ledger.publish.desc())
    window = sa.func.row_number().over(partition_by=(ledger.table_name, ledger.partition), order_by=newest_first)
    return window.label("rank")


def _ranked(query: sa.Select[Any], table: str | None) -> sa.Select[Any]:
    return query if table is None else query.where(schema.partition_ledger.c.table_name == table)
