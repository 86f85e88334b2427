"""A contract that is being made from something else: its columns, its rules, and what could not be carried over.

Drafts are made by the modules `from_…` and by `pipeline.suggest`; here they become a document of the standard.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from lakehouse_assets.contracts.model import NOTHING
from lakehouse_assets.contracts.types import TypeProblem, read_physical
from lakehouse_assets.naming import TableName

_LOGICAL = {"decimal": "number", "double": "number", "integer": "integer", "long": "integer"}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# What other tools call types that are stored here under another name.
_SYNONYMS = {
    "number": "double", "float": "double", "float64": "double", "float32": "double", "real": "double",
    "double precision": "double", "smallint": "integer", "tinyint": "integer", "int2": "integer", "int4": "integer",
    "int8": "long", "character varying": "string", "nvarchar": "string", "str": "string", "object": "string",
    "uuid": "string", "bool": "boolean", "datetime": "timestamp", "timestamptz": "timestamp", "datetime64": "timestamp",
    "timestamp with time zone": "timestamp", "timestamp without time zone": "timestamp", "timestamp_ntz": "timestamp",
    "timestamp_tz": "timestamp", "timestamp_ltz": "timestamp",
}  # fmt: skip
_SHORTHANDS = {r"\d": "0-9", r"\w": "A-Za-z0-9_", r"\s": r" \t"}


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that the contract does not say: where it was, what it was, and what to do about it."""

    where: str
    what: str
    fix: str


@dataclass
class DraftColumn:
    """A column as it will be written; `type` is a physical type, empty where nobody said one."""

    name: str
    type: str = ""
    source: str = ""
    description: str = ""
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    classification: str = ""
    formats: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    enum: list[Any] = field(default_factory=list)
    quality: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Draft:
    """A contract in the making."""

    description: str = ""
    columns: dict[str, DraftColumn] = field(default_factory=dict)
    quality: list[dict[str, Any]] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def column(self, source: str) -> DraftColumn:
        """Return the column made from one of the other format, under a name of the house."""
        if source not in self.columns:
            name = self._free(snake(source))
            self.columns[source] = DraftColumn(name, source=source)
            if name != source:
                self.lose(source, f"the name {source!r}", f"It is called {name} here; readers have to follow.")
        return self.columns[source]

    def lose(self, where: str, what: str, fix: str = "Write it by hand where it matters.") -> None:
        """Remember what is not carried over."""
        self.lost.append(Lost(where, what, fix))

    def _free(self, name: str) -> str:
        taken = {column.name for column in self.columns.values()}
        return next(each for each in (name, *(f"{name}_{n}" for n in range(2, 1000))) if each not in taken)


def snake(name: str) -> str:
    """Return a name as columns are called here: lower-case words joined by _."""
    words = "_".join(_WORDS.findall(name)).lower()
    return words if words[:1].isalpha() else f"column_{words}".rstrip("_")


def rule(name: str, *, severity: str = "error", rule_id: str = "", **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
    """Return a quality entry of ours."""
    kept = {key.rstrip("_"): value for key, value in arguments.items() if value is not None}
    entry = {"type": "custom", "engine": "lakehouse", "implementation": {"rule": name, **kept}, "severity": severity}
    return {"id": rule_id, **entry} if rule_id else entry


def type_of(word: str) -> str:
    """Return a type as it is stored here, or "" for one that cannot be."""
    bare = word.strip().lower()
    for written in (bare, re.sub(r"^number\s*\(", "decimal(", bare), _SYNONYMS.get(re.sub(r"\s*\(.*", "", bare), "")):
        found = read_physical(written) if written else None
        if found is not None and not isinstance(found, TypeProblem):
            return str(found)
    return ""


def portable_pattern(pattern: str, *, whole: bool = False) -> str:
    """Return a pattern that matches whole values on every engine, or "" for one that cannot be said so.

    Others look for a match anywhere in a value; `^` and `$` at the ends are what whole-value matching means.
    """
    starts, ends = whole or pattern.startswith("^"), whole or (pattern.endswith("$") and not pattern.endswith(r"\$"))
    inner = pattern.removeprefix("^")
    inner = inner[:-1] if ends and inner.endswith("$") else inner
    inner = _written_out(inner)
    outside = re.sub(r"\\.|\[[^]]*\]", "_", inner)
    if re.search(r"[$^]|\(\?(?!:)|[*+?}]\+", outside) or re.search(r"\\[A-Za-mo-qsu-z0-9]", inner):
        return ""
    grouped = f"({inner})" if "|" in outside and not (starts and ends) else inner
    return f"{'' if starts else '.*'}{grouped}{'' if ends else '.*'}"


def _written_out(pattern: str) -> str:
    def in_class(match: re.Match[str]) -> str:
        return re.sub(r"\\[dws]", lambda found: _SHORTHANDS[found[0]], match[0])

    pattern = re.sub(r"\[(?:\\.|[^]\\])*\]", in_class, pattern)
    return re.sub(r"\\[dws]", lambda found: f"[{_SHORTHANDS[found[0]]}]", pattern)


def to_document(draft: Draft, table: TableName, *, owner: str = "", upstream: str = "") -> dict[str, Any]:
    """Return the draft as a document of the standard, of status `draft`."""
    dotted = ".".join(table.parts)
    listed = {
        "name": table.short,
        "physicalName": dotted,
        "physicalType": "table",
        "logicalType": "object",
        "properties": [_property(column, upstream) for column in draft.columns.values()],
        **({"quality": draft.quality} if draft.quality else {}),
    }
    document: dict[str, Any] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": dotted,
        "name": table.short,
        "version": "0.1.0",
        "status": "draft",
        **({"description": {"purpose": draft.description}} if draft.description else {}),
        "schema": [listed],
        **({"team": {"members": [{"username": owner, "role": "owner"}]}} if owner else {}),
    }
    return document


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return a document as YAML that is read strictly: no aliases, no words that mean something else."""
    # Through JSON nothing is shared between places any more, so no anchors are written.
    unshared = json.loads(json.dumps(document, default=str))
    return yaml.safe_dump(unshared, sort_keys=False, allow_unicode=True, width=110)


def _property(column: DraftColumn, upstream: str) -> dict[str, Any]:
    physical = column.type or "string"
    custom: Sequence[tuple[str, Any]] = (("lakehouse.parse", {"formats": list(column.formats)}),)
    said = {
        "name": column.name,
        "logicalType": _LOGICAL.get(physical.partition("(")[0], physical),
        "physicalType": physical,
        "description": column.description,
        "required": column.required,
        "unique": column.unique and not column.primary_key,
        "primaryKey": column.primary_key,
        "classification": column.classification,
        "logicalTypeOptions": column.options,
        "enum": [{"value": value} for value in column.enum],
        "quality": column.quality,
        "transformSourceObjects": [f"{upstream}.{column.source}"] if upstream else [],
        "customProperties": [{"property": name, "value": value} for name, value in custom if column.formats],
    }
    return {key: value for key, value in said.items() if value or key in {"name", "logicalType"}}


def members(value: object) -> Mapping[str, Any]:
    """Return a mapping, or an empty one for anything else that others wrote."""
    return value if isinstance(value, Mapping) else NOTHING
