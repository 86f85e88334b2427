"""The entry point: builds the command from the modules beside it and turns errors into one sentence.

A module of this folder that defines `register(app)` adds its commands; there is no list of them.
"""

import importlib
import pkgutil
import sys
from types import ModuleType

import typer
from rich.markup import escape

from lakehouse_assets import cli
from lakehouse_assets.cli.console import err
from lakehouse_assets.errors import ConfigError, LakehouseError

FAILED, MISCONFIGURED = 1, 2


def build_app() -> typer.Typer:
    """Return the command with everything that the modules of this folder register."""
    app = typer.Typer(
        name="lakehouse",
        help="A lakehouse from contracts: validate, run, ask what happened.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    for module in _modules():
        register = getattr(module, "register", None)
        if register is not None:
            register(app)
    return app


def main() -> None:
    """Run the command; a problem is one red sentence and exit code 1, of the configuration 2, never a stack trace."""
    try:
        build_app()()
    except ConfigError as error:
        err.print(f"[red]{escape(str(error))}[/red]")
        sys.exit(MISCONFIGURED)
    except LakehouseError as error:
        err.print(f"[red]{escape(str(error))}[/red]")
        sys.exit(FAILED)


def _modules() -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(cli.__path__))
    return [importlib.import_module(f"{cli.__name__}.{name}") for name in names if name != "main"]
