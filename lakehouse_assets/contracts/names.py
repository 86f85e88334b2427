"""Names of tables and columns: what breaks a reader is an error, what surprises one is a warning."""

import re

from lakehouse_assets.contracts.model import ColumnType, Kind
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.naming import NULL_FOLDER, TableName

MAX_LENGTH = 128

# Columns that Delta's change feed, Polars, Hive or this project use themselves.
RESERVED = {"_change_type", "_commit_version", "_commit_timestamp", "_metadata", NULL_FOLDER}

_HOSTILE = re.compile(r"[ ,;{}()\n\t=./\\%?#'\"`\x00-\x1f\x7f]")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_EXACT = {Kind.INTEGER, Kind.LONG}
_GRAMMAR: tuple[tuple[re.Pattern[str], set[Kind]], ...] = (
    (re.compile(r"(?:is|has)_.+"), {Kind.BOOLEAN}),
    (re.compile(r".+_at"), {Kind.TIMESTAMP}),
    (re.compile(r"(?:.+_)?date"), {Kind.DATE}),
    (re.compile(r".+_id"), {Kind.STRING, *_EXACT}),
    (re.compile(r".+_amount"), {Kind.DECIMAL}),
    (re.compile(r".+_count"), _EXACT),
)
_PREFIXES = {"silver": ("stg_", "int_", "snp_"), "gold": ("fct_", "dim_", "mrt_", "snp_")}


def name_problem(name: str) -> str:
    """Return why a column may not have this name, or nothing; holds for raw columns too."""
    if not name.strip():
        return "a column needs a name"
    if len(name) > MAX_LENGTH:
        return f"the name has {len(name)} characters; at most {MAX_LENGTH} are allowed"
    if name in RESERVED or name.startswith("_"):
        return f"{name!r} is reserved: names that begin with _ are technical"
    if name != name.strip() or not name.isprintable():
        return f"{name!r} has blanks around it or characters one cannot see"
    return ""


def check_column_name(name: str, found: ColumnType | None, steps: list[str | int], reading: Reading) -> None:
    """Find promised names that break readers or the grammar of names."""
    at = [*steps, "name"]
    problem = name_problem(name) or _hostile(name)
    if problem:
        reading.tell("LH308", at, f"{problem}.", "Use lower-case words joined by _.")
        return
    if not _SNAKE.fullmatch(name):
        reading.tell("LH701", at, f"{name!r} is not lower-case words joined by _.")
    elif found is not None:
        _check_grammar(name, found, at, reading)


def _hostile(name: str) -> str:
    found = _HOSTILE.search(name)
    return f"{name!r} holds {found[0]!r}, which breaks a reader of the table" if found else ""


def _check_grammar(name: str, found: ColumnType, at: list[str | int], reading: Reading) -> None:
    for pattern, kinds in _GRAMMAR:
        if pattern.fullmatch(name) and found.kind not in kinds:
            wanted = " or ".join(sorted(kinds))
            reading.tell("LH701", at, f"{name!r} is of type {found}; readers expect {wanted}.")
            return
    if found.kind is Kind.BOOLEAN and not name.startswith(("is_", "has_")):
        reading.tell("LH701", at, f"{name!r} is a boolean.", "Begin its name with is_ or has_.")


def check_table_name(table: TableName, reading: Reading) -> None:
    """Find tables whose prefix says they belong to another layer."""
    for layer, prefixes in _PREFIXES.items():
        other = table.short.startswith(prefixes) and not table.short.startswith(_PREFIXES.get(table.layer, ()))
        if layer != table.layer and other:
            reading.tell("LH702", ["schema", 0, "name"], f"{table.short!r} is named like a table of the {layer} layer.")
