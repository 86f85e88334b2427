"""`lakehouse backfill`: plan a range, run it newest first, go on after a kill, and read what was written down."""

import contextlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, err, print_json, print_table
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.pipeline.backfills.journal import Backfill, Outcome
    from lakehouse_assets.pipeline.backfills.plan import Plan, Work

_LISTED = 8
_MINUTE = 60
First = Annotated[str, typer.Option("--from", help="First day.")]
Last = Annotated[str, typer.Option("--to", help="Last day, included.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Compute a range again, governed: planned, throttled, measured.", no_args_is_help=True)
    for name, command in (("plan", plan), ("run", run), ("list", list_all), ("show", show)):
        group.command(name)(command)
    app.add_typer(group, name="backfill")


def plan(
    table: Annotated[str, typer.Argument(help="A table with partitions.")],
    *,
    first: First,
    last: Last,
    as_json: AsJson = False,
) -> None:
    """Show what a backfill would touch, read, take and whom it concerns; changes nothing."""
    from lakehouse_assets.pipeline.backfills.plan import plan_backfill  # noqa: PLC0415 - start fast for --help

    found = plan_backfill(current_lake(), table_argument(table), first, last, datetime.now(UTC))
    if as_json:
        print_json(found)
    else:
        _print_plan(found)


def run(  # noqa: PLR0913 - one option for each thing that can be asked for
    table: Annotated[str, typer.Argument(help="A table with partitions; not with --resume.")] = "",
    *,
    first: First = "",
    last: Last = "",
    downstream: Annotated[bool, typer.Option("--downstream", help="Also everything that reads it.")] = False,
    at_once: Annotated[int, typer.Option(min=1, help="Partitions that are computed together.")] = 7,
    pause: Annotated[float, typer.Option(min=0, help="Seconds between.")] = 0,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    resume: Annotated[str, typer.Option(help="Go on with a backfill, by its id; also tries again what failed.")] = "",
    as_json: AsJson = False,
) -> None:
    """Run a backfill, newest day first; exit 1 when something was kept back, failed, or differs from its source."""
    from lakehouse_assets.pipeline.backfills import journal  # noqa: PLC0415 - start fast for --help
    from lakehouse_assets.pipeline.backfills import run as backfills  # noqa: PLC0415

    lake = current_lake()
    if resume:
        backfill = journal.read_backfill(lake, resume)
        if table or first or last:
            raise LakehouseError(f"{resume} knows what it is about.", fix="Use --resume alone.")
    elif table and first and last:
        order = journal.Order(str(table_argument(table)), first, last, downstream, at_once, pause, reason)
        backfill = backfills.start(lake, order, datetime.now(UTC))
    else:
        raise LakehouseError("nothing says what to run.", fix="Name a table with --from and --to, or --resume an id.")
    err.print(f"Backfill {backfill.id}; should it be killed: lakehouse backfill run --resume {backfill.id}")
    # Where the run log goes to stdout, its lines would stand between people or machines and the answer.
    with contextlib.redirect_stdout(sys.stderr):
        backfill = backfills.go_on(lake, backfill, _tell)
    if as_json:
        print_json(backfill)
    else:
        _print(backfill)
    if backfill.problems:
        raise typer.Exit(1)


def list_all(*, as_json: AsJson = False) -> None:
    """List backfills, the newest first."""
    from lakehouse_assets.pipeline.backfills.journal import list_backfills  # noqa: PLC0415

    found = [_summary(backfill) for backfill in list_backfills(current_lake())]
    if as_json:
        print_json(found)
    elif found:
        print_table("", tuple(found[0]), [tuple(row.values()) for row in found])
    else:
        console.print("No backfill was ever run here.")


def show(
    backfill_id: Annotated[str, typer.Argument(help="A backfill's id, as `lakehouse backfill list` shows it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show what became of every partition of a backfill, before and after."""
    from lakehouse_assets.pipeline.backfills.journal import read_backfill  # noqa: PLC0415

    found = read_backfill(current_lake(), backfill_id)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _tell(done: "Sequence[Outcome]") -> None:
    for one in done:
        err.print(f"{one.table} {one.partition}: {one.status}{'. ' if one.message else ''}", end="")
        err.print(one.message, markup=False)


def _summary(backfill: "Backfill") -> dict[str, object]:
    order, outcomes = backfill.order, backfill.outcomes
    done = sum(one.status in {"published", "unchanged"} for one in outcomes)
    return {
        "id": backfill.id,
        "status": backfill.status,
        "table": order.table,
        "from": order.first,
        "to": order.last,
        "done": f"{done}/{len(outcomes)}",
        "reason": order.reason,
    }


def _print(backfill: "Backfill") -> None:
    from lakehouse_assets.pipeline.backfills.page import changes_of  # noqa: PLC0415

    header = ("table", "partition", "status", "rows before", "rows after", "key measures", "source", "read")
    rows = []
    for one in backfill.outcomes:
        counts = (f"{each.rows:,}" if each else "none" for each in (one.before, one.after))
        moved = "; ".join(changes_of(one)) or "equal"
        read = ("", "") if one.source is None else (_number(one.source.source_rows), f"{one.source.read_rows:,}")
        rows.append((one.table, one.partition, one.status, *counts, moved, *read))
    print_table("", header, rows)
    for reason, days in backfill.skipped.items():
        if days:
            console.print(f"skipped by design, {reason.replace('_', ' ')}: {_few(days)}")
    for one in backfill.problems:
        note = one.source.note if one.source and not one.message else one.message
        console.print(f"{one.table} {one.partition}: {one.status}. {note}", markup=False)
    console.print(f"{backfill.id}: {backfill.status}")


def _print_plan(found: "Plan") -> None:
    scope = found.scope
    for word in ("existing", "missing", "blocked", "closed", "outside", "not_due"):
        days: tuple[str, ...] = getattr(scope, word)
        console.print(f"{word.replace('_', ' '):10} {len(days):>5,}  {_few(days)}", markup=False)
    console.print(f"\nto run     {len(scope.partitions):>5,}  {_span(found.seconds)}")
    reads = found.reads
    guess = f", {reads.estimated:,} partitions of it estimated" if reads.estimated else ""
    console.print(f"reads      {reads.rows:>5,} rows, {_size(reads.bytes)}{guess}")
    if found.replay:
        console.print(f"replay     {found.replay}")
    console.print()
    print_table("downstream", ("table", "partitions", "takes"), map(_work, found.downstream))
    clashes = [(one.table, one.partition, f"{one.due_at:%Y-%m-%d %H:%M}") for one in found.clashes]
    print_table("must be published by itself meanwhile", ("table", "partition", "until"), clashes)
    notices = [(one.consumer, one.kind, one.table, ", ".join(one.channels)) for one in found.notices]
    print_table("to be told", ("who", "kind", "reads", "where"), notices)


def _work(work: "Work") -> tuple[str, ...]:
    return (work.table, f"{len(work.partitions):,}: {_few(work.partitions)}", _span(work.seconds))


def _few(days: Sequence[str]) -> str:
    if len(days) <= _LISTED:
        return ", ".join(days)
    return f"{', '.join(days[:2])}, … {days[-1]}"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "takes nobody knows how long: no run is recorded"
    return f"takes about {timedelta(seconds=round(seconds)) if seconds >= _MINUTE else f'{seconds:.1f} s'}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"  # noqa: PLR2004 - where 0.1 MB begins


def _number(rows: int | None) -> str:
    return "not counted" if rows is None else f"{rows:,}"
