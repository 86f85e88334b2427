"""`lakehouse maintain`: keeping tables small. Everything is a plan first; only `run` changes files, and never a row."""

from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, err, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LeaseHeldError, StorageError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.upkeep.maintain import Done, Plan

Table = Annotated[str | None, typer.Argument(help="A table, such as silver/retail_order_lines; left out, all.")]
OneTable = Annotated[str, typer.Argument(help="A table, such as gold/retail_sales_daily.")]
Name = Annotated[str, typer.Argument(help="Name of the release, such as 2011-q4.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Keep tables small: compact, sort, remove what nobody needs.", no_args_is_help=True)
    for name, command in (("plan", plan), ("run", run), ("sizes", sizes), ("keep", keep), ("release", release)):
        group.command(name)(command)
    app.add_typer(group, name="maintain")


def plan(table: Table = None, *, as_json: AsJson = False) -> None:
    """Show what maintenance would do; nothing is changed."""
    from lakehouse_assets.pipeline.upkeep.maintain import plan_maintenance  # noqa: PLC0415 - start fast for --help

    lake = current_lake()
    plans = [plan_maintenance(lake, name) for name in _tables(lake, table)]
    if as_json:
        print_json(plans)
        return
    for one in plans:
        _print_plan(one)
    if all(one.is_empty for one in plans):
        console.print("There is nothing to do.")


def run(
    table: Table = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan instead, as `plan` does.")] = False,
    as_json: AsJson = False,
) -> None:
    """Do what the plan says: compact and sort partitions, remove files that nobody needs, shorten logs."""
    from lakehouse_assets.pipeline.upkeep.maintain import maintain  # noqa: PLC0415

    if dry_run:
        plan(table, as_json=as_json)
        return
    lake = current_lake()
    steps: list[Done] = []
    busy: dict[str, str] = {}
    failed: dict[str, str] = {}
    for name in _tables(lake, table):
        try:
            for step in maintain(lake, name):
                steps.append(step)
                _print_step(step, as_json=as_json)
        except LeaseHeldError as error:
            busy[str(name)] = str(error)
        except StorageError as error:
            # One damaged table must not keep the others from being maintained.
            failed[str(name)] = str(error)
    for reason in (*busy.values(), *failed.values()):
        err.print(reason, markup=False)
    if as_json:
        print_json({"steps": steps, "busy": busy, "failed": failed})
    elif not (steps or busy or failed):
        console.print("There was nothing to do.")
    if failed:
        count = f"{len(failed)} {'table' if len(failed) == 1 else 'tables'}"
        raise StorageError(f"{count} could not be maintained.", fix="No row of them was changed.")


def sizes(table: Table = None, *, as_json: AsJson = False) -> None:
    """Show how big tables are, what of it is dead weight, and what to do about it."""
    from lakehouse_assets.pipeline.upkeep.sizes import in_words, sizes_of  # noqa: PLC0415

    lake = current_lake()
    found = sizes_of(lake, _tables(lake, table))
    if as_json:
        print_json(found)
        return
    header = ("table", "partitions", "rows", "files", "small", "size", "earlier", "orphans", "versions", "log")
    rows = [
        (
            one.table,
            *(f"{number:,}" for number in (one.partitions, one.rows, one.files, one.small_files)),
            *(in_words(number) for number in (one.bytes, one.kept_bytes, one.orphan_bytes)),
            f"{one.versions:,}",
            in_words(one.log_bytes),
        )
        for one in found
    ]
    print_table("", header, rows)
    for one in found:
        for advice in one.advice:
            console.print(f"{one.table}: {advice}")
    if not found:
        console.print("Nothing was published yet.")


def keep(
    table: OneTable,
    name: Name,
    *,
    version: Annotated[int | None, typer.Option(help="Version to keep; left out, the newest.")] = None,
) -> None:
    """Keep a version of a table under a name, however old it becomes: maintenance then leaves its files alone."""
    from lakehouse_assets.pipeline.upkeep.maintain import keep_version  # noqa: PLC0415

    kept = keep_version(current_lake(), table_argument(table), name, version)
    console.print(f"{table}: version {kept} is kept as {name}.")


def release(table: OneTable, name: Name) -> None:
    """Let go of a version that `keep` kept; its files go with the next maintenance."""
    from lakehouse_assets.pipeline.upkeep.maintain import let_go  # noqa: PLC0415

    let_go(current_lake(), table_argument(table), name)
    console.print(f"{table}: {name} is not kept any longer.")


def _tables(lake: Lake, table: str | None) -> list[TableName]:
    if table is None:
        return list(lake.catalog.contracts)
    return [lake.contract(table_argument(table)).table]


def _print_step(step: "Done", *, as_json: bool) -> None:
    if not as_json:
        skipped = f", left alone: {', '.join(step.skipped)}" if step.skipped else ""
        console.print(f"{step.table}: {step.what}, {step.files:,} files{skipped}")


def _print_plan(plan: "Plan") -> None:
    rewrites = [(one.partition, one.why, one.files, one.files_after, f"{one.rows:,}") for one in plan.rewrites]
    print_table(f"{plan.table}: rewrite", ("partition", "why", "files", "files after", "rows"), rewrites)
    removals = [(one.table, one.kind, f"{len(one.paths):,}", f"{one.bytes:,}") for one in plan.removals]
    print_table(f"{plan.table}: remove", ("below", "what", "objects", "bytes"), removals)
    if plan.pruned:
        console.print(f"{plan.table}: take refused rows that nobody counts out of {len(plan.pruned)} partitions")
