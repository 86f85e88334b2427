"""`lakehouse statistics`: what the values of columns are like, partition by partition, as publishes kept it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.table_statistics import History
    from lakehouse_assets.results import ColumnStatistics, PartitionStatistics

_BARS = " ▁▂▃▄▅▆▇█"
_HEADER = ("rows", "nulls", "distinct", "least", "median", "greatest", "most frequent", "histogram")
_SHOWN, _LONGEST = 3, 24


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Look at what the values of columns are like.", no_args_is_help=True)
    group.callback()(_group)
    group.command("show")(show)
    group.command("make")(make)
    app.add_typer(group, name="statistics")


def _group() -> None:
    """Look at what the values of columns are like."""


def show(
    table: Annotated[str, typer.Argument(help="A table of silver or gold, such as silver/retail_order_lines.")],
    partition: Annotated[list[str] | None, typer.Option("--partition", "-p", help="A partition; repeatable.")] = None,
    column: Annotated[str, typer.Option(help="One column, over all partitions that are kept.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show the columns of the newest partition, or the history of one column; of classified ones only nulls."""
    from lakehouse_assets.pipeline.table_statistics import statistics_of  # noqa: PLC0415 - start fast for --help

    lake, name = current_lake(), table_argument(table)
    promised = [each.name for each in lake.contract(name).columns]
    if column and column not in promised:
        raise LakehouseError(f"{name} has no column {column!r}.", fix=f"Its columns: {', '.join(promised)}.")
    wanted = lake.check_partitions(name, partition or ())
    found = statistics_of(lake, name, wanted, only_newest=not (column or partition))
    known = found.known
    if as_json:
        print_json({"table": str(name), "partitions": [_plain(one, column) for one in known], "missing": found.missing})
        return
    if column:
        lines = [(one.partition, *_cells(one, each)) for one in known for each in _of(one, column)]
        print_table(f"{name} {column}", ("partition", *_HEADER), lines)
    for one in () if column else known:
        lines = [(each.column, *_cells(one, each)) for each in one.columns]
        print_table(f"{name} {one.partition}", ("column", *_HEADER), lines)
    _tell_missing(found)


def make(
    table: Annotated[str, typer.Argument(help="A table of silver or gold.")],
    partition: Annotated[list[str] | None, typer.Option("--partition", "-p", help="A partition; repeatable.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make the statistics that served partitions lack: published before there were any, or when they failed."""
    from lakehouse_assets.pipeline.table_statistics import make_statistics  # noqa: PLC0415 - start fast for --help

    lake, name = current_lake(), table_argument(table)
    made = make_statistics(lake, name, lake.check_partitions(name, partition or ()))
    if as_json:
        print_json({"table": str(name), "made": made})
    else:
        console.print(f"{len(made):,} partitions of {name} have statistics now that had none.")


def _tell_missing(found: "History") -> None:
    if found.missing:
        listed = ", ".join(found.missing[:_SHOWN]) + (" …" if len(found.missing) > _SHOWN else "")
        console.print(
            f"Without statistics: {listed} ({len(found.missing):,} in all). Publishes of silver and gold make them "
            "where the environment has `statistics: columns`; `lakehouse statistics make` makes them of what is served."
        )
    elif not found.known:
        console.print("Nothing is published.")


def _of(one: "PartitionStatistics", column: str) -> "Sequence[ColumnStatistics]":
    return [each for each in one.columns if each.column == column]


def _plain(one: "PartitionStatistics", column: str) -> dict[str, Any]:
    columns = _of(one, column) if column else one.columns
    return {"partition": one.partition, "content_hash": one.content_hash, "rows": one.rows, "columns": columns}


def _cells(one: "PartitionStatistics", each: "ColumnStatistics") -> tuple[str, ...]:
    rows, nulls = f"{one.rows:,}", f"{each.nulls:,}"
    if each.is_classified:
        return (rows, nulls, "classified", *[""] * (len(_HEADER) - 3))
    about = f" ± {each.distinct_error:.1%}" if each.distinct_error else ""
    ends = (_short(each.least), _short(each.quantiles.get("0.5")), _short(each.greatest))
    top = ", ".join(f"{_short(value)} ({number:,})" for value, number in each.top[:_SHOWN])
    return (rows, nulls, f"{each.distinct:,}{about}", *ends, top, _drawn(each.histogram))


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _drawn(histogram: Sequence[int]) -> str:
    # A bin with any row is seen.
    most = max(histogram, default=0)
    return "".join(_BARS[-(-number * (len(_BARS) - 1) // most) if most else 0] for number in histogram)
