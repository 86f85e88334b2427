"""Connections to the state store: SQLite settings, turns of writers, the schema and its version.

What is stored and asked lives in `absorb`, `reports` and the rooms that own it; migrations in `migrate`.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from lakehouse_assets.errors import MissingExtraError, StateError
from lakehouse_assets.state import schema

BUSY_SECONDS = 30
_READING = "lakehouse_reading"
# One advisory lock for all writers: PostgreSQL then behaves like SQLite, and a decision cannot race its own facts.
_WRITER_LOCK = 0x1A4E


def connect(url: str) -> sa.Engine:
    """Return an engine for a SQLite or PostgreSQL URL; nothing is opened yet."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _connect_sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return _connect_postgresql(parsed)
    msg = f"the state store cannot live in {parsed.get_backend_name()!r}."
    raise StateError(msg, fix="Use SQLite or PostgreSQL.")


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite store, or None for a server or a store in memory."""
    parsed = _parsed(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}
    return Path(str(parsed.database)).absolute() if is_file else None


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except sa.exc.ArgumentError as error:
        msg = "the state store's URL cannot be read."
        raise StateError(msg, fix="Write `sqlite:///path/state.db` or `postgresql://user@host/name`.") from error


def _connect_sqlite(url: sa.URL) -> sa.Engine:
    arguments: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}}
    if url.database in {None, "", ":memory:"}:
        arguments = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    else:
        folder = Path(str(url.database)).absolute().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"the state store's folder cannot be made ({error.strerror})."
            raise StateError(msg, where=str(folder), fix="Correct `stateUrl`, or make the folder yourself.") from error
    engine = sa.create_engine(url, **arguments)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the driver's own object
    # The driver must not open transactions by itself: it would commit before DDL and start with a read lock.
    connection.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _connect_postgresql(url: sa.URL) -> sa.Engine:
    # SQLAlchemy 2.1 reads a bare `postgresql://` as psycopg 3, so the driver is always named.
    try:
        return sa.create_engine(url.set(drivername="postgresql+psycopg2"), pool_pre_ping=True)
    except ModuleNotFoundError as error:
        msg = "the state store is PostgreSQL, and its driver psycopg2 is not installed"
        raise MissingExtraError(msg, fix="Install the extra `postgres`.") from error


def start_reading(connection: sa.Connection) -> sa.Connection:
    """Mark a connection so that its transaction never waits for writers."""
    return connection.execution_options(**{_READING: True})


def take_turn(connection: sa.Connection) -> None:
    """Wait until no other writer is inside a transaction; SQLite did so when it began."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))


def schema_version(connection: sa.Connection) -> str | None:
    """Return the revision a database is at, or None when it has no schema."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def create_schema(connection: sa.Connection) -> None:
    """Create all tables in a database that has none, at the newest revision."""
    schema.metadata.create_all(connection)
    connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": schema.HEAD})


def check_version(version: str | None, *, where: str) -> None:
    """Raise StateError unless a database is exactly at this version of the program."""
    if version == schema.HEAD:
        return
    if version is not None and version > schema.HEAD:
        msg = f"the state store is at revision {version}, newer than this program's {schema.HEAD}"
        raise StateError(msg, where=where, fix="Install the newer program, or restore the backup of the store.")
    msg = f"the state store is at revision {version or 'none'}, this program needs {schema.HEAD}"
    raise StateError(msg, where=where, fix="Back it up, then run `lakehouse state migrate`.")
