"""`lakehouse contract diff`: what a change of a contract means for its readers, before it is merged."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli import contract_rows
from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.contracts.model import Contract


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Contracts as files.", no_args_is_help=True)
    group.callback()(_group)
    group.command("diff")(diff)
    group.command("test")(contract_rows.prove)
    group.command("sample")(contract_rows.sample)
    app.add_typer(group, name="contract")


def _group() -> None:
    """Contracts as files."""


def diff(
    old: Annotated[Path, typer.Argument(help="The contract as readers know it.")],
    new: Annotated[Path, typer.Argument(help="The contract as it would be.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show whether a contract's change is major, minor or a patch; exit 1 when its version does not say so."""
    from lakehouse_assets.contracts.diff import compare  # noqa: PLC0415 - start fast for --help

    found = compare(_read(old), _read(new))
    if as_json:
        print_json(found)
    else:
        print_table("", ("level", "subject", "what"), [(one.level, one.subject, one.sentence) for one in found.changes])
        console.print(f"The change is {_article(found.needs)}." if found.changes else "The contracts promise the same.")
    if found.problem:
        raise LakehouseError(found.problem, where=str(new), fix="Raise `version`, or make a new table for a break.")


def _article(level: str) -> str:
    return f"a {level}" if level == "patch" else level


def _read(path: Path) -> "Contract":
    from lakehouse_assets.contracts.loader import load_contract  # noqa: PLC0415
    from lakehouse_assets.pipeline.vocabulary import collect_vocabulary  # noqa: PLC0415

    if not path.is_file():
        raise LakehouseError(f"there is no file {str(path)!r}.", fix=f"Looked in {os.fspath(Path.cwd())}.")
    return load_contract(path, collect_vocabulary())
