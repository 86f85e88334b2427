"""What follows from changes, against plain Python: current rows and versions, for every SCD type and order."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.pipeline.entities.current import current
from lakehouse_assets.pipeline.entities.entity import entity_of
from lakehouse_assets.pipeline.entities.history import history
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets_tests.entity_oracle import Event, Row, customers, expected

POOL = st.lists(
    st.builds(
        Event,
        key=st.sampled_from(["a", "b", "", None]),
        at=st.integers(0, 6),
        name=st.sampled_from(["x", "y", None]),
        score=st.sampled_from([1, 2, None]),
        deleted=st.sampled_from([False, False, True]),
        raw_hash=st.integers(-1, 1),
        number=st.integers(0, 3),
    ),
    max_size=14,
    unique_by=lambda event: (event.key, event.at, event.raw_hash, event.number),
)
# The very same change may be delivered several times.
EVENTS = POOL.flatmap(lambda pool: st.lists(st.sampled_from(pool), max_size=16) if pool else st.just(pool))
SHAPES: dict[str, dict[str, Any]] = {
    "newest values": {},
    "newest values, deletions marked": {"soft_deletes": True},
    "first and previous values": {"types": {"name": 0, "score": 3}},
    "previous values, deletions marked": {"types": {"name": 3}, "soft_deletes": True},
    "versions": {"history": History.SCD2},
    "versions of one column": {"history": History.SCD2, "tracked": ("name",)},
    "versions, first and previous values": {"history": History.SCD2, "types": {"name": 0, "score": 3, "at": 2}},
    "versions, deletions marked": {"history": History.SCD2, "soft_deletes": True},
    "versions with current values": {"history": History.SCD6, "types": {"score": 1}},
    "a table of versions beside the current one": {"history": History.SCD4, "types": {"score": 3}},
}


def derived(events: Sequence[Event], contract: Contract) -> list[Row]:
    entity = entity_of(contract)
    kinds = {
        name: nw.new_series("x", [], kind, backend="polars").to_native().dtype
        for name, kind in in_memory(entity.changed).items()
    }
    frame = pl.LazyFrame([event.row for event in events], schema_overrides=kinds, schema=list(kinds))
    rows = (history if entity.is_history else current)(nw.from_native(frame), entity)
    found: pl.DataFrame = rows.collect(backend="polars").to_native()
    return found.drop("_row_id", "_raw_hash").to_dicts()


def sorted_rows(rows: list[Row]) -> list[Row]:
    rows = [{name: row[name] for name in sorted(row) if not name.endswith("_sk")} for row in rows]
    return sorted(rows, key=lambda row: (row["id"], str(row.get("valid_from"))))


@pytest.mark.parametrize("shape", SHAPES)
@given(events=EVENTS)
@settings(max_examples=25, deadline=None)
def test_every_derived_table_holds_what_a_walk_through_its_changes_gives(shape: str, events: list[Event]) -> None:
    for contract in customers(**SHAPES[shape])[1:]:
        assert sorted_rows(derived(events, contract)) == sorted_rows(expected(events, contract))
