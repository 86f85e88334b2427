"""A state store on each database: SQLite in a file, and PostgreSQL."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from lakehouse_assets.state.store import Store, open_store

NUMBERS = count(1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/state.db"
    server: str = request.getfixturevalue("postgres")
    name = f"state_{os.getpid()}_{next(NUMBERS)}"
    engine = sa.create_engine(server.format(database="postgres").replace(":", "+psycopg2:", 1))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.format(database=name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Yield an opened store on each database."""
    with open_store(store_url) as opened:
        yield opened
