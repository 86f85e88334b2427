"""Avro record schema to a draft: fields become columns, a union with null may be null."""

from collections.abc import Mapping
from typing import Any

from lakehouse_assets.contracts.exchange.draft import Draft, DraftColumn, members, rule

_TYPES = {"string": "string", "int": "integer", "long": "long", "float": "double", "double": "double",
          "boolean": "boolean"}  # fmt: skip
_LOGICAL = {"date": "date", "timestamp-millis": "timestamp", "timestamp-micros": "timestamp"}


def from_avro(schema: Mapping[str, Any], _: str = "") -> Draft:
    """Return the draft of a record."""
    draft = Draft(str(schema.get("doc") or ""))
    for field in schema.get("fields") or ():
        column = draft.column(str(members(field).get("name")))
        column.description = str(field.get("doc") or "")
        _read(column, field.get("type"), draft)
        aliases = field.get("aliases") or []
        if aliases:
            draft.lose(column.name, f"aliases: {', '.join(aliases)}", "A former name is lakehouse.renamedFrom.")
        if field.get("default") is not None:
            draft.lose(column.name, f"default: {field['default']!r}", "Missing values stay missing here.")
    return draft


def _read(column: DraftColumn, written: Any, draft: Draft) -> None:  # noqa: ANN401 - JSON
    branches = written if isinstance(written, list) else [written]
    others = [branch for branch in branches if branch != "null"]
    column.required = len(others) == len(branches)
    if len(others) != 1:
        draft.lose(column.name, "a union of several types", "It is text here; give each type a column.")
        return
    found = others[0] if isinstance(others[0], Mapping) else {"type": others[0]}
    word, logical = found.get("type"), found.get("logicalType")
    if logical == "decimal":
        column.type = f"decimal({found.get('precision', 18)},{found.get('scale', 0)})"
    elif word == "enum":
        column.type, column.enum = "string", list(found.get("symbols") or ())
    elif logical == "uuid":
        column.type = "string"
        column.quality.append(rule("uuid", rule_id=f"{column.name}_is_uuid"))
    elif logical in _LOGICAL:
        column.type = _LOGICAL[logical]
    elif word in _TYPES:
        column.type = _TYPES[str(word)]
        if logical is not None:
            draft.lose(column.name, f"logicalType: {logical}", f"It is stored as {column.type}.")
    else:
        draft.lose(column.name, f"the type {word}", "It is text here; split nested values into plain columns.")
