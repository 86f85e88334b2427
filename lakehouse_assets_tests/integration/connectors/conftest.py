"""Databases that sources of kind `sql` may be: each test of `database` runs on all of them."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from lakehouse_assets_tests import mariadb

NUMBERS = count(1)


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a running server; whoever asks for it carries the marker `mariadb`."""
    with mariadb.running(tmp_path_factory.mktemp("mariadb")) as url:
        yield url


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ]
)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    server: str = request.getfixturevalue(request.param)
    name = f"shop_{next(NUMBERS)}"
    engine = sa.create_engine(server.format(database="postgres").replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        charset = " CHARACTER SET utf8mb4" if request.param == "mariadb_url" else ""
        connection.execute(sa.text(f"CREATE DATABASE {name}{charset}"))
    engine.dispose()
    if request.param == "mariadb_url":
        return server.replace("/shop?", f"/{name}?")
    return server.format(database=name).replace("postgresql:", "postgresql+psycopg2:")
