"""Contracts move on, partitions stay behind: they are counted, tried out, and run again, and nothing else moves."""

from pathlib import Path

import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.outdated import find_outdated
from lakehouse_assets.pipeline.restate import Restated, restate
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    RAW_COLUMNS,
    THIRD,
    deliver,
    order,
    orders_contract,
    rows_of,
    run,
    shop_lake,
)
from lakehouse_assets_tests.three_days import DAYS, MORE, STRICT, contract_with, three_days


def outdated(lake: Lake, table: TableName = ORDERS) -> list[str]:
    return [one.partition for one in find_outdated(lake, table)]


def again(lake: Lake, *partitions: str, table: TableName = ORDERS) -> list[Restated]:
    return list(restate(lake, table, partitions, run_id="again"))


def test_partitions_of_todays_contract_are_not_outdated(tmp_path: Path) -> None:
    lake = three_days(tmp_path)

    assert outdated(lake) == outdated(lake, RAW) == []


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (contract_with("100"), "other rules or columns"),
        (contract_with("1000", "1.0.1"), "version 1.0.0 → 1.0.1"),
        (orders_contract(more=MORE, version="1.1.0"), "version 1.0.0 → 1.1.0"),
        (orders_contract().replace("orders.note]", "orders.customer]"), "other rules or columns"),
    ],
    ids=["bound", "version", "column", "origin of a column"],
)
def test_a_changed_contract_makes_every_partition_outdated(changed: str, why: str, tmp_path: Path) -> None:
    three_days(tmp_path)

    found = find_outdated(shop_lake(tmp_path, changed), ORDERS)

    assert [(one.partition, one.why) for one in found] == [(day, why) for day in DAYS]


def test_restating_runs_the_newest_first_and_says_what_changed(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, contract_with("100"))

    done = again(lake, *outdated(lake))

    assert [one.partition for one in done] == [THIRD, NEXT, DAY]
    assert {(one.status, one.is_changed) for one in done} == {("published", True)}
    assert {(one.before.published, one.after.published, one.after.quarantined) for one in done if one.before} == {
        (4, 2, 2)
    }
    assert outdated(lake) == []


def test_chunks_too_are_restated_newest_first(tmp_path: Path) -> None:
    small = "{identicalRows: keep, partitionsPerChunk: 2}"
    lake = three_days(tmp_path)
    lake = shop_lake(tmp_path, orders_contract(small, version="1.0.1"))

    done = again(lake, *DAYS)

    opened = lake.open(ORDERS)
    assert [one.partition for one in done] == [THIRD, NEXT, DAY]
    assert opened is not None
    assert [entry["version"] for entry in opened.delta.history(2)] == [opened.version, opened.version - 1]
    assert outdated(lake) == []


def test_a_contract_that_changes_no_row_is_up_to_date_afterwards_and_moves_nothing_downstream(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, contract_with("500", "1.1.0"))
    before = content_of(lake, ORDERS)

    done = again(lake, *DAYS)

    assert {(one.status, one.is_changed) for one in done} == {("published", False)}
    assert content_of(lake, ORDERS).partitions == before.partitions
    assert outdated(lake) == []
    assert {one.status for one in again(lake, *DAYS)} == {"unchanged"}


def test_a_blocked_restatement_keeps_the_served_partition_and_it_stays_outdated(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, contract_with("100").replace("allow}", "allow, maxQuarantineRatio: 0.1}"))

    done = again(lake, DAY)

    assert [(one.status, one.is_changed) for one in done] == [("blocked", False)]
    assert rows_of(lake, ORDERS).height == 12
    assert outdated(lake) == list(DAYS)


def test_where_columns_are_read_later_a_new_one_leaves_bronze_up_to_date(tmp_path: Path) -> None:
    three_days(tmp_path)
    raw = f"{RAW_COLUMNS}, coupon: text"
    optional = "    optionalColumns: [coupon]\n"

    on_read = shop_lake(tmp_path, raw=raw, source_also=optional)
    read = outdated(on_read, RAW)
    on_write = shop_lake(tmp_path, raw=raw, source_also=f"{optional}    schema: on_write\n")

    assert read == []
    assert outdated(on_write, RAW) == list(DAYS)
    assert [one.status for one in again(on_write, *DAYS, table=RAW)] == ["published"] * 3
    assert outdated(on_write, RAW) == []


DERIVED = "{mode: derived, keys: [order_id], sequenceBy: changed_at, buckets: 4}"
LOG = TableName.parse("silver/orders_changes")


def test_a_derived_table_is_outdated_as_a_whole_and_restated_after_its_log(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(DERIVED))
    for day in DAYS:
        deliver(lake, day, [order(number, amount=50 * number - 40) for number in range(1, 5)])
    run(lake, RAW, *DAYS)
    run(lake, LOG, *DAYS)
    run(lake, ORDERS)
    fresh = [outdated(lake, table) for table in (LOG, ORDERS)]

    lake = shop_lake(tmp_path, orders_contract(DERIVED, version="1.1.0").replace(STRICT, "maximum: 100"))
    stale = [outdated(lake, table) for table in (LOG, ORDERS)]
    again(lake, *DAYS, table=LOG)
    again(lake, "0")

    assert fresh == [[], []]
    assert stale == [list(DAYS), ["0"]]
    assert [outdated(lake, table) for table in (LOG, ORDERS)] == [[], []]
    assert sorted(rows_of(lake, ORDERS)["amount"]) == [10, 60]


def test_a_derived_table_whose_content_stays_is_up_to_date_as_well(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(DERIVED))
    deliver(lake, DAY, [order(number) for number in range(1, 9)])
    run(lake, RAW, DAY)
    run(lake, LOG, DAY)
    run(lake, ORDERS)
    before = content_of(lake, ORDERS)

    lake = shop_lake(tmp_path, orders_contract(DERIVED, version="1.0.1"))
    again(lake, DAY, table=LOG)
    again(lake, "0")

    assert outdated(lake) == outdated(lake, LOG) == []
    assert content_of(lake, ORDERS).hash == before.hash


def test_what_was_appended_once_is_never_outdated(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="    load: append_once\n")
    deliver(lake, DAY, [order(1)])
    run(lake, RAW, DAY)
    source = tmp_path / "config/sources/shop.yaml"
    source.write_text(source.read_text().replace("minRows: 0", "minRows: 1"))

    changed = open_lake(lake.settings)

    assert changed.contract(RAW).rule_set != lake.contract(RAW).rule_set
    assert outdated(changed, RAW) == []
