"""`lakehouse doctor`: whether this installation can be trusted with data, and what to do where it cannot."""

import os
from typing import Annotated

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json
from lakehouse_assets.cli.maintain import sizes as show_sizes
from lakehouse_assets.documents.codes import Level
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.diagnosis import Diagnosis
from lakehouse_assets.pipeline.doctor import Examined, examine

_SIGNS = {Level.INFO: "[green]✓[/green]", Level.WARNING: "[yellow]![/yellow]", Level.ERROR: "[red]✗[/red]"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    *,
    sizes: Annotated[bool, typer.Option("--sizes", help="Show how big tables are, and what to do about it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Examine configuration, storage, clock, disk, versions and state store; fails when runs could not be trusted."""
    if sizes:
        show_sizes(as_json=as_json)
        return
    examined = []
    for one in examine(os.environ):
        examined.append(one)
        if not as_json:
            _show(one)
    if as_json:
        print_json([{"probe": one.probe, **_plain(found)} for one in examined for found in one.diagnoses])
    errors = sum(found.level is Level.ERROR for one in examined for found in one.diagnoses)
    if errors:
        raise LakehouseError(
            f"{errors} {'thing has' if errors == 1 else 'things have'} to be mended before this lake is written to.",
            fix="Each is said above with its remedy.",
        )
    if not as_json:
        console.print("[bold]This installation can be trusted with data.[/bold]")


def _show(examined: Examined) -> None:
    for found in examined.diagnoses:
        place = f" [dim]{escape(found.where)}[/dim]" if found.where else ""
        console.print(f"{_SIGNS[found.level]} {examined.probe:<14} {escape(found.what)}{place}")
        if found.fix:
            console.print(f"  {'':<14} {escape(found.fix)}")


def _plain(found: Diagnosis) -> dict[str, str]:
    return {"severity": found.level.value, "what": found.what, "where": found.where, "fix": found.fix}
