"""Findings that need more than one file: upstreams, transforms, references, calendars."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lakehouse_assets.contracts.calendar import Calendar
from lakehouse_assets.contracts.loading import Mode, Role
from lakehouse_assets.contracts.model import Column, Contract, Kind, RuleKind, RuleSpec
from lakehouse_assets.contracts.odcs import upstream_of
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.types import narrows
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.naming import BRONZE_COLUMNS, LAYERS, TableName

Contracts = Mapping[TableName, Contract]
_AT: tuple[str | int, ...] = ("schema", 0)


def check_lineage(contract: Contract, contracts: Contracts, reading: Reading) -> None:
    """Find columns, transforms and references of a contract that do not fit the other contracts."""
    if contract.load.mode is Mode.DERIVED:
        _check_no_transform(contract, reading)
    elif contract.table.layer != "bronze":
        for index, column in _listed(contract, reading):
            for source in column.sources:
                _check_source(column, source, contract, contracts, steps=[*_AT, "properties", index], reading=reading)
        _check_upstreams(contract, reading)
        _check_transform(contract, reading)
    for spec in contract.rules:
        if spec.kind is RuleKind.FOREIGN_KEY:
            _check_reference(spec, contract, contracts, reading)


def with_calendar(contract: Contract, contracts: Contracts, reading: Reading) -> Contract:
    """Return the contract with the calendar of its upstreams where it has none of its own."""
    if contract.calendar is not None or not contract.is_partitioned or not contract.upstreams:
        return contract
    known = [name for name in contract.upstreams if name in contracts]
    calendars = {_calendar_of(name, contracts, ()) for name in known} - {None}
    if contract.table.layer == "gold":
        # Partitions of gold are business dates, whenever their rows arrived.
        calendars = {replace(one, is_hourly=False) for one in calendars if one is not None}
    if len(calendars) == 1:
        return replace(contract, calendar=calendars.pop())
    if len(known) == len(contract.upstreams):
        message = "its upstreams have different calendars" if calendars else "its upstreams have none"
        hint = "Add lakehouse.calendar {starts, ends}."
        reading.tell("LH510", _AT, f"{contract.table} has no calendar and {message}.", hint)
    return contract


def cycles(contracts: Contracts) -> Iterator[tuple[TableName, ...]]:
    """Yield every circle of upstreams once, from its smallest table."""
    for start in sorted(contracts):
        trail = _way_back(start, contracts)
        if trail and start == min(trail):
            yield trail


def _way_back(start: TableName, contracts: Contracts) -> tuple[TableName, ...]:
    waiting: list[tuple[TableName, ...]] = [(start,)]
    seen: set[TableName] = set()
    while waiting:
        trail = waiting.pop()
        contract = contracts.get(trail[-1])
        for upstream in contract.upstreams if contract else ():
            if upstream == start:
                return trail
            if upstream not in seen:
                seen.add(upstream)
                waiting.append((*trail, upstream))
    return ()


def _calendar_of(name: TableName, contracts: Contracts, seen: tuple[TableName, ...]) -> Calendar | None:
    contract = contracts.get(name)
    if contract is None or name in seen:
        return None
    if contract.calendar is not None:
        return contract.calendar
    found = {_calendar_of(upstream, contracts, (*seen, name)) for upstream in contract.upstreams} - {None}
    return found.pop() if len(found) == 1 else None


def _listed(contract: Contract, reading: Reading) -> Iterator[tuple[int, Column]]:
    entries = reading.document.data["schema"][0].get("properties") or []
    columns = {column.name: column for column in contract.columns}
    for index, entry in enumerate(entries):
        if entry["name"] in columns:
            yield index, columns[entry["name"]]


def _check_source(
    column: Column,
    source: str,
    contract: Contract,
    contracts: Contracts,
    *,
    steps: list[str | int],
    reading: Reading,
) -> None:
    at = [*steps, "transformSourceObjects"]
    found = upstream_of(source)
    if found is None or found[0] not in reading.tables:
        hint = nearest(source, [".".join(name.parts) for name in reading.tables])
        reading.tell("LH601", at, f"{source!r} names no column of a known table.", hint)
        return
    table, name = found
    if LAYERS.index(table.layer) > LAYERS.index(contract.table.layer) or table == contract.table:
        reading.tell("LH603", at, f"{contract.table} cannot be made from {table}.")
        return
    upstream = contracts.get(table)
    if upstream is None:
        return
    types = {each.name: each for each in upstream.columns}
    if name not in types and not (table.layer == "bronze" and name in BRONZE_COLUMNS):
        reading.tell("LH602", at, f"{table} has no column {name!r}.", nearest(name, types))
    elif name in types and len(column.sources) == 1:
        _check_types(column, types[name], table, steps, reading)


def _check_types(column: Column, source: Column, table: TableName, steps: list[str | int], reading: Reading) -> None:
    if narrows(source.type, column.type) and not column.transform_logic:
        message = f"{column.name} is {column.type}, its source {source.type}."
        reading.tell("LH305", steps, message, "Widen it, or state the conversion in transformLogic.")
    times = {Kind.DATE, Kind.TIMESTAMP}
    is_text = source.type.kind is Kind.STRING and table.layer == "bronze"
    if is_text and column.type.kind in times and not column.parse.formats:
        hint = "Add lakehouse.parse {formats: ['%Y-%m-%d %H:%M:%S']}."
        reading.tell("LH309", steps, f"{column.name} is read from text and has no formats.", hint)


def _check_upstreams(contract: Contract, reading: Reading) -> None:
    if not contract.upstreams and not any(column.sources for column in contract.columns):
        hint = "Add transformSourceObjects to its columns."
        reading.tell("LH610", _AT, f"no column of {contract.table} says where it comes from.", hint)
    if contract.role is Role.CHANGES and [name.layer for name in contract.upstreams] != ["bronze"]:
        reading.tell("LH528", _AT, f"{contract.table} is not made from one bronze table.")
        return
    bronze = [name for name in contract.upstreams if name.layer == "bronze"]
    if contract.table.layer == "silver" and len(bronze) > 1:
        others = ", ".join(map(str, bronze))
        reading.tell("LH606", _AT, f"a silver table is made from one bronze table, not from {others}.")


def _check_no_transform(contract: Contract, reading: Reading) -> None:
    if contract.table in reading.vocabulary.transforms:
        message = f"transforms/silver/{contract.table.short}.py has no effect: {contract.table} is derived."
        reading.tell("LH526", _AT, message, f"Call it {contract.upstreams[0].short}; it then makes the changes.")


def _check_transform(contract: Contract, reading: Reading) -> None:
    # A silver transform takes its rows; a gold one takes each upstream under its short name.
    parameters = reading.vocabulary.transforms.get(contract.table)
    module = f"transforms/{contract.table.layer}/{contract.table.short}.py"
    if parameters is None:
        if contract.table.layer == "gold":
            reading.tell(
                "LH605", _AT, f"{contract.table} has no function.", f"Write {contract.table.short} in {module}."
            )
        return
    if contract.table.layer == "silver":
        if len(parameters) != 1:
            message = f"{contract.table.short} takes {len(parameters)} arguments; a silver transform takes its rows."
            reading.tell("LH606", _AT, message)
        return
    wanted = {name.short for name in contract.upstreams}
    if set(parameters) != wanted:
        message = f"{module} takes {_words(parameters)}; the columns come from {_words(sorted(wanted))}."
        reading.tell("LH606", _AT, message, "Name each upstream table once, in both places.")


def _check_reference(spec: RuleSpec, contract: Contract, contracts: Contracts, reading: Reading) -> None:
    table, name = TableName.parse(str(spec.arguments["table"])), str(spec.arguments["column"])
    target = contracts.get(table)
    column = next((each for each in contract.columns if each.name == spec.column), None)
    path, line = spec.place.path, spec.place.line
    spot = replace(reading.document.spot(), path=path, line=line, column=0)
    if column is None:
        reading.report.add("LH404", spot, f"{spec.id!r} looks at {spec.column!r}, which is no column.")
        return
    if target is None:
        return
    found = next((each for each in target.columns if each.name == name), None)
    if found is None:
        hint = nearest(name, [each.name for each in target.columns])
        reading.report.add("LH607", spot, f"{table} has no column {name!r}.", hint)
    elif found.type.kind is not column.type.kind or not _identifies(found, target):
        message = (
            f"{table}.{name} is {found.type}" if found.type.kind is not column.type.kind else f"{table}.{name} repeats"
        )
        reading.report.add("LH609", spot, f"{message}; {column.name} is {column.type} and points to a key.")


def _identifies(column: Column, target: Contract) -> bool:
    # A part of a key is enough: the value is an identity there.
    return column.unique or column.primary_key or column.name in target.load.keys


def _words(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names) or "nothing"
