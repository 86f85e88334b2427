"""Circuits of sources, shared by all processes: who is not asked for a while, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table; every source begins closed."""
    op.create_table(
        "circuits",
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=""),
        sa.Column("failures", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("code", sa.Text, nullable=False, server_default=""),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_circuits"),
    )
