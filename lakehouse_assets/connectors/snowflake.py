"""Tables of Snowflake: days of a business date (or of a cursor), streamed as Arrow batches by Snowflake's own client.

What belongs here: the session and the statement. What does not: which rows a day has (`databases.windows`), keeping
rows (`spool`). Where Dagster runs, `defs` hands in sessions of dagster_snowflake's resource, with the same parameters.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.databases.answers import answers
from lakehouse_assets.connectors.databases.literals import quoted, split_relation
from lakehouse_assets.connectors.databases.options import RelationOptions
from lakehouse_assets.connectors.databases.windows import Bound, Stored, deciding_column, window_of
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.connectors.spool import Said, Spool
from lakehouse_assets.contracts.model import Source, SourceTable
from lakehouse_assets.documents.blocks import Block
from lakehouse_assets.errors import MissingExtraError, PassingSourceError, SourceError

# Numbers of the client's protocol: what a column is, as the description of a result says.
_STORED = {0: Stored.NUMBER, 3: Stored.DATE, 4: Stored.LOCAL, 6: Stored.MOMENT, 7: Stored.MOMENT, 8: Stored.LOCAL}
_TIMES = {Stored.LOCAL, Stored.MOMENT}
_SHOWN = "YYYY-MM-DD HH24:MI:SS.FF6"
# Exact numbers as decimals (the client makes doubles of them otherwise), times in UTC, and a name that admins can see.
CLIENT_OPTIONS: Mapping[str, Any] = {
    "arrow_number_to_decimal": True,
    "application": "lakehouse_assets",
    "session_parameters": {
        "TIMEZONE": "UTC",
        "TIMESTAMP_NTZ_OUTPUT_FORMAT": _SHOWN,
        "TIMESTAMP_LTZ_OUTPUT_FORMAT": f"{_SHOWN}TZH:TZM",
        "TIMESTAMP_TZ_OUTPUT_FORMAT": f"{_SHOWN}TZH:TZM",
        "QUERY_TAG": "lakehouse_assets",
    },
}


class SnowflakeConnection(Block):
    """`connection` of a source of kind `snowflake`; a password, or a private key."""

    account: str = Field(description="Account identifier, such as `myorg-myaccount`.")
    user: str = Field(description="Who reads.")
    password: str = Field("", description="Password of the user; key pairs are safer.")
    private_key: str = Field("", description="Private key (PEM, or base64 of it) of a key pair.")
    private_key_path: str = Field("", description="File with the private key.")
    private_key_password: str = Field("", description="Password of the private key, where it has one.")
    database: str = Field("", description="Database of tables that are named without one.")
    schema_name: str = Field("", alias="schema", description="Schema of tables that are named without one.")
    warehouse: str = Field("", description="What computes.")
    role: str = Field("", description="With whose rights.")
    host: str = Field("", description="Address of the account, where it is not the usual one.")
    port: str = Field("", description="Port of that address.")
    protocol: str = Field("", description="`http` for a server for tests; default: `https`.")


class Snowflake:
    """Tables of a Snowflake account."""

    kind: ClassVar[str] = "snowflake"
    options_block: ClassVar[type[Block]] = RelationOptions
    connection_block: ClassVar[type[Block]] = SnowflakeConnection

    def __init__(self, source: Source, access: Access) -> None:
        self._source, self._access = source, access

    def extract(self, table: SourceTable, partitions: Sequence[str]) -> Mapping[str, Extraction | Rejection]:
        """Return the rows of every day, all of one statement and as many as it says."""
        options = RelationOptions.model_validate(dict(table.options))
        return answers(self._access, table, partitions, lambda day: self._extract(table, options, day))

    def _extract(self, table: SourceTable, options: RelationOptions, day: str) -> Extraction:
        spool = Spool(table, day, zone=options.timezone)
        relation = ".".join(_as_named(part) for part in split_relation(options.relation or table.name))
        with self._session() as session, session.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {relation} LIMIT 0")  # noqa: S608 - names are quoted
            names = {_our_name(column[0], table): (column[0], column[1]) for column in cursor.description}
            where, bounds = self._where(table, options, day, names)
            shown = ", ".join(f"{_shown(*found)} AS {quoted(ours)}" for ours, found in names.items())
            cursor.execute(f"SELECT {shown} FROM {relation} WHERE {where}", bounds or None)  # noqa: S608
            spool.add(pl.DataFrame(schema=dict.fromkeys(names, pl.Null)))
            for batch in cursor.fetch_arrow_batches():
                frame = pl.from_arrow(batch)
                spool.add(frame if isinstance(frame, pl.DataFrame) else frame.to_frame())
            return spool.extraction(Said(cursor.rowcount))

    def _where(
        self, table: SourceTable, options: RelationOptions, day: str, names: Mapping[str, tuple[str, int]]
    ) -> tuple[str, tuple[Bound, ...]]:
        column = deciding_column(table, options)
        if not column:
            return "TRUE", ()
        if column not in names:
            raise SourceError(
                "schema_drift",
                f"the column {column!r}, which says what belongs to a day, is not in the table.",
                where=str(table.place),
                fix="Correct `cursor` or `partitionColumn`, or ask whoever owns the table.",
            )
        theirs, code = names[column]
        window = window_of(self._source, table, options, day, _STORED.get(code, Stored.TEXT))
        if window.end is None:
            return f"{quoted(theirs)} = %s", (window.start,)
        return f"{quoted(theirs)} >= %s AND {quoted(theirs)} < %s", (window.start, window.end)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        where = str(self._source.place)
        errors = _client_errors(where)
        connection = {key: str(value) for key, value in self._access.connection(self._source).items() if value}
        opened = self._access.sessions.get(self.kind, open_session)
        try:
            with opened(connection) as session:
                yield session
        except errors.DatabaseError as error:
            raise _fault(error, errors, where) from None  # its text quotes statements and values


def open_session(connection: Mapping[str, str]) -> AbstractContextManager[Any]:
    """Return a session with a `connection` of a source file, whose values are resolved."""
    import snowflake.connector

    return snowflake.connector.connect(**parameters(connection), **CLIENT_OPTIONS)


def parameters(connection: Mapping[str, str]) -> dict[str, Any]:
    """Return a connection as the client calls its parts."""
    found: dict[str, Any] = {key: value for key, value in connection.items() if not key.startswith("privateKey")}
    found |= {"port": int(found["port"])} if found.get("port") else {}
    secret = connection.get("privateKeyPassword")
    if "privateKeyPath" in connection:
        found |= {"private_key_file": connection["privateKeyPath"]}
        found |= {"private_key_file_pwd": secret} if secret else {}
    elif "privateKey" in connection:
        found["private_key"] = _as_der(connection["privateKey"], secret)
    return found


def _as_der(key: str, password: str | None) -> bytes:
    import base64  # noqa: PLC0415
    import binascii  # noqa: PLC0415

    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - comes with the client

    try:
        pem = key.encode() if key.lstrip().startswith("-----") else base64.b64decode(key, validate=True)
        loaded = serialization.load_pem_private_key(pem, password.encode() if password else None)
    except (ValueError, TypeError, binascii.Error):
        raise SourceError(
            "connection",
            "the private key cannot be read.",
            where="connection.privateKey",
            fix="Store it as PEM or base64 of it, and its password as `privateKeyPassword`.",
        ) from None
    encoding, shape = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    return loaded.private_bytes(encoding, shape, serialization.NoEncryption())


def _shown(name: str, code: int) -> str:
    # As text: in Arrow they are nanoseconds, which end in 2262, and a client may read a missing one as 1970.
    return f"CAST({quoted(name)} AS VARCHAR)" if _STORED.get(code) in _TIMES else quoted(name)


def _as_named(part: str) -> str:
    # As in Snowflake's own SQL: what is not in quotes is in capitals.
    return quoted(part[1:-1]) if part.startswith('"') else quoted(part.upper())


def _our_name(theirs: str, table: SourceTable) -> str:
    """Return a column's name as the source file may have it: unquoted names are in capitals there, not in YAML."""
    known = {*table.columns, *(former for names in table.renamed_from.values() for former in names)}
    if theirs in known or not theirs.isupper():
        return theirs
    return theirs.lower()


def _client_errors(where: str) -> Any:  # noqa: ANN401 - a module
    try:
        from snowflake.connector import errors
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Snowflake's client is not installed.", where=where, fix="Run pip install 'lakehouse-assets[snowflake]'."
        ) from error
    return errors


def _fault(error: Any, errors: Any, where: str) -> SourceError:  # noqa: ANN401
    said = " ".join(str(part) for part in (type(error).__name__, error.errno, error.sqlstate) if part)
    if isinstance(error, errors.OperationalError | errors.InterfaceError) and not _is_refused(error):
        return PassingSourceError(
            "unreachable",
            f"Snowflake could not be asked ({said}).",
            where=where,
            fix="Check account, network policies and Snowflake's status page.",
        )
    return SourceError(
        "query",
        f"Snowflake refused to answer ({said}).",
        where=where,
        fix="Check user, key or password, role, and that the role may read the table and use the warehouse.",
    )


def _is_refused(error: Any) -> bool:  # noqa: ANN401
    # 2500xx: the client could not log in for a reason that stays (wrong password, unknown account).
    return error.errno in {250001, 251005, 251006} and getattr(error, "sqlstate", "") == "08001"
