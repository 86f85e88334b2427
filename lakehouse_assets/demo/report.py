"""The last page of the demo: where every row went, what was checked, which incidents opened and closed; a verdict."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lakehouse_assets.demo.desk_check import FoundChanges
from lakehouse_assets.demo.desk_files import PlantedChanges
from lakehouse_assets.demo.dirt import Planted
from lakehouse_assets.demo.found import LINES, ORDER_LINES, Found
from lakehouse_assets.incidents.incident import Incident

_DISPOSITIONS = ("read", "published", "quarantined", "deduplicated", "filtered")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the last page says. `differences` is empty when what was planted is what was found."""

    found: Found
    incidents: tuple[Incident, ...]
    differences: Sequence[str]
    seconds: float
    planted: Planted | None = None
    planted_changes: PlantedChanges | None = None


def show_tables(console: Console, found: Found) -> None:
    """Print the row ledger of every table."""
    table = _table("Where every row went", "table")
    for name in ("rows in", "published", "quaran-\ntined", "dedupli-\ncated", "filtered", "score"):
        table.add_column(name, justify="right")
    for one in (one for one in found.tables if one.partitions):
        numbers = [f"{getattr(one.ledger, name):,}" for name in _DISPOSITIONS]
        table.add_row(one.table, *numbers, f"{one.score:.1f}")
    console.print(table)


def show_dimensions(console: Console, found: Found) -> None:
    """Print how many checks each dimension ran and how many found something, rows in quarantine included."""
    table = _table("Checks on what readers see now", "dimension")
    table.add_column("passed", justify="right")
    table.add_column("found something", justify="right")
    for label, (passed, failed) in found.dimensions.items():
        table.add_row(label, f"{passed:,}", f"{failed:,}")
    console.print(table)


def show_incidents(console: Console, incidents: Sequence[Incident]) -> None:
    """Print what opened and what closed by itself."""
    closed = sum(not incident.is_open for incident in incidents)
    title = f"Incidents: {len(incidents)} opened, {closed} closed by themselves when the data was right again"
    table = _table(title, "table")
    for name in ("rule", "severity", "state"):
        table.add_column(name)
    for incident in sorted(incidents, key=lambda one: (one.is_open, one.table, one.rule_id)):
        table.add_row(incident.table, incident.rule_id, str(incident.severity), str(incident.state))
    console.print(table)


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    return table


def show_verdict(console: Console, report: Report, next_commands: Mapping[str, str]) -> None:
    """Print the score, whether the demo kept its word, and what to type next."""
    console.print(f"\nOverall score [bold]{report.found.score:.1f}[/bold] of 100, in {report.seconds:.0f} seconds.")
    if report.differences:
        console.print("[red]What was planted is not what was found:[/red]")
        for difference in report.differences:
            console.print(f"  [red]{difference}[/red]")
    elif report.planted is not None:
        console.print("[green]Everything that was planted was found, to the row and to the penny.[/green]")
    console.print("\nNext:")
    for command, purpose in next_commands.items():
        console.print(f"  [bold]{command}[/bold]\n      {purpose}")


def write_summary(path: Path, report: Report) -> None:
    """Write the same as JSON, for machines."""
    path.write_text(json.dumps(to_summary(report), indent=2, default=str) + "\n", encoding="utf-8")


def to_summary(report: Report) -> dict[str, Any]:
    """Return the report as plain data."""
    found, planted, changes = report.found, report.planted, report.planted_changes
    return {
        "tables": [{"table": one.table, "partitions": one.partitions, **asdict(one.ledger)} for one in found.tables],
        "planted": planted and changes and {**_plain(planted), "accounts": _plain_changes(changes)},
        "found": {
            "bad_rows": found.ledger(LINES).quarantined,
            "rules": dict(found.rules),
            "rejected": dict(found.rejected),
            "blocked": {day: list(rules) for day, rules in found.blocked.items()},
            "low_scores": sorted(found.low_scores),
            "unknown_columns": sorted(found.unknown_columns),
            "late_rows": found.late_rows,
            "repeated_rows": found.ledger(ORDER_LINES).deduplicated,
            "net_revenue": found.revenue,
            "accounts": _plain_changes(found.accounts) | {"now": len(found.accounts.now)},
        },
        "checks": {label: {"passed": passed, "failed": failed} for label, (passed, failed) in found.dimensions.items()},
        "incidents": {
            "opened": len(report.incidents),
            "closed": sum(not incident.is_open for incident in report.incidents),
        },
        "score": round(found.score, 2),
        "differences": list(report.differences),
        "seconds": round(report.seconds, 1),
    }


def _plain(planted: Planted) -> dict[str, Any]:
    return {
        "bad_rows": planted.bad_rows,
        "lost_amount": planted.lost_amount,
        "rules": dict(planted.rules),
        "rejected": dict(planted.rejected),
        "blocked": planted.blocked,
        "low_scores": sorted(planted.low_scores),
        "unknown_columns": sorted(planted.unknown_columns),
        "late_rows": planted.late_rows,
        "repeated_rows": planted.repeated_rows,
    }


def _plain_changes(changes: PlantedChanges | FoundChanges) -> dict[str, Any]:
    count = changes.changes if isinstance(changes, FoundChanges) else len(changes.changes)
    same = ("deletions", "repeated", "again", "out_of_order", "bad", "rules")
    return {"changes": count, **{name: getattr(changes, name) for name in same}}
