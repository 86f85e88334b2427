"""`lakehouse gate`: what makes a build fail although its runs were green."""

from dataclasses import dataclass
from typing import Annotated

import typer

from lakehouse_assets.cli.console import console, print_json
from lakehouse_assets.cli.lake import current_lake
from lakehouse_assets.errors import PartitionBlockedError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import newest
from lakehouse_assets.results import BLOCKED, Severity

_ORDER = list(Severity)


@dataclass(frozen=True, slots=True)
class Failure:
    """One broken rule of one partition, as the gate reports it."""

    table: str
    partition: str
    rule: str
    severity: str
    outcome: str
    rows: int


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gate")(gate)


def gate(
    *,
    severity: Annotated[Severity, typer.Option(help="Fail from this severity on.")] = Severity.ERROR,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Fail when any served or blocked partition has a broken rule, blocking or not."""
    lake = current_lake()
    failures = [failure for table in lake.catalog.contracts for failure in _failures(lake, table, severity)]
    if as_json:
        print_json([{name: getattr(failure, name) for name in Failure.__slots__} for failure in failures])
    for failure in () if as_json else failures:
        place = f"{failure.table} {failure.partition}"
        console.print(f"{place}: {failure.rule} ({failure.severity}) {failure.outcome}, {failure.rows:,} rows")
    if failures:
        tables = ", ".join(sorted({failure.table for failure in failures}))
        raise PartitionBlockedError(
            f"the gate is shut: {len(failures)} times a rule failed in {tables}.",
            fix="Correct the input or the contract, then run the partitions again.",
        )
    if not as_json:
        console.print(f"The gate is open: no broken rule of severity {severity} or above.")


def _failures(lake: Lake, table: TableName, severity: Severity) -> list[Failure]:
    return [
        Failure(str(table), of.partition, result.rule_id, result.severity, result.outcome, result.failed_rows)
        for of in (one.of for one in newest(lake, table).values())
        for result in of.results
        if not result.passed
        and (of.status == BLOCKED or _ORDER.index(result.severity) >= _ORDER.index(severity) or result.blocks)
        and result.outcome != "skipped"
    ]
