"""`lakehouse quarantine`: which rows a table refused and why, the rows themselves, and releasing them."""

import contextlib
import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table, to_plain
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import PartitionBlockedError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import PartitionResult

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.refused.quarantined import QuarantineCount, QuarantinedRow
    from lakehouse_assets.pipeline.rehearse import Movement

Rule = Annotated[str, typer.Option("--rule", "-r", help="Only rows that this rule refused.")]
Partition = Annotated[str, typer.Option("--partition", "-p", help="Only rows of this partition.")]
OfBlocked = Annotated[bool, typer.Option("--blocked", help="Rows of partitions that were kept back instead.")]
Table = Annotated[str, typer.Argument(help="A table, such as silver/retail_order_lines.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Refused rows: how many, why, which, and releasing them.", no_args_is_help=True)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("replay")(replay)
    app.add_typer(group, name="quarantine")


def list_all(
    table: Annotated[str, typer.Argument(help="A table; left out, every table.")] = "",
    *,
    rule: Rule = "",
    partition: Partition = "",
    blocked: OfBlocked = False,
    as_json: AsJson = False,
) -> None:
    """Count rows in quarantine, of one table by partition and rule, of all tables by rule."""
    from lakehouse_assets.pipeline.refused.quarantined import Choice, count_quarantine  # noqa: PLC0415 - start fast for --help

    lake = current_lake()
    names = [table_argument(table)] if table else list(lake.catalog.contracts)
    choice = Choice(rule, partition, blocked)
    found = [one for name in names for one in count_quarantine(lake, name, choice)]
    if as_json:
        print_json(found)
    elif not found:
        console.print("No row is in quarantine.")
    elif table:
        rows = [(one.partition, one.rule, f"{one.rows:,}", _waived(one.is_waived)) for one in found]
        print_table(str(names[0]), ("partition", "rule", "rows", ""), rows)
    else:
        print_table("", ("table", "rule", "partitions", "rows", ""), _by_rule(found))
    if found and not as_json:
        console.print("A row that broke several rules is counted under each.")


def show(  # noqa: PLR0913 - the options of a command
    table: Table,
    *,
    rule: Rule = "",
    partition: Partition = "",
    blocked: OfBlocked = False,
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = 20,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show values of classified columns as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show refused rows with every reason; values of classified and of unclassified columns are masked."""
    from lakehouse_assets.pipeline.refused.quarantined import Choice, quarantined_rows  # noqa: PLC0415

    lake, name = current_lake(), table_argument(table)
    choice = Choice(rule, partition, blocked)
    found = quarantined_rows(lake, name, choice, limit=limit, unmasked=unmasked)
    if as_json:
        print_json(found)
        return
    for row in found:
        _print_row(row)
    console.print(f"{len(found):,} rows shown, at most {limit:,}." if found else "No such row is in quarantine.")
    if found and not unmasked:
        console.print("Masked: what is classified, and what nobody has classified. --unmasked shows it.")


def replay(
    table: Table,
    *,
    rule: Rule = "",
    partition: Annotated[list[str] | None, typer.Option("--partition", "-p", help="A partition; repeatable.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would move; change nothing.")] = False,
    accept_withdrawals: Annotated[
        bool, typer.Option("--accept-withdrawals", help="Also take rows out of the table that fail today's contract.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Judge refused and published rows by today's contract, and run the partitions again in which rows move."""
    from lakehouse_assets.pipeline.refused.release import Scope, rehearse  # noqa: PLC0415
    from lakehouse_assets.pipeline.refused.release import replay as release  # noqa: PLC0415

    lake, name = current_lake(), table_argument(table)
    with contextlib.redirect_stdout(sys.stderr):
        moved = rehearse(lake, Scope(name, rule, tuple(partition or ())))
    if not as_json:
        _print_movements(name, moved)
    results: list[PartitionResult] = []
    if not dry_run:
        with contextlib.redirect_stdout(sys.stderr):
            results = release(lake, name, moved, run_id=uuid.uuid4().hex, accept_withdrawals=accept_withdrawals)
    if as_json:
        ran = [{"partition": one.partition, "status": one.status, "message": one.message} for one in results]
        print_json({"table": str(name), "dry_run": dry_run, "partitions": moved, "ran": ran})
    elif not dry_run:
        _print_results(lake, name, results)
    kept = [one for one in results if one.is_blocked]
    if kept:
        raise PartitionBlockedError(kept[0].message, fix="Readers see what they saw before.")


def _by_rule(found: Sequence["QuarantineCount"]) -> list[tuple[str, ...]]:
    sums: dict[tuple[str, str, bool], list[int]] = {}
    for one in found:
        sums.setdefault((one.table, one.rule, one.is_waived), []).append(one.rows)
    return [
        (table, rule, f"{len(rows):,}", f"{sum(rows):,}", _waived(is_waived))
        for (table, rule, is_waived), rows in sums.items()
    ]


def _waived(is_waived: bool) -> str:  # noqa: FBT001 - a word for a fact
    return "waived" if is_waived else ""


def _print_row(row: "QuarantinedRow") -> None:
    console.print(f"[bold]{escape(row.partition)}  {escape(row.row_id)}[/bold]")
    for reason in row.reasons:
        at = f" in {reason['column']}" if reason["column"] else ""
        console.print(f"  {reason['rule_id']}{at} ({reason['dimension']}, {reason['severity']})", markup=False)
    console.print(f"  {json.dumps(to_plain(row.raw), ensure_ascii=False)}\n", markup=False)


def _print_movements(name: TableName, moved: Sequence["Movement"]) -> None:
    rows = [
        (one.partition, *(f"{number:,}" for number in (one.released, one.withdrawn, one.added, one.changed)), _why(one))
        for one in moved
        if one.moves or one.blocked
    ]
    print_table(str(name), ("partition", "released", "withdrawn", "added", "changed", "by rule"), rows)
    going = [one for one in moved if one.moves]
    console.print(
        f"{len(moved):,} partitions judged: {sum(one.released for one in going):,} rows would be released, "
        f"{sum(one.withdrawn for one in going):,} withdrawn, in {len(going):,} partitions."
    )


def _why(one: "Movement") -> str:
    if one.blocked:
        return f"would be blocked: {escape(one.blocked)}"
    said = (("released", one.released_rules), ("withdrawn", one.withdrawn_rules))
    return "; ".join(f"{word}: {_listed(rules)}" for word, rules in said if rules)


def _listed(rules: Mapping[str, int]) -> str:
    return escape(", ".join(f"{rule} {rows:,}" for rule, rows in rules.items()))


def _print_results(lake: Lake, name: TableName, results: Sequence[PartitionResult]) -> None:
    for one in results:
        ledger = one.record.ledger
        console.print(f"{one.partition}: {one.status}, {ledger.published:,} rows, {ledger.quarantined:,} in quarantine")
    later = lake.catalog.downstream_of(name)
    if not results:
        console.print("Nothing to do: no row would move.")
    elif later:
        console.print(f"Made from it: {', '.join(map(str, later))}. Dagster runs them by itself; without it, run them.")
