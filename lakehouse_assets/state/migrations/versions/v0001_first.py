"""The first schema: run log, what publishes said, incidents and their outbox, leases."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None  # Going back is restoring the backup: a downgrade would drop history.


def upgrade() -> None:
    """Create every table."""
    _create_run_log()
    _create_publishes()
    _create_incidents()
    _create_outbox()
    op.create_table("leases", *_keys("name"), *_texts("holder"), *_counts("fence"), _at("expires_at"), _pk("leases"))


def _create_run_log() -> None:
    op.create_table(
        "run_log",
        *_keys("run_id", "table_name", "partition", "stage"),
        *_texts("pipeline_name", "tenant", "trace_id", "status"),
        _at("started_at"),
        _at("completed_at"),
        *_counts("rows_extracted", "rows_transformed", "rows_loaded", "rows_rejected"),
        *_counts("quality_checks_passed", "quality_checks_failed"),
        sa.Column("duration_seconds", sa.Double, nullable=False),
        *_texts("error_message", "watermark_before", "watermark_after"),
        _pk("run_log", "run_id", "table_name", "partition", "stage"),
    )
    op.create_index("ix_run_log_completed_at", "run_log", ["completed_at"])


def _create_publishes() -> None:
    op.create_table(
        "publishes",
        *_keys("table_name", "publish"),
        *_texts("run_id", "contract_version", "rule_set", "engine"),
        sa.Column("upstreams", sa.JSON, nullable=False),
        _at("started_at"),
        _at("finished_at"),
        _pk("publishes", "table_name", "publish"),
    )
    op.create_index("ix_publishes_run_id", "publishes", ["run_id"])
    op.create_table(
        "partition_ledger",
        *_keys("table_name", "publish", "partition"),
        *_texts("status"),
        *_counts("read", "published", "quarantined", "deduplicated", "filtered"),
        sa.Column("score", sa.Double, nullable=False),
        *_texts("content_hash", "quarantine_hash"),
        sa.Column("overridden", sa.JSON, nullable=False),
        sa.Column("drift", sa.JSON, nullable=False),
        _at("finished_at"),
        _pk("partition_ledger", "table_name", "publish", "partition"),
        _to_publish("partition_ledger"),
    )
    columns = ["table_name", "partition", "finished_at"]
    op.create_index("ix_partition_ledger_table_name_partition_finished_at", "partition_ledger", columns)
    op.create_table(
        "rule_results",
        *_keys("table_name", "publish", "partition", "rule_id"),
        *_texts("fingerprint", "dimension", "severity", "on_failure", "outcome", "column_name", "reason"),
        *_counts("failed_rows", "checked_rows", "line"),
        _pk("rule_results", "table_name", "publish", "partition", "rule_id"),
        _to_publish("rule_results"),
    )
    op.create_index("ix_rule_results_table_name_partition", "rule_results", ["table_name", "partition"])


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        *_keys("id"),
        *_texts("key"),
        *_counts("episode"),
        *_texts("environment", "table_name", "rule_id", "failure_class"),
        *_texts("state", "severity", "priority", "resolution"),
        *_texts("owner", "runbook", "place", "message", "column_name", "run_id"),
        *_counts("failing_partitions", "failed_rows", "checked_rows", "reopened"),
        _at("opened_at"),
        _at("updated_at"),
        _at("acknowledged_at", nullable=True),
        _at("resolved_at", nullable=True),
        _pk("incidents", "id"),
        sa.UniqueConstraint("key", "episode", name="uq_incidents_key_episode"),
    )
    unresolved = sa.text("state <> 'resolved'")
    op.create_index(
        "ux_incidents_unresolved",
        "incidents",
        ["key"],
        unique=True,
        sqlite_where=unresolved,
        postgresql_where=unresolved,
    )
    op.create_table(
        "incident_partitions",
        *_keys("incident_id", "partition"),
        sa.Column("is_failing", sa.Boolean, nullable=False),
        *_counts("failed_rows", "checked_rows"),
        *_texts("run_id"),
        _at("at"),
        _pk("incident_partitions", "incident_id", "partition"),
        _to_incident("incident_partitions"),
    )
    op.create_table(
        "incident_events",
        _serial("id"),
        *_keys("incident_id"),
        *_texts("type", "actor"),
        sa.Column("detail", sa.JSON, nullable=False),
        _at("at"),
        _pk("incident_events", "id"),
        _to_incident("incident_events"),
    )
    op.create_index("ix_incident_events_incident_id", "incident_events", ["incident_id"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _serial("id"),
        *_keys("incident_id"),
        *_texts("channel", "kind", "state"),
        sa.Column("payload", sa.JSON, nullable=False),
        *_counts("attempts"),
        _at("created_at"),
        _at("next_at"),
        *_texts("claimed_by"),
        _at("claimed_until", nullable=True),
        _at("sent_at", nullable=True),
        *_texts("external_id"),
        _pk("outbox", "id"),
        _to_incident("outbox"),
    )
    op.create_index("ix_outbox_state_next_at", "outbox", ["state", "next_at"])
    op.create_index("ix_outbox_incident_id_channel", "outbox", ["incident_id", "channel"])
    op.create_table(
        "outbox_attempts",
        sa.Column("outbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        *_texts("outcome", "error"),
        _at("at"),
        _pk("outbox_attempts", "outbox_id", "attempt"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_outbox_attempts_outbox_id", ondelete="CASCADE"),
    )


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in names]


def _at(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _serial(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def _pk(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns or ("name",), name=f"pk_{table}")


def _to_publish(table: str) -> sa.ForeignKeyConstraint:
    columns = ["table_name", "publish"]
    targets = [f"publishes.{name}" for name in columns]
    return sa.ForeignKeyConstraint(columns, targets, name=f"fk_{table}_table_name_publish", ondelete="CASCADE")


def _to_incident(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_incident_id"
    return sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=name, ondelete="CASCADE")
