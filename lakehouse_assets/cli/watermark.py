"""`lakehouse watermark`: up to when each table is complete, and what is missing since."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.watermark import Gap, Watermark

_LISTED = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="Up to when tables are complete.", no_args_is_help=True)
    group.callback()(_group)
    group.command("show")(show)
    app.add_typer(group, name="watermark")


def _group() -> None:
    """Up to when tables are complete."""


def show(
    table: Annotated[str, typer.Argument(help="One table with all its gaps; without it, all tables.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show the end of the newest gap-free window, its age, the newest partition, and the gaps."""
    from lakehouse_assets.pipeline.watermark import watermark_of  # noqa: PLC0415 - start fast for --help

    lake, now = current_lake(), datetime.now(UTC)
    names = [table_argument(table)] if table else list(lake.catalog.contracts)
    found = [watermark_of(lake, name, now) for name in names]
    if as_json:
        print_json(found)
        return
    print_table("", ("table", "complete until", "age", "newest partition", "gaps"), map(_cells, found))
    for gap in found[0].gaps if table else ():
        console.print(f"{gap.partition}  {_word(gap)}")


def _cells(one: "Watermark") -> tuple[str, ...]:
    if not one.is_partitioned:
        return (one.table, "no partitions", "", "", "")
    if one.newest is None:
        return (one.table, "never published", "", "", "")
    until = "not yet" if one.at is None else f"{one.at:%Y-%m-%d %H:%M}"
    age = "" if one.age_seconds is None else _span(timedelta(seconds=one.age_seconds))
    listed = ", ".join(f"{gap.partition} {gap.why}" for gap in one.gaps[:_LISTED])
    rest = f", … ({len(one.gaps):,} in all)" if len(one.gaps) > _LISTED else ""
    return (one.table, until, age, one.newest, listed + rest or "none")


def _span(age: timedelta) -> str:
    hours = age.seconds // 3600
    return f"{age.days} d {hours} h" if age.days else f"{hours} h {age.seconds % 3600 // 60} min"


def _word(gap: "Gap") -> str:
    return f"{gap.why}, readers see what was there before" if gap.is_served else gap.why
