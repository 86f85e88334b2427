"""Findings about one contract as a whole: owner, runbook, consumers, service levels, rules."""

from collections.abc import Iterable

from lakehouse_assets.contracts.custom import steps_of
from lakehouse_assets.contracts.entities import promised_columns
from lakehouse_assets.contracts.formats import only_polars_reads
from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.documents.findings import nearest


def check_contract(contract: Contract, reading: Reading) -> None:
    """Find promises of a contract that nobody could keep."""
    if not contract.owner:
        hint = "Add team: {members: [{username: …, role: owner}]}."
        reading.tell("LH801", ["team"], f"{contract.table} has no owner.", hint)
    if not contract.rules:
        reading.tell("LH411", ["schema", 0], f"{contract.table} has no rules.", "Require at least its key.")
    if contract.load.mode is Mode.DERIVED and contract.calendar is not None:
        at = steps_of("lakehouse.calendar", reading.document.data["schema"][0], ["schema", 0])
        reading.tell("LH526", at, "an entity has the days of its source.", "Write the calendar in the source file.")
    if contract.engine == "spark" and contract.has_one_engine:
        at = steps_of("lakehouse.engine", reading.document.data["schema"][0], ["schema", 0])
        message = f"{contract.table} cannot be computed by Spark: the client of its source lands the rows, here."
        reading.tell("LH533", at, message, "Take lakehouse.engine out; silver and gold are computed by either engine.")
    if contract.engine == "spark":
        _check_patterns(contract, reading)
    _check_cluster(contract, reading)
    _check_consumers(contract, reading)
    _check_slas(contract, reading)


def check_runbook(contract: Contract, runbooks: Iterable[str], reading: Reading) -> None:
    """Find tier-1 tables without a runbook; `runbooks` are the names of those that exist."""
    if contract.tier == 1 and not contract.runbook and contract.table.short not in set(runbooks):
        hint = f"Write docs/runbooks/{contract.table.short}.md, or set lakehouse.runbook."
        reading.tell("LH802", ["customProperties"], f"{contract.table} is of tier 1 and has no runbook.", hint)


def _check_patterns(contract: Contract, reading: Reading) -> None:
    at = steps_of("lakehouse.engine", reading.document.data["schema"][0], ["schema", 0])
    for column in contract.columns:
        for pattern in column.parse.formats:
            unread = only_polars_reads(pattern)
            if unread:
                message = f"{contract.table} cannot be computed by Spark: it does not read {unread} in {pattern!r}"
                hint = f"Name year, month and day in the pattern of {column.name}, or take lakehouse.engine out."
                reading.tell("LH533", at, f"{message}, the pattern of {column.name}.", hint)


def _check_cluster(contract: Contract, reading: Reading) -> None:
    known = {column.name for column in contract.columns}
    at = steps_of("lakehouse.cluster", reading.document.data["schema"][0], ["schema", 0])
    for number, name in enumerate(contract.cluster):
        if name not in known:
            reading.tell(
                "LH532", at, f"the table cannot be sorted by {name!r}, which is no column.", nearest(name, known)
            )
        elif name == contract.partition_column or name in contract.cluster[:number]:
            reading.tell("LH532", at, f"sorting by {name!r} changes nothing here.", "Take it out of lakehouse.cluster.")


def _check_consumers(contract: Contract, reading: Reading) -> None:
    known = promised_columns(contract)
    at = steps_of("lakehouse.consumers", reading.document.data["schema"][0], ["schema", 0])
    for number, consumer in enumerate(contract.consumers):
        for name in consumer.columns:
            if name not in known:
                message = f"{consumer.name} reads {name!r}, which is no column."
                reading.tell("LH803", [*at, number], message, nearest(name, known))


def _check_slas(contract: Contract, reading: Reading) -> None:
    known = promised_columns(contract)
    for index, sla in enumerate(contract.slas):
        for element in filter(None, (part.strip() for part in sla.element.split(","))):
            table, _, column = element.rpartition(".")
            is_table = element in {contract.table.short, ".".join(contract.table.parts)}
            if not is_table and (column not in known or table.rpartition(".")[2] not in {"", contract.table.short}):
                message = f"the element {element!r} is no column of {contract.table}."
                reading.tell("LH804", ["slaProperties", index], message, nearest(column, known))
