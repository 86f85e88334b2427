"""Plays the story: announces, delivers, runs the graph through Dagster, tells what came of it, ends with the report."""

import os
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as clock
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from lakehouse_assets.demo.check import compare
from lakehouse_assets.demo.found import CUSTOMERS, DAILY, DERIVED, DESK_DAILY, LINES, PRODUCTS, SALES, TABLES, look
from lakehouse_assets.demo.graph import Graph, Outcome
from lakehouse_assets.demo.report import (
    Report,
    show_dimensions,
    show_incidents,
    show_tables,
    show_verdict,
    write_summary,
)
from lakehouse_assets.demo.story import Morning, write_story
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.incidents.book import list_incidents
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import Record
from lakehouse_assets.state.store import Store

MARKER, DROP = "THIS_IS_A_DEMO_LAKE", "drop"
_DERIVED = frozenset(map(str, DERIVED))
_ASK = "LAKEHOUSE_ENV=demo .venv/bin/lakehouse"
NEXT = {
    "make dev": "open the Dagster UI on this very lake",
    f"{_ASK} partition silver/retail_order_lines 2011-12-06": "ledger and rules of one day",
    f"{_ASK} quarantine list": "which rows were refused, and why",
    f"{_ASK} incidents list --all": "what opened, what closed, and what to do about the rest",
    "make demo-retail": "the same pipeline on 541,909 real order lines",
}


@dataclass(slots=True)
class Stage:
    """What the play works with: the lake, its graph and store, and every record so far."""

    lake: Lake
    graph: Graph
    store: Store
    console: Console
    history: list[Record] = field(default_factory=list)

    def run(self, tables: Sequence[TableName], partitions: Sequence[str] = ()) -> Outcome:
        """Materialise, then take over what the records say, as the sensors of a deployment do."""
        with self.console.status(f"running {', '.join(table.short for table in tables)} …"):
            outcome = self.graph.materialise(tables, partitions)
            fresh = absorb(self.lake, self.store)
        self.history += fresh
        for sentence in outcome.sentences:
            self.console.print(f"    [red]{escape(sentence)}[/red]")
        self._tell(fresh, outcome)
        return outcome

    def _tell(self, fresh: Sequence[Record], outcome: Outcome) -> None:
        rows: dict[str, Counter[str]] = {}
        for record in fresh:
            for one in record.partitions:
                if one.status == "published":
                    counted = rows.setdefault(record.table, Counter())
                    counted.update(rows=one.ledger.published, refused=one.ledger.quarantined)
                    # Of what is derived, this counts the changes that newer ones took the place of.
                    counted.update(repeated=0 if record.table in _DERIVED else one.ledger.deduplicated)
        told = [_told(table, counted) for table, counted in rows.items()]
        if told:
            self.console.print(f"    [dim]{' · '.join(told)}  ({outcome.seconds:.1f} s)[/dim]")


def play(lake: Lake, console: Console) -> Report:
    """Play two weeks from an empty lake and return the report; raise LakehouseError when the folder is not ours."""
    started = time.perf_counter()
    root = prepare_folder(Path(lake.root))
    story = write_story()
    with Graph(lake, root / "dagster") as graph:
        stage = Stage(lake, graph, store_of(lake), console)
        for morning in story.mornings:
            _play_morning(stage, morning, root / DROP)
        console.print(
            "\n[bold]When the season is over[/bold]  products and customers from everything that was published"
        )
        stage.run([PRODUCTS, CUSTOMERS])
        _play_again(stage, [day for morning in story.mornings for day in morning.days])
    found = look(lake, stage.history)
    with stage.store.reading() as connection:
        incidents = list_incidents(connection, with_resolved=True, limit=1000)
    seconds = time.perf_counter() - started
    report = Report(found, incidents, compare(story, found), seconds, story.planted, story.planted_changes)
    write_summary(root / "summary.json", report)
    return report


def show(console: Console, report: Report) -> None:
    """Print the last page."""
    console.print()
    show_tables(console, report.found)
    show_dimensions(console, report.found)
    show_incidents(console, report.incidents)
    show_verdict(console, report, NEXT)


def _play_morning(stage: Stage, morning: Morning, drop: Path) -> None:
    stage.console.print(f"\n[bold]{morning.day:%a %d %b %Y}[/bold]  {morning.title}")
    if morning.announcement:
        stage.console.print(f"    [yellow]on purpose:[/yellow] {escape(morning.announcement)}")
    for delivery in morning.deliveries:
        _deliver(drop / delivery.name, delivery.content)
    stage.run((*DAILY, *DESK_DAILY, *DERIVED), morning.days)
    if morning.restated:
        stage.run([SALES], morning.restated)


def _play_again(stage: Stage, days: Sequence[str]) -> None:
    """Run every day once more and say that nothing changed."""
    stage.console.print("\n[bold]Everything once more[/bold]  running twice must change nothing")
    before = _versions(stage.lake)
    stage.run((*DAILY, *DESK_DAILY, *DERIVED), sorted(set(days)))
    if _versions(stage.lake) != before:
        raise LakehouseError("the second run of unchanged input made new commits.", where=str(LINES))
    stage.console.print("    [dim]no table has a new version[/dim]")


def _versions(lake: Lake) -> dict[str, int | None]:
    opened = {str(table): lake.open(table) for table in TABLES}
    return {name: table.version if table else None for name, table in opened.items()}


def _deliver(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    # Written in the night after its day, so nobody waits for it to stop growing.
    day = path.name.removeprefix("customers-")[:10]
    night = datetime.combine(datetime.fromisoformat(day), clock(23, 59), UTC).timestamp()
    os.utime(path, (night, night))


def prepare_folder(root: Path) -> Path:
    """Return the demo's folder, emptied; only a folder that an earlier demo made is ever removed."""
    if root.exists() and any(root.iterdir()) and not (root / MARKER).is_file():
        raise LakehouseError(
            "the folder holds a lake that no demo made.", where=str(root), fix="Move it away, or set LAKEHOUSE_ROOT."
        )
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / MARKER).write_text("Removed and made anew by every `lakehouse demo`.\n", encoding="utf-8")
    return root


def _told(table: str, counted: Counter[str]) -> str:
    extra = [f"{counted[name]:,} {name}" for name in ("refused", "repeated") if counted[name]]
    return f"{table} {counted['rows']:,}" + (f" ({', '.join(extra)})" if extra else "")
