"""`lakehouse demo`: two simulated weeks of a shop, or a year of a real one, through the whole graph."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lakehouse_assets.cli.console import console
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings

REAL_DATA = Path("../shared/data/online_retail")
_LOCATION = "LAKEHOUSE_SOURCES__RETAIL__CONNECTION__LOCATION"

commands = typer.Typer(help="Play two simulated weeks of a shop and end with a summary.", invoke_without_command=True)


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(commands, name="demo")


@commands.callback()
def demo(context: typer.Context) -> None:
    """Play two simulated weeks with planted mistakes; exit 1 unless every one of them was found."""
    if context.invoked_subcommand is None:
        _play()


@commands.command("retail")
def retail(
    drop: Annotated[Path, typer.Option(help="Folder with the 305 daily files of the public data set.")] = REAL_DATA,
) -> None:
    """Load a year of a real shop, 541,909 order lines, and prove that every one is accounted for."""
    if not drop.is_dir():
        raise LakehouseError(
            "there is no such folder.",
            where=str(drop),
            fix="Download UCI Online Retail, split by day into <date>.csv, and pass --drop; or run `lakehouse demo`.",
        )
    with console.status("starting Dagster …"):
        from lakehouse_assets.demo import retail as real  # noqa: PLC0415 - slow to import, and --help must not be

    report = real.play_retail(_real_lake(drop), drop, console)
    real.show_retail(console, report)
    if report.differences:
        raise typer.Exit(1)


def _play() -> None:
    console.print("Two weeks of a small shop, with mistakes made on purpose, from files to daily sales.")
    with console.status("starting Dagster …"):
        from lakehouse_assets.demo import play  # noqa: PLC0415 - slow to import, and --help must not be

    environ = {**os.environ, "LAKEHOUSE_ENV": "demo"}
    root = load_settings(environ).root
    lake = open_lake(load_settings({**environ, _LOCATION: f"{root}/{play.DROP}"}))
    report = play.play(lake, console)
    play.show(console, report)
    if report.differences:
        raise typer.Exit(1)


def _real_lake(drop: Path) -> Lake:
    fixed = {"LAKEHOUSE_ENV": "local", "LAKEHOUSE_RUN_LOG": "file", _LOCATION: str(drop.absolute())}
    root = os.environ.get("LAKEHOUSE_ROOT", ".lake/retail")
    return open_lake(load_settings({**os.environ, **fixed, "LAKEHOUSE_ROOT": root}))
