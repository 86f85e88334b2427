"""`lakehouse dead-letters`: input that could not become rows: what it is, its bytes, and reading it again."""

import contextlib
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table, to_plain
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError, PartitionBlockedError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import PartitionResult

if TYPE_CHECKING:
    from lakehouse_assets.connectors.log import Window
    from lakehouse_assets.pipeline.refused.letters import Letter

LetterId = Annotated[str, typer.Argument(help="A letter's id, or the beginning of it.")]
Table = Annotated[str, typer.Argument(help="A bronze table, such as bronze/retail/order_lines; left out, every table.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Input that could not become rows, kept whole.", no_args_is_help=True)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("export")(export)
    group.command("replay")(replay)
    app.add_typer(group, name="dead-letters")


def list_all(
    table: Table = "",
    *,
    with_superseded: Annotated[bool, typer.Option("--all", help="Also those that were superseded since.")] = False,
    as_json: AsJson = False,
) -> None:
    """List open dead letters: their partition was not published without them yet."""
    from lakehouse_assets.pipeline.refused.letters import list_letters  # noqa: PLC0415 - start fast for --help

    lake = current_lake()
    found = list_letters(lake, _tables(lake, table), with_superseded=with_superseded)
    if as_json:
        print_json(found)
        return
    header = ("id", "table", "partition", "object", "bytes", "state", "why")
    rows = [(one.id, one.table, one.partition, one.object, f"{one.size:,}", _state(one), one.reason) for one in found]
    print_table("", header, [tuple(map(escape, row)) for row in rows])
    waiting = sum(one.is_open for one in found)
    console.print(f"{waiting:,} dead letters are open." if waiting else "No dead letter is open.")


def show(
    letter_id: LetterId,
    *,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show values, not only their shape.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: why it was refused, and how it begins; masked, letters are x and digits 9."""
    from lakehouse_assets.pipeline.refused.letters import find_letter, preview  # noqa: PLC0415

    letter, content = find_letter(current_lake(), letter_id)
    beginning = preview(content, unmasked=unmasked)
    if as_json:
        print_json({**to_plain(letter), "preview": beginning})
        return
    facts = {
        "table": f"{letter.table} {letter.partition}",
        "object": letter.object,
        "why": letter.reason,
        "position": f"byte {letter.position:,}",
        "kept": f"{letter.size:,} bytes, sha256 {letter.sha256}",
        "state": _state(letter),
    }
    for name, text in facts.items():
        console.print(f"{name:>10}  {text}", markup=False)
    console.print(f"\n{beginning}", markup=False)
    if not unmasked:
        console.print("\nMasked: letters are x and digits 9. --unmasked shows the values, export writes the bytes.")


def export(
    letter_id: LetterId, to: Annotated[Path, typer.Option("--to", help="File to write; it must not exist yet.")]
) -> None:
    """Write the bytes of a dead letter to a file that only you can read."""
    from lakehouse_assets.pipeline.refused.letters import find_letter  # noqa: PLC0415

    letter, content = find_letter(current_lake(), letter_id)
    try:
        to.touch(mode=0o600, exist_ok=False)
        to.write_bytes(content)
    except OSError as error:
        raise LakehouseError(
            f"the file cannot be written ({error.strerror}).",
            where=str(to),
            fix="Name a new file in a folder of yours.",
        ) from error
    console.print(f"{letter.size:,} bytes of {letter.object} written to {to}, values included.", markup=False)


def replay(
    table: Table = "",
    *,
    partition: Annotated[list[str] | None, typer.Option("--partition", "-p", help="A partition; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the partitions of open dead letters again from their source; exit 1 when one is still refused."""
    from lakehouse_assets.pipeline.refused.letters import list_letters  # noqa: PLC0415

    lake = current_lake()
    names = _tables(lake, table)
    wanted = [one for one in list_letters(lake, names) if not partition or one.partition in set(partition)]
    results = [result for name in names for result in _read_again(lake, name, wanted)]
    left = len(list_letters(lake, names))
    if as_json:
        ran = [{"table": one.table, "partition": one.partition, "status": one.status} for one in results]
        print_json({"ran": ran, "open": left})
    else:
        _print_results(lake, results, left)
    refused = [one for one in results if one.is_blocked]
    if refused:
        raise PartitionBlockedError(refused[0].message, fix="Have the source deliver it again, then replay.")


def _read_again(lake: Lake, name: TableName, wanted: Sequence["Letter"]) -> list[PartitionResult]:
    from lakehouse_assets.pipeline.intent import Intent  # noqa: PLC0415
    from lakehouse_assets.pipeline.run import materialise  # noqa: PLC0415
    from lakehouse_assets.pipeline.stream import is_log, read_again  # noqa: PLC0415

    letters = [one for one in wanted if one.table == str(name)]
    run_id = uuid.uuid4().hex
    with contextlib.redirect_stdout(sys.stderr):
        if letters and is_log(lake, lake.contract(name)):
            return read_again(lake, name, _window_of(letters), run_id=run_id)
        partitions = sorted({one.partition for one in letters})
        return list(materialise(lake, name, partitions, run_id=run_id, intent=Intent(purpose="dead-letter replay")))


def _window_of(letters: Sequence["Letter"]) -> "Window":
    """Return the records of a log from the first of some letters on; the object of one ends with its part."""
    from lakehouse_assets.connectors.log import Window  # noqa: PLC0415

    starts: dict[str, int] = {}
    for one in letters:
        part = str(int(one.object.rpartition("/")[2]))
        starts[part] = min(one.position, starts.get(part, one.position))
    return Window(starts=starts)


def _tables(lake: Lake, table: str) -> list[TableName]:
    from lakehouse_assets.pipeline.refused.letters import bronze_tables  # noqa: PLC0415

    if not table:
        return bronze_tables(lake)
    name = table_argument(table)
    lake.contract(name)
    if name.layer != "bronze":
        raise LakehouseError(
            "only bronze tables have dead letters.", where=str(name), fix="Refused rows: `lakehouse quarantine list`."
        )
    return [name]


def _state(letter: "Letter") -> str:
    return "open" if letter.is_open else f"superseded by {letter.superseded_by}"


def _print_results(lake: Lake, results: Sequence[PartitionResult], left: int) -> None:
    for one in results:
        console.print(f"{one.table} {one.partition}: {one.status}", markup=False)
    later = sorted({str(table) for one in results for table in lake.catalog.downstream_of(TableName.parse(one.table))})
    console.print(f"{left:,} dead letters are open." if left else "No dead letter is open.")
    if later:
        console.print(f"Made from it: {', '.join(later)}. Dagster runs them by itself; without it, run them.")
