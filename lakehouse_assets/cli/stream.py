"""`lakehouse stream`: append a log's records as they come, outside of Dagster, or read some of them again."""

import signal
import sys
import threading
import uuid
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse_assets.cli.console import console, err
from lakehouse_assets.cli.lake import current_lake, table_argument
from lakehouse_assets.errors import LakehouseError, PartitionBlockedError
from lakehouse_assets.results import PartitionResult

if TYPE_CHECKING:
    from lakehouse_assets.connectors.log import Window


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stream")(stream)


def stream(
    table: Annotated[str, typer.Argument(help="A bronze table of a log, such as bronze/shop/order_events.")],
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop when all that is there now is appended.")] = False,
    again_since: Annotated[str, typer.Option(help="Read again from a time on, `2026-01-05T10:00` (UTC).")] = "",
    again_from: Annotated[
        list[str] | None, typer.Option(help="Read again from `<part>@<offset>` or a row's `_row_id` on; repeatable.")
    ] = None,
) -> None:
    """Append records until it is stopped (Ctrl-C, SIGTERM); exit 1 when some may not be published."""
    from lakehouse_assets.pipeline.run import materialise  # noqa: PLC0415 - start fast for --help
    from lakehouse_assets.pipeline.stream import follow, log_of, read_again  # noqa: PLC0415

    lake, name, run_id = current_lake(), table_argument(table), uuid.uuid4().hex
    log_of(lake, name)
    window = _window(again_since, again_from or [])
    out = sys.stdout

    def tell(results: Sequence[PartitionResult]) -> None:
        with redirect_stdout(out):
            _tell(results)

    # Where the run log goes to stdout, its lines would stand between people and the answer.
    with redirect_stdout(sys.stderr):
        if window is not None:
            results = read_again(lake, name, window, run_id=run_id)
        elif once:
            results = list(materialise(lake, name, lake.partitions(name)[-1:], run_id=run_id))
        else:
            results = follow(lake, name, run_id=run_id, is_over=_stopped().is_set, tell=tell)
    if window is not None or once:
        _tell(results)
    blocked = [result for result in results if result.is_blocked]
    if blocked:
        raise PartitionBlockedError(blocked[0].message, fix="Nothing after it was appended; readers see what was.")


def _stopped() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    err.print("Following; what is read is committed before it stops (Ctrl-C).")
    return stopped


def _tell(results: Sequence[PartitionResult]) -> None:
    for one in results:
        ledger, measures = one.record.ledger, one.record.measures
        rest = f"{measures.get('dead_letters', 0)} dead letters, {measures.get('lag', 0):.0f} waiting"
        console.print(f"{one.partition} {one.status}: {ledger.published:,} rows, {rest}")


def _window(since: str, starts: Sequence[str]) -> "Window | None":
    from lakehouse_assets.connectors.log import Window  # noqa: PLC0415 - start fast for --help

    if since and starts:
        raise LakehouseError("--again-since and --again-from are two beginnings.", fix="Use one of them.")
    if since:
        try:
            moment = datetime.fromisoformat(since)
        except ValueError as error:
            raise LakehouseError(f"{since!r} is no time.", fix="Write 2026-01-05T10:00.") from error
        return Window(since=moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    found = dict(_start(text) for text in starts)
    return Window(starts=found) if found else None


def _start(text: str) -> tuple[str, int]:
    # A row id ends with the part and the offset; both are padded with zeros there.
    _, _, tail = text.rpartition("-")
    part, _, offset = text.partition("@") if "@" in text else tail.partition("/")[2].partition("/")
    if not (part.isdigit() and offset.isdigit()):
        raise LakehouseError(f"{text!r} is no place in a log.", fix="Write `0@1200`, or the `_row_id` of a row.")
    return str(int(part)), int(offset)
