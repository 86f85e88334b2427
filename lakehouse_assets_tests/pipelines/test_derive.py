"""Deriving entities from their change log: what is rewritten, rebuilt and refused, and who may be first."""

import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.contracts.model import Catalog, RuleKind, RuleSpec
from lakehouse_assets.naming import META_FOLDER, blocked_of, publish_of
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.entities.derive import derive
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.publish import publish
from lakehouse_assets.pipeline.recorded import blocked, newest, served
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets.pipeline.upkeep.compact import compact
from lakehouse_assets.results import BLOCKED, PUBLISHED, UNCHANGED, Dimension, OnFailure, PartitionResult, Severity
from lakehouse_assets.state.reports import latest_partitions
from lakehouse_assets.storage.commit import PartitionsMovedError
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

FIRST, SECOND, THIRD = "2026-01-01", "2026-01-02", "2026-01-03"
KEYS = [f"customer {number}" for number in range(20)]
EVERYBODY = [Event(key, 0, "first", 1, number=number) for number, key in enumerate(KEYS)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = entity_lake(tmp_path)
    publish_changes(lake, FIRST, EVERYBODY)
    derive_all(lake)
    return lake


def derived(lake: Lake) -> PartitionResult:
    return derive_all(lake)[CUSTOMERS.short]


def files(lake: Lake) -> dict[str, list[str]]:
    table = lake.open(CUSTOMERS)
    assert table is not None
    return {bucket: [file.path for file in table.files_of([bucket])] for bucket in table.partitions}


def version(lake: Lake) -> int:
    table = lake.open(CUSTOMERS)
    return -1 if table is None else table.version


def holds(lake: Lake, *events: Event) -> bool:
    return comparable(table_rows(lake, CUSTOMERS)) == comparable(expected(events, lake.contract(CUSTOMERS)))


def with_contract(lake: Lake, **changes: object) -> Lake:
    """Return the same lake under another contract of the derived table."""
    contract = replace(lake.contract(CUSTOMERS), **changes)  # type: ignore[arg-type]
    return replace(lake, catalog=Catalog({**lake.catalog.contracts, CUSTOMERS: contract}))


def test_only_the_buckets_of_touched_keys_are_written(lake: Lake) -> None:
    before = files(lake)
    publish_changes(lake, SECOND, [Event(KEYS[0], 1, "second", 2)])
    result = derived(lake)
    after = files(lake)
    assert result.status == PUBLISHED
    assert len([bucket for bucket in before if before[bucket] != after[bucket]]) == 1
    assert holds(lake, *EVERYBODY, Event(KEYS[0], 1, "second", 2))


def test_all_waiting_days_are_taken_in_by_one_commit(lake: Lake) -> None:
    before = version(lake)
    late = [Event(key, at, f"day {at}", at) for at, key in enumerate(KEYS[:3], start=1)]
    for day, event in zip((SECOND, THIRD, "2026-01-04"), late, strict=True):
        publish_changes(lake, day, [event])
    derived(lake)
    assert version(lake) == before + 1
    assert holds(lake, *EVERYBODY, *late)


def test_nothing_new_in_the_log_is_no_commit_and_the_same_publish(lake: Lake) -> None:
    before, word = version(lake), served(lake, CUSTOMERS)["0"]
    result = derived(lake)
    assert (result.status, result.partition, result.publish) == (UNCHANGED, "0", word.publish)
    assert result.record.content_hash == word.of.content_hash
    assert version(lake) == before


def test_a_late_change_that_is_older_than_what_is_served_is_no_commit(lake: Lake) -> None:
    before = version(lake)
    publish_changes(lake, SECOND, [Event(KEYS[0], -5, "older", 9)])
    assert derived(lake).status == UNCHANGED
    assert version(lake) == before


def test_a_late_change_does_not_bring_a_deleted_key_back(lake: Lake) -> None:
    gone = Event(KEYS[0], 9, deleted=True)
    publish_changes(lake, SECOND, [gone])
    derived(lake)
    publish_changes(lake, THIRD, [Event(KEYS[0], 5, "late", 3)])
    derived(lake)
    assert holds(lake, *EVERYBODY, gone, Event(KEYS[0], 5, "late", 3))
    assert KEYS[0] not in {row["id"] for row in table_rows(lake, CUSTOMERS)}


def test_rows_that_a_corrected_day_no_longer_has_are_withdrawn(lake: Lake) -> None:
    publish_changes(lake, SECOND, [Event(KEYS[0], 5, "wrong", 0), Event("new", 5, "wrong", 0)])
    derived(lake)
    publish_changes(lake, SECOND, [])
    derived(lake)
    assert holds(lake, *EVERYBODY)


def test_everything_is_derived_again_when_withdrawn_files_are_gone(lake: Lake, tmp_path: Path) -> None:
    publish_changes(lake, SECOND, [Event(KEYS[0], 5, "wrong", 0), Event("new", 5, "wrong", 0)])
    derived(lake)
    log = lake.open(CHANGES)
    assert log is not None
    old = [tmp_path / str(CHANGES) / file.path for file in log.files_of([SECOND])]
    publish_changes(lake, SECOND, [Event(KEYS[1], 5, "right", 0)])
    for path in old:
        path.unlink()
    before = files(lake)
    derived(lake)
    assert holds(lake, *EVERYBODY, Event(KEYS[1], 5, "right", 0))
    assert all(before[bucket] != after for bucket, after in files(lake).items())
    assert derived(lake).status == UNCHANGED


def test_a_bucket_that_somebody_deleted_comes_back(lake: Lake, tmp_path: Path) -> None:
    for path in files(lake)["1"]:
        (tmp_path / str(CUSTOMERS) / path).unlink()
    assert derived(lake).status == PUBLISHED
    assert holds(lake, *EVERYBODY)


def test_a_damaged_record_is_mended_by_deriving_everything_again(lake: Lake, tmp_path: Path) -> None:
    for path in (tmp_path / str(CUSTOMERS) / META_FOLDER).glob("*.zst"):
        path.write_bytes(b"no record")
    publish_changes(lake, SECOND, [Event(KEYS[0], 1, "second", 2)])
    assert derived(lake).status == PUBLISHED
    assert holds(lake, *EVERYBODY, Event(KEYS[0], 1, "second", 2))
    assert derived(lake).status == UNCHANGED


@pytest.mark.parametrize("changes", [{"version": "1.1.0"}, {"rule_set": "rules-2"}])
def test_another_contract_is_derived_whole_and_recorded(lake: Lake, changes: dict[str, str]) -> None:
    other = with_contract(lake, **changes)
    before = files(other)
    result = derived(other)
    assert result.status == PUBLISHED
    assert all(before[bucket] != after for bucket, after in files(other).items())
    assert served(other, CUSTOMERS)["0"].record.contract_version == other.contract(CUSTOMERS).version
    assert derived(other).status == UNCHANGED


def test_a_change_log_that_was_judged_again_is_followed(lake: Lake) -> None:
    publish_changes(lake, SECOND, [Event(KEYS[0], 5, "refused later", 0)])
    derived(lake)
    other = with_contract(lake, version="1.1.0")
    publish_changes(other, SECOND, [Event(KEYS[1], 5, "admitted now", 0)])
    derived(other)
    assert holds(other, *EVERYBODY, Event(KEYS[1], 5, "admitted now", 0))


@pytest.mark.parametrize("buckets", [1, 7])
def test_the_number_of_buckets_may_change_and_is_not_content(lake: Lake, buckets: int) -> None:
    load = lake.contract(CUSTOMERS).load
    before = content_of(lake, CUSTOMERS).hash
    other = with_contract(lake, load=replace(load, buckets=buckets))
    derived(other)
    assert list(files(other)) == [str(bucket) for bucket in range(buckets)]
    assert holds(other, *EVERYBODY)
    assert content_of(other, CUSTOMERS).hash == before
    assert derived(other).status == UNCHANGED


def test_surrogate_keys_are_the_same_in_every_rebuild(tmp_path: Path) -> None:
    lake = entity_lake(tmp_path, *customers(History.SCD2))
    publish_changes(lake, FIRST, EVERYBODY)
    derived(lake)
    publish_changes(lake, SECOND, [Event(KEYS[0], 5, "second", 2), Event(KEYS[1], 3, deleted=True)])
    derived(lake)
    rows = {(row["id"], row["valid_from"]): row["customers_sk"] for row in table_rows(lake, CUSTOMERS)}
    shutil.rmtree(tmp_path / str(CUSTOMERS))
    derived(lake)
    again = {(row["id"], row["valid_from"]): row["customers_sk"] for row in table_rows(lake, CUSTOMERS)}
    assert again == rows
    assert len(set(rows.values())) == len(rows) == len(KEYS) + 1


def test_a_table_that_breaks_an_invariant_is_kept_back_whole(lake: Lake, tmp_path: Path) -> None:
    table = lake.open(CUSTOMERS)
    assert table is not None
    file = next(file for file in table.files_of(["1"]) if file.rows)
    path = tmp_path / str(CUSTOMERS) / file.path
    rows = pl.read_parquet(path, hive_partitioning=False)
    pl.concat([rows, rows.head(1)]).write_parquet(path)
    before = version(lake)
    publish_changes(lake, SECOND, [Event(f"new {number}", 1, "new", 1) for number in range(40)])
    result = derived(lake)
    assert result.status == BLOCKED
    assert "1 rows of untouched keys missing or doubled" in result.message
    assert version(lake) == before
    assert list(blocked(lake, CUSTOMERS)) == ["0"]
    staged = {publish_of(str(path)) for path in (tmp_path / str(CUSTOMERS)).rglob("*.parquet")}
    assert result.publish not in staged
    rows.write_parquet(path)
    assert derived(lake).status == PUBLISHED
    assert lake.open(blocked_of(CUSTOMERS)) is not None
    assert not blocked(lake, CUSTOMERS)


def test_a_declared_rule_about_the_whole_table_sees_rows_of_untouched_buckets(lake: Lake) -> None:
    rule = RuleSpec(
        "name.unique",
        "unique",
        RuleKind.TABLE,
        Dimension.UNIQUENESS,
        Severity.ERROR,
        OnFailure.BLOCK,
        "fp",
        arguments={"columns": ["name", "score"]},
    )
    other = with_contract(entity_lake(Path(lake.root)), rules=(rule,))
    result = derived(other)
    assert result.status == BLOCKED
    assert next(one for one in result.record.results if one.rule_id == "name.unique").failed_rows == len(KEYS)


def test_a_deriver_that_read_older_input_loses_even_where_it_wrote_other_buckets(lake: Lake) -> None:
    publish_changes(lake, SECOND, [Event(KEYS[0], 1, "second", 2)])
    step = open_step(lake, lake.contract(CUSTOMERS), ["0"], run_id="slow", chunk=0)
    draft = derive(step)
    publish_changes(lake, SECOND, [])
    other = next(key for key in KEYS if bucket_of(lake, key) not in draft.replaces)
    publish_changes(lake, THIRD, [Event(other, 1, "third", 3)])
    derived(lake)
    with pytest.raises(PartitionsMovedError):
        publish(step, draft)
    assert derived(lake).status == UNCHANGED
    assert holds(lake, *EVERYBODY, Event(other, 1, "third", 3))


def unreachable(folder: Path) -> str:
    (folder / "file").touch()
    return f"sqlite:///{folder}/file/state.db"


def bucket_of(lake: Lake, key: str) -> str:
    rows = pl.read_delta(lake.root_of(CUSTOMERS))
    return str(rows.filter(pl.col("id") == key)["_bucket"].item())


def test_derivers_at_once_lose_nothing_though_no_lease_can_be_had(tmp_path: Path) -> None:
    lake = entity_lake(tmp_path / "lake", *customers(History.SCD4), state_url=unreachable(tmp_path))
    publish_changes(lake, FIRST, EVERYBODY)
    days = [f"2026-02-{number:02}" for number in range(1, 9)]
    events = {
        day: [Event(KEYS[n], n + 1, day, n), Event(KEYS[n + 1], n + 1, deleted=True)] for n, day in enumerate(days)
    }

    def deliver(day: str) -> None:
        publish_changes(lake, day, events[day])
        derive_all(lake)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, days))
    everything = [*EVERYBODY, *(event for day in days for event in events[day])]
    for contract in customers(History.SCD4)[1:]:
        assert comparable(table_rows(lake, contract.table)) == comparable(expected(everything, contract))
    assert {result.status for result in derive_all(lake).values()} == {UNCHANGED}


