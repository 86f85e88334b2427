"""The write primitive, handed drafts by hand: what it commits, what it leaves alone, and what it takes away again."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.model import Catalog
from lakehouse_assets.engines.protocol import Branch
from lakehouse_assets.naming import META_FOLDER, TableName, blocked_of, publish_of, quarantine_of
from lakehouse_assets.pipeline.draft import Draft, Tally
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.publish import publish
from lakehouse_assets.pipeline.recorded import blocked, newest, served
from lakehouse_assets.pipeline.step import Step, open_step, quarantine_columns
from lakehouse_assets.results import BLOCKED, PUBLISHED, UNCHANGED, Ledger, PartitionResult, StagedFile
from lakehouse_assets.storage.commit import PartitionsMovedError
from lakehouse_assets.storage.staged import in_memory
from lakehouse_assets.storage.table import OpenTable
from lakehouse_assets_tests.entity_lakes import CHANGES, CUSTOMERS, derive_all, entity_lake
from lakehouse_assets_tests.entity_oracle import Event

DAY, NEXT, THIRD = "2026-01-01", "2026-01-02", "2026-01-03"
REFUSED = quarantine_of(CHANGES)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return entity_lake(tmp_path)


def opened(lake: Lake, *days: str) -> Step:
    return open_step(lake, lake.contract(CHANGES), list(days), run_id="by hand", chunk=0)


def rows_at(step: Step, day: str, count: int) -> nw.LazyFrame:
    kinds = {
        name: nw.new_series("x", [], kind, backend="polars").to_native().dtype
        for name, kind in in_memory(step.columns).items()
        if name != "_proc_date"
    }
    rows = [Event(f"{day} {number}", 0, number=number).row for number in range(count)]
    return nw.from_native(pl.LazyFrame(rows, schema=kinds).with_columns(_proc_date=pl.lit(day)))


def drafted(step: Step, counts: Mapping[str, int], **said: Any) -> Draft:  # noqa: ANN401 - of `Tally`
    """Stage so many rows a day; the content hash is their number, unless a tally says otherwise."""
    files: list[StagedFile] = []
    for day, count in counts.items():
        if count:
            staged, _ = step.lake.engine.stage([Branch(rows_at(step, day, count), step.target())])
            files += staged[0]
    tallies = [Tally(day, Ledger(n, n), **({"content_hash": f"{n:032}"} | said)) for day, n in counts.items()]
    return Draft(tuple(tallies), valid=tuple(files), columns=step.columns)


def published(lake: Lake, counts: Mapping[str, int], **said: Any) -> dict[str, PartitionResult]:  # noqa: ANN401
    step = opened(lake, *counts)
    return {one.partition: one for one in publish(step, drafted(step, counts, **said))}


def table_of(lake: Lake) -> OpenTable:
    table = lake.open(CHANGES)
    assert table is not None
    return table


def staged_files(lake: Lake) -> set[str]:
    return {path.name for path in Path(lake.root_of(CHANGES)).rglob("*.parquet")}


def active_files(lake: Lake) -> set[str]:
    return {Path(file.path).name for file in table_of(lake).files}


def with_contract(lake: Lake, **changes: Any) -> Lake:  # noqa: ANN401 - of `Contract`
    contract = replace(lake.contract(CHANGES), **changes)
    return replace(lake, catalog=Catalog({**lake.catalog.contracts, CHANGES: contract}))


def unbalanced(step: Step, day: str, *, missing: int = 1) -> Draft:
    draft = drafted(step, {day: 2})
    (tally,) = draft.tallies
    return replace(draft, tallies=(replace(tally, ledger=Ledger(2 + missing, 2)),))


def test_days_are_published_by_one_commit_and_told_in_order(lake: Lake) -> None:
    began = time.perf_counter()
    step = opened(lake, NEXT, DAY)
    results = publish(step, drafted(step, {NEXT: 2, DAY: 1}))
    seconds = time.perf_counter() - began
    assert [(one.partition, one.status) for one in results] == [(DAY, PUBLISHED), (NEXT, PUBLISHED)]
    assert {one.publish for one in results} == {step.publish}
    assert {one.version for one in results} == {step.table.version + 1} == {table_of(lake).version}
    assert {one.record.status for one in results} == {PUBLISHED}
    assert {one.message for one in results} == {""}
    assert results[0].seconds == results[1].seconds
    assert 0 < results[0].seconds + results[1].seconds <= seconds


def test_the_same_content_makes_no_commit_and_leaves_no_file(lake: Lake) -> None:
    first = published(lake, {DAY: 1, NEXT: 2})
    before, files = table_of(lake).version, staged_files(lake)
    again = published(lake, {DAY: 1, NEXT: 2})
    assert {one.status for one in again.values()} == {UNCHANGED}
    assert {one.record.status for one in again.values()} == {UNCHANGED}
    assert {one.publish for one in again.values()} == {first[DAY].publish}
    assert {one.version for one in again.values()} == {before} == {table_of(lake).version}
    assert staged_files(lake) == files


def test_only_the_day_that_changed_is_committed_and_the_other_keeps_its_publish(lake: Lake) -> None:
    first = published(lake, {DAY: 1, NEXT: 2})
    again = published(lake, {DAY: 1, NEXT: 3})
    assert {day: one.status for day, one in again.items()} == {DAY: UNCHANGED, NEXT: PUBLISHED}
    assert again[DAY].publish == first[DAY].publish == served(lake, CHANGES)[DAY].publish
    assert again[NEXT].publish == served(lake, CHANGES)[NEXT].publish != first[NEXT].publish
    assert active_files(lake) <= staged_files(lake)
    assert sorted(pl.read_delta(lake.root_of(CHANGES)).group_by("_proc_date").len()["len"]) == [1, 3]


@pytest.mark.parametrize(
    "said", [{"content_hash": "9" * 32}, {"quarantine_hash": "9" * 32}], ids=["other rows", "other refused rows"]
)
def test_any_other_content_is_published(lake: Lake, said: Mapping[str, str]) -> None:
    published(lake, {DAY: 1})
    assert published(lake, {DAY: 1}, **said)[DAY].status == PUBLISHED
    assert published(lake, {DAY: 1}, **said)[DAY].status == UNCHANGED


@pytest.mark.parametrize("changes", [{"version": "1.0.1"}, {"rule_set": "rules-2"}])
def test_the_same_content_under_another_contract_is_published_and_recorded(lake: Lake, changes: dict[str, str]) -> None:
    published(lake, {DAY: 1})
    other = with_contract(lake, **changes)
    assert published(other, {DAY: 1})[DAY].status == PUBLISHED
    assert published(other, {DAY: 1})[DAY].status == UNCHANGED
    record = served(other, CHANGES)[DAY].record
    assert (record.contract_version, record.rule_set) == (
        other.contract(CHANGES).version,
        other.contract(CHANGES).rule_set,
    )


def test_the_same_content_is_published_again_when_one_of_its_files_is_gone(lake: Lake) -> None:
    published(lake, {DAY: 1, NEXT: 2})
    (gone,) = table_of(lake).files_of([DAY])
    (Path(lake.root_of(CHANGES)) / gone.path).unlink()
    again = published(lake, {DAY: 1, NEXT: 2})
    assert {day: one.status for day, one in again.items()} == {DAY: PUBLISHED, NEXT: UNCHANGED}
    assert pl.read_delta(lake.root_of(CHANGES)).height == 3


def test_a_day_without_rows_is_published_as_one_file_without_rows(lake: Lake) -> None:
    assert {one.status for one in published(lake, {DAY: 1, NEXT: 0, THIRD: 0}).values()} == {PUBLISHED}
    assert table_of(lake).partitions == (DAY, NEXT, THIRD)
    assert [len(table_of(lake).files_of([day])) for day in (DAY, NEXT, THIRD)] == [1, 1, 1]


def test_nothing_to_publish_is_nothing(lake: Lake) -> None:
    step = opened(lake, DAY)
    assert publish(step, Draft((), columns=step.columns)) == []
    assert table_of(lake).version == step.table.version


@pytest.mark.parametrize("mine", [{DAY: 1}, {DAY: 1, NEXT: 5}])
def test_unchanged_content_is_not_said_of_a_day_that_moved_meanwhile(lake: Lake, mine: Mapping[str, int]) -> None:
    published(lake, {DAY: 1})
    step = opened(lake, *mine)
    draft = drafted(step, mine)
    published(lake, {DAY: 4})
    with pytest.raises(PartitionsMovedError):
        publish(step, draft)
    assert staged_files(lake) >= active_files(lake)
    assert not {name for name in staged_files(lake) if publish_of(name) == step.publish}
    assert pl.read_delta(lake.root_of(CHANGES)).height == 4


def test_unchanged_content_is_said_though_other_days_moved_meanwhile(lake: Lake) -> None:
    published(lake, {DAY: 1})
    step = opened(lake, DAY)
    draft = drafted(step, {DAY: 1})
    published(lake, {NEXT: 4})
    assert [one.status for one in publish(step, draft)] == [UNCHANGED]


def test_a_blocked_day_moves_nothing_and_says_why(lake: Lake) -> None:
    first = published(lake, {DAY: 1})
    before, step = table_of(lake).version, opened(lake, DAY)
    (result,) = publish(step, unbalanced(step, DAY))
    assert (result.status, result.record.status, result.publish) == (BLOCKED, BLOCKED, step.publish)
    assert "silver/customers_changes 2026-01-01: ledger_balances failed" in result.message
    assert table_of(lake).version == before
    assert served(lake, CHANGES)[DAY].publish == first[DAY].publish
    assert staged_files(lake) == active_files(lake)
    assert list(blocked(lake, CHANGES)) == [DAY]


def test_a_blocked_attempt_is_kept_once_while_it_says_the_same(lake: Lake) -> None:
    def version_after(on: Lake, missing: int) -> int:
        step = opened(on, DAY)
        publish(step, unbalanced(step, DAY, missing=missing))
        side = on.open(blocked_of(CHANGES))
        assert side is not None
        return side.version

    first = version_after(lake, 1)
    assert version_after(lake, 1) == first
    assert version_after(lake, 2) == first + 1
    assert version_after(with_contract(lake, rule_set="rules-2"), 2) == first + 2


def test_a_verdict_on_older_input_is_not_the_last_word(lake: Lake) -> None:
    published(lake, {DAY: 1})
    step = opened(lake, DAY)
    draft = unbalanced(step, DAY)
    published(lake, {DAY: 4})
    with pytest.raises(PartitionsMovedError):
        publish(step, draft)
    assert served(lake, CHANGES)[DAY].of.ledger.published == 4


def test_a_day_that_is_good_again_leaves_the_blocked_ones(lake: Lake) -> None:
    published(lake, {DAY: 1, NEXT: 1})
    for day in (DAY, NEXT):
        step = opened(lake, day)
        publish(step, unbalanced(step, day))
    assert set(blocked(lake, CHANGES)) == {DAY, NEXT}
    published(lake, {DAY: 3})
    assert set(blocked(lake, CHANGES)) == {NEXT}
    result = published(lake, {NEXT: 1})[NEXT]
    assert result.status == UNCHANGED
    assert not blocked(lake, CHANGES)
    assert newest(lake, CHANGES)[NEXT].publish == result.publish
    meta = Path(lake.root_of(CHANGES)) / META_FOLDER
    assert list(meta.rglob("*-recovered*"))
    side = lake.open(blocked_of(CHANGES))
    assert side is not None
    assert set(json.loads(side.delta.history(1)[0]["userMetadata"])) == {"resolved_by"}


def damage(lake: Lake, table: TableName) -> None:
    for path in (Path(lake.root_of(table)) / META_FOLDER).rglob("*.zst"):
        path.write_bytes(b"not what was written")


def test_the_same_content_is_published_again_when_its_record_is_damaged(lake: Lake) -> None:
    first = published(lake, {DAY: 1})[DAY]
    damage(lake, CHANGES)
    again = published(lake, {DAY: 1})[DAY]
    assert (again.status, again.publish != first.publish) == (PUBLISHED, True)
    assert served(lake, CHANGES)[DAY].publish == again.publish


def test_a_blocked_attempt_is_kept_again_when_its_record_is_damaged(lake: Lake) -> None:
    for _ in range(2):
        step = opened(lake, DAY)
        publish(step, unbalanced(step, DAY))
        assert list(blocked(lake, CHANGES)) == [DAY]
        damage(lake, blocked_of(CHANGES))


def test_refused_rows_are_added_beside_the_earlier_ones_and_paired_by_publish(lake: Lake) -> None:
    for count in (1, 2):
        step = opened(lake, DAY)
        kinds = in_memory(quarantine_columns(step.contract))
        draft = drafted(step, {DAY: count}, quarantine_hash=f"{count:032}")
        kinds.pop("_proc_date")
        refused = step.lake.engine.stage_empty(step.target(REFUSED), DAY, kinds)
        publish(step, replace(draft, refused=(refused,)))
    side = lake.open(REFUSED)
    assert side is not None
    assert len(side.files) == 2
    assert served(lake, CHANGES)[DAY].publish in {publish_of(file.path) for file in side.files}


def test_the_record_says_who_published_what_and_when(lake: Lake) -> None:
    result = published(lake, {DAY: 1})[DAY]
    record = served(lake, CHANGES)[DAY].record
    assert (record.publish, record.table, record.run_id) == (result.publish, str(CHANGES), "by hand")
    assert record.started_at <= record.finished_at
    assert [(one.partition, one.status) for one in record.partitions] == [(DAY, PUBLISHED)]
    assert {Path(file.path).name for file in record.files} == active_files(lake)
    assert record.engine == lake.engine.name
    assert record.upstreams == {}


def test_the_record_says_which_versions_were_read(lake: Lake) -> None:
    published(lake, {DAY: 1})
    derive_all(lake)
    assert served(lake, CUSTOMERS)["0"].record.upstreams == {str(CHANGES): table_of(lake).version}
