"""What a run amounted to: rows and checks per table, score, incidents. One result, shown to people and to programs.

Nothing is measured here; single lines per partition are `run_log`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse_assets.results import BLOCKED, LABELS, PUBLISHED, UNCHANGED, Outcome, PartitionResult

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from lakehouse_assets.state.reports import OpenIncident

# Rows of blocked partitions that would have been published are held back: the previous version is still served.
DISPOSITIONS = ("read", "published", "quarantined", "deduplicated", "filtered", "held_back")


@dataclass(frozen=True, slots=True)
class Checks:
    """How many checks were due, and how many held."""

    passed: int = 0
    declared: int = 0

    def __str__(self) -> str:
        return f"{self.passed}/{self.declared}"


@dataclass(frozen=True, slots=True)
class TableSummary:
    """One table over all partitions of the run. `checks` is by the dimension's name as people know it."""

    table: str
    published: int
    unchanged: int
    blocked: int
    rows: Mapping[str, int]
    checks: Mapping[str, Checks]
    score: float


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run over all its tables; `score` is the mean of theirs."""

    run_id: str
    status: str
    score: float
    tables: tuple[TableSummary, ...]
    incidents: tuple["OpenIncident", ...] = ()
    seconds: float = field(default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-ready data."""
        incidents = [{**asdict(one), "opened_at": one.opened_at.isoformat()} for one in self.incidents]
        return {**asdict(self), "tables": [asdict(table) for table in self.tables], "incidents": incidents}


def summarise_run(
    run_id: str, results: Iterable[PartitionResult], incidents: Sequence["OpenIncident"] = ()
) -> RunSummary:
    """Return what the results of a run add up to; tables stand in the order they were computed."""
    by_table: dict[str, list[PartitionResult]] = {}
    for result in results:
        by_table.setdefault(result.table, []).append(result)
    tables = tuple(_summarise_table(name, found) for name, found in by_table.items())
    return RunSummary(
        run_id=run_id,
        status=_status(tables),
        score=_mean(table.score for table in tables),
        tables=tables,
        incidents=tuple(incidents),
        seconds=round(sum(result.seconds for found in by_table.values() for result in found), 3),
    )


def render_summary(summary: RunSummary) -> "Group":
    """Return the summary for a terminal."""
    from rich.console import Group  # noqa: PLC0415 - only when a person reads
    from rich.text import Text  # noqa: PLC0415

    head = f"Run {summary.run_id}: {summary.status}, score {summary.score:.1f}, {summary.seconds:.1f} s"
    parts: list[Any] = [Text(head), _rows_table(summary), _checks_table(summary)]
    for incident in summary.incidents:
        count = incident.failing_partitions
        what = f"{incident.table}: {incident.rule_id} fails in {count} partition{'' if count == 1 else 's'}"
        parts.append(Text(f"incident {incident.id} {incident.priority} {incident.state}: {what}"))
    return Group(*parts)


def _summarise_table(name: str, results: Sequence[PartitionResult]) -> TableSummary:
    statuses = Counter(result.status for result in results)
    rows: Counter[str] = Counter(dict.fromkeys(DISPOSITIONS, 0))
    for result in results:
        counts = asdict(result.record.ledger)
        if result.is_blocked:
            counts["held_back"] = counts.pop("published")
        rows.update(counts)
    return TableSummary(
        table=name,
        published=statuses[PUBLISHED],
        unchanged=statuses[UNCHANGED],
        blocked=statuses[BLOCKED],
        rows=dict(rows),
        checks=_count_checks(results),
        score=_mean(result.record.score for result in results),
    )


def _count_checks(results: Sequence[PartitionResult]) -> dict[str, Checks]:
    declared: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for result in results:
        for said in result.record.results:
            if said.outcome is not Outcome.SKIPPED:
                declared[LABELS[said.dimension]] += 1
                passed[LABELS[said.dimension]] += said.passed
    return {
        label: Checks(passed[label], declared[label]) for label in dict.fromkeys(LABELS.values()) if declared[label]
    }


def _status(tables: Sequence[TableSummary]) -> str:
    if not any(table.blocked for table in tables):
        return "success"
    return "partial" if any(table.published or table.unchanged for table in tables) else "failed"


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return round(sum(found) / len(found), 2) if found else 100.0


def _rows_table(summary: RunSummary) -> "Table":
    from rich.table import Table  # noqa: PLC0415

    shown = Table("table", "new", "same", "blocked", *(kind.replace("_", " ") for kind in DISPOSITIONS), "score")
    for table in summary.tables:
        partitions = (table.published, table.unchanged, table.blocked)
        numbers = [f"{number:,}" for number in (*partitions, *(table.rows[kind] for kind in DISPOSITIONS))]
        shown.add_row(table.table, *numbers, f"{table.score:.1f}")
    return shown


def _checks_table(summary: RunSummary) -> "Table":
    from rich.table import Table  # noqa: PLC0415

    labels = list(dict.fromkeys(LABELS.values()))
    shown = Table("checks passed", *labels)
    for table in summary.tables:
        shown.add_row(table.table, *(str(table.checks.get(label, "-")) for label in labels))
    return shown
