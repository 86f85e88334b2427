"""Derivation in passes of a few rows each, where one bucket needs several: the same rows as in one pass."""

from pathlib import Path
from typing import Any

import pytest

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.results import PUBLISHED, UNCHANGED
from lakehouse_assets_tests.entity_lakes import (
    CUSTOMERS,
    comparable,
    derive_all,
    entity_lake,
    publish_changes,
    table_rows,
)
from lakehouse_assets_tests.entity_oracle import Event, customers, expected

KEYS = [f"customer {number}" for number in range(24)]
FIRST = [Event(key, 0, "first", 1, number=number) for number, key in enumerate(KEYS)]
# Every key in turn: changed, deleted, changed late, left alone.
SECOND = [
    *[Event(key, 5, "second", 2, raw_hash=1, number=number) for number, key in enumerate(KEYS[::4])],
    *[Event(key, 5, deleted=True, raw_hash=2, number=number) for number, key in enumerate(KEYS[1::4])],
    *[Event(key, -5, "late", 3, raw_hash=3, number=number) for number, key in enumerate(KEYS[2::4])],
]
THIRD = [
    *[Event(key, 3, "late again", 4, raw_hash=4, number=number) for number, key in enumerate(KEYS[1::8])],
    Event("new", 9, "new", 5),
]
SHAPES: dict[str, dict[str, Any]] = {
    "folded": {},
    "folded, one bucket": {"buckets": 1},
    "first and previous values": {"types": {"name": 0, "score": 3}},
    "versions": {"history": History.SCD2},
    "versions, one bucket": {"history": History.SCD2, "buckets": 1},
}


@pytest.fixture(autouse=True)
def small_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakehouse_assets.pipeline.entities.passes.ROWS_PER_PASS", 3)


@pytest.mark.parametrize("shape", SHAPES)
def test_many_small_passes_derive_what_plain_python_does(tmp_path: Path, shape: str) -> None:
    contracts = customers(**SHAPES[shape])
    lake = entity_lake(tmp_path / "lake", *contracts)
    log: list[Event] = []
    for day, events in {"2026-01-01": FIRST, "2026-01-02": SECOND, "2026-01-03": THIRD}.items():
        publish_changes(lake, day, events)
        log += events
        (result,) = derive_all(lake).values()
        assert result.status == PUBLISHED, result.message
        assert result.record.ledger.is_balanced
        assert comparable(table_rows(lake, CUSTOMERS)) == comparable(expected(log, contracts[-1]))
        assert content_of(lake, CUSTOMERS).partitions["0"][1] == result.record.content_hash
    assert {one.status for one in derive_all(lake).values()} == {UNCHANGED}
    publish_changes(lake, "2026-01-02", [])
    derive_all(lake)
    assert comparable(table_rows(lake, CUSTOMERS)) == comparable(expected([*FIRST, *THIRD], contracts[-1]))
