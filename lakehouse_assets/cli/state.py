"""`lakehouse state`: which revision the state store is at, and bringing it to the newest; and opening it for others."""

import os
from typing import TYPE_CHECKING

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json
from lakehouse_assets.settings import load_settings

if TYPE_CHECKING:
    from lakehouse_assets.state.store import Store


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The state store: runs, incidents and what publishes said.", no_args_is_help=True)
    group.command("show")(show)
    group.command("migrate")(migrate)
    group.command("absorb")(absorb)
    app.add_typer(group, name="state")


def current_store() -> "Store":
    """Open the state store that `LAKEHOUSE_ENV` selects; raise StateError when it is of another version."""
    from lakehouse_assets.state.store import open_store  # noqa: PLC0415 - start fast for --help

    return open_store(load_settings(os.environ).state_url)


def show(*, as_json: AsJson = False) -> None:
    """Show where the store is, its revision, and the one this program needs."""
    from lakehouse_assets.state.schema import HEAD  # noqa: PLC0415
    from lakehouse_assets.state.store import Store  # noqa: PLC0415

    with Store(load_settings(os.environ).state_url) as store:
        found = {"url": store.name, "revision": store.version() or "none", "needed": HEAD}
    if as_json:
        print_json(found)
    else:
        console.print(f"{found['url']}: revision {found['revision']}, this program needs {found['needed']}")


def migrate() -> None:
    """Bring the store to the revision this program needs; back it up before."""
    from lakehouse_assets.state.migrate import migrate as run_migrations  # noqa: PLC0415
    from lakehouse_assets.state.store import Store  # noqa: PLC0415

    with Store(load_settings(os.environ).state_url) as store:
        before, after = run_migrations(store)
        console.print(f"{store.name}: from revision {before} to {after}")


def absorb() -> None:
    """Take over what publishes recorded, and open and close incidents; Dagster's daemon does it every few seconds."""
    from lakehouse_assets.cli.lake import current_lake  # noqa: PLC0415
    from lakehouse_assets.pipeline import absorb as records  # noqa: PLC0415

    lake = current_lake()
    with records.store_of(lake) as store:
        fresh = records.absorb(lake, store)
    console.print(f"{len(fresh)} new records absorbed.")
