"""Rolling back tables of an entity: derived ones are derived anew from what the log says, logs take them along."""

from pathlib import Path

import pytest

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import newest
from lakehouse_assets.pipeline.rollback import roll_back
from lakehouse_assets_tests.entity_lakes import (
    CHANGES,
    CUSTOMERS,
    comparable,
    derive_all,
    entity_lake,
    publish_changes,
    table_rows,
)
from lakehouse_assets_tests.entity_oracle import Event, customers, expected

FIRST, SECOND = "2026-01-01", "2026-01-02"
EARLY = [Event(key, 1, "early", 1, number=number) for number, key in enumerate("abcdefgh")]
LATE = [Event("a", 5, "late", 2, number=20), Event("b", 6, deleted=True, number=21), Event("z", 7, "new", 3, number=22)]


@pytest.fixture(params=[History.NONE, History.SCD4], ids=["current", "current and history"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    lake = entity_lake(tmp_path, *customers(request.param))
    for day, events in ((FIRST, EARLY), (SECOND, LATE)):
        publish_changes(lake, day, events)
        derive_all(lake)
    return lake


def version_of(lake: Lake, table: TableName) -> int:
    opened = lake.open(table)
    assert opened is not None
    return opened.version


def derived(lake: Lake) -> list[TableName]:
    return [name for name in lake.catalog.contracts if name != CHANGES]


def holds(lake: Lake, *events: Event) -> bool:
    return all(
        comparable(table_rows(lake, name)) == comparable(expected(events, lake.contract(name)))
        for name in derived(lake)
    )


def test_a_derived_table_goes_back_and_is_derived_to_what_its_log_says(lake: Lake) -> None:
    before = content_of(lake, CUSTOMERS).hash
    assert holds(lake, *EARLY, *LATE)

    for name in derived(lake):
        roll_back(lake, name, 1, run_id="rollback")
    earlier = holds(lake, *EARLY)
    derive_all(lake)

    assert earlier
    assert holds(lake, *EARLY, *LATE)
    assert content_of(lake, CUSTOMERS).hash == before


def test_a_derived_table_goes_forth_again_with_its_record(lake: Lake) -> None:
    last, word = version_of(lake, CUSTOMERS), newest(lake, CUSTOMERS)

    roll_back(lake, CUSTOMERS, 1, run_id="rollback")
    between = newest(lake, CUSTOMERS)
    roll_back(lake, CUSTOMERS, last, run_id="rollback")

    assert between != word
    assert newest(lake, CUSTOMERS) == word
    assert {name: one.status for name, one in derive_all(lake).items()}["customers"] == "unchanged"


def test_tables_follow_a_change_log_that_was_rolled_back(lake: Lake) -> None:
    roll_back(lake, CHANGES, 1, run_id="rollback")

    derive_all(lake)

    assert holds(lake, *EARLY)


def test_tables_follow_a_change_log_that_went_forth_again(lake: Lake) -> None:
    last = version_of(lake, CHANGES)
    for version in (1, last):
        roll_back(lake, CHANGES, version, run_id="rollback")
        derive_all(lake)

    assert holds(lake, *EARLY, *LATE)
