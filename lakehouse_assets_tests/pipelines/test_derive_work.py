"""What a derivation holds at once, judges, counts and leaves alone; that its rows are right is asked elsewhere."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import narwhals as nw
import pytest

from lakehouse_assets.contracts.loading import History
from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.naming import BUCKET
from lakehouse_assets.pipeline.entities import derive as module
from lakehouse_assets.pipeline.entities import passes, spill, work
from lakehouse_assets.pipeline.entities.entity import entity_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import BLOCKED, PUBLISHED, Ledger
from lakehouse_assets_tests.entity_lakes import CUSTOMERS, derive_all, entity_lake, publish_changes
from lakehouse_assets_tests.entity_oracle import Event, customers

FIRST, SECOND, THIRD = "2026-01-01", "2026-01-02", "2026-01-03"
KEYS = [f"customer {number}" for number in range(24)]
EVERYBODY = [Event(key, 0, "first", 1, number=number) for number, key in enumerate(KEYS)]
SOME = [Event(key, 5, "second", 2) for key in KEYS[:5]]
# Current values that depend on earlier changes: all changes of a touched key are read again.
READ_AGAIN: dict[str, Any] = {"types": {"name": 0, "score": 3}}
FOLDED: dict[str, Any] = {}
LIMIT, SIDE_BY_SIDE = 3, 8


def made(folder: Path, shape: dict[str, Any], *days: list[Event]) -> Lake:
    lake = entity_lake(folder, *customers(**shape))
    for day, events in zip((FIRST, SECOND, THIRD), days, strict=False):
        publish_changes(lake, day, events)
    return lake


def by_bucket(lake: Lake, *events: Event) -> Counter[str]:
    """Return how many of the events are about keys of each bucket."""
    rows = nw.from_native(nw.from_dict({"id": [event.key for event in events]}, backend="polars").to_native().lazy())
    buckets = passes.with_bucket(rows, entity_of(lake.contract(CUSTOMERS))).collect()[BUCKET]
    return Counter(buckets.to_list())


def doubled(function: Callable[..., nw.LazyFrame]) -> Callable[..., nw.LazyFrame]:
    def twice(*arguments: Any) -> nw.LazyFrame:  # noqa: ANN401 - whatever the function takes
        rows = function(*arguments)
        return nw.concat([rows, rows])

    return twice


@pytest.mark.parametrize("derived_before", [False, True], ids=["from scratch", "touched keys"])
@pytest.mark.parametrize(
    ("shape", "computed_by", "said"),
    [
        (READ_AGAIN, "current", "keys with more than one row"),
        ({"history": History.SCD2}, "history", "versions that overlap another one"),
    ],
    ids=["current", "history"],
)
def test_rows_that_were_computed_wrong_are_kept_back(
    tmp_path: Path, shape: dict[str, Any], computed_by: str, said: str, *, derived_before: bool
) -> None:
    lake = made(tmp_path, shape, EVERYBODY)
    if derived_before:
        derive_all(lake)
        publish_changes(lake, SECOND, SOME)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, computed_by, doubled(getattr(work, computed_by)))
        (result,) = derive_all(lake).values()

    assert (result.status, said in result.message) == (BLOCKED, True), result.message


def test_the_ledger_of_a_build_counts_every_change_once(tmp_path: Path) -> None:
    lake = made(tmp_path, FOLDED, EVERYBODY, SOME)

    (result,) = derive_all(lake).values()

    read = len(EVERYBODY) + len(SOME)
    assert result.record.ledger == Ledger(read=read, published=len(KEYS), deduplicated=len(SOME))


def test_a_bucket_whose_rows_stay_as_they_are_is_not_written_again(tmp_path: Path) -> None:
    lake = made(tmp_path, READ_AGAIN, EVERYBODY, [Event(key, 9, "first", 1) for key in KEYS])
    derive_all(lake)
    before = files(lake)
    changed = Event(KEYS[0], 10, "third", 3)
    # In the middle of what is known of every key, and nothing new.
    publish_changes(lake, THIRD, [changed, *(Event(key, 4, "first", 1) for key in KEYS)])

    (result,) = derive_all(lake).values()

    after = files(lake)
    assert result.status == PUBLISHED
    assert {name for name in after if after[name] != before[name]} == set(by_bucket(lake, changed))


def files(lake: Lake) -> Mapping[str, list[str]]:
    table = lake.open(CUSTOMERS)
    assert table is not None
    return {bucket: [file.path for file in table.files_of([bucket])] for bucket in table.partitions}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the last derivation asked to be cut: the sizes of its buckets, and its log into how many passes."""
    found: dict[str, Any] = {}

    def noted_cut(sizes: Mapping[str, int], **more: Any) -> Any:  # noqa: ANN401 - as the function's
        found["sizes"] = {bucket: size for bucket, size in sizes.items() if size}
        found["buckets"] = set(sizes)
        return passes.cut(sizes, **more)

    def noted_passes(whole: Any, count: int) -> Any:  # noqa: ANN401 - as the function's
        found["passes"] = count
        return spill.cut_by_key(whole, count)

    monkeypatch.setattr(module, "cut", noted_cut)
    monkeypatch.setattr(module, "cut_by_key", noted_passes)
    return found


