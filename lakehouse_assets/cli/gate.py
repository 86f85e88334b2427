"""`lakehouse gate`: what makes a build fail although its runs were green."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from lakehouse_assets.cli.console import console, print_json
from lakehouse_assets.cli.lake import current_lake
from lakehouse_assets.errors import PartitionBlockedError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import newest
from lakehouse_assets.results import BLOCKED, Outcome, PartitionRecord, Severity

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
    detail: str = ""


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
        found = failure.detail or f"{failure.rows:,} rows"
        console.print(f"{place}: {failure.rule} ({failure.severity}) {failure.outcome}, {found}")
    if failures:
        tables = ", ".join(sorted({failure.table for failure in failures}))
        raise PartitionBlockedError(
            f"the gate is shut: {len(failures)} times a rule failed in {tables}.",
            fix="Correct the input or the contract, then run the partitions again.",
        )
    if not as_json:
        console.print(f"The gate is open: no broken rule of severity {severity} or above.")


def _failures(lake: Lake, table: TableName, severity: Severity) -> list[Failure]:
    return [failure for one in newest(lake, table).values() for failure in _of_partition(str(table), one.of, severity)]


def _of_partition(table: str, of: PartitionRecord, severity: Severity) -> Iterator[Failure]:
    for result in of.results:
        if result.passed or result.outcome is Outcome.SKIPPED or result.rule_id in of.waived:
            continue
        # What was overridden is published knowingly: a warning.
        is_accepted = result.rule_id in of.overridden
        said = Severity.WARNING if is_accepted else result.severity
        must_be_told = of.status == BLOCKED or (result.blocks and not is_accepted)
        if must_be_told or _ORDER.index(said) >= _ORDER.index(severity):
            yield Failure(table, of.partition, result.rule_id, said, result.outcome, result.failed_rows)
    if of.low_score is not None and _ORDER.index(of.low_score) >= _ORDER.index(severity):
        yield Failure(table, of.partition, "score", of.low_score, Outcome.FAIL, 0, f"{of.score:.2f} of 100")
