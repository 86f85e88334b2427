"""The same graph on the real shop: 305 daily files of 2010-12-01 to 2011-12-09, month by month through Dagster."""

import csv
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lakehouse_assets.demo.found import CUSTOMERS, DAILY, LINES, ORDER_LINES, PRODUCTS, Found, look
from lakehouse_assets.demo.graph import Graph
from lakehouse_assets.demo.play import prepare_folder
from lakehouse_assets.demo.report import Report, show_dimensions, show_incidents, show_tables, show_verdict
from lakehouse_assets.incidents.book import list_incidents
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import Record

# Counted once with a second reader; the public data set never changes.
FILES, ROWS = 305, 541_909
NEXT = {
    "LAKEHOUSE_ROOT=.lake/retail .venv/bin/lakehouse tables": "every table with its version, rows and partitions",
    "make test": "run every test whose tools are here",
}


def play_retail(lake: Lake, drop: Path, console: Console) -> Report:
    """Load every day of `drop` into an empty lake and prove that each of its rows is accounted for."""
    started = time.perf_counter()
    root = prepare_folder(Path(lake.root))
    days = lake.partitions(ORDER_LINES)
    with console.status("counting the rows of the files with a second reader …"):
        files, rows = _count(drop, days)
    console.print(f"{files} files with {rows:,} rows in {escape(str(drop))}, {len(days)} open days in the calendar")
    store, history = store_of(lake), list[Record]()
    with Graph(lake, root / "dagster") as graph:
        for month in _with_progress(console, _months(days)):
            outcome = graph.materialise(DAILY, month)
            for sentence in outcome.sentences:
                console.print(f"[red]{escape(sentence)}[/red]")
        with console.status("products and customers …"):
            graph.materialise([PRODUCTS, CUSTOMERS])
            history += absorb(lake, store)
    found = look(lake, history)
    with store.reading() as connection:
        incidents = list_incidents(connection, with_resolved=True, limit=1000)
    differences = list(_differences(found, files, rows))
    return Report(found, incidents, differences, time.perf_counter() - started)


def show_retail(console: Console, report: Report) -> None:
    """Print where the rows went and whether the books balance."""
    console.print()
    show_tables(console, report.found)
    show_dimensions(console, report.found)
    show_incidents(console, report.incidents)
    if not report.differences:
        read = report.found.ledger(ORDER_LINES).read
        console.print(f"[green]Each of {read:,} rows is accounted for in every table.[/green]")
    show_verdict(console, report, NEXT)


def _count(drop: Path, days: Sequence[str]) -> tuple[int, int]:
    paths = [path for day in days for path in sorted(drop.glob(f"{day}*.csv"))]
    return len(paths), sum(_records(path) for path in paths)


def _records(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def _months(days: Sequence[str]) -> list[list[str]]:
    return [list(month) for _, month in groupby(days, key=lambda day: day[:7])]


def _with_progress(console: Console, months: list[list[str]]) -> Iterator[list[str]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("days", total=sum(map(len, months)))
        for month in months:
            progress.update(task, description=f"{month[0]} … {month[-1]}")
            yield month
            progress.advance(task, len(month))


def _differences(found: Found, files: int, rows: int) -> Iterator[str]:
    if files == FILES and rows != ROWS:
        yield f"the public data set has {ROWS:,} rows, this folder {rows:,}"
    read, published = found.ledger(ORDER_LINES).read, found.ledger(ORDER_LINES).published
    if read != rows:
        yield f"the files hold {rows:,} rows, bronze read {read:,}"
    if found.ledger(LINES).read != published:
        yield f"bronze holds {published:,} rows, silver read {found.ledger(LINES).read:,}"
    for one in found.tables:
        if not one.ledger.is_balanced:
            yield f"the ledger of {one.table} does not balance"
