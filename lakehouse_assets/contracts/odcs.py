"""From one `*.odcs.yaml` document to a Contract; everything that needs other files is in `lineage`."""

import re
from collections.abc import Mapping
from typing import Any

from lakehouse_assets.contracts.calendars import read_calendar
from lakehouse_assets.contracts.columns import read_columns
from lakehouse_assets.contracts.custom import read_properties, steps_of
from lakehouse_assets.contracts.derived import derived_rules
from lakehouse_assets.contracts.entity_load import check_uniqueness
from lakehouse_assets.contracts.entries import declared_rules
from lakehouse_assets.contracts.fingerprints import rule_set
from lakehouse_assets.contracts.foreign_keys import foreign_keys
from lakehouse_assets.contracts.lint import check_contract
from lakehouse_assets.contracts.load import read_load
from lakehouse_assets.contracts.loading import Gate
from lakehouse_assets.contracts.model import Column, Consumer, Contract, RuleSpec, Sla
from lakehouse_assets.contracts.names import check_table_name
from lakehouse_assets.contracts.properties import ContractProperties, TableProperties
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.rules import bind_rules
from lakehouse_assets.contracts.standard import check_standard
from lakehouse_assets.naming import TableName

AT: list[str | int] = ["schema", 0]
_VERSION = re.compile(r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)")


def read_contract(name: TableName, reading: Reading) -> Contract | None:
    """Return the contract of a table, or None and findings when the document is none."""
    data = reading.document.data
    if not check_standard(reading.document, reading.report) or not _holds_one_table(data, reading):
        return None
    table: Mapping[str, Any] = data["schema"][0]
    _check_names(data, table, name, reading)
    top = read_properties(ContractProperties, data, (reading.document, []), reading.report)
    ours = read_properties(TableProperties, table, (reading.document, AT), reading.report)
    columns = read_columns(table, AT, reading)
    load = read_load(ours.load, columns, name, steps_of("lakehouse.load", table, AT), reading)
    if load is None:
        return None
    rules = _read_rules(table, columns, name, reading)
    gate = Gate(**ours.publish_gate.model_dump())
    window = ours.automation_window
    contract = Contract(
        table=name,
        version=data["version"],
        columns=columns,
        rules=rules,
        load=load,
        gate=gate,
        place=reading.place(AT),
        calendar=read_calendar(ours.calendar, steps_of("lakehouse.calendar", table, AT), reading)
        if ours.calendar
        else None,
        upstreams=_upstreams(columns),
        rule_set=rule_set((rule.fingerprint for rule in rules), columns, load, gate),
        description=_description(data, table),
        status=data.get("status", "active"),
        domain=data.get("domain", ""),
        tier=top.tier,
        owner=_owner(data),
        engine=ours.engine or "",
        cluster=ours.cluster,
        max_runtime_minutes=ours.max_runtime,
        automation_window_days=None if window is None else window.days,
        breaking_change_policy=top.breaking_change_policy,
        consumers=tuple(Consumer(**consumer.model_dump()) for consumer in ours.consumers),
        slas=tuple(_sla(entry) for entry in data.get("slaProperties", ())),
        support=tuple(data.get("support", ())),
        runbook=top.runbook,
        tags=tuple(data.get("tags", ())),
        odcs=data,
    )
    check_contract(contract, reading)
    check_uniqueness(contract, reading)
    return contract


def _holds_one_table(data: Mapping[str, Any], reading: Reading) -> bool:
    count = len(data.get("schema") or [])
    if count != 1:
        hint = "Write one file per table."
        reading.tell("LH208", ["schema"], f"the contract holds {count} tables.", hint)
    return count == 1


def _check_names(data: Mapping[str, Any], table: Mapping[str, Any], name: TableName, reading: Reading) -> None:
    dotted = ".".join(name.parts)
    for steps, written in (([*AT, "name"], table["name"]), (["name"], data.get("name", name.short))):
        if written != name.short:
            message = f"the file promises {name.short!r}, this says {written!r}."
            reading.tell("LH207", steps, message, "Use one name for file and table.")
    physical = table.get("physicalName", dotted)
    if physical != dotted:
        reading.tell("LH207", [*AT, "physicalName"], f"the table is called {dotted!r}, this says {physical!r}.")
    if not _VERSION.fullmatch(data["version"]):
        reading.tell("LH212", ["version"], f"{data['version']!r} is no version.", "Write one like 1.0.0.")
    check_table_name(name, reading)


def _read_rules(
    table: Mapping[str, Any], columns: tuple[Column, ...], name: TableName, reading: Reading
) -> tuple[RuleSpec, ...]:
    listed = table.get("properties") or []
    declared = list(derived_rules(listed, columns, AT, reading))
    for index, entry in enumerate(listed):
        declared += declared_rules(entry, [*AT, "properties", index], entry["name"], reading)
    declared += declared_rules(table, AT, None, reading)
    return (*bind_rules(declared, columns, reading), *foreign_keys(table, name, AT, reading))


def _upstreams(columns: tuple[Column, ...]) -> tuple[TableName, ...]:
    found = (upstream_of(source) for column in columns for source in column.sources)
    return tuple(dict.fromkeys(upstream for upstream, _ in (pair for pair in found if pair)))


def upstream_of(source: str) -> tuple[TableName, str] | None:
    """Split `bronze.retail.order_lines.Quantity` into table and column; None when it is not of that shape."""
    layer, *rest = source.split(".")
    length = {"bronze": 3, "silver": 2, "gold": 2}.get(layer)
    if length is None or len(rest) < length or not all(rest):
        return None
    return TableName(layer, tuple(rest[: length - 1])), ".".join(rest[length - 1 :])


def _description(data: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    purpose = (data.get("description") or {}).get("purpose", "")
    return str(purpose or table.get("description", ""))


def _owner(data: Mapping[str, Any]) -> str:
    team = data.get("team") or {}
    members = team if isinstance(team, list) else team.get("members", [])
    owners = [member["username"] for member in members if member.get("role") == "owner"]
    return str(owners[0]) if owners else ""


def _sla(entry: Mapping[str, Any]) -> Sla:
    return Sla(entry["property"], entry.get("value"), entry.get("unit", ""), entry.get("element", ""))
