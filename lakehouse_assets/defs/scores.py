"""How the score moved, for whoever looks at one partition: its trend as Markdown, for the metadata of the score check.

Partitions are compared with those before them, as records say; a table without partitions with its earlier publishes,
as Dagster saw them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from lakehouse_assets.naming import SNAPSHOT_PARTITION
from lakehouse_assets.quality.trend import Scored, Trend, lowest, scored, trends
from lakehouse_assets.results import PartitionRecord

LAST = 30
SCORE = "lakehouse/score"
_HEAD = "| | now | mean before | lowest before | {what}, from {low:.0f} to 100 |\n|---|---:|---:|---:|---|\n"


@dataclass(slots=True)
class ScoreHistory:
    """Scores that are known before a run, and those of the run itself as its partitions are published."""

    known: dict[str, Scored] = field(default_factory=dict)

    @classmethod
    def of(cls, earlier: Sequence[Scored]) -> "ScoreHistory":
        """Return a history that begins with these scores."""
        return cls({one.at: one for one in earlier})

    def add(self, record: PartitionRecord) -> tuple[Scored, ...]:
        """Return the scores up to a partition, it being the newest word on itself."""
        now = datetime.now(UTC).isoformat()
        own = scored(now if record.partition == SNAPSHOT_PARTITION else record.partition, record)
        self.known[own.at] = own
        before = sorted(at for at in self.known if at < own.at)[-LAST:]
        return (*(self.known[at] for at in before), own)


def earlier_publishes(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[Scored]:
    """Return what the last materialisations of a table without partitions scored."""
    found = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key), limit=LAST).records
    said = ((record, record.asset_materialization) for record in found)
    return [
        one for record, event in said if event is not None and (one := _of_event(record.timestamp, event)) is not None
    ]


def to_metadata(record: PartitionRecord) -> dict[str, float]:
    """Return the score and its parts as numbers, which Dagster plots over materialisations."""
    parts = scored("", record).dimensions
    return {SCORE: record.score, **{f"{SCORE}_{label.lower()}": points for label, points in parts.items()}}


def to_markdown(history: Sequence[Scored]) -> str:
    """Return how score and dimensions moved up to the last of a history; "" where there is nothing before it."""
    if len(history) < 2:  # noqa: PLR2004 - one score is no trend
        return ""
    head = _HEAD.format(what=f"the last {len(history)}", low=lowest(history))
    return head + "\n".join(_line(one) for one in trends(history))


def _line(one: Trend) -> str:
    before = ("", "") if one.mean is None or one.least is None else (f"{one.mean:.2f}", f"{one.least:.2f}")
    return f"| {one.label} | {one.newest:.2f} | {before[0]} | {before[1]} | `{one.plot}` |"


def _of_event(timestamp: float, event: dg.AssetMaterialization) -> Scored | None:
    numbers = {name: value.value for name, value in event.metadata.items() if isinstance(value.value, int | float)}
    if SCORE not in numbers:
        return None
    inner = f"{SCORE}_"
    parts = {name.removeprefix(inner).capitalize(): value for name, value in numbers.items() if name.startswith(inner)}
    at = datetime.fromtimestamp(timestamp, UTC).isoformat()
    return Scored(at, float(numbers[SCORE]), 100.0, {label: float(value) for label, value in parts.items()})
