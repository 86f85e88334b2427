"""`lakehouse quality idle` and `cost`: rules that never caught anything or do not run, and what each one costs."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.cli.state import current_store

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.rule_cost import Cost, RuleCost
    from lakehouse_assets.pipeline.rule_use import RuleUse

_ABSORB = "Nothing is known yet: `lakehouse state absorb` takes over what publishes recorded."


def idle(
    table: Annotated[str, typer.Argument(help="A table; left out, every table.")] = "",
    *,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest partitions to look at.")] = 90,
    after: Annotated[
        int, typer.Option(min=1, help="In how many of the newest partitions in a row it did not run.")
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """List rules that never caught anything, with their canary, and rules that have not run; from the state store."""
    from lakehouse_assets.pipeline.rule_use import uses_of  # noqa: PLC0415 - start fast for --help

    lake = current_lake()
    contracts = [lake.contract(table_argument(table))] if table else list(lake.catalog.contracts.values())
    with current_store() as store:
        found = [uses_of(store, contract, lake.rule_functions, last=last) for contract in contracts]
    known = [one for one in found if one.looks]
    quiet = [use for one in known for use in one.rules if use.never_caught]
    silent = [use for one in known for use in one.rules if use.idle >= min(after, one.looks)]
    if as_json:
        windows = {one.table: one.looks for one in known}
        print_json({"windows": windows, "never_caught": quiet, "not_run": silent})
        return
    if not known:
        console.print(_ABSORB)
        return
    print_table("Never caught anything", ("table", "rule", "partitions", "rows", "its canary"), map(_quiet, quiet))
    print_table("Not run lately", ("table", "rule", "partitions", "why"), map(_silent, silent))
    rules = sum(len(one.rules) for one in known)
    console.print(
        f"{rules:,} rules over at most {last:,} partitions each: {len(quiet):,} never caught anything, "
        f"{len(silent):,} have not run lately. Only rules as they are today count."
    )


def cost(
    table: Annotated[str, typer.Argument(help="A table, such as silver/retail_order_lines.")],
    *,
    partition: Annotated[str, typer.Option("--partition", "-p", help="A partition; left out, the newest.")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="How often each rule is judged; the median counts.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Judge each rule by itself over what is served and show what it costs; nothing is written."""
    from lakehouse_assets.pipeline.rule_cost import cost_of  # noqa: PLC0415 - start fast for --help

    found = cost_of(current_lake(), table_argument(table), partition, rounds=rounds)
    if as_json:
        print_json(found)
        return
    title = f"{found.table} {found.partition}: {found.rows:,} rows, median of {found.rounds} rounds"
    print_table(
        title, ("rule", "kind", "milliseconds", "ns a row", "share", ""), [_cost(found, one) for one in found.rules]
    )
    _tell_together(found)


def _quiet(use: "RuleUse") -> tuple[Any, ...]:
    return (use.table, escape(use.rule_id), f"{use.looks:,}", f"{use.rows:,}", use.canary)


def _silent(use: "RuleUse") -> tuple[Any, ...]:
    return (use.table, escape(use.rule_id), f"{use.idle:,}", escape(use.why))


def _cost(of: "Cost", one: "RuleCost") -> tuple[str, ...]:
    if one.why:
        return (escape(one.rule_id), one.kind, "", "", "", escape(f"could not be measured: {one.why}"))
    each = f"{one.seconds / of.rows * 1e9:,.1f}" if of.rows else ""
    return (escape(one.rule_id), one.kind, f"{one.seconds * 1e3:,.2f}", each, f"{one.share:.0%}", "")


def _tell_together(found: "Cost") -> None:
    alone = sum(one.seconds for one in found.rules if one.kind == "row")
    console.print(
        f"Reading the rows: {found.reading_seconds * 1e3:,.2f} ms. "
        f"Of each time {found.asking_seconds * 1e3:,.2f} ms is the cost of asking at all."
    )
    if found.row_rules:
        console.print(
            f"A run judges the {found.row_rules:,} row rules in one pass: {found.together_seconds * 1e3:,.2f} ms "
            f"together, {alone * 1e3:,.2f} ms one after the other."
        )
