"""Repeated rows, repeated keys and references: which row stays, which is refused, and why; by hand."""

from pathlib import Path

import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.repeats import FEW_REPEATS
from lakehouse_assets.results import Ledger
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
)

NEWEST = "{identicalRows: drop, keys: [order_id], sequenceBy: changed_at}"
ERROR = "{identicalRows: drop, keys: [order_id], duplicates: quarantine}"
CUSTOMERS = TableName.parse("silver/customers")
PEOPLE = TableName.parse("bronze/shop/people")
EARLY, LATE = f"{DAY} 08:00:00", f"{DAY} 09:00:00"

PEOPLE_SOURCE = """\
  people:
    read: {pattern: "people/{partition}.csv", stableSeconds: 0}
    columns: {name: text}
    arrival: {minRows: 0}
"""
PEOPLE_COLUMNS = "      - {name: name, logicalType: string, required: true, unique: true, transformSourceObjects: [bronze.shop.people.name]}\n"  # noqa: E501 - one line of YAML
REFERENCE = "[{type: foreignKey, to: customers.name}]"


def run_day(lake: Lake, *rows: list[str]) -> Ledger:
    """Deliver a day, run it and return its ledger."""
    deliver(lake, DAY, rows)
    return refresh(lake, DAY)[DAY].record.ledger


def notes(lake: Lake) -> list[str]:
    """Return the notes of what is published; tests use them to tell rows apart."""
    return sorted(rows_of(lake, ORDERS)["note"])


def refused(lake: Lake) -> dict[str, list[str]]:
    """Return the rules that each quarantined record of the day broke."""
    rows = served_quarantine(lake, ORDERS)
    found = lake.engine.collect(rows).sort("_row_id") if rows is not None else None
    if found is None:
        return {}
    told = zip(found["_row_id"], found["reasons"].to_list(), strict=True)
    return {row_id.rsplit("#")[-1].lstrip("0"): [reason["rule_id"] for reason in reasons] for row_id, reasons in told}


def test_identical_rows_are_dropped_once_each_and_counted(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract("{identicalRows: drop}"))

    ledger = run_day(lake, *[order(1, note="a")] * 3, order(1, note="b"))

    assert ledger == Ledger(read=4, published=2, deduplicated=2)
    assert notes(lake) == ["a", "b"]


def test_identical_rows_are_kept_where_the_contract_says_they_are_real(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract("{identicalRows: keep}"))

    assert run_day(lake, *[order(1, note="a")] * 3) == Ledger(read=3, published=3)


def test_more_repeats_than_a_plan_can_name_are_dropped_all_the_same(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(NEWEST))
    many = range(FEW_REPEATS + 1)
    older, newer = ([order(n, changed_at=at, note=at) for n in many] for at in (EARLY, LATE))

    assert run_day(lake, *older, *newer) == Ledger(read=2 * len(many), published=len(many), deduplicated=len(many))
    assert set(notes(lake)) == {LATE}


def test_identical_bad_rows_are_quarantined_once(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract("{identicalRows: drop}"))

    assert run_day(lake, order(2), *[order(1, amount="x")] * 3) == Ledger(4, 1, 1, 2)


def test_the_newest_version_of_a_key_stays_whatever_the_order_in_the_file(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(NEWEST))

    ledger = run_day(
        lake, order(1, changed_at=LATE, note="late"), order(1, changed_at=EARLY, note="early"), order(2, note="other")
    )

    assert ledger == Ledger(read=3, published=2, deduplicated=1)
    assert notes(lake) == ["late", "other"]


def test_a_bad_newest_version_does_not_hide_a_good_older_one(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(NEWEST))

    ledger = run_day(lake, order(1, changed_at=EARLY, note="good"), order(1, changed_at=LATE, amount="-5"))

    assert ledger == Ledger(read=2, published=1, quarantined=1)
    assert notes(lake) == ["good"]


def test_a_row_without_a_sequence_is_refused_and_not_the_newest(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(NEWEST))

    run_day(lake, order(1, changed_at=EARLY, note="good"), order(1, changed_at="", note="nothing"))

    assert (notes(lake), refused(lake)) == (["good"], {"2": ["changed_at.required"]})


