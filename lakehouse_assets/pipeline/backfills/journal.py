"""A backfill as it is kept beside the lake: what was asked, what became of every partition. One JSON object each.

Written before the first partition and after every chunk, so that a backfill that was killed goes on where it was.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import BACKFILLS_FOLDER, backfill_file
from lakehouse_assets.pipeline.backfills.measures import Measures
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.storage.objects import Objects

WAITING, FAILED, BLOCKED = "waiting", "failed", "blocked"


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. `at_once` partitions are computed together, then `pause_seconds` nothing happens."""

    table: str
    first: str
    last: str
    downstream: bool = False
    at_once: int = 7
    pause_seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Rows that the source of a partition has now, and rows that were read; `note` when they cannot be compared."""

    source_rows: int | None
    read_rows: int
    note: str = ""

    @property
    def is_even(self) -> bool:
        """Whether nothing speaks against it."""
        return self.source_rows is None or self.source_rows == self.read_rows


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one partition: `waiting`, `published`, `unchanged`, `blocked` or `failed`, and why."""

    table: str
    partition: str
    status: str = WAITING
    message: str = ""
    publish: str = ""
    seconds: float = 0.0
    before: Measures | None = None
    after: Measures | None = None
    source: Reconciliation | None = None


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill from its order to its end; `skipped` holds the days that are left out by design, by reason."""

    id: str
    order: Order
    created_at: str
    outcomes: tuple[Outcome, ...]
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    finished_at: str = ""

    @property
    def status(self) -> str:
        """`unfinished` (it runs, or it was killed), `done` or `problems`."""
        if not self.finished_at:
            return "unfinished"
        return "problems" if self.problems else "done"

    @property
    def problems(self) -> tuple[Outcome, ...]:
        """Partitions that were kept back, failed, or do not reconcile with their source."""
        return tuple(one for one in self.outcomes if one.status in {BLOCKED, FAILED} or not _is_even(one))


def write_backfill(lake: Lake, backfill: Backfill) -> None:
    """Keep what is known about a backfill, whole or not at all."""
    content = json.dumps(dataclasses.asdict(backfill), default=_plain, indent=1)
    _objects(lake).write(backfill_file(backfill.id, "json"), content.encode())


def read_backfill(lake: Lake, backfill_id: str) -> Backfill:
    """Return a backfill by its id; raise LakehouseError when there is none."""
    content = _objects(lake).read(backfill_file(backfill_id, "json"))
    if content is None:
        raise LakehouseError(f"there is no backfill {backfill_id!r}.", fix="`lakehouse backfill list` shows the ids.")
    return _backfill(json.loads(content))


def list_backfills(lake: Lake) -> list[Backfill]:
    """Return every backfill, the newest first."""
    names = [path.rsplit("/", 1)[-1] for path in _objects(lake).names(BACKFILLS_FOLDER) if path.endswith(".json")]
    found = [read_backfill(lake, name.removesuffix(".json")) for name in names]
    return sorted(found, key=lambda backfill: backfill.created_at, reverse=True)


def write_page(lake: Lake, backfill_id: str, text: str) -> str:
    """Keep the page about a backfill for people; return where it lies."""
    _objects(lake).write(backfill_file(backfill_id, "md"), text.encode())
    return f"{lake.root}/{backfill_file(backfill_id, 'md')}"


def _objects(lake: Lake) -> Objects:
    return Objects(lake.root, lake.options)


def _is_even(outcome: Outcome) -> bool:
    return outcome.source is None or outcome.source.is_even


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _backfill(data: dict[str, Any]) -> Backfill:
    outcomes = tuple(_outcome(entry) for entry in data["outcomes"])
    skipped = {name: tuple(days) for name, days in data["skipped"].items()}
    return Backfill(**{**data, "order": Order(**data["order"]), "outcomes": outcomes, "skipped": skipped})


def _outcome(data: dict[str, Any]) -> Outcome:
    measured = {name: Measures(**data[name]) if data[name] else None for name in ("before", "after")}
    source = Reconciliation(**data["source"]) if data["source"] else None
    return Outcome(**{**data, **measured, "source": source})
