"""What is counted of a chunk while its rows are split: each day by itself, whichever days are run together."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lakehouse_assets.contracts.exemption import Exemption, ExemptionKind
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.draft import Draft
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.split import Rules, Split
from lakehouse_assets.results import BLOCKED, PUBLISHED, Ledger, PartitionRecord
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
)

NEWEST = "{keys: [order_id], sequenceBy: changed_at, identicalRows: drop}"
REPEATED = "{keys: [order_id], sequenceBy: changed_at, duplicates: quarantine, identicalRows: drop}"
LATE = "{identicalRows: keep, eventTime: changed_at, lateness: 2d}"
EARLY = f"{DAY} 08:00:00"
FILES = {
    DAY: [
        order(1, note="newer"),
        order(1, changed_at=EARLY, note="older"),
        order(2, amount="many"),
        order(3),
        order(3),
        order(4, amount="5000", changed_at=""),
        order(5, amount="-1"),
    ],
    NEXT: [order(1, amount="7"), order(2, amount="5000"), order(6)],
    THIRD: [],
}


def word(lake: Lake, day: str = DAY) -> PartitionRecord:
    return served(lake, ORDERS)[day].of


def shop(folder: Path, load: str) -> Lake:
    lake = shop_lake(folder, orders_contract(load))
    for day, rows in FILES.items():
        deliver(lake, day, rows)
    return lake


def failed(record: PartitionRecord) -> dict[str, int]:
    return {result.rule_id: result.failed_rows for result in record.results if result.failed_rows}


def test_days_are_counted_alike_together_and_alone(tmp_path: Path) -> None:
    together, alone = shop(tmp_path / "a", NEWEST), shop(tmp_path / "b", NEWEST)
    refresh(together, *FILES)
    for day in FILES:
        refresh(alone, day)
        one, other = word(together, day), word(alone, day)
        assert (one.ledger, one.content_hash, one.quarantine_hash) == (
            other.ledger,
            other.content_hash,
            other.quarantine_hash,
        )
        assert one.results == other.results


@pytest.mark.parametrize("days", [[*FILES], [DAY]], ids=["together", "alone"])
def test_every_row_of_a_day_is_counted_once_and_by_each_rule_it_breaks(tmp_path: Path, days: Sequence[str]) -> None:
    lake = shop(tmp_path, NEWEST)
    refresh(lake, *days)
    assert word(lake).ledger == Ledger(read=7, published=2, quarantined=3, deduplicated=2)
    assert failed(word(lake)) == {
        "amount.parse": 1,
        "amount.between": 2,
        "changed_at.required": 1,
        "quarantine_ratio": 3,
    }


def test_refused_rows_name_every_rule_they_break_and_what_they_were(tmp_path: Path) -> None:
    lake = shop(tmp_path, NEWEST)
    refresh(lake, DAY)
    rows = rows_of(lake, quarantine_of(ORDERS)).sort("_row_id")
    told = [
        (json.loads(row["raw"])["order_id"], sorted(r["rule_id"] for r in row["reasons"])) for row in rows.to_dicts()
    ]
    assert told == [
        ("2", ["amount.parse"]),
        ("4", ["amount.between", "changed_at.required"]),
        ("5", ["amount.between"]),
    ]


def test_rows_that_a_transform_left_out_are_what_is_missing_of_those_that_came_in() -> None:
    counted = Counter(rows=40, valid=30, refused=8, older=2)

    tally = Split(Draft(()), {DAY: counted}, Rules(())).tally(DAY, read=50, identical=3)

    assert tally.ledger == Ledger(read=50, published=30, quarantined=8, deduplicated=5, filtered=7)


def test_only_rows_whose_every_reason_is_waived_are_counted_as_waived(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(gate="{maxQuarantineRatio: 0.2, emptyPartition: allow}"))
    rows = [order(number, amount="-1") for number in range(3)] + [order(3, amount="many"), order(4)]
    deliver(lake, DAY, rows)
    waiver = Exemption(ExemptionKind.WAIVER, ("amount.between",), (), "ada", "known", date(2999, 1, 1), "here")

    waived = replace(lake, catalog=replace(lake.catalog, waivers={ORDERS: (waiver,)}))

    assert refresh(lake, DAY)[DAY].status == BLOCKED
    assert refresh(waived, DAY)[DAY].status == PUBLISHED


def test_members_of_a_repeated_key_are_refused_and_none_is_older(tmp_path: Path) -> None:
    lake = shop(tmp_path, REPEATED)
    refresh(lake, DAY)
    assert word(lake).ledger == Ledger(read=7, published=1, quarantined=5, deduplicated=1)
    assert failed(word(lake))["repeated_key"] == 2


def test_a_day_without_rows_was_judged_by_every_rule(tmp_path: Path) -> None:
    lake = shop(tmp_path, LATE)
    refresh(lake, *FILES)
    record = word(lake, THIRD)
    assert record.ledger == Ledger()
    assert record.content_hash == record.quarantine_hash
    judged = {result.rule_id for result in word(lake).results}
    assert {result.rule_id for result in record.results} == judged
    assert all(result.passed for result in record.results if result.rule_id.startswith("amount"))
    assert record.measures == {"late_rows": 0}


def test_only_published_rows_that_are_late_are_measured_as_late(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(LATE))
    day, late, too_late = "2010-12-05", "2010-12-04 10:00:00", "2010-12-01 10:00:00"
    rows = [order(1, changed_at=f"{day} 10:00:00"), order(2, changed_at=late), order(3, changed_at=late)]
    deliver(lake, day, [*rows, order(4, changed_at=too_late), order(5, changed_at=late, amount="many")])
    refresh(lake, day)
    assert word(lake, day).measures == {"late_rows": 2}
    assert word(lake, day).ledger == Ledger(read=5, published=3, quarantined=2)


def test_a_table_without_windows_measures_no_late_rows(tmp_path: Path) -> None:
    lake = shop(tmp_path, NEWEST)
    refresh(lake, DAY)
    assert word(lake).measures == {}


def test_what_is_refused_decides_the_content_of_quarantine_and_what_is_good_that_of_the_table(tmp_path: Path) -> None:
    lake = shop(tmp_path, NEWEST)
    refresh(lake, DAY)
    before = word(lake)
    deliver(lake, DAY, [*FILES[DAY][:2], order(2, amount="lots"), *FILES[DAY][3:]])
    refresh(lake, DAY)
    other_refused = word(lake)
    assert other_refused.content_hash == before.content_hash
    assert other_refused.quarantine_hash != before.quarantine_hash
    deliver(lake, DAY, [*FILES[DAY][:3], *[order(3, note="other")] * 2, *FILES[DAY][5:]])
    refresh(lake, DAY)
    assert word(lake).content_hash != before.content_hash
    assert word(lake).quarantine_hash == before.quarantine_hash


def test_a_bronze_day_that_is_filtered_is_told_by_the_ledger(tmp_path: Path) -> None:
    lake = shop(tmp_path, NEWEST)
    run(lake, RAW, *FILES)
    assert {day: one.record.ledger.read for day, one in run(lake, ORDERS, *FILES).items()} == {
        DAY: 7,
        NEXT: 3,
        THIRD: 0,
    }
    assert {day: word(lake, day).ledger.filtered for day in FILES} == dict.fromkeys(FILES, 0)
