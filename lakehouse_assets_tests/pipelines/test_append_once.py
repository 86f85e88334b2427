"""Tables that are appended once: each file is a batch that is in the table exactly once, whatever happens around it."""

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.recorded import blocked, served
from lakehouse_assets.results import Ledger
from lakehouse_assets.state.reports import latest_partitions
from lakehouse_assets_tests.lakes import (
    DAY,
    HEADER,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
    stored,
)
from lakehouse_assets_tests.racing import finish, let_go, start

SEEDS = (1, 2, random.SystemRandom().randrange(10_000))


def append_lake(folder: Path, *, unknown: str = "quarantine") -> Lake:
    folder.mkdir(exist_ok=True)
    return shop_lake(folder, orders_contract(), unknown=unknown, source_also="    load: append_once\n")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return append_lake(tmp_path)


def orders(lake: Lake, table: TableName = RAW) -> list[str]:
    return sorted(rows_of(lake, table)["order_id"])


def hash_of(lake: Lake, table: TableName = RAW) -> str:
    return content_of(lake, table).hash


def deliver_all(lake: Lake, files: Iterable[tuple[str, Sequence[str]]]) -> None:
    for name, ids in files:
        deliver(lake, name, [order(one) for one in ids])


def test_a_second_run_reads_no_file_again_and_changes_nothing(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12"), (f"{DAY}-b", "34")])
    first = run(lake, RAW, DAY)
    before = stored(Path(lake.root))

    again = run(lake, RAW, DAY)

    assert (statuses(first), statuses(again)) == ({DAY: "published"}, {DAY: "unchanged"})
    assert (orders(lake), stored(Path(lake.root))) == (["1", "2", "3", "4"], before)


def test_a_later_file_is_added_beside_the_earlier_ones(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12")])
    run(lake, RAW, DAY)
    deliver_all(lake, [(f"{DAY}-b", "34")])

    assert statuses(run(lake, RAW, DAY)) == {DAY: "published"}
    assert orders(lake) == ["1", "2", "3", "4"]


def test_what_a_partition_holds_does_not_depend_on_when_its_files_arrived(tmp_path: Path) -> None:
    files = [(f"{DAY}-a", "12"), (f"{DAY}-b", "3"), (f"{DAY}-c", "12")]
    at_once, one_by_one = append_lake(tmp_path / "at_once"), append_lake(tmp_path / "one_by_one")
    deliver_all(at_once, files)
    run(at_once, RAW, DAY)

    for file in reversed(files):
        deliver_all(one_by_one, [file])
        run(one_by_one, RAW, DAY)

    words = [served(one, RAW)[DAY].of for one in (at_once, one_by_one)]
    assert hash_of(at_once) == hash_of(one_by_one)
    assert words[0].content_hash == words[1].content_hash
    assert words[0].ledger == words[1].ledger == Ledger(read=5, published=5)
    assert set(rows_of(at_once, RAW)["_row_id"]) == set(rows_of(one_by_one, RAW)["_row_id"])


def test_a_file_sent_again_with_other_content_is_another_batch(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12")])
    run(lake, RAW, DAY)
    deliver_all(lake, [(f"{DAY}-a", "13")])

    run(lake, RAW, DAY)

    assert orders(lake) == ["1", "1", "2", "3"]
    assert rows_of(lake, RAW)["_row_id"].n_unique() == 4


def test_a_content_that_came_before_goes_back_to_being_known(lake: Lake) -> None:
    said = []
    for ids in ("12", "13", "12"):
        deliver_all(lake, [(f"{DAY}-a", ids)])
        said.append(statuses(run(lake, RAW, DAY))[DAY])

    assert said == ["published", "published", "unchanged"]
    assert orders(lake) == ["1", "1", "2", "3"]


def test_equal_content_under_another_name_is_another_batch_and_is_told(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12"), (f"{DAY}-b", "12")])

    run(lake, RAW, DAY)

    told = {result.rule_id: result for result in served(lake, RAW)[DAY].of.results}["repeated_content"]
    assert orders(lake) == ["1", "1", "2", "2"]
    assert (told.failed_rows, told.reason) == (1, f"{DAY}-b.csv has the content of {DAY}-a.csv of {DAY}")


def test_a_file_that_leaves_the_source_keeps_its_rows(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12")])
    path = deliver(lake, f"{DAY}-b", [order(3)])
    run(lake, RAW, DAY)
    path.unlink()
    Path(path.parent, f"{DAY}-a.csv").unlink()

    assert statuses(run(lake, RAW, DAY)) == {DAY: "unchanged"}
    assert orders(lake) == ["1", "2", "3"]


def test_a_day_for_which_nothing_ever_came_is_blocked(lake: Lake) -> None:
    result = run(lake, RAW, DAY)[DAY]

    assert result.is_blocked
    assert "missing: no file has arrived" in result.message


def test_a_bad_file_is_kept_back_without_its_neighbours_until_it_is_good(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12")])
    deliver(lake, f"{DAY}-b", [["1"]], header=["something"])
    deliver_all(lake, [(f"{DAY}-c", "3")])

    failed = run(lake, RAW, DAY)[DAY]
    kept, word = orders(lake), blocked(lake, RAW)[DAY]
    letters = pl.read_delta(f"{lake.root}/dead_letters/shop/orders")["object"].to_list()
    deliver_all(lake, [(f"{DAY}-b", "4")])
    healed = run(lake, RAW, DAY)

    assert (failed.status, kept, letters) == ("blocked", ["1", "2", "3"], [f"{DAY}-b.csv"])
    assert failed.message.endswith("2 other files were appended.")
    assert [result.rule_id for result in word.of.results if not result.passed] == ["arrival"]
    assert (statuses(healed), orders(lake), blocked(lake, RAW)) == ({DAY: "published"}, ["1", "2", "3", "4"], {})


def test_a_bad_file_that_is_taken_back_ends_the_failure_without_a_publish(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12")])
    path = deliver(lake, f"{DAY}-b", [["1"]], header=["something"])
    run(lake, RAW, DAY)
    path.unlink()

    assert statuses(run(lake, RAW, DAY)) == {DAY: "unchanged"}
    assert blocked(lake, RAW) == {}


def test_bounds_of_an_arrival_hold_for_each_file_by_itself(tmp_path: Path) -> None:
    settings = append_lake(tmp_path).settings
    source = tmp_path / "config/sources/shop.yaml"
    source.write_text(source.read_text().replace("minRows: 0", "minRows: 2"))
    lake = open_lake(settings)
    deliver_all(lake, [(f"{DAY}-a", "123"), (f"{DAY}-b", "4")])

    failed = run(lake, RAW, DAY)[DAY]

    assert (failed.status, orders(lake)) == ("blocked", ["1", "2", "3"])
    assert "row_bounds" in failed.message


def test_an_empty_file_is_a_batch_without_rows_and_known_the_next_time(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "")])

    assert [statuses(run(lake, RAW, DAY))[DAY] for _ in range(2)] == ["published", "unchanged"]
    assert content_of(lake, RAW).partitions[DAY][0] == 0


def test_silver_reads_every_batch_and_follows_a_later_one(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12")])
    refresh(lake, DAY)
    deliver_all(lake, [(f"{DAY}-b", "3"), (f"{NEXT}-a", "4")])

    assert statuses(refresh(lake, DAY, NEXT)) == {DAY: "published", NEXT: "published"}
    assert orders(lake, ORDERS) == ["1", "2", "3", "4"]


def test_more_files_than_one_commit_takes_are_all_appended(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-{number:04d}", [str(number)]) for number in range(205)])

    run(lake, RAW, DAY)

    table = lake.open(RAW)
    assert table is not None
    assert (len(orders(lake)), table.version, served(lake, RAW)[DAY].of.ledger.published) == (205, 3, 205)


def test_a_file_with_a_new_column_widens_the_table_and_loses_nothing(tmp_path: Path) -> None:
    lake = append_lake(tmp_path, unknown="evolve")
    deliver_all(lake, [(f"{DAY}-a", "12")])
    run(lake, RAW, DAY)
    deliver(lake, f"{DAY}-b", [[*order(3), "yes"]], header=[*HEADER, "is_gift"])

    run(lake, RAW, DAY)

    rows = rows_of(lake, RAW).sort("order_id")
    assert rows.select("order_id", "is_gift").rows() == [("1", None), ("2", None), ("3", "yes")]
    assert hash_of(lake) == hash_of(lake)


def test_processes_that_append_the_same_files_double_nothing_and_lose_nothing(lake: Lake) -> None:
    deliver_all(lake, [(f"{day}-{number}", [f"{day}{number}"]) for day in (DAY, NEXT) for number in range(8)])

    finish(*[start(lake, 2, str(RAW), DAY, NEXT) for _ in range(3)])

    assert set(Counter(orders(lake)).values()) == {1}
    assert len(orders(lake)) == 16


def test_a_run_killed_right_after_its_commit_is_not_repeated(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12"), (f"{DAY}-b", "3")])
    process = start(lake, 1, str(RAW), DAY)
    let_go(process)
    commit = Path(lake.root_of(RAW), "_delta_log", f"{1:020}.json")
    deadline = time.monotonic() + 30
    while not commit.exists() and time.monotonic() < deadline:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert statuses(run(lake, RAW, DAY)) == {DAY: "unchanged"}
    assert orders(lake) == ["1", "2", "3"]


@pytest.mark.parametrize("seed", SEEDS, ids=["seed-1", "seed-2", "fresh-seed"])
def test_a_run_killed_at_any_moment_converges_to_the_undisturbed_content(tmp_path: Path, seed: int) -> None:
    files = [
        (f"{day}-{number}", [f"{day}{number}{row}" for row in range(50)]) for day in (DAY, NEXT) for number in "abc"
    ]
    calm, killed = append_lake(tmp_path / "calm"), append_lake(tmp_path / "killed")
    for one in (calm, killed):
        deliver_all(one, files)
    run(calm, RAW, DAY, NEXT)
    process = start(killed, 1, str(RAW), DAY, NEXT)
    let_go(process)

    try:
        process.wait(random.Random(seed).uniform(0, 0.8))  # noqa: S311 - a campaign must be repeatable
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    run(killed, RAW, DAY, NEXT)

    assert hash_of(killed) == hash_of(calm), f"seed {seed}"


def test_the_state_store_hears_what_all_publishes_of_a_partition_say_together(lake: Lake) -> None:
    deliver(lake, f"{DAY}-a", [order(1), ["2", "ann"]])
    run(lake, RAW, DAY)
    with store_of(lake) as store:
        absorb(lake, store)
    deliver_all(lake, [(f"{DAY}-b", "345")])
    run(lake, RAW, DAY)

    with store_of(lake) as store:
        absorb(lake, store)
        with store.reading() as connection:
            (status,) = latest_partitions(connection, str(RAW))

    told = {result.rule_id: result.failed_rows for result in served(lake, RAW)[DAY].of.results}
    assert (status.status, status.rows_read, status.rows_published) == ("published", 5, 5)
    assert told["well_formed"] == 1


def test_batches_whose_record_is_gone_are_not_appended_again(lake: Lake) -> None:
    deliver_all(lake, [(f"{DAY}-a", "12")])
    run(lake, RAW, DAY)
    for record in Path(lake.root_of(RAW), "_lakehouse").glob("*.json.zst"):
        record.unlink()
    deliver_all(lake, [(f"{DAY}-b", "3")])

    assert statuses(run(lake, RAW, DAY)) == {DAY: "published"}
    assert orders(lake) == ["1", "2", "3"]
