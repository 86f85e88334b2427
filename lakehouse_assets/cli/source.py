"""`lakehouse source`: whether a source says what its file declares, and circuits that keep it from being asked."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake
from lakehouse_assets.errors import LakehouseError, NothingToDoError
from lakehouse_assets.pipeline.source_check import TableCheck, check_source

_Name = Annotated[str, typer.Argument(help="Name of the source.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Sources: what they say, and whether they are asked.", no_args_is_help=True)
    group.command("check")(check)
    circuits = typer.Typer(help="Circuits: sources that failed again and again are not asked.", no_args_is_help=True)
    circuits.command("show")(show)
    circuits.command("reset")(reset)
    group.add_typer(circuits, name="circuit")
    app.add_typer(group, name="source")


def check(
    name: _Name,
    *,
    partition: Annotated[str, typer.Option(help="Partition to ask for; by default the newest that is over.")] = "",
    rows: Annotated[int, typer.Option(min=0, max=100, help="Show so many rows, with their values.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Ask every table of a source once, compare it with its file, land nothing; fails when one cannot be read."""
    found = list(check_source(current_lake(), name, partition=partition, rows=rows))
    if as_json:
        print_json(found)
    else:
        for one in found:
            _print(one)
    failed = [one.table for one in found if one.error]
    if failed:
        raise LakehouseError(f"{len(failed)} of {len(found)} tables cannot be read: {', '.join(failed)}.")


def show(*, as_json: AsJson = False) -> None:
    """Show the sources that failed, and when they are asked again."""
    from lakehouse_assets.cli.state import current_store  # noqa: PLC0415 - start fast for --help
    from lakehouse_assets.state.circuits import list_circuits  # noqa: PLC0415

    with current_store() as store, store.reading() as connection:
        found = list_circuits(connection)
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("No source has failed.")
    header = ("source", "circuit", "faults in a row", "last", "asked again at")
    print_table("Circuits", header, [(c.source, c.state, c.failures, c.code, c.retry_at or "") for c in found])


def reset(name: _Name) -> None:
    """Close the circuit of a source: it is asked again at once."""
    from lakehouse_assets.cli.state import current_store  # noqa: PLC0415
    from lakehouse_assets.state.circuits import reset_circuit  # noqa: PLC0415

    with current_store() as store, store.transaction() as connection:
        was_open = reset_circuit(connection, name, at=datetime.now(UTC))
    if not was_open:
        raise NothingToDoError(f"the circuit of {name} is closed.", fix="See `lakehouse source circuit show`.")
    console.print(f"The circuit of {name} is closed; it is asked again.")


def _print(found: TableCheck) -> None:
    state = "[red]✗[/red]" if found.error else "[green]✓[/green]"
    console.print(f"{state} {found.table} of {found.partition or 'no partition'}: {found.read} rows")
    if found.error:
        console.print(f"  {escape(found.error)}")
    for sentence in found.told:
        console.print(f"  [yellow]![/yellow] {escape(sentence)}")
    rows = [(one.name, one.declared, one.filled, one.shape) for one in found.columns]
    print_table("", ("column", "declared", "filled", "written like"), rows)
    if found.rows:
        print_table("", tuple(found.rows[0]), [tuple(row.values()) for row in found.rows])
