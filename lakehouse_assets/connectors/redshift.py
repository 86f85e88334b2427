"""Tables of Amazon Redshift: small days through a cursor of its driver, large ones by UNLOAD to Parquet in a bucket.

What belongs here: the session, and which way a day takes; both give the same rows, and the same content. What does not:
fetching what was unloaded (`databases.unload`), which rows a day has (`databases.windows`), keeping rows (`spool`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.databases.answers import answers
from lakehouse_assets.connectors.databases.literals import literal, predicate, quoted, split_relation
from lakehouse_assets.connectors.databases.options import RelationOptions
from lakehouse_assets.connectors.databases.unload import Unloaded, unloaded_below
from lakehouse_assets.connectors.databases.values import to_frame
from lakehouse_assets.connectors.databases.windows import Stored, deciding_column, window_of
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.spool import Said, Spool
from lakehouse_assets.contracts.model import Kind, Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import MissingExtraError, PassingSourceError, SourceError

# Numbers of types in PostgreSQL's protocol, which Redshift speaks; 4000 is SUPER, which is JSON.
_NUMBER, _DOUBLE, _TEXT, _BOOLEAN, _BYTES, _SUPER = (
    {20, 21, 23},
    {700, 701},
    {18, 19, 25, 1042, 1043},
    16,
    {17, 6551},
    4000,
)
_PLAIN = {*_NUMBER, *_DOUBLE, *_TEXT, _BOOLEAN, *_BYTES}
_STORED = {1082: Stored.DATE, 1114: Stored.LOCAL, 1184: Stored.MOMENT, 1700: Stored.NUMBER}
_STORED |= dict.fromkeys(_NUMBER, Stored.NUMBER)
# The whole transaction sees one moment; UNLOAD is no reading transaction to Redshift.
_BEGIN = "BEGIN ISOLATION LEVEL SERIALIZABLE"


class RedshiftOptions(RelationOptions):
    """`options` of a table of kind `redshift`."""

    unload_above: int = Field(
        1_000_000, ge=0, description="More rows than this are unloaded, where the connection has `unloadTo`."
    )


class RedshiftConnection(Block):
    """`connection` of a source of kind `redshift`."""

    host: str = Field(description="Endpoint of the cluster or workgroup.")
    port: str = Field("5439", description="Its port.")
    database: str = Field(description="Its database.")
    user: str = Field(description="Who reads.")
    password: str = Field("", description="Password of the user.")
    ssl: str = Field("true", description="`false` for a server for tests.")
    unload_to: str = Field("", description="Where large days are unloaded to, such as `s3://bucket/prefix`.")
    iam_role: str = Field("default", description="Role with which Redshift writes there.")
    s3_region: str = Field("", description="Region of that bucket.")
    s3_endpoint: str = Field("", description="Address of the object store, where it is not AWS.")
    s3_access_key_id: str = Field("", description="Key with which this project reads there; default: AWS's own ways.")
    s3_secret_access_key: str = Field("", description="Its secret.")


@dataclass(frozen=True, slots=True)
class _Relation:
    """A table: its name as statements hold it, and the type number of each column."""

    name: str
    types: Mapping[str, int]


class Redshift:
    """Tables of a Redshift cluster or workgroup."""

    kind: ClassVar[str] = "redshift"
    options_block: ClassVar[type[Block]] = RedshiftOptions
    connection_block: ClassVar[type[Block]] = RedshiftConnection

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the rows of every day, counted and read in one transaction."""
        options = RedshiftOptions.model_validate(dict(table.options))
        return answers(self._access, table, partitions, lambda day: self._extract(table, options, day))

    def _extract(self, table: SourceTable, options: RedshiftOptions, day: str) -> Extraction:
        spool = Spool(table, day, zone=options.timezone)
        connection = {key: str(value) for key, value in self._access.connection(self._source).items()}
        with self._session(connection) as cursor:
            cursor.execute(_BEGIN)
            relation = _describe(cursor, table, options)
            where = self._where(table, options, day, relation)
            cursor.execute(f"SELECT count(*) FROM {relation.name} WHERE {where}")  # noqa: S608 - quoted, and no values
            count = int(cursor.fetchone()[0])
            spool.add(to_frame(list(relation.types), []))
            way = "unload" if connection.get("unloadTo") and count > options.unload_above else "cursor"
            if way == "unload":
                with _unload(cursor, relation, where, connection, f"{table.source}/{table.name}/{day}") as found:
                    for frame in found.frames(options.batch_rows):
                        spool.add(frame)
            else:
                for frame in _fetched(cursor, relation, where, table, options):
                    spool.add(frame)
            cursor.execute("ROLLBACK")
        return spool.extraction(Said(count, {"way": way}))

    def _where(self, table: SourceTable, options: RedshiftOptions, day: str, relation: _Relation) -> str:
        column = deciding_column(table, options)
        if not column:
            return predicate(None)
        if column not in relation.types:
            raise SourceError(
                "schema_drift",
                f"the column {column!r}, which says what belongs to a day, is not in the table.",
                where=str(table.place),
                fix="Correct `cursor` or `partitionColumn`, or ask whoever owns the table.",
            )
        stored = _STORED.get(relation.types[column], Stored.TEXT)
        return predicate(window_of(self._source, table, options, day, stored))

    @contextmanager
    def _session(self, connection: Mapping[str, str]) -> Iterator[Any]:
        where = str(self._source.place)
        try:
            import redshift_connector

            driver: Any = redshift_connector
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "Redshift's driver is not installed.", where=where, fix="Run pip install 'lakehouse-assets[redshift]'."
            ) from error
        try:
            session = driver.connect(
                host=connection.get("host", ""),
                port=int(connection.get("port") or 5439),
                database=connection.get("database", ""),
                user=connection.get("user", ""),
                password=connection.get("password", ""),
                ssl=connection.get("ssl", "true") != "false",
                timeout=int(self._access.timeout_seconds),
            )
        except (driver.Error, OSError) as error:
            raise _fault(error, driver, where) from None  # its text may hold what it was given
        try:
            session.autocommit = True  # transactions are begun and ended by statements
            with closing(session), session.cursor() as cursor:
                for statement in ("SET timezone TO 'UTC'", "SET datestyle TO 'ISO, YMD'"):
                    cursor.execute(statement)
                yield cursor
        except driver.Error as error:
            raise _fault(error, driver, where) from None  # its text quotes statements and values


