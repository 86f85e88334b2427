"""The official JSON schema of the Open Data Contract Standard, its errors told as findings with a line.

What the standard leaves open is checked elsewhere.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from lakehouse_assets.documents.findings import Report, nearest
from lakehouse_assets.documents.strict_yaml import Document, Plain

VERSIONS = ("v3.0.2", "v3.1.0", "v3.2.0")


def check_standard(document: Document, report: Report) -> bool:
    """Whether the document can be read as a contract of the standard; every deviation becomes a finding.

    Unknown keys alone do not keep it from being read further, so that all findings come at once.
    """
    version = document.data.get("apiVersion")
    if isinstance(version, str) and version not in VERSIONS:
        spot = document.spot(["apiVersion"])
        report.add("LH204", spot, f"apiVersion {version} is not read.", f"Use one of {', '.join(VERSIONS)}.")
        return False
    if _validator().is_valid(document.data):
        return True
    untyped = _untyped(document)
    for path in untyped:
        report.add(
            "LH302", document.spot([*path, "name"]), "the column has no logicalType.", "The standard asks for one."
        )
    errors = [e for e in _validator().iter_errors(document.data) if not _is_below(e.instance_path, untyped)]
    precise = {tuple(error.instance_path) for error in errors if not _is_about_keys(error)}
    for error in errors:
        _tell(error, precise, document, report)
    return not untyped and all(_is_only_unknown(error) for error in errors)


def _untyped(document: Document) -> set[tuple[str | int, ...]]:
    """Return the columns without logicalType, for which the schema asks for the keys of all types at once."""
    tables = document.data.get("schema")
    return {
        ("schema", number, "properties", index)
        for number, table in enumerate(tables if isinstance(tables, list) else [])
        if isinstance(table, Mapping) and isinstance(table.get("properties"), list)
        for index, entry in enumerate(table["properties"])
        if isinstance(entry, Mapping) and "logicalType" not in entry
    }


def _is_below(path: list[str | int], others: set[tuple[str | int, ...]]) -> bool:
    return tuple(path[:4]) in others


@cache
def _validator() -> jsonschema_rs.Draft201909Validator:
    return jsonschema_rs.Draft201909Validator(_schema())


@cache
def _schema() -> dict[str, Any]:
    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _is_about_keys(error: jsonschema_rs.ValidationError) -> bool:
    return error.kind.name in {"unevaluatedProperties", "additionalProperties"}


def _is_only_unknown(error: jsonschema_rs.ValidationError) -> bool:
    """Whether the error is about keys nobody reads; known keys in the wrong place may hold anything."""
    if not _is_about_keys(error):
        return False
    kind: Any = error.kind
    return not set(kind.unexpected) & set(_known_keys(_definition(error.schema_path)))


def _tell(
    error: jsonschema_rs.ValidationError, precise: set[tuple[str | int, ...]], document: Document, report: Report
) -> None:
    path = list(error.instance_path)
    name = str(path[-1]) if path else "the contract"
    kind: Any = error.kind
    match kind.name:
        case "unevaluatedProperties" | "additionalProperties":
            _tell_unknown(error, precise, document, report)
        case "required":
            key = str(kind.property).strip('"')
            report.add("LH202", document.spot(path), f"{key!r} is missing in {_owner(path)}.")
        case "enum":
            known = [str(option) for option in kind.options] if isinstance(kind.options, list) else []
            hint = nearest(error.instance, known) or str(error.message).split(" is not ", 1)[-1]
            report.add("LH203", document.spot(path), f"{name} has a value the standard does not know.", hint)
        case "type":
            report.add("LH203", document.spot(path), f"{name} must be of type {_types(kind)}.")
        case "oneOf" | "anyOf" if "DataQualityOperators" in error.schema_path:
            hint = "Write exactly one of mustBe, mustBeGreaterThan, mustBeLessThan, mustBeBetween and their like."
            report.add("LH416", document.spot(path), "the metric has no usable threshold.", hint)
        case _:
            report.add("LH203", document.spot(path), f"{name}: {_short(error.message)}.")


def _tell_unknown(
    error: jsonschema_rs.ValidationError, precise: set[tuple[str | int, ...]], document: Document, report: Report
) -> None:
    """Name unknown keys; keys the standard does know here are only a shadow of another error."""
    path = list(error.instance_path)
    known = set(_known_keys(_definition(error.schema_path)))
    kind: Any = error.kind
    for key in kind.unexpected:
        if key not in known:
            message = f"the standard knows no key {key!r} in {_owner(path)}."
            hint = nearest(key, known) or "What is ours goes into customProperties."
            report.add("LH201", document.spot([*path, key]), message, hint)
        elif tuple(path) not in precise and not any(other[: len(path)] == tuple(path) for other in precise):
            report.add("LH201", document.spot([*path, key]), f"{key!r} does not belong to this kind of entry.")


def _definition(schema_path: list[str | int]) -> Plain:
    node: Any = _schema()
    for step in schema_path[:-1]:
        node = node[step]
    return node


def _known_keys(schema: Plain) -> Iterator[str]:
    """Yield the keys that a schema evaluates, through references and combinations."""
    if not isinstance(schema, Mapping):
        return
    yield from schema.get("properties", {})
    if reference := schema.get("$ref"):
        yield from _known_keys(_schema()["$defs"].get(reference.removeprefix("#/$defs/"), {}))
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, []):
            yield from _known_keys(part)
    for word in ("if", "then", "else"):
        yield from _known_keys(schema.get(word))


def _owner(path: list[str | int]) -> str:
    names = [str(step) for step in path if isinstance(step, str)]
    return f"`{names[-1]}`" if names else "the contract"


def _types(kind: Plain) -> str:
    types = kind.types if isinstance(kind.types, list) else [kind.types]
    return " or ".join(str(name) for name in types)


def _short(message: str) -> str:
    return message if len(message) <= 160 else message[:157] + "…"  # noqa: PLR2004 - a line