@pytest.mark.parametrize("order_in_file", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_equally_new_versions_the_same_one_stays_in_every_order(
    tmp_path: Path, order_in_file: tuple[int, ...]
) -> None:
    lake = shop_lake(tmp_path, orders_contract(NEWEST))
    versions = [order(1, changed_at=LATE, note=text) for text in ("a", "b", "c")]

    ledger = run_day(lake, *[versions[number] for number in order_in_file])

    assert ledger == Ledger(read=3, published=1, deduplicated=2)
    assert notes(lake) == ["a"]


def test_every_row_of_a_repeated_key_is_refused_where_repeats_are_errors(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(ERROR))

    ledger = run_day(lake, order(1, note="a"), order(1, note="b"), order(2, note="c"))

    assert ledger == Ledger(read=3, published=1, quarantined=2)
    assert (notes(lake), refused(lake)) == (["c"], {"1": ["repeated_key"], "2": ["repeated_key"]})


def test_a_repeat_that_is_bad_for_another_reason_does_not_condemn_the_good_row(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(ERROR))

    run_day(lake, order(1, note="a"), order(1, amount="2000"))

    assert (notes(lake), refused(lake)) == (["a"], {"2": ["amount.between"]})


def test_a_key_that_repeats_on_another_day_is_no_repeat(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(ERROR))
    for day in (DAY, NEXT):
        deliver(lake, day, [order(1)])

    results = refresh(lake, DAY, NEXT)

    assert [one.record.ledger for one in results.values()] == [Ledger(read=1, published=1)] * 2


@pytest.fixture
def referring(tmp_path: Path) -> Lake:
    """Return a shop in which the customer of an order must be known."""
    people = contract("customers", PEOPLE_COLUMNS, load="{identicalRows: drop}")
    lake = shop_lake(
        tmp_path,
        orders_contract(relationships=REFERENCE),
        source_also=PEOPLE_SOURCE,
        contracts={"silver/customers": people},
    )
    (tmp_path / "drop/people").mkdir()
    return lake


def know(lake: Lake, *names: str, day: str = DAY) -> None:
    """Publish customers."""
    folder = Path(lake.settings.config_dir).parent / "drop/people"
    (folder / f"{day}.csv").write_text("name\n" + "".join(f"{name}\n" for name in names))
    run(lake, PEOPLE, day)
    run(lake, CUSTOMERS, day)


def test_a_row_that_refers_to_nothing_is_refused_and_one_without_a_reference_is_not(referring: Lake) -> None:
    know(referring, "ann", "Zoë")

    ledger = run_day(
        referring,
        order(1, note="a"),
        order(2, customer="Zoë", note="b"),
        order(3, customer="bob"),
        order(4, customer="", note="c"),
    )

    assert ledger == Ledger(read=4, published=3, quarantined=1)
    assert (notes(referring), refused(referring)) == (["a", "b", "c"], {"3": ["customer.foreign_key"]})


def test_rows_are_released_when_what_they_refer_to_arrives(referring: Lake) -> None:
    know(referring, "ann")
    run_day(referring, order(1, note="a"), order(2, customer="bob", note="b"))
    know(referring, "bob", day=NEXT)

    run(referring, ORDERS, DAY)

    assert (notes(referring), refused(referring)) == (["a", "b"], {})


def test_order_does_not_decide_a_table_that_was_never_published_knows_nobody(referring: Lake) -> None:
    before = run_day(referring, order(1, note="a"), order(2, customer="bob"))
    know(referring, "ann")

    after = run(referring, ORDERS, DAY)

    assert before == Ledger(read=2, quarantined=2)
    assert statuses(after) == {DAY: "published"}
    assert (notes(referring), refused(referring)) == (["a"], {"2": ["customer.foreign_key"]})


def test_a_reference_to_a_key_that_is_there_twice_doubles_no_row(referring: Lake) -> None:
    know(referring, "ann")
    know(referring, "ann", day=NEXT)

    assert run_day(referring, order(1), order(2)) == Ledger(read=2, published=2)
    assert content_of(referring, RAW).rows == 2