def _describe(cursor: Any, table: SourceTable, options: RedshiftOptions) -> _Relation:  # noqa: ANN401
    parts = (quoted(part.strip('"')) for part in split_relation(options.relation or table.name))
    name = ".".join(parts)
    cursor.execute(f"SELECT * FROM {name} LIMIT 0")  # noqa: S608 - quoted
    return _Relation(name, {_text(column[0]): int(column[1]) for column in cursor.description})


def _fetched(
    cursor: Any,  # noqa: ANN401
    relation: _Relation,
    where: str,
    table: SourceTable,
    options: RedshiftOptions,
) -> Iterator[pl.DataFrame]:
    names = list(relation.types)
    doubles = {name for name, declared in table.columns.items() if declared.kind is Kind.DOUBLE}
    shown = ", ".join(_shown(name, kind) for name, kind in relation.types.items())
    cursor.execute(f"DECLARE lakehouse CURSOR FOR SELECT {shown} FROM {relation.name} WHERE {where}")  # noqa: S608
    while True:
        cursor.execute(f"FETCH FORWARD {options.batch_rows} FROM lakehouse")
        rows = cursor.fetchall()
        if not rows:
            break
        yield to_frame(names, rows, doubles)
    cursor.execute("CLOSE lakehouse")


def _shown(name: str, kind: int) -> str:
    # As text, every value reads back as the same value; the driver makes less of some of them.
    if kind == _SUPER:
        return f"JSON_SERIALIZE({quoted(name)}) AS {quoted(name)}"
    return quoted(name) if kind in _PLAIN else f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}"


@contextmanager
def _unload(
    cursor: Any,  # noqa: ANN401
    relation: _Relation,
    where: str,
    connection: Mapping[str, str],
    folder: str,
) -> Iterator[Unloaded]:
    shown = ", ".join(map(quoted, relation.types))
    query = literal(f"SELECT {shown} FROM {relation.name} WHERE {where}")  # noqa: S608 - quoted, bounds are literals
    role = connection.get("iamRole") or "default"
    named = "default" if role == "default" else literal(role)
    with unloaded_below(connection, folder) as found:
        cursor.execute(
            f"UNLOAD ({query}) TO {literal(found.prefix)} IAM_ROLE {named} "
            "FORMAT AS PARQUET MANIFEST VERBOSE MAXFILESIZE 64 MB"
        )
        yield found


def _fault(error: Any, driver: Any, where: str) -> SourceError:  # noqa: ANN401
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    said = " ".join(part for part in (type(error).__name__, str(told.get("C", ""))) if part)
    is_refused = str(told.get("C", "")).startswith(("28", "3D", "42"))
    passing = (driver.OperationalError, driver.InterfaceError, OSError)
    if isinstance(error, passing) and not is_refused:
        return PassingSourceError(
            "unreachable",
            f"Redshift could not be asked ({said}).",
            where=where,
            fix="Check that the cluster is available, and that this machine may reach it.",
        )
    return SourceError(
        "query",
        f"Redshift refused to answer ({said}).",
        where=where,
        fix="Check the user, that it may read the table, and that `iamRole` may write to `unloadTo`.",
    )


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
