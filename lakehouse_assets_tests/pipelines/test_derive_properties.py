"""Any sequence of deliveries, in any batching and order: derived tables hold what plain Python and a rebuild say."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import UNCHANGED
from lakehouse_assets_tests.entity_lakes import comparable, derive_all, entity_lake, publish_changes, table_rows
from lakehouse_assets_tests.entity_oracle import Event, customers, expected

DAYS = ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")
SHAPES: dict[str, dict[str, Any]] = {
    "folded": {},
    "folded, one bucket": {"buckets": 1},
    "first and previous values, deletions marked": {"types": {"name": 0, "score": 3}, "soft_deletes": True},
    "a table of versions beside the current one": {"history": History.SCD4},
    "versions with current values, one bucket": {"history": History.SCD6, "soft_deletes": True, "buckets": 1},
}
POOL = st.lists(
    st.builds(
        Event,
        key=st.sampled_from(["a", "b", "c", "d", None]),
        at=st.integers(0, 6),
        name=st.sampled_from(["x", "y", None]),
        score=st.sampled_from([1, 2]),
        deleted=st.sampled_from([False, False, True]),
        raw_hash=st.integers(0, 1),
        number=st.integers(0, 5),
    ),
    min_size=4,
    max_size=16,
    unique_by=lambda event: (event.key, event.at, event.raw_hash, event.number),
)
# The same change may come on several days, a day may come again with other changes, and not every day is derived.
DELIVERIES = POOL.flatmap(
    lambda pool: st.lists(
        st.tuples(st.sampled_from(DAYS), st.lists(st.sampled_from(pool), max_size=5), st.booleans()),
        min_size=2,
        max_size=6,
    )
)


# So few that a handful of rows needs several passes, and one bucket several parts; or one pass, which is quicker.
ROWS_PER_PASS = st.sampled_from([4, 1_000, 1_000])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    # One state store for all lakes: only leases are in it, and making it takes longer than deriving.
    return f"sqlite:///{tmp_path_factory.mktemp('state')}/state.db"


@pytest.mark.parametrize("shape", SHAPES)
@given(deliveries=DELIVERIES, rows_per_pass=ROWS_PER_PASS)
@settings(max_examples=6)
def test_derived_tables_follow_from_whatever_was_delivered(
    shape: str, deliveries: list[tuple[str, list[Event], bool]], rows_per_pass: int, store: str
) -> None:
    contracts = customers(**SHAPES[shape])
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakehouse_assets.pipeline.entities.passes.ROWS_PER_PASS", rows_per_pass)
        lake = entity_lake(Path(folder, "lake"), *contracts, state_url=store)
        log: dict[str, list[Event]] = {}
        for day, events, derives in deliveries:
            log[day] = events
            publish_changes(lake, day, events)
            if derives:
                derive_all(lake)
        check_derived(lake, contracts, log)
        check_repeated(lake, contracts)
        followed = [content_of(lake, contract.table).hash for contract in contracts[1:]]
        for contract in contracts[1:]:
            shutil.rmtree(lake.root_of(contract.table))
        check_derived(lake, contracts, log)
        assert [content_of(lake, contract.table).hash for contract in contracts[1:]] == followed, "from scratch"


def check_derived(lake: Lake, contracts: Sequence[Contract], log: dict[str, list[Event]]) -> None:
    results = derive_all(lake)
    events = [event for day in log.values() for event in day]
    for contract in contracts[1:]:
        result = results[contract.table.short]
        assert not result.is_blocked, result.message
        assert result.record.ledger.is_balanced
        assert comparable(table_rows(lake, contract.table)) == comparable(expected(events, contract))
        assert content_of(lake, contract.table).partitions["0"][1] == result.record.content_hash


def check_repeated(lake: Lake, contracts: Sequence[Contract]) -> None:
    versions = {contract.table: lake.open(contract.table) for contract in contracts}
    assert {result.status for result in derive_all(lake).values()} == {UNCHANGED}
    assert {name: table and table.version for name, table in versions.items()} == {
        contract.table: (lake.open(contract.table) or table).version
        for contract, table in zip(contracts, versions.values(), strict=True)
        if table is not None
    }
