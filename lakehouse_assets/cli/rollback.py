"""`lakehouse rollback`: publish an earlier version of a table again, or go on after its last commits were lost."""

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import SIDE_TABLES, TableName

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.lake import Lake
    from lakehouse_assets.pipeline.rollback import Rollback


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rollback")(rollback)


def rollback(  # one keyword for each thing the command is asked to do
    table: Annotated[str, typer.Argument(help="A table, such as silver/retail_order_lines.")],
    *,
    to_version: Annotated[int | None, typer.Option(help="The version to go back to; none lists them.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on with what is left of a log whose last commits are lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish an earlier version of a table again; a second rollback undoes it."""
    lake, name = current_lake(), table_argument(table)
    if accept_loss:
        if to_version is not None or dry_run:
            raise LakehouseError("--accept-loss stands alone.", fix="Use it alone, then look at the versions.")
        _accept(lake, name)
    elif to_version is None:
        _list(lake, name, as_json=as_json)
    else:
        _roll_back(lake, name, to_version, dry_run=dry_run, as_json=as_json)


def _roll_back(lake: "Lake", table: TableName, version: int, *, dry_run: bool, as_json: bool) -> None:
    from lakehouse_assets.pipeline.rollback import plan_rollback, roll_back  # noqa: PLC0415 - start fast for --help

    plan = plan_rollback(lake, table, version) if dry_run else roll_back(lake, table, version, run_id=uuid.uuid4().hex)
    if as_json:
        print_json(_plain(plan, dry_run=dry_run))
        return
    rows = [
        (one.partition, f"{one.rows_now:,}", f"{one.rows_then:,}", f"{one.files_now:,}", f"{one.files_then:,}")
        for one in plan.partitions
    ]
    print_table(f"{table}: version {plan.now.version} to {version}", _HEADER, rows)
    if plan.batches:
        again = sum(batch.version < batch.after for batch in plan.batches)
        console.print(f"{again:,} batches will be loaded again, {len(plan.batches) - again:,} count as loaded again.")
    if dry_run:
        console.print(f"Dry run: {_partitions(plan)} would change; nothing was written.")
        return
    console.print(f"{_partitions(plan)} changed; `--to-version {plan.now.version}` undoes it.")


def _list(lake: "Lake", table: TableName, *, as_json: bool) -> None:
    from lakehouse_assets.pipeline.rollback import list_versions  # noqa: PLC0415 - start fast for --help

    found = list_versions(lake, table)
    if as_json:
        print_json(found)
        return
    rows = [(one.version, one.at, one.what) for one in found]
    print_table(f"{table}: newest versions", ("version", "committed at", "what"), rows)


def _accept(lake: "Lake", table: TableName) -> None:
    from lakehouse_assets.storage.table import accept_loss  # noqa: PLC0415 - start fast for --help

    if table.layer not in SIDE_TABLES:
        lake.contract(table)
    known, newest = accept_loss(lake.root_of(table), lake.options)
    if known is None or known == newest:
        console.print(f"{table}: nothing is lost.")
        return
    left = "nothing is left; the next run creates it anew" if newest is None else f"going on from version {newest}"
    console.print(f"{table}: version {known} was published and is lost; {left}.")
    console.print("Run its newest partitions again: what they hold is computed from their inputs.")


def _partitions(plan: "Rollback") -> str:
    count = len(plan.partitions)
    return "1 partition" if count == 1 else f"{count:,} partitions"


def _plain(plan: "Rollback", *, dry_run: bool) -> dict[str, object]:
    return {
        "table": str(plan.table),
        "from_version": plan.now.version,
        "to_version": plan.then.version,
        "dry_run": dry_run,
        "partitions": plan.partitions,
        "batches": plan.batches,
    }


_HEADER = ("partition", "rows now", "rows then", "files now", "files then")
