"""`lakehouse partition`: everything that is known about one partition, for whoever has to fix it."""

from dataclasses import asdict
from typing import Annotated

import typer

from lakehouse_assets.cli.console import console, print_json
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import UnknownPartitionError
from lakehouse_assets.pipeline.recorded import Recorded, newest, served


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("partition")(partition)


def partition(
    table: Annotated[str, typer.Argument(help="A table, such as silver/retail_order_lines.")],
    key: Annotated[str, typer.Argument(help="A partition, such as 2010-12-01; `0` for a snapshot.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show ledger and rules of the newest attempt at a partition, and what is served meanwhile."""
    lake, name = current_lake(), table_argument(table)
    contract = lake.contract(name)
    attempt = newest(lake, name).get(key)
    if attempt is None:
        lake.check_partitions(name, [key])
        raise UnknownPartitionError(
            f"{name} {key} was never attempted.", fix=f"Run `lakehouse run {name} --partition {key}`."
        )
    if as_json:
        print_json(asdict(attempt.of) | {"publish": attempt.publish, "run_id": attempt.record.run_id})
        return
    _print(attempt, f"{name} {key}", str(contract.place))
    if attempt.of.status == "blocked":
        before = served(lake, name).get(key)
        console.print(
            f"Readers still see publish {before.publish} of {before.record.finished_at}."
            if before
            else "Nothing of this partition was ever published."
        )


def _print(attempt: Recorded, title: str, contract: str) -> None:
    from rich.table import Table  # noqa: PLC0415 - only when a person reads

    of, ledger = attempt.of, attempt.of.ledger
    table = Table("rule", "dimension", "severity", "on failure", "outcome", "failed", "checked", "line", "why")
    for result in sorted(of.results, key=lambda result: (result.passed, result.rule_id)):
        numbers = (f"{result.failed_rows:,}", f"{result.checked_rows:,}", str(result.line or ""))
        words = (result.rule_id, result.dimension, result.severity, result.on_failure, result.outcome)
        table.add_row(*words, *numbers, result.reason, style="" if result.passed else "bold")
    too_low = f" ({of.low_score}: too low)" if of.low_score else ""
    console.print(f"{title}: {of.status}, score {of.score:.2f}{too_low}, contract {contract}")
    console.print(
        f"read {ledger.read:,} = published {ledger.published:,} + quarantined {ledger.quarantined:,}"
        f" + deduplicated {ledger.deduplicated:,} + filtered {ledger.filtered:,}"
    )
    for one in of.exemptions:
        rows = f", {of.waived_rows:,} rows stay in quarantine" if one.kind == "waiver" else ""
        text = f"{one.kind} of {', '.join(one.rules)} by {one.owner} until {one.expires_on}{rows}: {one.reason}"
        console.print(text, markup=False)
    console.print(table)
