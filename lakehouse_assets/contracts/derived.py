"""Rules that the standard's own keywords imply: `required`, `unique`, `primaryKey`, `enum`, `logicalTypeOptions`.

Their ids are `<column>.<rule>`; of a key of several columns `key.unique`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lakehouse_assets.contracts.model import Column, Kind
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.rules import Declaration
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps

REQUIRED, UNIQUE, BETWEEN, LENGTH, MATCHES, IN_SET = "required", "unique", "between", "length", "matches", "in_set"
_BOUNDS = {"minimum": "min", "maximum": "max"}
_STRICT = {"exclusiveMinimum": "greater_than", "exclusiveMaximum": "less_than"}
_LENGTHS = {"minLength": "min", "maxLength": "max"}
# Formats of the standard that are rules of the same name; the others only describe.
_FORMATS = {"email", "uuid", "uri", "ipv4"}
_TIMES = {Kind.DATE, Kind.TIMESTAMP}


def derived_rules(
    listed: Sequence[Mapping[str, Any]], columns: Sequence[Column], at: Steps, reading: Reading
) -> Iterator[Declaration]:
    """Yield what the properties of a table imply about its rows."""
    found = {column.name: column for column in columns}
    for index, entry in enumerate(listed):
        column = found.get(entry["name"])
        if column is not None:
            yield from _of_column(entry, column, [*at, "properties", index], reading)
    yield from _key(columns, listed, at)


def _of_column(
    entry: Mapping[str, Any], column: Column, steps: list[str | int], reading: Reading
) -> Iterator[Declaration]:
    name = column.name
    if column.required:
        key = "required" if "required" in entry else "primaryKey"
        yield Declaration(f"{name}.{REQUIRED}", REQUIRED, [*steps, key], name)
    if column.unique:
        yield Declaration(f"{name}.{UNIQUE}", UNIQUE, [*steps, "unique"], None, {"columns": [name]})
    if "enum" in entry:
        values = [option["value"] for option in entry["enum"]]
        yield Declaration(f"{name}.{IN_SET}", IN_SET, [*steps, "enum"], name, {"values": values})
    yield from _of_options(entry.get("logicalTypeOptions") or {}, column, [*steps, "logicalTypeOptions"], reading)


def _of_options(
    options: Mapping[str, Any], column: Column, steps: list[str | int], reading: Reading
) -> Iterator[Declaration]:
    bounds = {ours: options[theirs] for theirs, ours in _BOUNDS.items() if theirs in options}
    if bounds:
        yield Declaration(f"{column.name}.{BETWEEN}", BETWEEN, steps, column.name, bounds)
    for theirs, rule in _STRICT.items():
        if theirs in options:
            arguments = {"value": options[theirs]}
            yield Declaration(f"{column.name}.{rule}", rule, [*steps, theirs], column.name, arguments)
    lengths = {ours: options[theirs] for theirs, ours in _LENGTHS.items() if theirs in options}
    if lengths:
        yield Declaration(f"{column.name}.{LENGTH}", LENGTH, steps, column.name, lengths)
    if "pattern" in options:
        arguments = {"pattern": options["pattern"]}
        yield Declaration(f"{column.name}.{MATCHES}", MATCHES, [*steps, "pattern"], column.name, arguments)
    form = options.get("format")
    if form in _FORMATS and form in reading.vocabulary.rules:
        yield Declaration(f"{column.name}.{form}", form, [*steps, "format"], column.name)
    elif form is not None and column.type.kind is Kind.STRING:
        hint = nearest(form, _FORMATS & set(reading.vocabulary.rules))
        reading.tell("LH417", [*steps, "format"], f"the format {form!r} is not checked.", hint)
    elif form is not None and column.type.kind in _TIMES:
        hint = "Formats of raw text belong into lakehouse.parse."
        reading.tell("LH417", [*steps, "format"], "the format of a typed column has no effect.", hint)
    if "multipleOf" in options:
        reading.tell("LH417", [*steps, "multipleOf"], "multipleOf is not checked.")


def _key(columns: Sequence[Column], listed: Sequence[Mapping[str, Any]], at: Steps) -> Iterator[Declaration]:
    key = [column for column in columns if column.primary_key]
    if not key or (len(key) == 1 and key[0].unique):
        return
    index = next(number for number, entry in enumerate(listed) if entry["name"] == key[0].name)
    name = f"{key[0].name}.{UNIQUE}" if len(key) == 1 else f"key.{UNIQUE}"
    names = [column.name for column in key]
    yield Declaration(name, UNIQUE, [*at, "properties", index, "primaryKey"], None, {"columns": names})
