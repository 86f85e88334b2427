"""Going back to an earlier version: the files of then, with everything their records say, and nothing is lost."""

from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.errors import (
    LakehouseError,
    NothingToDoError,
    StorageError,
    UnknownVersionError,
)
from lakehouse_assets.incidents.book import list_incidents
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import newest, served
from lakehouse_assets.pipeline.rollback import list_versions, plan_rollback, roll_back
from lakehouse_assets.state.reports import latest_partitions
from lakehouse_assets.storage.table import OpenTable
from lakehouse_assets_tests.lakes import (
    DAY,
    HEADER,
    NEXT,
    ORDERS,
    RAW,
    THIRD,
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

RUN = "rollback"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return shop_lake(tmp_path)


def ids(lake: Lake, table: TableName = ORDERS) -> list[str]:
    return sorted(rows_of(lake, table)["order_id"])


def version_of(lake: Lake, table: TableName = ORDERS) -> int:
    return opened(lake, table).version


def opened(lake: Lake, table: TableName = ORDERS) -> OpenTable:
    found = lake.open(table)
    assert found is not None
    return found


def publish(lake: Lake, day: str, *numbers: object, table: TableName = ORDERS) -> int:
    """Deliver a day, run bronze and silver, and return the version of a table."""
    deliver(lake, day, [order(number) for number in numbers])
    refresh(lake, day)
    return version_of(lake, table)


def status_of(lake: Lake, table: TableName = ORDERS) -> dict[str, tuple[str, int]]:
    with store_of(lake) as store:
        absorb(lake, store)
        with store.reading() as connection:
            return {
                one.partition: (one.status, one.rows_published) for one in latest_partitions(connection, str(table))
            }


def open_rules(lake: Lake) -> set[str]:
    with store_of(lake) as store:
        absorb(lake, store)
        with store.reading() as connection:
            return {one.rule_id for one in list_incidents(connection) if one.state != "resolved"}


def test_the_earlier_version_is_served_again_in_one_commit(lake: Lake) -> None:
    first = publish(lake, DAY, 1, 2)
    before = content_of(lake, ORDERS)
    last = publish(lake, DAY, 3)

    plan = roll_back(lake, ORDERS, first, run_id=RUN)

    after = content_of(lake, ORDERS)
    assert (after.hash, after.version) == (before.hash, last + 1)
    assert [(one.partition, one.rows_now, one.rows_then) for one in plan.partitions] == [(DAY, 1, 2)]


def test_partitions_that_did_not_change_are_left_alone(lake: Lake) -> None:
    publish(lake, NEXT, 9)
    first = publish(lake, DAY, 1, 2)
    publish(lake, DAY, 3)
    untouched = opened(lake).files_of([NEXT])

    roll_back(lake, ORDERS, first, run_id=RUN)

    assert opened(lake).files_of([NEXT]) == untouched
    assert ids(lake) == ["1", "2", "9"]


def test_a_partition_that_came_later_is_withdrawn_and_comes_back_with_a_run(lake: Lake) -> None:
    first = publish(lake, DAY, 1)
    publish(lake, NEXT, 2)

    roll_back(lake, ORDERS, first, run_id=RUN)
    gone = ids(lake)
    again = run(lake, ORDERS, NEXT)

    assert (gone, statuses(again), ids(lake)) == (["1"], {NEXT: "published"}, ["1", "2"])


def test_a_second_rollback_undoes_the_first(lake: Lake) -> None:
    first = publish(lake, DAY, 1)
    publish(lake, NEXT, 2)
    last = publish(lake, DAY, 3)
    before = (content_of(lake, ORDERS).hash, newest(lake, ORDERS))

    roll_back(lake, ORDERS, first, run_id=RUN)
    roll_back(lake, ORDERS, last, run_id=RUN)

    assert (content_of(lake, ORDERS).hash, newest(lake, ORDERS)) == before


def test_a_dry_run_tells_the_same_and_writes_nothing(lake: Lake) -> None:
    first = publish(lake, DAY, 1, 2)
    publish(lake, DAY, 3)
    before = stored(Path(lake.root))

    plan = plan_rollback(lake, ORDERS, first)

    assert stored(Path(lake.root)) == before
    assert plan.partitions == roll_back(lake, ORDERS, first, run_id=RUN).partitions


def test_records_quarantine_and_gate_are_those_of_then(lake: Lake) -> None:
    deliver(lake, DAY, [order(1), order(2, amount="many")])
    refresh(lake, DAY)
    first, word = version_of(lake), served(lake, ORDERS)[DAY]
    publish(lake, DAY, 1, 2, 3)

    roll_back(lake, ORDERS, first, run_id=RUN)

    rows = served_quarantine(lake, ORDERS)
    assert rows is not None
    assert lake.engine.collect(rows)["_row_id"].to_list() == [f"{DAY}.csv#000000002"]
    assert newest(lake, ORDERS)[DAY] == word


def test_the_state_store_hears_the_words_of_then_and_what_is_gone(lake: Lake) -> None:
    first = publish(lake, DAY, 1, 2)
    publish(lake, DAY, 3)
    publish(lake, NEXT, 4)
    known = status_of(lake)

    roll_back(lake, ORDERS, first, run_id=RUN)

    assert known == {DAY: ("published", 1), NEXT: ("published", 1)}
    assert status_of(lake) == {DAY: ("published", 2), NEXT: ("withdrawn", 0)}


def test_incidents_follow_a_rollback_in_both_directions(lake: Lake) -> None:
    good = publish(lake, DAY, 1)
    deliver(lake, DAY, [order(1), order(2, amount="many")])
    refresh(lake, DAY)
    bad, broken = version_of(lake), open_rules(lake)

    roll_back(lake, ORDERS, good, run_id=RUN)
    healed = open_rules(lake)
    roll_back(lake, ORDERS, bad, run_id=RUN)

    assert ("amount.parse" in broken, "amount.parse" in healed) == (True, False)
    assert "amount.parse" in open_rules(lake)


def test_incidents_of_a_withdrawn_partition_close(lake: Lake) -> None:
    first = publish(lake, DAY, 1)
    deliver(lake, NEXT, [order(1), order(2, amount="many")])
    refresh(lake, NEXT)
    broken = open_rules(lake)

    roll_back(lake, ORDERS, first, run_id=RUN)

    assert ("amount.parse" in broken, "amount.parse" in open_rules(lake)) == (True, False)


def test_a_blocked_attempt_stays_the_newest_word_on_its_partition(tmp_path: Path) -> None:
    gate = "{maxQuarantineRatio: 0.2, emptyPartition: allow}"
    lake = shop_lake(tmp_path, orders_contract(gate=gate))
    first = publish(lake, DAY, 1)
    publish(lake, DAY, 1, 2)
    deliver(lake, DAY, [order(1, amount="x")])
    refresh(lake, DAY)

    roll_back(lake, ORDERS, first, run_id=RUN)

    assert newest(lake, ORDERS)[DAY].of.status == "blocked"
    assert status_of(lake)[DAY][0] == "blocked"
    assert ids(lake) == ["1"]


def test_columns_that_came_later_stay_and_are_null(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, unknown="evolve")
    deliver(lake, DAY, [order(1)])
    run(lake, RAW, DAY)
    first = version_of(lake, RAW)
    deliver(lake, DAY, [[*order(1), "yes"]], header=[*HEADER, "is_gift"])
    run(lake, RAW, DAY)
    wide = version_of(lake, RAW)

    roll_back(lake, RAW, first, run_id=RUN)
    narrow = rows_of(lake, RAW).select("order_id", "is_gift").rows()
    roll_back(lake, RAW, wide, run_id=RUN)

    assert narrow == [("1", None)]
    assert rows_of(lake, RAW).select("order_id", "is_gift").rows() == [("1", "yes")]


def test_the_files_of_then_are_found_by_readers_that_prune(lake: Lake) -> None:
    first = publish(lake, DAY, 1, 2)
    publish(lake, DAY, 3)

    roll_back(lake, ORDERS, first, run_id=RUN)

    scan = pl.scan_delta(lake.root_of(ORDERS))
    assert scan.filter(pl.col("amount") == 10).collect().height == 2
    assert scan.filter(pl.col("amount") > 10).collect().height == 0


def test_a_version_that_does_not_exist_is_refused(lake: Lake) -> None:
    publish(lake, DAY, 1)

    with pytest.raises(UnknownVersionError, match="there is no version 99; the newest is 1"):
        roll_back(lake, ORDERS, 99, run_id=RUN)


def test_a_rollback_that_would_change_nothing_is_refused(lake: Lake) -> None:
    last = publish(lake, DAY, 1)

    with pytest.raises(NothingToDoError, match="holds exactly what is served now"):
        roll_back(lake, ORDERS, last, run_id=RUN)


def test_files_that_are_gone_refuse_the_rollback_before_anything_is_written(lake: Lake) -> None:
    first = publish(lake, DAY, 1)
    for file in opened(lake).files:
        Path(lake.root_of(ORDERS), file.path).unlink()
    publish(lake, DAY, 2)
    before = stored(Path(lake.root))

    with pytest.raises(StorageError, match=r"1 files of version 1 are gone.*Choose a later version"):
        roll_back(lake, ORDERS, first, run_id=RUN)

    assert stored(Path(lake.root)) == before


def test_a_table_that_was_never_published_is_refused(lake: Lake) -> None:
    with pytest.raises(LakehouseError, match="was never published"):
        roll_back(lake, ORDERS, 0, run_id=RUN)


def test_versions_are_listed_with_what_made_them(lake: Lake) -> None:
    first = publish(lake, DAY, 1)
    publish(lake, DAY, 2)
    roll_back(lake, ORDERS, first, run_id=RUN)

    versions = list_versions(lake, ORDERS)

    assert [one.version for one in versions] == [3, 2, 1, 0]
    assert [one.what.partition(" by ")[0] for one in versions] == ["rollback to version 1", DAY, DAY, "created"]


def test_an_empty_table_is_a_version_too(lake: Lake) -> None:
    publish(lake, DAY, 1)

    roll_back(lake, ORDERS, 0, run_id=RUN)

    assert (ids(lake), opened(lake).partitions) == ([], ())


def test_a_table_downstream_follows_a_rollback(lake: Lake) -> None:
    deliver(lake, DAY, [order(1)])
    refresh(lake, DAY)
    first = version_of(lake, RAW)
    publish(lake, DAY, 2)

    roll_back(lake, RAW, first, run_id=RUN)

    assert statuses(run(lake, ORDERS, DAY)) == {DAY: "published"}
    assert ids(lake) == ["1"]
    assert THIRD not in served(lake, ORDERS)
