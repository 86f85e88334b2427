"""From `config/sources/<source>.yaml` to a Source. What is promised about its tables is `bronze` and contracts."""

from collections.abc import Mapping
from typing import Any

from lakehouse_assets.contracts.calendars import read_calendar
from lakehouse_assets.contracts.deletes import read_deletes
from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Arrival, ColumnType, Source, SourceTable
from lakehouse_assets.contracts.names import name_problem
from lakehouse_assets.contracts.properties import CalendarBlock
from lakehouse_assets.contracts.read_options import read_options
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.reconciled import check_reconcile, reconcile_of
from lakehouse_assets.contracts.source_blocks import SourceFile, TableBlock
from lakehouse_assets.contracts.types import read_physical
from lakehouse_assets.contracts.vocabulary import SourceBlocks
from lakehouse_assets.documents.blocks import Block, read_block
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.interpolation import is_reference, is_well_formed
from lakehouse_assets.naming import is_name
from lakehouse_assets.settings import SourceOverlay

# Keys of a connection whose values are secrets.
SECRET_WORDS = ("password", "secret", "token", "api_key", "apikey", "private_key", "privatekey", "passphrase")


def read_source(stem: str, overlay: SourceOverlay | None, reading: Reading) -> Source | None:
    """Return the source a file describes, with what this environment replaces; None and findings when it cannot."""
    document = reading.document
    block = read_block(SourceFile, document.data, document, (), reading.report)
    if block is None:
        return None
    if block.source != stem or not is_name(stem):
        hint = "Name the file like the source, in lower-case words joined by _."
        reading.tell("LH207", ["source"], f"{block.source!r} is in the file {stem!r}.", hint)
    if not block.owner.strip():
        reading.tell("LH801", ["source"], f"the source {block.source!r} has no owner.", "Add owner: with an address.")
    connection = {**block.connection, **(overlay.connection if overlay else {})}
    _check_connection(connection, reading)
    _check_kind(block, connection, reading)
    _check_watch(block, reading)
    calendar = read_calendar(_overlaid(block.calendar, overlay), ["calendar"], reading)
    tables = {name: _read_table(block.source, name, table, reading) for name, table in block.tables.items()}
    _check_appends(block, reading)
    check_reconcile(block, reading)
    if calendar is None:
        return None
    return Source(
        name=block.source,
        kind=block.kind,
        description=block.description,
        owner=block.owner,
        connection=connection,
        cadence=block.cadence,
        calendar=calendar,
        replay=block.replay,
        retry_policy=block.retry_policy,
        on_error=block.on_error,
        watch=block.watch,
        tables=tables,
        place=reading.place(["source"]),
    )


def _overlaid(calendar: CalendarBlock, overlay: SourceOverlay | None) -> CalendarBlock:
    return calendar.model_copy(update=dict(overlay.calendar)) if overlay else calendar


def _check_kind(block: SourceFile, connection: Mapping[str, str], reading: Reading) -> None:
    known = reading.vocabulary.source_kinds
    if block.kind not in known:
        reading.tell("LH901", ["kind"], f"unknown kind of source {block.kind!r}.", nearest(block.kind, known))
        return
    blocks = reading.vocabulary.source_blocks.get(block.kind, SourceBlocks())
    for name, table in block.tables.items():
        at = ["tables", name, "options"]
        if table.options or blocks.options is not Block:
            _check_options(blocks.options, table.options, at, reading)
    if blocks.connection is not None:
        _check_keys(blocks.connection, connection, reading)


def _check_options(model: type[Block], options: Mapping[str, Any], at: list[str], reading: Reading) -> None:
    steps = at if options else at[:-1]
    read_block(model, dict(options), reading.document, steps, reading.report)


def _check_keys(model: type[Block], connection: Mapping[str, str], reading: Reading) -> None:
    # Names only: values are often elsewhere, and known when the connection is opened.
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for key in connection:
        if key not in fields:
            reading.tell("LH201", ["connection", key], f"unknown key {key!r}.", nearest(key, fields))
    for key, field in fields.items():
        if field.is_required() and key not in connection:
            reading.tell("LH202", ["connection"], f"{key!r} is missing.")


def _check_watch(block: SourceFile, reading: Reading) -> None:
    if block.watch is not None and block.kind != "files":
        message = f"watch is for sources of files; the kind is {block.kind!r}."
        reading.tell("LH926", ["watch"], message, "Leave it out: the cadence asks for this source.")


