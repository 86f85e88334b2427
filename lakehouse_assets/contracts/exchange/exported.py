"""Contracts as JSON Schema and Avro: columns with their types and what these formats can say about values.

Rules that neither can say are listed, never dropped without a word.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakehouse_assets.contracts.exchange.draft import Lost
from lakehouse_assets.contracts.model import Column, Contract, Kind, RuleSpec
from lakehouse_assets.results import OnFailure

_INT32 = 2**31
_JSON: Mapping[Kind, Mapping[str, Any]] = {
    Kind.STRING: {"type": "string"},
    Kind.INTEGER: {"type": "integer", "minimum": -_INT32, "maximum": _INT32 - 1},
    Kind.LONG: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    Kind.DOUBLE: {"type": "number"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.TIMESTAMP: {"type": "string", "format": "date-time"},
}
_AVRO: Mapping[Kind, Any] = {
    Kind.STRING: "string",
    Kind.INTEGER: "int",
    Kind.LONG: "long",
    Kind.DOUBLE: "double",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: {"type": "int", "logicalType": "date"},
    Kind.TIMESTAMP: {"type": "long", "logicalType": "timestamp-micros"},
}
_NUMBERS = {Kind.INTEGER, Kind.LONG, Kind.DECIMAL, Kind.DOUBLE}
_TIGHTER: Mapping[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength"), min),
}
_FORMATS = {"email": "email", "url": "uri", "uuid": "uuid", "iso_date": "date"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A schema, and what it does not say."""

    schema: Mapping[str, Any]
    lost: tuple[Lost, ...]

    def to_text(self) -> str:
        """Return the schema as JSON."""
        return json.dumps(self.schema, indent=2, ensure_ascii=False)


def to_json_schema(contract: Contract) -> Exported:
    """Return a schema (2020-12) of one row as JSON; decimals are numbers, times are RFC 3339."""
    lost: list[Lost] = []
    properties = {column.name: _json_column(column, contract, lost) for column in contract.columns}
    lost += _unsaid(contract, {*_SAID, "required"})
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:lakehouse:{'.'.join(contract.table.parts)}:{contract.version}",
        "title": contract.table.short,
        "description": contract.description,
        "type": "object",
        "properties": properties,
        "required": [column.name for column in contract.columns],
        "additionalProperties": False,
    }
    return Exported(schema, tuple(lost))


def to_avro(contract: Contract) -> Exported:
    """Return an Avro record; a column that may be null is a union with null and defaults to it."""
    fields = [_avro_field(column) for column in contract.columns]
    schema = {
        "type": "record",
        "name": contract.table.short,
        "namespace": ".".join(("lakehouse", *contract.table.parts[:-1])),
        "doc": contract.description,
        "fields": fields,
    }
    return Exported(schema, tuple(_unsaid(contract, {"required"})))


TARGETS: Mapping[str, Callable[[Contract], Exported]] = {"json-schema": to_json_schema, "avro": to_avro}


def _json_column(column: Column, contract: Contract, lost: list[Lost]) -> dict[str, Any]:
    found = dict(_JSON.get(column.type.kind) or _decimal(column))
    for rule in contract.rules:
        if rule.column != column.name or rule.rule not in _SAID:
            continue
        # Rows that only warn are published, so readers have to expect them.
        said = {} if rule.on_failure is OnFailure.KEEP else _SAID[rule.rule](rule, column)
        if not said or any(key in found for key in said.keys() - _TIGHTER.keys()):
            lost.append(_lost(rule))
        else:
            found |= {key: _TIGHTER[key](value, found[key]) if key in found else value for key, value in said.items()}
    if not (column.required or column.primary_key):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return {**found, **({"description": column.description} if column.description else {})}


def _decimal(column: Column) -> dict[str, Any]:
    most = 10 ** (column.type.precision - column.type.scale)
    return {"type": "number", "exclusiveMinimum": -most, "exclusiveMaximum": most}


def _avro_field(column: Column) -> dict[str, Any]:
    of = column.type
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": of.precision, "scale": of.scale}
    found = _AVRO.get(of.kind, decimal)
    named = {"name": column.name, **({"doc": column.description} if column.description else {})}
    aliases = {"aliases": [column.renamed_from]} if column.renamed_from else {}
    if column.required or column.primary_key:
        return {**named, "type": found, **aliases}
    return {**named, "type": ["null", found], "default": None, **aliases}


def _between(rule: RuleSpec, column: Column) -> dict[str, Any]:
    if column.type.kind not in _NUMBERS:
        return {}
    words = {
        "min": "minimum",
        "max": "maximum",
        "exclusive_min": "exclusiveMinimum",
        "exclusive_max": "exclusiveMaximum",
    }
    return {word: rule.arguments[name] for name, word in words.items() if rule.arguments.get(name) is not None}


def _bound(word: str) -> Callable[[RuleSpec, Column], dict[str, Any]]:
    return lambda rule, column: {word: rule.arguments["value"]} if column.type.kind in _NUMBERS else {}


def _length(rule: RuleSpec, _: Column) -> dict[str, Any]:
    words = {"min": "minLength", "max": "maxLength"}
    return {word: rule.arguments[name] for name, word in words.items() if rule.arguments.get(name) is not None}


_SAID: Mapping[str, Callable[[RuleSpec, Column], dict[str, Any]]] = {
    "between": _between,
    "greater_than": _bound("exclusiveMinimum"),
    "less_than": _bound("exclusiveMaximum"),
    "in_set": lambda rule, _: {"enum": list(rule.arguments["values"])},
    "matches": lambda rule, _: {"pattern": f"^(?:{rule.arguments['pattern']})$"},
    "length": _length,
    "multiple_of": lambda rule, _: {"multipleOf": rule.arguments["value"]},
    **{name: (lambda rule, _: {"format": _FORMATS[rule.rule]}) for name in _FORMATS},
}


def _unsaid(contract: Contract, said: set[str]) -> Sequence[Lost]:
    return [_lost(rule) for rule in contract.rules if rule.rule not in said]


def _lost(rule: RuleSpec) -> Lost:
    return Lost(rule.column or "the table", f"the rule {rule.id} ({rule.rule})", "Readers of the schema do not see it.")
