"""One window of one table over SQLAlchemy: catalogue, count and rows of one read-only transaction, in batches.

What belongs here: what differs between databases, in statements that SQLAlchemy writes (names quoted, values bound).
What does not: connecting and faults (`sql`), which rows a day has (`windows`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from lakehouse_assets.connectors.databases import copying
from lakehouse_assets.connectors.databases.options import RelationOptions
from lakehouse_assets.connectors.databases.values import to_frame
from lakehouse_assets.connectors.databases.windows import Bound, Stored, deciding_column, window_of
from lakehouse_assets.contracts.model import Kind, Source, SourceTable
from lakehouse_assets.errors import SourceError

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection, TableClause
    from sqlalchemy.types import TypeEngine

# These say every value as text that reads back as the same; drivers make less of some (infinite times, zero dates).
_TELLING = {"postgresql", "mysql", "mariadb"}
# Their TIMESTAMP is a moment, told in the zone of the session; their DATETIME is what a clock shows.
_SHIFTING = {"mysql", "mariadb"}
# What makes a session say times in UTC and as ISO writes them, and read what one moment looks like.
_SESSION = {
    "postgresql": (
        "SET client_encoding = 'UTF8'",
        "SET TIME ZONE 'UTC'",
        "SET datestyle = 'ISO, YMD'",
        "SET intervalstyle = 'iso_8601'",
    ),
    "mysql": ("SET time_zone = '+00:00'", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"),
    "mariadb": ("SET time_zone = '+00:00'", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"),
    "sqlite": ("PRAGMA query_only = ON", "BEGIN"),
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as a database describes it: its dialect, and column types by name."""

    dialect: str
    clause: TableClause
    types: dict[str, TypeEngine[Any]]


def begin(connection: Connection) -> None:
    """Begin a transaction that reads only and sees one moment, as far as the database knows such a thing."""
    name = connection.dialect.name
    if name in _OPTIONS:
        connection.execution_options(**_OPTIONS[name])
    for statement in _SESSION.get(name, ()):
        connection.exec_driver_sql(statement)


def describe(connection: Connection, table: SourceTable, options: RelationOptions) -> Relation:
    """Return what the database says about a table; raise SourceError when it has none of that name."""
    import sqlalchemy as sa  # noqa: PLC0415 - slow, and only where a database is asked

    written = options.relation or table.name
    schema, _, name = written.rpartition(".")
    try:
        columns = sa.inspect(connection).get_columns(name, schema or None)
    except sa.exc.NoSuchTableError as error:
        raise SourceError(
            "missing",
            f"the database has no table {written!r}.",
            where=str(table.place),
            fix="Correct `options.relation`, or grant the user of the connection to read it.",
        ) from error
    types = {str(one["name"]): one["type"] for one in columns}
    return Relation(connection.dialect.name, sa.table(name, *map(sa.column, types), schema=schema or None), types)


def condition(relation: Relation, source: Source, table: SourceTable, options: RelationOptions, day: str) -> Any:  # noqa: ANN401
    """Return what is true of the rows of a day."""
    import sqlalchemy as sa  # noqa: PLC0415

    name = deciding_column(table, options)
    if not name:
        return sa.true()
    if name not in relation.types:
        raise SourceError(
            "schema_drift",
            f"the column {name!r}, which says what belongs to a day, is not in the table.",
            where=str(table.place),
            fix="Correct `cursor` or `partitionColumn`, or ask whoever owns the database.",
        )
    kind = relation.types[name]
    window = window_of(source, table, options, day, _stored(kind, relation.dialect))
    column: ColumnElement[Any] = sa.column(name, kind)
    start, end = (_literal(bound, kind) for bound in (window.start, window.end))
    return column == start if window.end is None else sa.and_(column >= start, column < end)


def count(connection: Connection, relation: Relation, where: Any) -> int:  # noqa: ANN401
    """Return how many rows the database counts."""
    import sqlalchemy as sa  # noqa: PLC0415

    return int(connection.execute(sa.select(sa.func.count()).select_from(relation.clause).where(where)).scalar_one())


def read(
    connection: Connection,
    relation: Relation,
    table: SourceTable,
    options: RelationOptions,
    where: Any,  # noqa: ANN401
    *,
    take: Callable[[pl.DataFrame], None],
) -> None:
    """Give the rows of a window to `take`, some at a time, first a frame of none: they come from the server as read."""
    import sqlalchemy as sa  # noqa: PLC0415

    names = _wanted(relation, table)
    take(to_frame(names, []))
    is_telling = relation.dialect in _TELLING
    shown = [_shown(name, relation.types[name], is_telling=is_telling) for name in names]
    if connection.dialect.driver == copying.DRIVER:
        kinds = {name: relation.types[name] for name in names}
        columns = [copying.shown(one, kind).label(name) for one, (name, kind) in zip(shown, kinds.items(), strict=True)]
        statement = sa.select(*columns).select_from(relation.clause).where(where)
        copying.copy(connection, statement, copying.types_of(kinds), options.batch_rows, take)
        return
    doubles = {name for name, kind in table.columns.items() if kind.kind is Kind.DOUBLE}
    asked = connection.execution_options(yield_per=options.batch_rows, stream_results=True)
    with asked.execute(sa.select(*shown).select_from(relation.clause).where(where)) as result:
        for rows in result.partitions():
            take(to_frame(names, rows, doubles))


def _wanted(relation: Relation, table: SourceTable) -> Sequence[str]:
    if table.unknown_columns != "ignore":
        return list(relation.types)
    known = {*table.columns, *(former for names in table.renamed_from.values() for former in names)}
    return [name for name in relation.types if name in known]


def _shown(name: str, kind: TypeEngine[Any], *, is_telling: bool) -> ColumnElement[Any]:
    import sqlalchemy as sa  # noqa: PLC0415

    plain = (sa.Integer, sa.String, sa.Float, sa.Boolean, sa.LargeBinary, sa.types._Binary)  # noqa: SLF001 - BINARY and VARBINARY have no other base
    column: Column[Any] | ColumnElement[Any] = sa.column(name)
    if is_telling and not isinstance(kind, plain):
        return sa.cast(column, sa.Text).label(name)
    return column


def _stored(kind: TypeEngine[Any], dialect: str) -> Stored:
    import sqlalchemy as sa  # noqa: PLC0415

    if dialect == "sqlite":  # whatever a column is declared as, times and dates are text there
        return Stored.NUMBER if isinstance(kind, sa.Integer) else Stored.TEXT
    if isinstance(kind, sa.DateTime):
        is_moment = kind.timezone or (dialect in _SHIFTING and isinstance(kind, sa.TIMESTAMP))
        return Stored.MOMENT if is_moment else Stored.LOCAL
    if isinstance(kind, sa.Date):
        return Stored.DATE
    return Stored.NUMBER if isinstance(kind, sa.Integer | sa.Numeric) else Stored.TEXT


def _literal(bound: Bound | None, kind: TypeEngine[Any]) -> Any:  # noqa: ANN401
    import sqlalchemy as sa  # noqa: PLC0415

    if isinstance(bound, str):
        return sa.literal(bound, sa.String())
    return sa.literal(bound, kind)
