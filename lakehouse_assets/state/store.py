"""The state store: one small database beside the lake, never on the publish path.

Opening, transactions and the version check are here; what goes in is `absorb`, what comes out is `reports`.
SQLAlchemy is imported when a store is opened, so that commands without a store start fast.
"""

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Self

from lakehouse_assets.errors import LakehouseError, StateError
from lakehouse_assets.results import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine


def open_store(url: str) -> "Store":
    """Return a store that is ready: created when brand-new, refused when of another version."""
    store = Store(url)
    try:
        store.prepare()
    except LakehouseError:
        store.close()
        raise
    return store


class Store:
    """A state store by URL: SQLite (WAL) for one machine, PostgreSQL for several."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def engine(self) -> "Engine":
        """The connection pool, made on first use."""
        from lakehouse_assets.state import database  # noqa: PLC0415 - a store that is not used costs nothing

        return database.connect(self.url)

    @property
    def name(self) -> str:
        """The URL without its password, for messages."""
        return self.engine.url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Create the schema in an empty database; raise StateError when it is of another version."""
        from lakehouse_assets.state import database  # noqa: PLC0415

        version = self.version()
        if version is None:
            with self._connected() as connection, connection.begin():
                database.take_turn(connection)
                version = database.schema_version(connection)
                if version is None:
                    database.create_schema(connection)
                    return
        database.check_version(version, where=self.name)

    def version(self) -> str | None:
        """Return the revision of the schema, or None when there is none."""
        from lakehouse_assets.state import database  # noqa: PLC0415

        with self.reading() as connection:
            return database.schema_version(connection)

    @contextmanager
    def transaction(self) -> "Iterator[Connection]":
        """Open a transaction that writes. Writers take turns, on both databases; all of it is stored or nothing."""
        from lakehouse_assets.state import database  # noqa: PLC0415

        with self._connected() as connection, connection.begin():
            database.take_turn(connection)
            yield connection

    @contextmanager
    def reading(self) -> "Iterator[Connection]":
        """Open a transaction that only reads: one consistent picture, without waiting for writers."""
        from lakehouse_assets.state import database  # noqa: PLC0415

        with self._connected() as connection, database.start_reading(connection).begin():
            yield connection

    def absorb_record(self, record: Record) -> frozenset[str]:
        """Store what a publish said, in a transaction of its own; see `absorb.absorb_record`."""
        from lakehouse_assets.state.absorb import absorb_record  # noqa: PLC0415

        with self.transaction() as connection:
            return absorb_record(connection, record)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def _connected(self) -> "Iterator[Connection]":
        from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError  # noqa: PLC0415

        try:
            with self.engine.connect() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise self._unusable(error) from None
        except DatabaseError as error:
            if type(error) is not DatabaseError:
                raise
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> StateError:
        # The driver's sentence only: SQLAlchemy's own adds the statement with its parameters.
        reason = str(getattr(error, "orig", "")).strip().splitlines()
        msg = f"the state store cannot be used ({reason[0] if reason else type(error).__name__})."
        return StateError(msg, where=self.name, fix="Check that it is reachable, writable and not damaged.")
