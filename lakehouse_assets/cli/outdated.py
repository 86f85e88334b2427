"""`lakehouse outdated` and `lakehouse restate`: partitions of an older contract, and running them again."""

import contextlib
import sys
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.forecasts import print_forecasts
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError, PartitionBlockedError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import Ledger

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.restate import Restated


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("outdated")(outdated)
    app.command("restate")(restate)


def outdated(
    table: Annotated[str, typer.Argument(help="A table; left out, every table.")] = "", *, as_json: AsJson = False
) -> None:
    """List partitions that were published under other rules or another contract version than today's."""
    from lakehouse_assets.pipeline.outdated import find_outdated  # noqa: PLC0415 - start fast for --help

    lake = current_lake()
    names = [table_argument(table)] if table else list(lake.catalog.contracts)
    found = [one for name in names for one in find_outdated(lake, name)]
    if as_json:
        print_json(found)
        return
    rows = [(one.table, one.partition, one.served_version or "unknown", one.contract_version, one.why) for one in found]
    print_table("", ("table", "partition", "served", "contract", "why"), rows)
    tables = sorted({one.table for one in found})
    console.print(f"Outdated partitions: {len(found):,}." if found else "Nothing is outdated.")
    for name in tables:
        console.print(f"Run them again: lakehouse restate {name} --outdated")


def restate(
    table: Annotated[str, typer.Argument(help="A table, such as silver/retail_order_lines.")],
    *,
    only_outdated: Annotated[bool, typer.Option("--outdated", help="Only partitions of an older contract.")] = False,
    first: Annotated[str, typer.Option("--from", help="First partition.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last partition, inclusive.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change; publish nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run published partitions again under today's contract, newest first; exit 1 when one is blocked."""
    lake, name = current_lake(), table_argument(table)
    wanted = _wanted(lake, name, first, last, only_outdated=only_outdated)
    if dry_run:
        from lakehouse_assets.pipeline.dry_run import dry_run as forecast  # noqa: PLC0415

        print_forecasts(list(forecast(lake, name, wanted)) if wanted else [], as_json=as_json)
        return
    from lakehouse_assets.pipeline.restate import restate as run_again  # noqa: PLC0415

    with contextlib.redirect_stdout(sys.stderr):
        done = list(run_again(lake, name, wanted, run_id=uuid.uuid4().hex)) if wanted else []
    if as_json:
        print_json(done)
    else:
        _print(done)
    _refuse_blocked(done)


def _wanted(lake: Lake, name: TableName, first: str, last: str, *, only_outdated: bool) -> list[str]:
    from lakehouse_assets.pipeline.outdated import find_outdated  # noqa: PLC0415

    contract, opened = lake.contract(name), lake.open(name)
    if not (only_outdated or first or last) and contract.is_partitioned:
        raise LakehouseError(f"{name} has many partitions; say which.", fix="Use --outdated, or --from and --to.")
    served = opened.partitions if opened else ()
    known = [key for key in lake.partitions(name) if key in served or (served and not contract.is_partitioned)]
    old = {one.partition for one in find_outdated(lake, name)} if only_outdated else set(known)
    return [key for key in known if key in old and (not first or first <= key) and (not last or key <= last)]


def _print(done: Sequence["Restated"]) -> None:
    rows = [
        (one.partition, one.status, "yes" if one.is_changed else "no", *_moves(one.before, one.after)) for one in done
    ]
    print_table("", ("partition", "status", "content changed", "published", "quarantined"), rows)
    changed = sum(one.is_changed for one in done)
    console.print(f"Restated partitions: {len(done):,}, with other content: {changed:,}.")


def _moves(before: Ledger | None, after: Ledger) -> tuple[str, str]:
    old = before or Ledger()
    pairs = ((old.published, after.published), (old.quarantined, after.quarantined))
    published, quarantined = (f"{one:,}" if one == two else f"{one:,} → {two:,}" for one, two in pairs)
    return published, quarantined


def _refuse_blocked(done: Sequence["Restated"]) -> None:
    messages = [one.message for one in done if one.status == "blocked"]
    if messages:
        more = f" (and {len(messages) - 1} more partitions)" if len(messages) > 1 else ""
        raise PartitionBlockedError(messages[0] + more, fix="Readers see what they saw before.")