def test_without_a_state_store_deriving_warns_and_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lake = entity_lake(tmp_path / "lake", state_url=unreachable(tmp_path))
    publish_changes(lake, FIRST, EVERYBODY)
    with caplog.at_level(logging.WARNING):
        assert derived(lake).status == PUBLISHED
    assert "derive/silver/customers" in caplog.text


def test_outwardly_a_derived_table_is_one_partition(lake: Lake) -> None:
    publish_changes(lake, SECOND, [Event(KEYS[0], 1, "second", 2)])
    derived(lake)
    with store_of(lake) as store:
        absorb(lake, store)
        with store.reading() as connection:
            known = latest_partitions(connection, str(CUSTOMERS))
    assert [one.partition for one in known] == ["0"]
    assert list(newest(lake, CUSTOMERS)) == list(content_of(lake, CUSTOMERS).partitions) == ["0"]
    assert newest(lake, CUSTOMERS)["0"].of.content_hash == content_of(lake, CUSTOMERS).partitions["0"][1]


def test_compaction_of_log_and_table_is_no_change(lake: Lake) -> None:
    for number, day in enumerate((FIRST, SECOND), start=1):
        publish_changes(lake, day, [*EVERYBODY, Event(KEYS[number], number, "changed", number)])
        derived(lake)
    for table in (CHANGES, CUSTOMERS):
        opened = lake.open(table)
        assert opened is not None
        compact(lake, lake.contract(table), opened, opened.partitions)
    before = version(lake)
    assert derived(lake).status == UNCHANGED
    assert version(lake) == before
    publish_changes(lake, THIRD, [Event(KEYS[9], 9, "ninth", 9)])
    derived(lake)
    late = [Event(KEYS[1], 1, "changed", 1), Event(KEYS[2], 2, "changed", 2), Event(KEYS[9], 9, "ninth", 9)]
    assert holds(lake, *EVERYBODY, *late)
