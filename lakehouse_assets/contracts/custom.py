"""Reads `customProperties`: ours are typed, unknown ones of ours are findings, those of others are left alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from lakehouse_assets.contracts.properties import (
    ColumnProperties,
    ContractProperties,
    ReferenceProperties,
    RuleProperties,
    TableProperties,
)
from lakehouse_assets.documents.blocks import Block, read_block
from lakehouse_assets.documents.findings import Report, Spot, nearest
from lakehouse_assets.documents.strict_yaml import Document, Plain, Steps

PREFIX = "lakehouse."
LEVELS: Mapping[type[Block], str] = {
    ContractProperties: "the top of the contract",
    TableProperties: "the table",
    ColumnProperties: "a column",
    RuleProperties: "a quality entry",
    ReferenceProperties: "a relationship",
}
_Model = TypeVar("_Model", bound=Block)


@dataclass(frozen=True, slots=True)
class _Entries:
    """Properties by name, with the place of each value in the list they were written in."""

    data: Mapping[str, Any]
    document: Document
    steps: Steps
    places: Mapping[str, int]

    def spot(self, steps: Steps = ()) -> Spot:
        base = [*self.steps, "customProperties"]
        if not steps:
            return self.document.spot(base)
        return self.document.spot([*base, self.places[str(steps[0])], "value", *steps[1:]])


def read_properties(
    model: type[_Model], owner: Mapping[str, Any], at: tuple[Document, Steps], report: Report
) -> _Model:
    """Return our properties of `owner`, found at `at`; what cannot be used is a finding and left at its default."""
    listed = owner.get("customProperties")
    if not listed:
        return model()
    document, steps = at
    entries = _collect(model, listed, _Entries({}, document, steps, {}), report)
    found = read_block(model, entries.data, entries, (), report)
    return found or model()


def steps_of(name: str, owner: Mapping[str, Any], at: Steps) -> list[str | int]:
    """Return where the value of one of our properties of `owner`, found at `at`, is written; else `at` itself."""
    for index, entry in enumerate(owner.get("customProperties") or []):
        if entry["property"] == name:
            return [*at, "customProperties", index, "value"]
    return list(at)


def _collect(model: type[Block], listed: Sequence[Plain], empty: _Entries, report: Report) -> _Entries:
    known = {field.alias or name for name, field in model.model_fields.items()}
    data: dict[str, Any] = {}
    places: dict[str, int] = {}
    for index, entry in enumerate(listed):
        name = str(entry["property"])
        spot = empty.document.spot([*empty.steps, "customProperties", index, "property"])
        key = name.removeprefix(PREFIX)
        if not name.startswith(PREFIX) or key not in known:
            _tell_unknown(model, name, spot, report)
        elif key in data:
            report.add("LH206", spot, f"{name} is set twice.", "Keep one of them.")
        else:
            data[key], places[key] = entry.get("value"), index
    return _Entries(data, empty.document, empty.steps, places)


def _tell_unknown(model: type[Block], name: str, spot: Spot, report: Report) -> None:
    room = name.split(".", 1)[0]
    if not name.startswith(PREFIX) and not get_close_matches(room.lower(), ["lakehouse"], cutoff=0.8):
        return
    key = name.split(".", 1)[-1]
    for other, level in LEVELS.items():
        if other is not model and key in _names(other):
            report.add("LH205", spot, f"{name} has no effect here.", f"It belongs to {level}.")
            return
    hint = nearest(name, [f"{PREFIX}{known}" for known in _names(model)])
    report.add("LH205", spot, f"unknown property {name!r}.", hint)


def _names(model: type[Block]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}
