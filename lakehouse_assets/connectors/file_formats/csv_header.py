"""Column names of a file against the declared ones.

What belongs here: which field is which column, what differs (drift) and whether the file must be refused for it.
What does not: reading records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import DriftEvent

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class Columns:
    """`places`: field number of each declared column, None where it is absent; `extra`: undeclared ones."""

    fields: int
    places: dict[str, int | None]
    extra: dict[str, int]
    drift: tuple[DriftEvent, ...] = ()


class HeaderError(SourceError):
    """The columns of a file are not the declared ones; `drift` says how they differ."""

    def __init__(self, code: str, what: str, *, where: str, fix: str, drift: tuple[DriftEvent, ...] = ()) -> None:
        super().__init__(code, what, where=where, fix=fix)
        self.drift = drift


def match_columns(names: Sequence[str | None], table: SourceTable, where: str) -> Columns:
    """Return where each declared column is; raise HeaderError when names are unusable or drifted too far."""
    refuse_other_delimiter(names, table, where)
    written = [name or "" for name in names]
    if table.read is not None and table.read.trim_header:
        written = [name.strip() for name in written]
    _refuse_missing_header(written, table, where)
    _refuse_unusable(written, where)
    places = {name: written.index(name) if name in written else None for name in table.columns}
    extra = {name: place for place, name in enumerate(written) if name not in places}
    drift = _drift(written, places, extra, where)
    _refuse_absent(places, extra, table, where, drift)
    _refuse_extra(extra, table, where, drift)
    return Columns(len(written), places, extra, drift)


def columns_by_position(table: SourceTable) -> Columns:
    """Return the declared columns in order, for files without a header."""
    places: dict[str, int | None] = {name: place for place, name in enumerate(table.columns)}
    return Columns(len(places), places, {})


def refuse_other_delimiter(fields: Sequence[str | None], table: SourceTable, where: str) -> None:
    """Raise HeaderError when the first record is one field that another usual delimiter would split as declared."""
    read = table.read
    if read is None or len(fields) != 1 or len(table.columns) == 1:
        return
    for delimiter in _DELIMITERS:
        parts = (fields[0] or "").split(delimiter)
        if delimiter != read.delimiter and (
            set(parts) & set(table.columns) if read.header else len(parts) == len(table.columns)
        ):
            raise HeaderError(
                "delimiter",
                f"fields are separated by {delimiter!r}, not by the declared {read.delimiter!r}.",
                where=where,
                fix=f"Correct `read.delimiter` to {delimiter!r} if the sender changed it for good.",
            )


def _refuse_missing_header(names: Sequence[str], table: SourceTable, where: str) -> None:
    if {_folded(name) for name in names}.isdisjoint(_folded(name) for name in table.columns):
        raise HeaderError(
            "schema",
            "the first line holds none of the declared column names; the header is missing or another file arrived.",
            where=where,
            fix="Ask for the file with its header, or declare `header: false`.",
        )


def _refuse_unusable(names: Sequence[str], where: str) -> None:
    def refuse(what: str, fix: str) -> NoReturn:
        raise HeaderError("header", what, where=where, fix=fix)

    for place, name in enumerate(names, 1):
        if not name.strip():
            refuse(f"column {place} has no name.", "Ask the sender to name it or leave it out.")
        if name != name.strip():
            refuse(f"the name of column {place} has blanks around it.", "Declare `trimHeader: true`, or correct it.")
        if len(name) > _LONGEST_NAME or not name.isprintable():
            refuse(f"the name of column {place} cannot be a column name.", "Ask the sender to correct it.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        refuse(f"the name {repeated[0]!r} occurs more than once.", "Ask the sender to make the names unique.")


def _drift(
    names: Sequence[str], places: dict[str, int | None], extra: dict[str, int], where: str
) -> tuple[DriftEvent, ...]:
    removed = tuple(name for name, place in places.items() if place is None)
    renamed = tuple((name, other) for name in removed for other in extra if _folded(name) == _folded(other))
    events = []
    if extra:
        events.append(DriftEvent("columns_added", added=tuple(extra), where=where))
    if removed:
        events.append(DriftEvent("columns_removed", removed=removed, renamed=renamed, where=where))
    order = [name for name in names if name in places]
    if not events and order != list(places):
        events.append(DriftEvent("columns_reordered", where=where))
    return tuple(events)


def _refuse_absent(
    places: dict[str, int | None], extra: dict[str, int], table: SourceTable, where: str, drift: tuple[DriftEvent, ...]
) -> None:
    absent = [name for name, place in places.items() if place is None]
    for name in absent:
        similar = next((other for other in extra if _folded(other) == _folded(name)), None)
        if similar is None and name in table.optional_columns:
            continue
        hint = f"; did it become {similar!r}?" if similar else "."
        raise HeaderError(
            "schema_drift",
            f"the declared column {name!r} is not in the file{hint}",
            where=where,
            fix="Ask the sender, or change the source file: rename it, or list it in `optionalColumns`.",
            drift=drift,
        )


def _refuse_extra(extra: dict[str, int], table: SourceTable, where: str, drift: tuple[DriftEvent, ...]) -> None:
    if extra and table.unknown_columns == "fail":
        raise HeaderError(
            "schema_drift",
            f"the file has undeclared columns: {', '.join(extra)}.",
            where=where,
            fix="Declare them, or choose another `unknownColumns`.",
            drift=drift,
        )
    hostile = [name for name in extra if name.startswith("_")]
    if hostile and table.unknown_columns == "evolve":
        raise HeaderError(
            "schema_drift",
            f"the new column {hostile[0]!r} cannot be added: names that begin with `_` are ours.",
            where=where,
            fix="Ask the sender to rename it, or use `unknownColumns: quarantine`.",
            drift=drift,
        )


def _folded(name: str) -> str:
    return name.strip().casefold()
