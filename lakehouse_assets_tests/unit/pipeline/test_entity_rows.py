"""Rows of entities, literally: what a deletion ends and marks, when a version begins, what holds today beside it."""

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.pipeline.entities.current import current
from lakehouse_assets.pipeline.entities.entity import entity_of
from lakehouse_assets.pipeline.entities.history import history
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets_tests.entity_oracle import Event, Row, customers

Ended = tuple[bool, int | None, int, str]
ADDED, GONE, GONE_AGAIN = (
    Event("a", 1, "x", 1, raw_hash=11, number=1),
    Event("a", 2, deleted=True, raw_hash=12, number=2),
    Event("a", 3, deleted=True, raw_hash=13, number=3),
)
BACK = Event("a", 4, "y", 2, raw_hash=14, number=4)
# The same moment as the addition, and a hash that wins over it or loses against it.
AT_ONCE, LOSING = (Event("a", 1, deleted=True, raw_hash=hashed, number=5) for hashed in (99, 1))


def rows(events: list[Event], shape: History) -> list[Row]:
    entity = entity_of(customers(shape, soft_deletes=shape is not History.SCD6)[-1])
    kinds = {
        name: nw.new_series("x", [], kind, backend="polars").to_native().dtype
        for name, kind in in_memory(entity.changed).items()
    }
    frame = pl.LazyFrame([event.row for event in events], schema_overrides=kinds, schema=list(kinds))
    compute = history if entity.is_history else current
    found: pl.DataFrame = compute(nw.from_native(frame), entity).collect(backend="polars").to_native()
    return sorted(found.to_dicts(), key=lambda row: str(row["at"]))


def ended(row: Row) -> Ended:
    minute = None if row["deleted_at"] is None else row["deleted_at"].minute
    return (row["is_deleted"], minute, row["_raw_hash"], row["_row_id"])


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([ADDED], (False, None, 11, "file#00001")),
        ([ADDED, GONE], (True, 2, 12, "file#00002")),
        ([GONE_AGAIN, ADDED, GONE], (True, 2, 12, "file#00002")),
        ([ADDED, GONE, GONE_AGAIN, BACK], (False, None, 14, "file#00004")),
        ([ADDED, LOSING], (False, None, 11, "file#00001")),
        ([ADDED, ADDED, GONE, GONE], (True, 2, 12, "file#00002")),
    ],
)
def test_a_key_is_marked_with_the_first_deletion_after_its_last_change(events: list[Event], told: Ended) -> None:
    assert [ended(row) for row in rows(events, History.NONE)] == [told]


@pytest.mark.parametrize("shape", [History.NONE, History.SCD2])
def test_a_key_that_never_lived_has_no_row(shape: History) -> None:
    assert not rows([GONE, GONE_AGAIN], shape)
    assert not rows([ADDED, AT_ONCE], shape)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([ADDED, GONE], [(True, 2)]),
        ([GONE_AGAIN, GONE, ADDED], [(True, 2)]),
        ([ADDED, GONE, GONE_AGAIN, BACK], [(True, 2), (False, None)]),
        ([ADDED, BACK], [(False, None), (False, None)]),
    ],
)
def test_only_versions_that_a_deletion_closed_are_marked(
    events: list[Event], told: list[tuple[bool, int | None]]
) -> None:
    assert [ended(row)[:2] for row in rows(events, History.SCD2)] == told


def test_a_version_ends_with_the_next_one_or_with_a_deletion_and_begins_again_after_it() -> None:
    found = rows([BACK, GONE, ADDED, GONE_AGAIN], History.SCD2)
    assert [(row["valid_from"].minute, row["valid_to"] and row["valid_to"].minute) for row in found] == [
        (1, 2),
        (4, None),
    ]
    assert [row["is_current"] for row in found] == [False, True]


def test_a_change_that_changes_nothing_tracked_makes_no_version() -> None:
    same = Event("a", 2, "x", 1, raw_hash=12, number=2)
    assert [row["valid_from"].minute for row in rows([ADDED, same, BACK], History.SCD2)] == [1, 4]


def test_every_version_also_tells_what_holds_today_where_all_columns_make_versions() -> None:
    found = rows([ADDED, BACK], History.SCD6)
    assert [(row["name"], row["current_name"], row["current_score"]) for row in found] == [("x", "y", 2), ("y", "y", 2)]
