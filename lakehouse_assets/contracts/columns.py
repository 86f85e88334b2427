"""From the `properties` of a contract to typed columns, and findings about their types, parsing and protection.

Rules that properties imply are in `derived`; names are judged in `names`.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from lakehouse_assets.contracts.custom import read_properties
from lakehouse_assets.contracts.formats import check_formats
from lakehouse_assets.contracts.model import Column, ColumnType, Kind, ParseOptions
from lakehouse_assets.contracts.names import check_column_name
from lakehouse_assets.contracts.properties import ColumnProperties, ParseBlock
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.types import TypeProblem, read_type
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps

_TIMES = {Kind.DATE, Kind.TIMESTAMP}
_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_APPLIES = {
    "formats": _TIMES,
    "lossless_integer": {Kind.INTEGER, Kind.LONG},
    "decimal_comma": _NUMBERS,
    "timezone": {Kind.TIMESTAMP},
}


def read_columns(table: Mapping[str, Any], at: Steps, reading: Reading) -> tuple[Column, ...]:
    """Return the columns of a schema object; a column without a usable type is a finding and left out."""
    listed: Sequence[Mapping[str, Any]] = table.get("properties") or []
    if not listed:
        reading.tell("LH307", at, "the table promises no columns.", "List them under properties.")
    columns: dict[str, Column] = {}
    for index, entry in enumerate(listed):
        steps = [*at, "properties", index]
        column = _read_column(entry, steps, reading)
        folded = str(entry["name"]).lower()
        if folded in columns:
            first = columns[folded].line
            reading.tell("LH306", [*steps, "name"], f"column {entry['name']!r} is already promised in line {first}.")
        elif column is not None:
            columns[folded] = column
    found = tuple(columns.values())
    _check_references(found, listed, at, reading)
    return found


def _read_column(entry: Mapping[str, Any], steps: list[str | int], reading: Reading) -> Column | None:
    found = read_type(entry.get("physicalType"), entry["logicalType"])
    check_column_name(str(entry["name"]), found if isinstance(found, ColumnType) else None, steps, reading)
    ours = read_properties(ColumnProperties, entry, (reading.document, steps), reading.report)
    if isinstance(found, TypeProblem):
        key = "physicalType" if "physicalType" in entry else "name"
        reading.tell(found.code, [*steps, key], found.message, found.hint)
        return None
    _check_parse(ours.parse, found, steps, reading)
    return Column(
        name=entry["name"],
        type=found,
        required=bool(entry.get("required")) or bool(entry.get("primaryKey")),
        primary_key=bool(entry.get("primaryKey")),
        unique=bool(entry.get("unique")),
        description=entry.get("description", ""),
        classification=entry.get("classification", ""),
        sources=tuple(entry.get("transformSourceObjects", ())),
        transform_logic=entry.get("transformLogic", ""),
        renamed_from=ours.renamed_from,
        parse=ParseOptions(**ours.parse.model_dump()),
        masking=ours.masking.model_dump() if ours.masking else {},
        erasure=ours.erasure.model_dump() if ours.erasure else {},
        line=reading.document.spot(steps).line,
        scd_type=ours.scd_type,
    )


def _check_parse(parse: ParseBlock, found: ColumnType, steps: list[str | int], reading: Reading) -> None:
    written = parse.model_fields_set
    for option, kinds in _APPLIES.items():
        if option in written and found.kind not in kinds:
            name = ParseBlock.model_fields[option].alias
            reading.tell("LH313", steps, f"{name} has no effect on a column of type {found}.", "Remove it.")
    if parse.timezone not in _zones():
        hint = nearest(parse.timezone, _zones())
        reading.tell("LH312", steps, f"there is no time zone {parse.timezone!r}.", hint)
    if found.kind in _TIMES:
        check_formats(parse.formats, found, steps, reading)


def _check_references(
    columns: Sequence[Column], listed: Sequence[Mapping[str, Any]], at: Steps, reading: Reading
) -> None:
    names = {str(entry["name"]) for entry in listed}
    index = {str(entry["name"]): number for number, entry in enumerate(listed)}
    renamed: dict[str, str] = {}
    for column in columns:
        steps = [*at, "properties", index[column.name]]
        subject = column.erasure.get("subject_key")
        if subject is not None and subject not in names:
            reading.tell("LH315", steps, f"the subject key {subject!r} is not a column.", nearest(subject, names))
        former = column.renamed_from
        if former in names:
            reading.tell("LH316", steps, f"{former!r}, the former name, is still a column.")
        elif former and renamed.setdefault(former, column.name) != column.name:
            reading.tell("LH316", steps, f"{former!r} is the former name of {renamed[former]!r} already.")
        if column.is_classified and column.classification != "confidential" and not column.masking:
            message = f"{column.name} is {column.classification} and has no lakehouse.masking."
            reading.tell("LH314", steps, message, "Add a strategy, such as {strategy: redact}.")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
