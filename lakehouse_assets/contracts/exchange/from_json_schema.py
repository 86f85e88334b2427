"""JSON Schema of an object to a draft: properties become columns, keywords become rules."""

from collections.abc import Mapping
from typing import Any

from lakehouse_assets.contracts.exchange.draft import Draft, DraftColumn, members, portable_pattern, rule

_TYPES = {"string": "string", "integer": "long", "number": "double", "boolean": "boolean"}
_FORMATS = {"date": "date", "date-time": "timestamp"}
_RULES = {"uri": "url", "iri": "url", "uuid": "uuid", "email": "email", "idn-email": "email"}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_LENGTHS = ("minLength", "maxLength")
_TOP = {"$schema", "$id", "$defs", "definitions", "type", "title", "description", "properties", "required", "$comment"}
_COLUMN = {"type", "format", "description", "title", "enum", "const", "pattern", "multipleOf", "examples", "$ref",
           "anyOf", "oneOf", "$comment", "nullable", *_BOUNDS, *_LENGTHS}  # fmt: skip


def from_json_schema(schema: Mapping[str, Any], _: str = "") -> Draft:
    """Return the draft of a schema, whose top is an object or an array of objects."""
    top = members(schema.get("items")) if schema.get("type") == "array" else schema
    draft = Draft(str(schema.get("description") or schema.get("title") or ""))
    required = set(top.get("required") or ())
    for name, written in members(top.get("properties")).items():
        column = draft.column(str(name))
        column.required = name in required
        _read(column, _resolved(members(written), schema), draft)
    for key in sorted(set(top) - _TOP):
        draft.lose("the object", f"{key}: {top[key]!r}"[:80])
    return draft


def _resolved(written: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference inside the document once, and lift the one branch beside null."""
    reference = str(written.get("$ref", ""))
    if reference.startswith("#/"):
        found: Any = schema
        for step in reference[2:].split("/"):
            found = members(found).get(step, {})
        written = {**members(found), **{key: value for key, value in written.items() if key != "$ref"}}
    branches = [members(each) for each in written.get("anyOf") or written.get("oneOf") or ()]
    others = [each for each in branches if each.get("type") != "null"]
    if len(others) == 1 and len(branches) > 1:
        rest = {key: value for key, value in written.items() if key not in {"anyOf", "oneOf"}}
        return {**_resolved(others[0], schema), **rest, "nullable": True}
    return written


def _read(column: DraftColumn, written: Mapping[str, Any], draft: Draft) -> None:
    column.description = str(written.get("description") or written.get("title") or "")
    types = written.get("type") or []
    words = [types] if isinstance(types, str) else list(types)
    if "null" in words or written.get("nullable"):
        if column.required:
            draft.lose(column.name, "required, but null is allowed", "The column may be null here.")
        column.required = False
    kinds = [word for word in words if word != "null"]
    _read_type(column, kinds, written, draft)
    for key in sorted(set(written) - _COLUMN):
        draft.lose(column.name, f"{key}: {written[key]!r}"[:80])
    values = (
        [written["const"]] if "const" in written else [each for each in written.get("enum") or () if each is not None]
    )
    if values and column.type in {"string", ""}:
        column.enum = [str(value) for value in values]
    elif values:
        column.quality.append(rule("in_set", rule_id=f"{column.name}_is_known", values=values))


def _read_type(column: DraftColumn, kinds: list[str], written: Mapping[str, Any], draft: Draft) -> None:
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        if not kinds and ("enum" in written or "const" in written):
            column.type = "string"
            return
        what = f"the type {' or '.join(kinds) or 'of ' + str(written.get('$ref') or 'anything')}"
        draft.lose(column.name, what, "It is text here; split nested values into plain columns.")
        return
    column.type = _FORMATS.get(str(written.get("format")), _TYPES[kinds[0]])
    form = written.get("format")
    if form in _RULES and kinds[0] == "string":
        column.quality.append(rule(_RULES[str(form)], rule_id=f"{column.name}_is_{_RULES[str(form)]}"))
    elif form is not None and form not in _FORMATS:
        draft.lose(column.name, f"format: {form}", "No rule checks it; a pattern may.")
    if column.type in {"long", "double"}:
        column.options |= {key: written[key] for key in _BOUNDS if isinstance(written.get(key), int | float)
                           and not isinstance(written.get(key), bool)}  # fmt: skip
        _read_step(column, written, draft)
    elif column.type == "string":
        column.options |= {key: written[key] for key in _LENGTHS if key in written}
        read_pattern(column, str(written.get("pattern") or ""), draft)


def _read_step(column: DraftColumn, written: Mapping[str, Any], draft: Draft) -> None:
    step = written.get("multipleOf")
    if step is None or step == 1:
        return
    if column.type == "long" and isinstance(step, int):
        column.quality.append(rule("multiple_of", rule_id=f"{column.name}_step", value=step))
    else:
        draft.lose(column.name, f"multipleOf: {step}", "For money, write physicalType: decimal(18,4).")


def read_pattern(column: DraftColumn, pattern: str, draft: Draft) -> None:
    """Carry over a pattern that is looked for anywhere in a value, or tell that it cannot be."""
    carried = portable_pattern(pattern) if pattern else ""
    if carried:
        column.options["pattern"] = carried
    elif pattern:
        draft.lose(
            column.name, f"the pattern {pattern}", "Write it without look-around, anchors inside and classes like \\b."
        )
