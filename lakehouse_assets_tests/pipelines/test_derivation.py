"""What a derivation remembers of its change log, and what it finds to have happened to the log since."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse_assets.contracts.model import Catalog
from lakehouse_assets.engines.protocol import DataFile
from lakehouse_assets.naming import META_FOLDER
from lakehouse_assets.pipeline.entities.derivation import Difference, difference, last_derivation, log_files, missing
from lakehouse_assets.pipeline.entities.entity import entity_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.step import open_step
from lakehouse_assets.pipeline.upkeep.compact import compact
from lakehouse_assets.results import Derivation
from lakehouse_assets.storage.table import OpenTable
from lakehouse_assets_tests.entity_lakes import CHANGES, CUSTOMERS, derive_all, entity_lake, publish_changes
from lakehouse_assets_tests.entity_oracle import Event

FIRST, SECOND, THIRD = "2026-01-01", "2026-01-02", "2026-01-03"
Taken = dict[str, tuple[str, ...]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = entity_lake(tmp_path)
    publish_changes(lake, SECOND, [Event("b", 2)])
    publish_changes(lake, FIRST, [Event("a", 1)])
    return lake


def log_of(lake: Lake) -> OpenTable:
    log = lake.open(CHANGES)
    assert log is not None
    return log


def since(lake: Lake, taken: Taken) -> Difference | None:
    return difference(lake.objects_of(CHANGES), log_of(lake), taken)


def compacted(lake: Lake) -> None:
    log = log_of(lake)
    compact(lake, lake.contract(CHANGES), log, log.partitions)


def last(lake: Lake) -> Derivation | None:
    contract = lake.contract(CUSTOMERS)
    return last_derivation(open_step(lake, contract, ["0"], run_id="r", chunk=0), entity_of(contract))


def test_files_of_the_log_are_remembered_by_name_and_partition(lake: Lake) -> None:
    log = log_of(lake)
    assert log_files(log) == {
        day: tuple(Path(file.path).name for file in log.files_of([day])) for day in (FIRST, SECOND)
    }
    assert list(log_files(log)) == [FIRST, SECOND]


def test_nothing_happened_to_a_log_that_is_as_it_was(lake: Lake) -> None:
    assert since(lake, log_files(log_of(lake))) == Difference()


def test_a_new_day_is_added(lake: Lake) -> None:
    taken = log_files(log_of(lake))
    publish_changes(lake, THIRD, [Event("c", 3)])
    found = since(lake, taken)
    assert found == Difference(log_of(lake).files_of([THIRD]))
    assert found.files == log_of(lake).files_of([THIRD])


def test_a_day_that_was_published_again_is_added_and_its_earlier_files_are_removed(lake: Lake) -> None:
    log = log_of(lake)
    (before,) = log.files_of([FIRST])
    publish_changes(lake, FIRST, [Event("a", 9)])
    found = since(lake, log_files(log))
    assert found is not None
    assert found.added == log_of(lake).files_of([FIRST])
    assert found.removed == (DataFile(before.path, 0, FIRST),)
    assert found.files == (*found.added, *found.removed)


def test_days_that_changed_are_told_in_order(lake: Lake) -> None:
    taken = log_files(log_of(lake))
    for day in (THIRD, SECOND, FIRST):
        publish_changes(lake, day, [Event("a", 9)])
    found = since(lake, taken)
    assert found is not None
    assert [file.partition for file in found.added] == [FIRST, SECOND, THIRD]
    assert [file.partition for file in found.removed] == [FIRST, SECOND]


def test_all_files_of_the_log_are_new_to_one_who_took_none(lake: Lake) -> None:
    found = since(lake, {})
    assert found is not None
    assert {file.path for file in found.added} == {file.path for file in log_of(lake).files}
    assert found.removed == ()


def test_nothing_is_known_once_files_that_were_taken_back_are_gone(lake: Lake) -> None:
    log = log_of(lake)
    (before,) = log.files_of([FIRST])
    publish_changes(lake, FIRST, [Event("a", 9)])
    (Path(lake.root_of(CHANGES)) / before.path).unlink()
    assert since(lake, log_files(log)) is None


def test_a_day_that_was_rewritten_by_maintenance_did_not_change(lake: Lake) -> None:
    taken = log_files(log_of(lake))
    compacted(lake)
    assert since(lake, taken) == Difference()


def test_a_day_whose_only_new_files_are_rewritten_ones_is_added_whole(lake: Lake) -> None:
    taken = log_files(log_of(lake))
    publish_changes(lake, THIRD, [Event("c", 3)])
    compacted(lake)
    assert since(lake, taken) == Difference(log_of(lake).files_of([THIRD]))


def test_a_file_is_missing_when_it_is_not_in_the_folder_of_its_partition(lake: Lake) -> None:
    objects, log = lake.objects_of(CHANGES), log_of(lake)
    gone = replace(log.files[0], path=log.files[0].path + ".gone")
    assert not missing(objects, "_proc_date", log.files)
    assert not missing(objects, "_proc_date", ())
    assert missing(objects, "_proc_date", [*log.files, gone])
    assert missing(objects, "_proc_date", [gone])


def test_a_table_that_was_never_derived_has_no_last_derivation(lake: Lake) -> None:
    assert last(lake) is None


def test_the_last_derivation_remembers_log_meaning_and_buckets(lake: Lake) -> None:
    derive_all(lake)
    found = last(lake)
    assert found is not None
    assert found.log == log_files(log_of(lake))
    assert found.meaning == entity_of(lake.contract(CUSTOMERS)).meaning
    assert sum(bucket.rows for bucket in found.buckets.values()) == 2


@pytest.mark.parametrize("changes", [{"version": "1.0.1"}, {"version": "0.9.0"}, {"rule_set": "rules-2"}])
def test_what_was_derived_under_another_contract_does_not_count(lake: Lake, changes: dict[str, Any]) -> None:
    derive_all(lake)
    contract = replace(lake.contract(CUSTOMERS), **changes)
    assert last(replace(lake, catalog=Catalog({**lake.catalog.contracts, CUSTOMERS: contract}))) is None


def test_what_was_derived_with_another_meaning_does_not_count(lake: Lake) -> None:
    derive_all(lake)
    contract = lake.contract(CUSTOMERS)
    other = replace(contract, load=replace(contract.load, buckets=5))
    assert last(replace(lake, catalog=Catalog({**lake.catalog.contracts, CUSTOMERS: other}))) is None


def test_a_derivation_one_of_whose_files_is_gone_does_not_count(lake: Lake) -> None:
    derive_all(lake)
    table = lake.open(CUSTOMERS)
    assert table is not None
    (Path(table.root) / table.files[-1].path).unlink()
    assert last(lake) is None


def test_a_derivation_whose_record_is_gone_does_not_count(lake: Lake) -> None:
    derive_all(lake)
    for path in (Path(lake.root_of(CUSTOMERS)) / META_FOLDER).glob("*.zst"):
        path.unlink()
    assert last(lake) is None


def test_a_derivation_whose_record_is_damaged_does_not_count(lake: Lake) -> None:
    derive_all(lake)
    for path in (Path(lake.root_of(CUSTOMERS)) / META_FOLDER).glob("*.zst"):
        path.write_bytes(b"not what was written")
    assert last(lake) is None