def _check_connection(connection: Mapping[str, str], reading: Reading) -> None:
    for key, value in connection.items():
        at = ["connection", key]
        if not is_well_formed(value):
            reading.tell(
                "LH906", at, "a reference cannot be read.", "Write ${NAME}, ${NAME:-default} or ${secret:NAME}."
            )
        elif any(word in key.lower() for word in SECRET_WORDS) and value and not is_reference(value):
            reading.tell("LH908", at, f"{key} is written out.", f"Write ${{{key.upper()}}} and set the variable.")


def _check_appends(block: SourceFile, reading: Reading) -> None:
    for name, table in block.tables.items():
        if table.schema_mode == "on_write" and block.replay != "exact":
            message = f"schema is on_write, but replay: {block.replay} keeps what landed."
            reading.tell("LH911", ["tables", name, "schema"], message, "Write schema: on_read, or replay: exact.")
        at = ["tables", name, "load"]
        is_log = reading.vocabulary.source_blocks.get(block.kind, SourceBlocks()).is_log
        if is_log:
            _check_log(name, table, reading)
        if Mode(table.load) is not Mode.APPEND_ONCE:
            continue
        if table.read is None and not is_log:
            reading.tell("LH921", at, "a batch is a file, and this table has no files.", "Write load: partition.")
        if table.schema_mode == "on_write":
            message = "what was appended stays, but schema is on_write: it would have to land again."
            reading.tell("LH921", ["tables", name, "schema"], message, "Write schema: on_read, or load: partition.")
        if block.replay != "exact":
            message = f"what was appended stays, but replay is {block.replay!r}."
            reading.tell("LH921", at, message, "Write replay: exact, or load: partition.")


def _check_log(name: str, table: TableBlock, reading: Reading) -> None:
    if Mode(table.load) is not Mode.APPEND_ONCE:
        message = "records of a log are appended, they replace nothing."
        reading.tell("LH921", ["tables", name], message, "Write load: append_once.")
    if table.arrival.min_rows > 1 or table.arrival.max_rows is not None:
        message = "bounds of an arrival would be those of a commit, not of a partition."
        reading.tell(
            "LH921", ["tables", name, "arrival"], message, "Write minRows: 0; put bounds into silver's contract."
        )


def _read_table(source: str, name: str, block: TableBlock, reading: Reading) -> SourceTable:
    at = ["tables", name]
    if not is_name(name):
        reading.tell("LH308", at, f"{name!r} cannot name a table.", "Use lower-case words joined by _.")
    columns = _read_columns(block.columns, at, reading)
    _check_renamed(block, at, reading)
    nested = (*block.read.nested, *block.read.fields) if block.read else ()
    cursor = [block.cursor] if block.cursor else []
    named = (*block.optional_columns, *block.renamed_from, *block.key, *cursor, *nested)
    for key in named:
        if key not in block.columns:
            reading.tell("LH910", at, f"{key!r} is not among the columns.", nearest(key, block.columns))
    return SourceTable(
        source=source,
        name=name,
        columns=columns,
        read=read_options(block.read, [*at, "read"], reading),
        optional_columns=block.optional_columns,
        unknown_columns=block.unknown_columns,
        schema=block.schema_mode,
        renamed_from=block.renamed_from,
        lookback=block.lookback,
        arrival=Arrival(**block.arrival.model_dump()),
        key=block.key,
        cursor=block.cursor,
        options=block.options,
        place=reading.place(at),
        load=Mode(block.load),
        deletes=read_deletes(block, columns, at, reading),
        reconcile=reconcile_of(block),
    )


def _check_renamed(block: TableBlock, at: list[str], reading: Reading) -> None:
    owners: dict[str, str] = {}
    for name, formers in block.renamed_from.items():
        steps = [*at, "renamedFrom", name]
        for former in formers:
            if former in block.columns:
                reading.tell("LH316", steps, f"{former!r}, the former name of {name!r}, is still a column.")
            elif owners.setdefault(former, name) != name:
                reading.tell("LH316", steps, f"{former!r} is the former name of {owners[former]!r} already.")


def _read_columns(declared: Mapping[str, str], at: list[str], reading: Reading) -> dict[str, ColumnType]:
    columns: dict[str, ColumnType] = {}
    folded: dict[str, str] = {}
    for name, written in declared.items():
        steps: list[Any] = [*at, "columns", name]
        problem = name_problem(name)
        if problem:
            reading.tell("LH308", steps, f"{problem}.")
        if folded.setdefault(name.lower(), name) != name:
            reading.tell("LH306", steps, f"{name!r} and {folded[name.lower()]!r} differ in case only.")
        found = read_physical(written)
        if isinstance(found, ColumnType):
            columns[name] = found
        else:
            reading.tell(found.code, steps, found.message, found.hint)
    return columns
