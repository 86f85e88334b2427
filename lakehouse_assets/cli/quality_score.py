"""`lakehouse quality score` and `coverage`: how good tables are, how that moved, what they are checked for."""

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.naming import TableName
    from lakehouse_assets.pipeline.lake import Lake
    from lakehouse_assets.quality.trend import Scored

_COLOURS = {"warning": "yellow", "critical": "red"}
_NOTHING = "Nothing is published."


def score(
    table: Annotated[str, typer.Argument(help="A table; left out, all of them.")] = "",
    *,
    partition: Annotated[str, typer.Option("--partition", "-p", help="One partition, publish by publish.")] = "",
    last: Annotated[int, typer.Option(min=1, help="How many partitions, or publishes.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show the score by partition and dimension and how it moved; of a table without partitions by publish."""
    lake = current_lake()
    if not table:
        if partition:
            raise LakehouseError("a partition belongs to a table.", fix="Name the table, too.")
        _show_all(lake, last, as_json=as_json)
        return
    name = table_argument(table)
    history = _history(lake, name, partition, last)
    if as_json:
        from lakehouse_assets.quality.trend import trends  # noqa: PLC0415 - start fast for --help

        print_json({"table": str(name), "partition": partition, "history": history, "trends": trends(history)})
    elif history:
        _show(f"{name} {partition}".rstrip(), history)
    else:
        console.print(_NOTHING)


def coverage(*, as_json: AsJson = False) -> None:
    """Count the declared rules of every table by dimension; what is built in comes on top."""
    from lakehouse_assets.contracts.covered import DIMENSIONS, covered  # noqa: PLC0415 - start fast for --help

    found = covered(current_lake().catalog)
    if as_json:
        print_json(found)
        return
    rows = [(one.table, *(one.by_dimension[label] or "" for label in DIMENSIONS), one.rules) for one in found]
    print_table("", ("table", *DIMENSIONS, "rules"), rows)
    without = sum(not one.rules for one in found)
    console.print(
        f"{len(found):,} tables, {sum(one.rules for one in found):,} rules, {without:,} tables without any. "
        "Arrival, schema, ledger and gate are checked besides, on every table."
    )


def _history(lake: "Lake", name: "TableName", partition: str, last: int) -> "tuple[Scored, ...]":
    from lakehouse_assets.naming import SNAPSHOT_PARTITION  # noqa: PLC0415
    from lakehouse_assets.pipeline.score_history import publishes_of, scores_of  # noqa: PLC0415

    is_partitioned = lake.contract(name).is_partitioned
    if partition or not is_partitioned:
        (wanted,) = lake.check_partitions(name, [partition or SNAPSHOT_PARTITION])
        return publishes_of(lake, name, wanted, last=last)
    return scores_of(lake, name, last=last)


def _show(title: str, history: "Sequence[Scored]") -> None:
    from lakehouse_assets.quality.trend import lowest, trends  # noqa: PLC0415

    labels = list(dict.fromkeys(label for one in history for label in one.dimensions))
    rows = [
        (one.at, one.status, _coloured(one), f"{one.coverage:.1f} %", *(_points(one, label) for label in labels))
        for one in history
    ]
    print_table(title, ("", "", "score", "rules run", *labels), rows)
    lines = [
        (one.label, f"{one.newest:.2f}", _number(one.mean), _number(one.least), one.plot) for one in trends(history)
    ]
    print_table("", ("", "newest", "mean before", "lowest before", f"from {lowest(history):.0f} to 100"), lines)
    low = sum(one.low is not None for one in history)
    console.print(f"{len(history):,} scores, {low:,} of them too low (below 98: amber, below 95: red).")


def _show_all(lake: "Lake", last: int, *, as_json: bool) -> None:
    from lakehouse_assets.quality.trend import lowest, trends  # noqa: PLC0415

    found = {str(name): _history(lake, name, "", last) for name in lake.catalog.contracts}
    known = {name: history for name, history in found.items() if history}
    points = [one.score for history in known.values() for one in history]
    overall = round(fmean(points), 2) if points else None
    if as_json:
        tables = [{"table": name, "trend": trends(history)[0]} for name, history in known.items()]
        print_json({"overall": overall, "tables": tables})
        return
    low = min((lowest(history) for history in known.values()), default=0.0)
    rows = [_line(name, history, low) for name, history in known.items()]
    print_table("", ("table", "newest", "mean before", "lowest before", "scores", f"from {low:.0f} to 100"), rows)
    if overall is None:
        console.print(_NOTHING)
    else:
        console.print(f"Overall {overall:.2f} of 100: the mean of {len(points):,} scores.")


def _line(name: str, history: "Sequence[Scored]", low: float) -> tuple[str, ...]:
    from lakehouse_assets.quality.trend import sparkline, trends  # noqa: PLC0415

    whole = trends(history)[0]
    drawn = sparkline([one.score for one in history], low)
    return (name, _coloured(history[-1]), _number(whole.mean), _number(whole.least), f"{len(history):,}", drawn)


def _coloured(one: "Scored") -> str:
    colour = _COLOURS.get(str(one.low), "")
    return f"[{colour}]{one.score:.2f}[/{colour}]" if colour else f"{one.score:.2f}"


def _points(one: "Scored", label: str) -> str:
    return f"{one.dimensions[label]:.2f}" if label in one.dimensions else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
