"""Alembic revisions of the state store, shipped with the package; run by `lakehouse state migrate`."""
