"""`deletes` of a source file: which rows say that their key is gone, and whether somebody listens."""

import re

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import ColumnType, Contract, Deletes, Kind, SourceTable
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.source_blocks import TableBlock
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps

# Other types have several texts for one value, so that what is written might never be met.
_TEXTS = {Kind.BOOLEAN: ("true", "false")}
_WHOLE = {Kind.INTEGER, Kind.LONG}
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def read_deletes(block: TableBlock, columns: dict[str, ColumnType], at: list[str], reading: Reading) -> Deletes | None:
    """Return how deletions of a table are told; a value that its column cannot hold is a finding."""
    if block.deletes is None:
        return None
    found = Deletes(block.deletes.column, block.deletes.values)
    steps: Steps = [*at, "deletes"]
    if found.column not in block.columns:
        hint = nearest(found.column, block.columns)
        reading.tell("LH910", steps, f"{found.column!r} is not among the columns.", hint)
    elif found.column in columns:
        _check_values(found, columns[found.column], steps, reading)
    return found


def check_deletes(contract: Contract, table: SourceTable, reading: Reading) -> None:
    """Find entities whose source tells no deletions, and tables that would take deletions for rows."""
    at: Steps = ["schema", 0]
    deletes = table.deletes
    if contract.load.mode is Mode.DERIVED:
        if contract.load.soft_deletes and deletes is None:
            hint = f"Add deletes: {{column: …, values: […]}} to {table.name} in the source file."
            reading.tell("LH529", at, f"softDeletes, but nothing in {table.table} says what is deleted.", hint)
        return
    if deletes is None or any(_reads(source, table, deletes.column) for c in contract.columns for source in c.sources):
        return
    message = f"{table.table} holds deletions, and {contract.table} would publish them as rows."
    reading.tell("LH530", at, message, f"Use mode: derived, or promise a column made from {deletes.column}.")


def _reads(source: str, table: SourceTable, column: str) -> bool:
    return source == ".".join((*table.table.parts, column))


def _check_values(deletes: Deletes, found: ColumnType, steps: Steps, reading: Reading) -> None:
    if found.kind is Kind.STRING:
        return
    known = _TEXTS.get(found.kind, ())
    for value in deletes.values:
        if value not in known and not (found.kind in _WHOLE and _INTEGER.fullmatch(value)):
            hint = f"Write {' or '.join(known)}." if known else "Use a column of text, booleans or integers."
            reading.tell("LH531", steps, f"{value!r} never occurs in a column of type {found}.", hint)
