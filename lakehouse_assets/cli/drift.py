"""`lakehouse drift`: differences between what was declared and what arrived, and between contracts and their tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import table_argument
from lakehouse_assets.cli.state import current_store

if TYPE_CHECKING:
    from lakehouse_assets.state.reports import StoredDrift


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drift")(drift)


def drift(
    table: Annotated[str, typer.Argument(help="A table; left out, every table.")] = "", *, as_json: AsJson = False
) -> None:
    """Show drift events from the state store: columns added, removed, renamed, or of another type."""
    from lakehouse_assets.state import reports  # noqa: PLC0415 - start fast for --help

    name = str(table_argument(table)) if table else None
    with current_store() as store, store.reading() as connection:
        events = reports.drift_events(connection, name)
    if as_json:
        print_json(events)
    elif events:
        _print(events)
    else:
        console.print("No drift is recorded. Where no daemon runs, `lakehouse state absorb` takes records over.")


def _print(events: Sequence["StoredDrift"]) -> None:
    alike: dict[tuple[str, str, str], list[StoredDrift]] = {}
    for event in events:
        alike.setdefault((event.table, event.type, ", ".join(event.names)), []).append(event)
    rows = []
    for key, found in alike.items():
        partitions = sorted({event.partition for event in found})
        rows.append((*key, partitions[0], partitions[-1], f"{len(partitions):,}", found[-1].where))
    print_table("", ("table", "drift", "columns", "first", "last", "partitions", "newest at"), rows)
