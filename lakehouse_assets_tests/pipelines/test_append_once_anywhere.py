"""Appended once and rolled back on a disk and in object stores alike: the same rows, fences and refusals."""

from collections import Counter
from pathlib import Path

import pytest

from lakehouse_assets.errors import LostCommitsError
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.rollback import plan_rollback, roll_back
from lakehouse_assets.pipeline.upkeep.maintain import maintain
from lakehouse_assets.storage.objects import Objects
from lakehouse_assets.storage.table import accept_loss
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
)
from lakehouse_assets_tests.places import Place
from lakehouse_assets_tests.racing import finish, start

pytestmark = pytest.mark.integration


@pytest.fixture
def lake(place: Place, tmp_path: Path) -> Lake:
    return shop_lake(tmp_path, source_also="    load: append_once\n", environ=place.environ)


def add(lake: Lake, name: str, *numbers: int) -> int:
    deliver(lake, name, [order(number) for number in numbers])
    run(lake, RAW, name[:10])
    return version_of(lake)


def version_of(lake: Lake) -> int:
    table = lake.open(RAW)
    assert table is not None
    return table.version


def ids(lake: Lake) -> list[str]:
    return sorted(rows_of(lake, RAW)["order_id"])


def test_files_are_appended_once_and_silver_reads_all_of_them(lake: Lake) -> None:
    add(lake, f"{DAY}-a", 1, 2)
    refresh(lake, DAY)
    add(lake, f"{DAY}-b", 3)

    assert statuses(refresh(lake, DAY)) == {DAY: "published"}
    assert statuses(run(lake, RAW, DAY)) == {DAY: "unchanged"}
    assert (ids(lake), sorted(rows_of(lake, ORDERS)["order_id"])) == (["1", "2", "3"], ["1", "2", "3"])


def test_processes_that_append_the_same_files_double_nothing_and_lose_nothing(lake: Lake) -> None:
    for day in (DAY, NEXT):
        for number in range(4):
            deliver(lake, f"{day}-{number}", [order(f"{day}-{number}")])

    finish(*[start(lake, 2, str(RAW), DAY, NEXT) for _ in range(2)])

    assert set(Counter(ids(lake)).values()) == {1}
    assert len(ids(lake)) == 8


def test_a_rollback_is_undone_and_what_it_took_away_loads_again(lake: Lake) -> None:
    kept = add(lake, f"{DAY}-a", 1)
    last = add(lake, f"{DAY}-b", 2)
    undisturbed = content_of(lake, RAW).hash

    roll_back(lake, RAW, kept, run_id="rollback")
    between = ids(lake)
    roll_back(lake, RAW, last, run_id="rollback")
    undone = content_of(lake, RAW).hash
    roll_back(lake, RAW, kept, run_id="rollback")
    run(lake, RAW, DAY)

    assert (between, undone, content_of(lake, RAW).hash) == (["1"], undisturbed, undisturbed)


def test_a_log_that_lost_its_last_commit_is_refused_until_the_loss_is_accepted(lake: Lake) -> None:
    add(lake, f"{DAY}-a", 1)
    last = add(lake, f"{DAY}-b", 2)
    Objects(lake.root_of(RAW), lake.options).delete([f"_delta_log/{last:020}.json"])

    with pytest.raises(LostCommitsError, match=f"version {last} of the table was published"):
        lake.open(RAW)
    with pytest.raises(LostCommitsError):
        run(lake, RAW, DAY)
    accept_loss(lake.root_of(RAW), lake.options)
    run(lake, RAW, DAY)

    assert ids(lake) == ["1", "2"]


def test_an_emptied_last_commit_is_refused_too(lake: Lake) -> None:
    last = add(lake, f"{DAY}-a", 1)
    Objects(lake.root_of(RAW), lake.options).write(f"_delta_log/{last:020}.json", b"")

    with pytest.raises(LostCommitsError, match="is empty"):
        lake.open(RAW)


def test_compacted_batches_are_known_and_a_rollback_beyond_the_compaction_loads_the_right_ones(lake: Lake) -> None:
    first = 0
    for number in range(6):
        version = add(lake, f"{DAY}-{number}", number)
        first = version if number == 3 else first
    undisturbed, word = content_of(lake, RAW).hash, served(lake, RAW)[DAY].of
    steps = {step.what for step in maintain(lake, RAW)}
    table = lake.open(RAW)
    assert table is not None

    again = run(lake, RAW, DAY)
    plan = plan_rollback(lake, RAW, first)
    roll_back(lake, RAW, first, run_id="rollback")
    between = ids(lake)
    run(lake, RAW, DAY)

    assert ("rewrote" in steps, len(table.files)) == (True, 1)
    assert (statuses(again), word.ledger) == ({DAY: "unchanged"}, served(lake, RAW)[DAY].of.ledger)
    assert (len(plan.batches), between) == (2, ["0", "1", "2", "3"])
    assert content_of(lake, RAW).hash == undisturbed
