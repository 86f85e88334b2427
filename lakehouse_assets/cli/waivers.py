"""`lakehouse waivers`: what is accepted although a contract says otherwise, by whom, until when, and since when."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.refused.exempted import ExemptedPublish, ExemptionUse


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Waivers and overrides: who accepted what, until when.", no_args_is_help=True)
    group.command("list")(list_all)
    group.command("history")(history)
    app.add_typer(group, name="waivers")


def list_all(*, as_json: AsJson = False) -> None:
    """List every waiver and override with the partitions that are served under it."""
    from lakehouse_assets.pipeline.refused.exempted import EXPIRED, list_exemptions  # noqa: PLC0415 - start fast for --help

    found = list_exemptions(current_lake())
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("Nothing is waived or overridden.")
        return
    header = ("table", "what", "rules", "partitions", "owner", "until", "state", "served", "rows waived", "reason")
    print_table("", header, [_row(one) for one in found])
    for one in found:
        if one.state == EXPIRED:
            served = f"; {len(one.served_partitions):,} partitions were published under it" * bool(
                one.served_partitions
            )
            console.print(f"{one.entry.place}: expired on {one.entry.expires_on}{served}.", markup=False)


def history(
    table: Annotated[str, typer.Argument(help="A table, such as silver/retail_order_lines.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show every publish that a waiver or an override decided about, oldest first."""
    from lakehouse_assets.pipeline.refused.exempted import exempted_publishes  # noqa: PLC0415

    lake, name = current_lake(), table_argument(table)
    lake.contract(name)
    found = exempted_publishes(lake, name)
    if as_json:
        print_json(found)
        return
    if not found:
        console.print(f"Nothing of {name} was ever published under a waiver or an override.")
    print_table(
        "",
        ("published", "partition", "what", "rules", "owner", "until", "publish", "reason"),
        [_line(one) for one in found],
    )


def _row(one: "ExemptionUse") -> tuple[str, ...]:
    entry = one.entry
    rules, partitions = ", ".join(entry.rules), ", ".join(entry.partitions) or "all"
    numbers = (f"{len(one.served_partitions):,}", f"{one.waived_rows:,}")
    owner, reason = escape(entry.owner), escape(entry.reason)
    return (one.table, entry.kind, rules, partitions, owner, str(entry.expires_on), one.state, *numbers, reason)


def _line(one: "ExemptedPublish") -> tuple[str, ...]:
    by = one.exemption
    words = (by.kind, ", ".join(by.rules), escape(by.owner), by.expires_on, one.publish, escape(by.reason))
    return (one.finished_at[:19], one.partition, *words)
