"""`lakehouse late`: how much arrives after its day, from what publishes measured; in the state store."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.cli.state import current_store

if TYPE_CHECKING:
    from lakehouse_assets.state.reports import LateArrivals

_HEADER = ("published", "late", "too late", "rate")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("late")(late)


def late(
    table: Annotated[str, typer.Argument(help="One table, partition by partition; without it, all tables.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show how many rows arrived after the day they happened on; `too late` ones are in quarantine."""
    from lakehouse_assets.state import reports  # noqa: PLC0415 - start fast for --help

    name = str(current_lake().contract(table_argument(table)).table) if table else None
    with current_store() as store, store.reading() as connection:
        found = reports.late_arrivals(connection, name)
    rows = [_partition(one) for one in found] if table else _tables(found)
    if as_json:
        print_json(rows)
    elif rows:
        first = "partition" if table else "table"
        print_table("", (first, *_HEADER), [_cells(row[first], row) for row in rows])
    else:
        console.print("Nothing is measured yet: tables need `lakehouse.load.eventTime`, and `lakehouse state absorb`.")


def _partition(one: "LateArrivals") -> dict[str, Any]:
    numbers = {"published": one.published, "late": one.late, "too_late": one.too_late, "rate": round(one.rate, 6)}
    return {"table": one.table, "partition": one.partition, **numbers}


def _tables(found: "Sequence[LateArrivals]") -> list[dict[str, Any]]:
    rows = []
    for table, group in groupby(found, key=lambda one: one.table):
        every = list(group)
        published, late_rows, too_late = (
            sum(getattr(one, name) for one in every) for name in ("published", "late", "too_late")
        )
        rate = (late_rows + too_late) / max(1, published + too_late)
        numbers = {"published": published, "late": late_rows, "too_late": too_late, "rate": round(rate, 6)}
        rows.append({"table": table, "partitions": len(every), **numbers})
    return rows


def _cells(first: str, row: dict[str, Any]) -> tuple[str, ...]:
    numbers = (f"{row[name]:,}" for name in ("published", "late", "too_late"))
    return (first, *numbers, f"{row['rate']:.2%}")