def test_a_build_counts_all_changes_of_all_buckets(tmp_path: Path, asked: dict[str, Any]) -> None:
    lake = made(tmp_path, READ_AGAIN, EVERYBODY, SOME)
    derive_all(lake)
    assert asked["sizes"] == by_bucket(lake, *EVERYBODY, *SOME)
    assert asked["buckets"] == {str(bucket) for bucket in range(lake.contract(CUSTOMERS).load.buckets)}


def test_folding_holds_new_changes_and_as_many_rows(tmp_path: Path, asked: dict[str, Any]) -> None:
    lake = made(tmp_path, FOLDED, EVERYBODY)
    derive_all(lake)
    publish_changes(lake, SECOND, SOME)
    derive_all(lake)
    assert asked["sizes"] == {bucket: 2 * count for bucket, count in by_bucket(lake, *SOME).items()}
    assert asked["passes"] <= spill.FEW_PASSES


def test_a_log_that_fits_into_a_pass_is_not_counted(tmp_path: Path, asked: dict[str, Any]) -> None:
    lake = made(tmp_path, READ_AGAIN, EVERYBODY)
    derive_all(lake)
    publish_changes(lake, SECOND, SOME)
    derive_all(lake)
    assert asked["sizes"] == by_bucket(lake, *SOME)


@pytest.mark.parametrize(
    ("keys_at_once", "counted"),
    [(len(SOME) + 1, [*SOME, *EVERYBODY[:5]]), (len(SOME), [*SOME, *EVERYBODY[:5]]), (len(SOME) - 1, None)],
    ids=["fewer keys", "as many", "more: all of their buckets"],
)
def test_of_a_large_log_all_changes_of_touched_keys_are_counted(
    tmp_path: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, keys_at_once: int, counted: list[Event]
) -> None:
    lake = made(tmp_path, READ_AGAIN, EVERYBODY)
    derive_all(lake)
    publish_changes(lake, SECOND, SOME)
    monkeypatch.setattr("lakehouse_assets.pipeline.entities.passes.ROWS_PER_PASS", LIMIT)
    monkeypatch.setattr(module, "KEYS_AT_ONCE", keys_at_once)

    derive_all(lake)

    touched = by_bucket(lake, *SOME)
    everything = by_bucket(lake, *EVERYBODY, *SOME)
    expected = by_bucket(lake, *counted) if counted else {bucket: everything[bucket] for bucket in touched}
    assert asked["sizes"] == expected
    assert asked["passes"] > spill.FEW_PASSES


@pytest.mark.parametrize("shape", [FOLDED, READ_AGAIN], ids=["folded", "read again"])
def test_no_more_rows_than_those_of_a_pass_are_written_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: dict[str, Any]
) -> None:
    lake = made(tmp_path, shape, EVERYBODY)
    derive_all(lake)
    # One change a bucket: all of them fit into one pass, the rows that are carried do not.
    changed = {bucket: key for key in KEYS for bucket in by_bucket(lake, Event(key, 5))}
    publish_changes(lake, SECOND, [Event(key, 5, "second", 2) for key in changed.values()])
    written: list[Counter[str]] = []
    stage = PolarsEngine.stage

    def noted(self: PolarsEngine, *arguments: Any) -> Any:  # noqa: ANN401 - as the method's
        staged, totals = stage(self, *arguments)
        if arguments[0][0].target.root == lake.root_of(CUSTOMERS):  # not the log, which is cut by key beside the lake
            written.append(Counter({file.partition: file.rows for files in staged for file in files}))
        return staged, totals

    monkeypatch.setattr("lakehouse_assets.pipeline.entities.passes.ROWS_PER_PASS", SIDE_BY_SIDE)
    monkeypatch.setattr(PolarsEngine, "stage", noted)

    derive_all(lake)

    assert sum(rows.total() for rows in written) == len(KEYS)
    assert all(len(rows) <= 1 or rows.total() <= SIDE_BY_SIDE for rows in written), written
