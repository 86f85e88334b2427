"""A day that fails its audit keeps serving what it served; the other days of the run are published."""

from pathlib import Path

import pytest

from lakehouse_assets.incidents.book import list_incidents
from lakehouse_assets.naming import blocked_of, quarantine_of
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import blocked, newest, served
from lakehouse_assets.results import PartitionResult
from lakehouse_assets.state.reports import latest_partitions
from lakehouse_assets_tests.lakes import (
    DAY,
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

WEEK = (DAY, NEXT, THIRD)
GOOD = [order(number) for number in range(1, 5)]
BAD = [*GOOD, *[order(number, amount="many") for number in range(5, 9)]]


@pytest.fixture
def shop(tmp_path: Path) -> Lake:
    """Return a shop that allows a fifth of bad rows, after a good run of two days of three."""
    lake = shop_lake(tmp_path, orders_contract(gate="{maxQuarantineRatio: 0.2, emptyPartition: allow}"))
    for day in WEEK:
        deliver(lake, day, GOOD)
    refresh(lake, DAY, NEXT)
    return lake


def break_a_day(lake: Lake) -> dict[str, PartitionResult]:
    """Deliver a second day that is half bad, and run all three."""
    deliver(lake, DAY, [*GOOD, order(9)])
    deliver(lake, NEXT, BAD)
    return refresh(lake, *WEEK)


def rows_by_day(lake: Lake) -> dict[str, int]:
    counted = rows_of(lake, ORDERS).group_by("_proc_date").len()
    return {str(day): rows for day, rows in sorted(counted.iter_rows())}


def test_only_the_bad_day_is_blocked_and_the_others_are_published(shop: Lake) -> None:
    results = break_a_day(shop)

    assert statuses(results) == {DAY: "published", NEXT: "blocked", THIRD: "published"}
    assert rows_by_day(shop) == {DAY: 5, NEXT: 4, THIRD: 4}


def test_what_the_bad_day_served_is_untouched_and_its_quarantine_too(shop: Lake) -> None:
    before, was = content_of(shop, ORDERS).partitions[NEXT], served(shop, ORDERS)[NEXT].publish

    break_a_day(shop)

    assert content_of(shop, ORDERS).partitions[NEXT] == before
    assert served(shop, ORDERS)[NEXT].publish == was
    assert shop.open(quarantine_of(ORDERS)) is None


def test_its_bad_rows_and_its_record_lie_in_blocked(shop: Lake) -> None:
    break_a_day(shop)

    side = rows_of(shop, blocked_of(ORDERS))
    (word,) = blocked(shop, ORDERS).values()
    assert sorted(side["_row_id"]) == [f"{NEXT}.csv#{number:09}" for number in range(5, 9)]
    assert (word.of.partition, word.of.status, word.of.ledger.quarantined) == (NEXT, "blocked", 4)
    assert [result.rule_id for result in word.of.results if result.blocks] == ["quarantine_ratio"]


def test_no_staged_file_of_a_blocked_day_is_left_behind(shop: Lake) -> None:
    break_a_day(shop)

    table = shop.open(ORDERS)
    assert table is not None
    on_disk = {path.name for path in Path(table.root).rglob(f"_proc_date={NEXT}/*.parquet")}
    assert on_disk == {Path(file.path).name for file in table.files_of([NEXT])}


def test_the_sentence_names_table_day_rule_and_counts(shop: Lake) -> None:
    message = break_a_day(shop)[NEXT].message

    assert message.startswith("silver/orders 2010-12-02: quarantine_ratio failed (4 of 8 rows are quarantined")


def test_the_same_bad_day_again_adds_nothing(shop: Lake) -> None:
    break_a_day(shop)
    before = stored(Path(shop.root))

    results = refresh(shop, *WEEK)

    assert statuses(results) == {DAY: "unchanged", NEXT: "blocked", THIRD: "unchanged"}
    assert stored(Path(shop.root)) == before


def test_another_bad_attempt_takes_the_place_of_the_first(shop: Lake) -> None:
    break_a_day(shop)
    deliver(shop, NEXT, [*GOOD, *[order(number, amount="") for number in range(5, 7)], *BAD[6:]])

    refresh(shop, NEXT)

    assert sorted(rows_of(shop, blocked_of(ORDERS))["_row_id"]) == [f"{NEXT}.csv#{n:09}" for n in (7, 8)]


def test_a_corrected_day_is_published_and_gone_from_blocked(shop: Lake) -> None:
    break_a_day(shop)
    deliver(shop, NEXT, [*GOOD, order(5)])

    results = refresh(shop, NEXT)

    assert statuses(results) == {NEXT: "published"}
    assert rows_by_day(shop)[NEXT] == 5
    assert (blocked(shop, ORDERS), len(rows_of(shop, blocked_of(ORDERS)))) == ({}, 0)


def test_a_day_that_goes_back_to_what_is_served_makes_no_commit(shop: Lake) -> None:
    break_a_day(shop)
    before = content_of(shop, ORDERS).version
    deliver(shop, NEXT, GOOD)

    results = refresh(shop, NEXT)

    assert statuses(results) == {NEXT: "unchanged"}
    assert content_of(shop, ORDERS).version == before
    assert (blocked(shop, ORDERS), newest(shop, ORDERS)[NEXT].of.status) == ({}, "published")


def test_its_incident_opens_with_the_failure_and_closes_with_the_old_input(shop: Lake) -> None:
    with store_of(shop) as store:
        store.prepare()
        break_a_day(shop)
        absorb(shop, store)
        with store.reading() as connection:
            opened = [(incident.table, incident.rule_id) for incident in list_incidents(connection)]
        deliver(shop, NEXT, GOOD)
        refresh(shop, NEXT)
        absorb(shop, store)
        with store.reading() as connection:
            rest = list_incidents(connection)
            words = {one.partition: one.status for one in latest_partitions(connection, str(ORDERS))}

    assert (str(ORDERS), "quarantine_ratio") in opened
    assert rest == ()
    assert words == {DAY: "published", NEXT: "unchanged", THIRD: "published"}


def test_a_day_whose_first_attempt_is_bad_has_no_rows_at_all(shop: Lake) -> None:
    deliver(shop, THIRD, BAD)

    results = refresh(shop, THIRD)

    table = shop.open(ORDERS)
    assert table is not None
    assert statuses(results) == {THIRD: "blocked"}
    assert table.partitions == (DAY, NEXT)


def test_a_day_that_never_landed_is_blocked_by_name_and_the_others_run(shop: Lake) -> None:
    run(shop, RAW, THIRD)

    results = run(shop, ORDERS, THIRD, "2010-12-04")

    assert statuses(results) == {THIRD: "published", "2010-12-04": "blocked"}
    assert "bronze/shop/orders has no partition 2010-12-04" in results["2010-12-04"].message
