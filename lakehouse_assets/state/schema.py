"""Tables of the state store, the same on SQLite and PostgreSQL. No queries here, and no values of rows anywhere.

A change of these tables is a new revision under `migrations/versions` and a new `HEAD`.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

HEAD = "0003"

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


class UtcTimestamp(TypeDecorator[datetime]):
    """A point in time: aware in Python, `timestamptz` in PostgreSQL, sortable UTC text in SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Turn an aware time into UTC; SQLite would silently drop the zone."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give the zone back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _at(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, UtcTimestamp, nullable=nullable)


def _document(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=False)


def _of_incident(*, primary_key: bool = False) -> sa.Column[str]:
    owner = sa.ForeignKey("incidents.id", ondelete="CASCADE")
    return sa.Column("incident_id", sa.Text, owner, primary_key=primary_key, nullable=False)


run_log = sa.Table(
    "run_log",
    metadata,
    *(_key(name) for name in ("run_id", "table_name", "partition", "stage")),
    _text("pipeline_name"),
    _text("tenant"),
    _text("trace_id"),
    _text("status"),
    _at("started_at"),
    _at("completed_at"),
    *(_count(name) for name in ("rows_extracted", "rows_transformed", "rows_loaded", "rows_rejected")),
    *(_count(name) for name in ("quality_checks_passed", "quality_checks_failed")),
    sa.Column("duration_seconds", sa.Double, nullable=False),
    _text("error_message"),
    _text("watermark_before"),
    _text("watermark_after"),
    sa.Index(None, "completed_at"),
)

publishes = sa.Table(
    "publishes",
    metadata,
    _key("table_name"),
    _key("publish"),
    _text("run_id"),
    _text("contract_version"),
    _text("rule_set"),
    _text("engine"),
    _text("purpose"),
    _document("upstreams"),
    _at("started_at"),
    _at("finished_at"),
    sa.Index(None, "run_id"),
)


def _of_publish() -> sa.ForeignKeyConstraint:
    columns = ["table_name", "publish"]
    return sa.ForeignKeyConstraint(columns, [f"publishes.{name}" for name in columns], ondelete="CASCADE")


partition_ledger = sa.Table(
    "partition_ledger",
    metadata,
    *(_key(name) for name in ("table_name", "publish", "partition")),
    _text("status"),
    *(_count(name) for name in ("read", "published", "quarantined", "deduplicated", "filtered")),
    sa.Column("score", sa.Double, nullable=False),
    _text("content_hash"),
    _text("quarantine_hash"),
    _document("overridden"),
    _document("drift"),
    _at("finished_at"),
    sa.Column("late_rows", sa.BigInteger, nullable=True),
    _of_publish(),
    sa.Index(None, "table_name", "partition", "finished_at"),
)

rule_results = sa.Table(
    "rule_results",
    metadata,
    *(_key(name) for name in ("table_name", "publish", "partition", "rule_id")),
    *(_text(name) for name in ("fingerprint", "dimension", "severity", "on_failure", "outcome", "column_name")),
    _text("reason"),
    _count("failed_rows"),
    _count("checked_rows"),
    _count("line"),
    _of_publish(),
    sa.Index(None, "table_name", "partition"),
)

incidents = sa.Table(
    "incidents",
    metadata,
    _key("id"),
    _text("key"),
    _count("episode"),
    *(_text(name) for name in ("environment", "table_name", "rule_id", "failure_class")),
    *(_text(name) for name in ("state", "severity", "priority", "resolution")),
    *(_text(name) for name in ("owner", "runbook", "place", "message", "column_name", "run_id")),
    *(_count(name) for name in ("failing_partitions", "failed_rows", "checked_rows", "reopened")),
    _at("opened_at"),
    _at("updated_at"),
    _at("acknowledged_at", nullable=True),
    _at("resolved_at", nullable=True),
    sa.UniqueConstraint("key", "episode"),
)
# The database itself refuses a second unresolved incident of one key.
sa.Index(
    "ux_incidents_unresolved",
    incidents.c.key,
    unique=True,
    sqlite_where=sa.text("state <> 'resolved'"),
    postgresql_where=sa.text("state <> 'resolved'"),
)

incident_partitions = sa.Table(
    "incident_partitions",
    metadata,
    _of_incident(primary_key=True),
    _key("partition"),
    sa.Column("is_failing", sa.Boolean, nullable=False),
    _count("failed_rows"),
    _count("checked_rows"),
    _text("run_id"),
    _at("at"),
)

incident_events = sa.Table(
    "incident_events",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    _of_incident(),
    _text("type"),
    _text("actor"),
    _document("detail"),
    _at("at"),
    sa.Index(None, "incident_id"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    _of_incident(),
    _text("channel"),
    _text("kind"),
    _text("state"),
    _document("payload"),
    _count("attempts"),
    _at("created_at"),
    _at("next_at"),
    _text("claimed_by"),
    _at("claimed_until", nullable=True),
    _at("sent_at", nullable=True),
    _text("external_id"),
    sa.Index(None, "state", "next_at"),
    sa.Index(None, "incident_id", "channel"),
)

outbox_attempts = sa.Table(
    "outbox_attempts",
    metadata,
    sa.Column("outbox_id", _Serial, sa.ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    _text("outcome"),
    _text("error"),
    _at("at"),
)

leases = sa.Table("leases", metadata, _key("name"), _text("holder"), _count("fence"), _at("expires_at"))

circuits = sa.Table(
    "circuits",
    metadata,
    _key("source"),
    _text("state"),
    _count("failures"),
    _text("code"),
    _at("opened_at", nullable=True),
    _at("retry_at", nullable=True),
    _at("changed_at"),
)
