"""Column names of a file against the declared ones.

What belongs here: which field is which column, what differs (drift) and whether the file must be refused for it.
What does not: reading records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.errors import SourceError
from lakehouse_assets.results import ADDED, REMOVED, RENAMED, REORDERED, DriftEvent

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
    return match_names(written, table, where)


def match_names(written: Sequence[str], table: SourceTable, where: str) -> Columns:
    """Return where each declared column is among names; raise HeaderError when they are unusable or drifted too far."""
    _refuse_unusable(written, where)
    found = {name: _name_in(written, name, table, where) for name in table.columns}
    places = {name: None if other is None else written.index(other) for name, other in found.items()}
    used = set(found.values())
    extra = {name: place for place, name in enumerate(written) if name not in used}
    drift = _drift(written, found, extra, table, where)
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
        if (
            len(parts) > 1
            and delimiter != read.delimiter
            and (set(parts) & set(table.columns) if read.header else len(parts) == len(table.columns))
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


def _name_in(written: Sequence[str], name: str, table: SourceTable, where: str) -> str | None:
    """Return what a declared column is called in the file: its name or a former one; None where it is absent."""
    found = [each for each in (name, *table.renamed_from.get(name, ())) if each in written]
    if len(found) > 1:
        raise HeaderError(
            "schema_drift",
            f"the file has the column {name!r} and its former name {found[1]!r}; nothing says which one is right.",
            where=where,
            fix=f"Ask for one of them, or take {found[1]!r} out of `renamedFrom`: it is an unknown column then.",
        )
    return found[0] if found else None


def _drift(
    names: Sequence[str], found: Mapping[str, str | None], extra: Mapping[str, int], table: SourceTable, where: str
) -> tuple[DriftEvent, ...]:
    former = [(other, name) for name, other in found.items() if other not in {None, name}]
    absent = [name for name, other in found.items() if other is None]
    # A name that differs in case or blanks only is most likely the same column; the file is refused, not guessed at.
    alike = {name: other for name in absent for other in extra if _folded(name) == _folded(other)}
    added = tuple(name for name in extra if name not in alike.values())
    removed = tuple(name for name in absent if name not in alike and name not in table.optional_columns)
    renamed = (*((str(other), name) for other, name in former), *alike.items())
    events = []
    if added:
        events.append(DriftEvent(ADDED, added=added, where=where))
    if removed:
        events.append(DriftEvent(REMOVED, removed=removed, where=where))
    if renamed:
        events.append(DriftEvent(RENAMED, renamed=renamed, where=where))
    order = [name for name in names if name in found]
    if not events and not absent and order != list(found):
        events.append(DriftEvent(REORDERED, where=where))
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
    hostile = [name for name in extra if name.startswith("_") or _collides(name, [*table.columns, *extra])]
    if hostile and table.unknown_columns == "evolve":
        why = "names that begin with `_` are ours" if hostile[0].startswith("_") else "another differs in case only"
        raise HeaderError(
            "schema_drift",
            f"the new column {hostile[0]!r} cannot be added: {why}.",
            where=where,
            fix="Ask the sender to rename it, or use `unknownColumns: quarantine`.",
            drift=drift,
        )


def _collides(name: str, others: Sequence[str]) -> bool:
    return any(other != name and _folded(other) == _folded(name) for other in others)


def _folded(name: str) -> str:
    return name.strip().casefold()
