"""`lakehouse profile`: where the time and the memory of a run go, by a rehearsal that publishes nothing."""

from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.cli.lake import computed_by, current_lake, table_argument
from lakehouse_assets.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse_assets.engines.protocol import EngineStage
    from lakehouse_assets.pipeline.profiling.rehearsal import Profile
    from lakehouse_assets.pipeline.profiling.stopwatch import Lap

_MIB = 1024 * 1024
_HEADER = ("stage", "seconds", "share", "cpu s", "peak MiB", "rows", "read MiB", "written MiB")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("profile")(profile)


def profile(
    table: Annotated[str, typer.Argument(help="A table, such as silver/retail_order_lines.")],
    partition: Annotated[list[str] | None, typer.Option("--partition", "-p", help="A partition; repeatable.")] = None,
    *,
    engine: Annotated[
        str, typer.Option(help="Compute with this engine, `polars` or `spark`, whatever the contract says.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Rehearse a run in a folder of its own and show where time and memory go; nothing is published."""
    from lakehouse_assets.pipeline.profiling.rehearsal import profile as rehearse  # noqa: PLC0415 - start fast for --help

    lake, name = computed_by(engine, current_lake()), table_argument(table)
    known = lake.partitions(name)
    if not partition and len(known) != 1:
        raise LakehouseError(f"{name} has {len(known)} partitions; say which.", fix="Use --partition.")
    profiles = rehearse(lake, name, partition or known)
    if as_json:
        print_json(profiles)
        return
    for one in profiles:
        _print(one)
    console.print("Nothing was published.")


def _print(one: "Profile") -> None:
    total = sum(lap.seconds for lap in one.laps if not lap.depth)
    title = f"{one.table} {one.partition} on {one.engine}: {one.rows_read:,} rows read, {one.outcome}"
    print_table(title, _HEADER, [_row(lap, total) for lap in one.laps])
    peak = max((lap.peak_bytes for lap in one.laps), default=0)
    console.print(
        f"{total:.2f} s in all; {_mib(peak)} MiB at most, {_mib(one.before_bytes)} MiB of it before the run began."
    )
    _print_alone(one)
    if one.engine_stages:
        console.print()
        header = ("what the engine says of itself", "seconds", "tasks", "rows", "read MiB", "written MiB", "peak MiB")
        print_table("", header, [_engine_row(stage) for stage in one.engine_stages])


def _print_alone(one: "Profile") -> None:
    if not one.alone:
        return
    console.print()
    print_table("Parts of computing, each alone once more", _HEADER, [_row(lap, None) for lap in one.alone])
    whole = sum(lap.seconds for lap in one.laps if lap.name.endswith("write"))
    counted = next((lap for lap in one.alone if lap.name.endswith("hash")), None)
    if counted is not None and whole:
        console.print(f"Writing is the rest of the passes, about {max(0.0, whole - counted.seconds):.2f} s.")


def _row(lap: "Lap", total: float | None) -> tuple[str, ...]:
    share = f"{100 * lap.seconds / total:.0f} %" if total else ""
    sizes = (_mib(size) if size else "" for size in (lap.bytes_read, lap.bytes_written))
    rows = f"{lap.rows:,}" if lap.rows else ""
    name = "  " * lap.depth + lap.name
    return (name, f"{lap.seconds:.2f}", share, f"{lap.cpu_seconds:.2f}", _mib(lap.peak_bytes), rows, *sizes)


def _engine_row(stage: "EngineStage") -> tuple[str, ...]:
    sizes = (_mib(size) for size in (stage.bytes_read, stage.bytes_written, stage.peak_bytes))
    return (stage.name, f"{stage.seconds:.2f}", f"{stage.tasks:,}", f"{stage.rows:,}", *sizes)


def _mib(size: int) -> str:
    return f"{size / _MIB:,.1f}"
