"""Entities: what follows from a change log, and how its tables are kept up to date."""
