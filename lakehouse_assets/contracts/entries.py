"""Entries of `quality:`: rules of ours, and the standard's queries and library metrics, which `metrics` translates."""

from collections.abc import Iterator, Mapping
from typing import Any

from lakehouse_assets.contracts.custom import read_properties
from lakehouse_assets.contracts.metrics import read_metric
from lakehouse_assets.contracts.model import RuleExample
from lakehouse_assets.contracts.properties import RuleProperties
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.rules import Declaration
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.results import Dimension, OnFailure, Severity

ENGINE = "lakehouse"
SQL = "sql"
_Steps = list[str | int]


def declared_rules(
    owner: Mapping[str, Any], steps: _Steps, column: str | None, reading: Reading
) -> Iterator[Declaration]:
    """Yield the rules of the `quality` list of a table or a column."""
    for index, entry in enumerate(owner.get("quality") or []):
        at = [*steps, "quality", index]
        ours = read_properties(RuleProperties, entry, (reading.document, at), reading.report)
        rule = _rule_of(entry, at, column, reading)
        if rule is None:
            continue
        name, target, arguments = rule
        default = f"{target}.{name}" if target else name
        yield Declaration(
            id=entry.get("id") or entry.get("name") or default,
            rule=name,
            steps=at,
            column=target,
            arguments=arguments,
            severity=_severity(entry, at, reading),
            dimension=Dimension(entry["dimension"]) if "dimension" in entry else None,
            on_failure=OnFailure(ours.on_failure) if ours.on_failure else None,
            scope=ours.scope,
            description=entry.get("description", ""),
            example=RuleExample(ours.example.failing, ours.example.passing) if ours.example else RuleExample(),
        )


def _rule_of(
    entry: Mapping[str, Any], at: _Steps, column: str | None, reading: Reading
) -> tuple[str, str | None, dict[str, Any]] | None:
    kind = entry.get("type", "library")
    if kind == "text":
        reading.tell("LH417", at, "this entry is text; nothing is checked.")
        return None
    if kind == "custom" and entry.get("engine") == ENGINE:
        return _custom(entry["implementation"], [*at, "implementation"], column, reading)
    if kind == SQL:
        bounds = {key: entry[key] for key in entry if key.startswith("must")}
        return SQL, column, {"query": entry["query"], **bounds}
    if kind == "custom":
        hint = "Write type: custom, engine: lakehouse, implementation: {rule: …}."
        reading.tell("LH415", at, f"rules of {entry.get('engine', kind)!r} are not run here.", hint)
        return None
    metric = read_metric(entry, at, column, reading)
    return (metric.rule, metric.column, dict(metric.arguments)) if metric else None


def _custom(
    implementation: str | Mapping[str, Any], at: _Steps, column: str | None, reading: Reading
) -> tuple[str, str | None, dict[str, Any]] | None:
    if isinstance(implementation, str) or not isinstance(implementation.get("rule"), str):
        hint = "Write implementation: {rule: between, column: quantity, min: 1}."
        reading.tell("LH202", at, "implementation names no rule.", hint)
        return None
    arguments = {key: value for key, value in implementation.items() if key not in {"rule", "column"}}
    target = implementation.get("column", column)
    return implementation["rule"], None if target is None else str(target), arguments


def _severity(entry: Mapping[str, Any], at: _Steps, reading: Reading) -> Severity:
    word = entry.get("severity", Severity.ERROR.value)
    if word in set(Severity):
        return Severity(word)
    reading.tell("LH412", [*at, "severity"], f"unknown severity {word!r}.", nearest(word, list(Severity)))
    return Severity.ERROR
