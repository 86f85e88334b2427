"""Tables of any database that SQLAlchemy has a dialect for: in full, by a cursor that is a time, by a column of days.

What belongs here: connecting, and what becomes of faults. What does not: statements (`databases.queries`), which rows a
day has (`databases.windows`), keeping rows (`spool`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.databases.answers import answers
from lakehouse_assets.connectors.databases.options import SqlOptions
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.spool import Said, Spool
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import MissingExtraError, PassingSourceError, SourceError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

# Extras of this project with drivers; other drivers are the reader's to install.
_EXTRAS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}


class SqlConnection(Block):
    """`connection` of a source of kind `sql`."""

    url: str = Field(
        description="Where it is, as SQLAlchemy writes it, such as `postgresql+psycopg2://reader@host/db`."
    )
    password: str = Field("", description="Password of the user; better than in the URL.")


class Sql:
    """Tables of a relational database."""

    kind: ClassVar[str] = "sql"
    options_block: ClassVar[type[Block]] = SqlOptions
    connection_block: ClassVar[type[Block]] = SqlConnection

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the rows of every day, each counted and read in one transaction."""
        options = SqlOptions.model_validate(dict(table.options))
        return answers(self._access, table, partitions, lambda day: self._extract(table, options, day))

    def _extract(self, table: SourceTable, options: SqlOptions, day: str) -> Extraction:
        from lakehouse_assets.connectors.databases import queries  # noqa: PLC0415 - SQLAlchemy, only where it is asked

        spool = Spool(table, day, zone=options.timezone)
        with self._connect() as connection:
            queries.begin(connection)
            relation = queries.describe(connection, table, options)
            where = queries.condition(relation, self._source, table, options, day)
            said = queries.count(connection, relation, where)
            queries.read(connection, relation, table, options, where, take=spool.add)
        return spool.extraction(Said(said))

    @contextmanager
    def _connect(self) -> "Iterator[Connection]":
        import sqlalchemy as sa  # noqa: PLC0415

        where = str(self._source.place)
        url = _url(self._access.connection(self._source), where)
        try:
            engine = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True)
        except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
            raise _missing_driver(url, where) from error
        try:
            with engine.connect() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise _fault(error, url, where) from None  # its text quotes statements and values
        finally:
            engine.dispose()


def _url(connection: Mapping[str, str], where: str) -> "URL":
    import sqlalchemy as sa  # noqa: PLC0415

    try:
        url = sa.make_url(str(connection.get("url", "")))
    except sa.exc.ArgumentError:
        raise SourceError(
            "connection",
            "the URL of the connection is none that SQLAlchemy can read.",
            where=where,
            fix="Write `dialect+driver://user@host:port/database`; special characters as %XX.",
        ) from None
    return url.set(password=connection["password"]) if connection.get("password") else url


def _missing_driver(url: "URL", where: str) -> MissingExtraError:
    extra = _EXTRAS.get(url.get_backend_name())
    fix = f"Run pip install 'lakehouse-assets[{extra}]'." if extra else "Install it beside this project."
    return MissingExtraError(f"the driver of {url.drivername!r} is not installed.", where=where, fix=fix)


def _fault(error: Exception, url: "URL", where: str) -> SourceError:
    import sqlalchemy as sa  # noqa: PLC0415

    driver = getattr(error, "orig", None)
    state = getattr(driver, "pgcode", None) or getattr(driver, "sqlstate", None) or ""
    said = f"{type(driver).__name__}{f' {state}' if state else ''}"
    place = f"{url.host or 'this machine'}/{url.database or ''}"
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return PassingSourceError(
            "unreachable",
            f"the database {place} could not be asked ({said}).",
            where=where,
            fix="Check that it runs, that its address and user are right, and that this machine may reach it.",
        )
    return SourceError(
        "query",
        f"the database {place} refused to answer ({said}).",
        where=where,
        fix="Check that the user may read the table, and that cursor and options name columns of the right types.",
    )
