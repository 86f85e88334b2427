"""Rows that arrived late, a publish and partition; and what a publish was for, so that backfills can be left out."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add both columns; of what was absorbed before, nobody knows how late it was."""
    op.add_column("partition_ledger", sa.Column("late_rows", sa.BigInteger, nullable=True))
    op.add_column("publishes", sa.Column("purpose", sa.Text, nullable=False, server_default=""))
