"""An entity by hand and in plain Python: its contracts, changes to deliver, and what its tables must hold then.

The oracle knows nothing of windows, buckets or folds: it sorts the changes of a key and walks through them once.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from lakehouse_assets.contracts.entities import expand
from lakehouse_assets.contracts.loading import Gate, History, Load, Mode
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind
from lakehouse_assets_tests.builders import bare_contract

START = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One change: `key` may be None; `at` are minutes; `number` makes the row id."""

    key: str | None
    at: int
    name: str | None = None
    score: int | None = None
    deleted: bool = False
    raw_hash: int = 0
    number: int = 0

    @property
    def row(self) -> Row:
        """The change as the change log holds it."""
        return {
            "id": self.key,
            "name": self.name,
            "score": self.score,
            "at": START + timedelta(minutes=self.at),
            "_deleted": self.deleted,
            "_row_id": f"file#{self.number:05}",
            "_raw_hash": self.raw_hash,
        }


def customers(
    history: History = History.NONE,
    *,
    types: Mapping[str, int] | None = None,
    **load: Any,  # noqa: ANN401 - of `Load`
) -> tuple[Contract, ...]:
    """Return the contracts of `silver/customers`: its change log, then what is derived from it."""
    types = types or {}
    columns = tuple(
        Column(name, ColumnType(kind), required=name in {"id", "at"}, scd_type=types.get(name))
        for name, kind in (("id", Kind.STRING), ("name", Kind.STRING), ("score", Kind.LONG), ("at", Kind.TIMESTAMP))
    )
    settings: dict[str, Any] = {"mode": Mode.DERIVED, "keys": ("id",), "sequence_by": "at", "buckets": 4}
    return expand(
        replace(
            bare_contract("silver/customers"),
            columns=columns,
            load=Load(**{**settings, "history": history, **load}),
            gate=Gate(empty_partition="allow"),
            rule_set="rules-1",
        )
    )


def drawn(seed: str, count: int) -> list[Event]:
    """Return changes with ties, repeats, deletions and missing values, the same for every seed."""
    draw = random.Random(seed)  # noqa: S311 - a test must be repeatable
    return [
        Event(
            key=draw.choice(["a", "b", "c", "d", "é", "", None]),
            at=draw.randrange(12),
            name=draw.choice(["x", "y", None]),
            score=draw.choice([1, 2, None]),
            deleted=draw.random() < 0.25,
            raw_hash=draw.randint(-1, 1),
            number=number,
        )
        for number in range(count)
    ]


def expected(events: Iterable[Event], contract: Contract) -> list[Row]:
    """Return what a derived table holds once it has taken in these events; surrogate keys are left out."""
    rows: list[Row] = []
    whole = [event for event in events if event.key is not None]
    for _, group in groupby(sorted(whole, key=_order), key=lambda event: event.key):
        rows += _of_key(list({event.at: event for event in group}.values()), contract)
    return rows


def _order(event: Event) -> tuple[str, int, int, int]:
    return (str(event.key), event.at, event.raw_hash, event.number)


def _of_key(events: list[Event], contract: Contract) -> list[Row]:
    live = [event for event in events if not event.deleted]
    if not live:
        return []
    if contract.role == "current":
        return _current(events, live, contract)
    return _history(events, live, contract)


def _current(events: list[Event], live: list[Event], contract: Contract) -> list[Row]:
    last = live[-1]
    ends = [event for event in events if event.deleted and event.at > last.at]
    if ends and not contract.load.soft_deletes:
        return []
    row = {name: last.row[name] for name in ("id", "name", "score", "at")}
    if contract.load.soft_deletes:
        row |= {"is_deleted": bool(ends), "deleted_at": ends[0].row["at"] if ends else None}
    return [row | _of_types(live, contract)]


def _history(events: list[Event], live: list[Event], contract: Contract) -> list[Row]:
    rows: list[Row] = []
    is_open, before = False, None
    tracked = [name for name, each in contract.load.scd_types.items() if each == 2]
    for event in events:
        now = None if event.deleted else [event.row[name] for name in tracked]
        if is_open and (now is None or now != before):
            rows[-1] |= {"valid_to": event.row["at"], "is_current": False}
            if contract.load.soft_deletes and now is None:
                rows[-1] |= {"is_deleted": True, "deleted_at": event.row["at"]}
        if now is not None and (not is_open or now != before):
            opened = {name: event.row[name] for name in ("id", "name", "score", "at")}
            rows.append(opened | {"valid_from": event.row["at"], "valid_to": None, "is_current": True})
            if contract.load.soft_deletes:
                rows[-1] |= {"is_deleted": False, "deleted_at": None}
        is_open, before = now is not None, now
    newest = live[-1].row
    told = _of_types(live, contract)
    if contract.load.history is History.SCD6:
        told |= {f"current_{name}": newest[name] for name in tracked if name != "at"}
    return [row | told for row in rows]


def _of_types(live: list[Event], contract: Contract) -> Row:
    """Return the values that are the same in every row of a key."""
    told: Row = {}
    for name, each in contract.load.scd_types.items():
        values = [event.row[name] for event in live]
        if each == 0:
            told[name] = values[0]
        elif each in {1, 3}:
            told[name] = values[-1]
        if each == 3:
            runs = [value for value, _ in groupby(values)]
            told[f"previous_{name}"] = runs[-2] if len(runs) > 1 else None
    return told
