"""`lakehouse runs`: what ran, and how it went, from the run log in the state store."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table, to_plain
from lakehouse_assets.cli.state import current_store
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.state.reports import RunSummaryRow

_NUMBERS = ("rows_extracted", "rows_loaded", "rows_rejected", "quality_checks_passed", "quality_checks_failed")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What ran, and how it went.", no_args_is_help=True)
    group.command("list")(list_runs)
    group.command("show")(show_run)
    app.add_typer(group, name="runs")


def list_runs(
    *, limit: Annotated[int, typer.Option(min=1, help="How many runs.")] = 20, as_json: AsJson = False
) -> None:
    """List runs, the newest first."""
    from lakehouse_assets.state import reports  # noqa: PLC0415 - start fast for --help

    with current_store() as store, store.reading() as connection:
        runs = reports.list_runs(connection, limit=limit)
    if as_json:
        print_json(runs)
    elif runs:
        _print_runs(runs)
    else:
        console.print("No run is recorded yet.")


def show_run(
    run_id: Annotated[str, typer.Argument(help="A run's id, as `lakehouse runs list` shows it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show the lines of one run: every table, partition and stage."""
    from lakehouse_assets.state import reports  # noqa: PLC0415

    with current_store() as store, store.reading() as connection:
        runs = reports.list_runs(connection, limit=1, run_id=run_id)
        lines = reports.run_lines(connection, run_id)
    if not runs:
        raise LakehouseError(f"no run {run_id!r} is recorded.", fix="`lakehouse runs list` shows the ids.")
    if as_json:
        print_json({**to_plain(runs[0]), "lines": lines})
        return
    _print_runs(runs)
    _print_lines(lines)


def _print_runs(runs: "tuple[RunSummaryRow, ...]") -> None:
    header = ("run", "status", "completed", "tables", "partitions", "extracted", "loaded", "rejected", "checks")
    print_table("", header, [_to_cells(run) for run in runs])


def _to_cells(run: "RunSummaryRow") -> tuple[str, ...]:
    numbers = (run.tables, run.partitions, run.rows_extracted, run.rows_loaded, run.rows_rejected)
    checks = f"{run.checks_passed:,}/{run.checks_passed + run.checks_failed:,}"
    completed = f"{run.completed_at:%Y-%m-%d %H:%M:%S}"
    return (run.run_id, run.status, completed, *(f"{number:,}" for number in numbers), checks)


def _print_lines(lines: tuple[dict[str, Any], ...]) -> None:
    names = ("table_name", "partition", "stage", "status")
    rows = [
        (*(line[name] for name in names), *(f"{line[name]:,}" for name in _NUMBERS), line["error_message"])
        for line in lines
    ]
    header = ("table", "partition", "stage", "status", "extracted", "loaded", "rejected", "passed", "failed", "why")
    print_table("", header, rows)
