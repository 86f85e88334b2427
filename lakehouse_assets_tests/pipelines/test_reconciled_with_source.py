"""What a source recorded about a partition against what landed and what silver publishes; silence is no agreement."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.results import BLOCKED, PUBLISHED, Dimension, Outcome
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, RAW, deliver, refresh, rows_of, run, shop_lake, statuses
from lakehouse_assets_tests.recorded import CONTROL, judged, orders_of, recorded_shop, send, word

ROWS, SUM, HASH = "rows_reconcile", "amount.sum_reconciles", "sha256_reconciles"
SILVER = """
      - {id: nothing_lost, type: custom, engine: lakehouse,
         implementation: {rule: reconciles_with_source, tolerance: 0.3}}
      - {id: nothing_changed, type: custom, engine: lakehouse,
         implementation: {rule: reconciles_with_source, measure: sum, column: amount, tolerance: 0.1}}
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return recorded_shop(tmp_path)


def test_what_landed_as_it_was_recorded_is_published_and_both_numbers_are_told(lake: Lake) -> None:
    send(lake, DAY, 10, 20, 30)

    result = run(lake, RAW, DAY)[DAY]

    assert result.status == PUBLISHED
    told = {rule_id: judged(result, rule_id) for rule_id in (ROWS, SUM, HASH)}
    assert {one.outcome for one in told.values()} == {Outcome.PASS}
    assert told[SUM].dimension is Dimension.ACCURACY
    assert told[SUM].reason == "60 here, 60 recorded by the source"
    beside = told[SUM].expectation
    assert beside is not None
    assert (beside.observed, beside.expected) == (60, 60)


def test_the_word_of_the_source_is_kept_in_the_record(lake: Lake) -> None:
    send(lake, DAY, 10, 20, sha256="0" * 64)
    send(lake, NEXT, 10, 20)

    run(lake, RAW, DAY, NEXT)

    (kept,) = [word.of for word in served(lake, RAW).values()]
    assert kept.said["rows"] == 2
    assert kept.said["sums"] == {"amount": "30"}
    assert kept.said["sha256"] == {one.path: one.sha256 for one in kept.objects}


@pytest.mark.parametrize(("said", "outcome"), [(101, "pass"), (102, "fail"), (99, "fail"), (100, "pass")])
def test_rows_may_differ_by_one_percent_of_what_was_recorded(lake: Lake, said: int, outcome: str) -> None:
    send(lake, DAY, *range(100), rows=said)

    result = run(lake, RAW, DAY)[DAY]

    assert judged(result, ROWS).outcome.value == outcome
    assert result.status == (PUBLISHED if outcome == "pass" else BLOCKED)


def test_a_sum_that_is_another_keeps_the_day_back_and_says_how_far_it_is(lake: Lake) -> None:
    send(lake, DAY, 10, 20, 30, sums={"amount": "80.0"})

    result = run(lake, RAW, DAY)[DAY]

    assert result.is_blocked
    assert judged(result, SUM).reason == "60 here, 80 recorded by the source, 25.00% apart"
    assert SUM in result.message


def test_a_text_that_is_no_number_adds_nothing(lake: Lake) -> None:
    send(lake, DAY, 10, "many", 30, "", sums={"amount": 40})

    assert judged(run(lake, RAW, DAY)[DAY], SUM).outcome is Outcome.PASS


def test_a_file_with_another_hash_is_named(lake: Lake) -> None:
    send(lake, DAY, 10, sha256="0" * 64)

    told = judged(run(lake, RAW, DAY)[DAY], HASH)

    assert (told.outcome, told.reason) == (
        Outcome.FAIL,
        f"0 here, 1 recorded by the source, 100.00% apart: {DAY}.csv",
    )


def test_hashes_of_several_files_are_those_of_each_and_one_that_is_not_there_counts(lake: Lake) -> None:
    send(lake, DAY, 10, sha256={f"{DAY}.csv": "0" * 64, f"{DAY}-rest.csv": "1" * 64})

    told = judged(run(lake, RAW, DAY)[DAY], HASH)

    assert told.reason == f"0 here, 2 recorded by the source, 100.00% apart: {DAY}-rest.csv, {DAY}.csv"


def test_without_a_control_file_nothing_is_judged_and_nothing_passes(lake: Lake) -> None:
    deliver(lake, DAY, orders_of(10))

    result = run(lake, RAW, DAY)[DAY]

    assert result.is_blocked
    assert {judged(result, rule_id).outcome for rule_id in (ROWS, SUM, HASH)} == {Outcome.ERROR}
    assert f"the source recorded no number of rows: control/{DAY}.json has not arrived" in judged(result, ROWS).reason


@pytest.mark.parametrize(
    ("left_out", "rule_id"), [({"rows": None}, ROWS), ({"sums": {"other": 1}}, SUM), ({"sha256": None}, HASH)]
)
def test_a_measure_that_was_promised_and_is_left_out_is_an_error_of_its_rule_alone(
    lake: Lake, left_out: dict[str, Any], rule_id: str
) -> None:
    send(lake, DAY, 10, **left_out)

    result = run(lake, RAW, DAY)[DAY]

    assert [one.rule_id for one in result.record.results if one.outcome is Outcome.ERROR] == [rule_id]
    assert result.is_blocked


def test_a_day_is_published_once_its_control_file_has_come(lake: Lake) -> None:
    deliver(lake, DAY, orders_of(10))
    run(lake, RAW, DAY)
    send(lake, DAY, 10)

    assert run(lake, RAW, DAY)[DAY].status == PUBLISHED


def test_a_day_without_rows_agrees_with_a_source_that_recorded_none(lake: Lake) -> None:
    send(lake, DAY)

    result = run(lake, RAW, DAY)[DAY]

    assert result.status == PUBLISHED
    assert judged(result, SUM).reason == "0 here, 0 recorded by the source"


def test_a_day_without_rows_does_not_agree_with_a_source_that_recorded_some(lake: Lake) -> None:
    send(lake, DAY, rows=1)

    assert judged(run(lake, RAW, DAY)[DAY], ROWS).outcome is Outcome.FAIL


def test_a_file_that_came_twice_counts_as_often_as_it_was_sent(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, "{rows: true}")
    path = deliver(lake, DAY, orders_of(10, 20))
    path.with_name(f"{DAY}-again.csv").write_bytes(path.read_bytes())
    word(lake, f"control/{DAY}.json", rows=4)

    result = run(lake, RAW, DAY)[DAY]

    assert (result.status, judged(result, ROWS).outcome) == (PUBLISHED, Outcome.PASS)


def test_a_control_file_alone_promises_rows(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, "")
    send(lake, DAY, 10)

    result = run(lake, RAW, DAY)[DAY]

    assert judged(result, ROWS).outcome is Outcome.PASS
    assert not [one for one in result.record.results if one.rule_id in {SUM, HASH}]


def test_a_trailer_is_a_word_of_the_source_too(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, "{rows: true}", control="", trailer="#{rows}")
    path = deliver(lake, DAY, orders_of(10, 20))
    path.write_text(path.read_text() + "#2\n")

    result = run(lake, RAW, DAY)[DAY]

    assert judged(result, ROWS).reason == "2 here, 2 recorded by the source"


def reopened(lake: Lake) -> Lake:
    from lakehouse_assets.pipeline.lake import open_lake  # noqa: PLC0415 - after the configuration was changed

    return open_lake(lake.settings)


def test_a_batch_that_disagrees_with_its_own_control_file_is_kept_back_without_its_neighbours(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, "{sums: [amount]}", control="{file}.control.json", also="    load: append_once\n")
    good = deliver(lake, DAY, orders_of(10, 20))
    bad = good.with_name(f"{DAY}-more.csv")
    bad.write_bytes(deliver(lake, NEXT, orders_of(5)).read_bytes())
    word(lake, f"{good.name}.control.json", rows=2, sums={"amount": 30})
    word(lake, f"{bad.name}.control.json", rows=1, sums={"amount": 6})

    result = run(lake, RAW, DAY)[DAY]

    assert result.is_blocked
    assert rows_of(lake, RAW)["amount"].to_list() == ["10", "20"]
    assert served(lake, RAW)[DAY].of.said == {"rows": 2, "sums": {"amount": "30"}}


def test_words_about_batches_of_one_day_are_added_up(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, "{sums: [amount]}", control="{file}.control.json", also="    load: append_once\n")
    first = deliver(lake, DAY, orders_of(10, 20))
    word(lake, f"{first.name}.control.json", rows=2, sums={"amount": 30})
    run(lake, RAW, DAY)
    second = first.with_name(f"{DAY}-more.csv")
    second.write_bytes(deliver(lake, NEXT, orders_of(5)).read_bytes())
    word(lake, f"{second.name}.control.json", rows=1, sums={"amount": "5.0"})

    run(lake, RAW, DAY)

    assert served(lake, RAW)[DAY].of.said == {"rows": 3, "sums": {"amount": "35.0"}}


def test_silver_is_reconciled_with_what_the_source_recorded(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, quality=SILVER)
    send(lake, DAY, 10, 20, "many", 30, sums={"amount": 60})

    result = refresh(lake, DAY)[DAY]

    # One row of four is refused: more than a tenth of the rows, and none of the sum.
    assert judged(result, "nothing_lost").reason == "3 here, 4 recorded by the source"
    assert judged(result, "nothing_changed").reason == "60 here, 60 recorded by the source"
    assert result.status == PUBLISHED


def test_silver_that_lost_too_much_is_kept_back(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, quality=SILVER)
    send(lake, DAY, 10, 20, "many", "more", sums={"amount": 30})

    result = refresh(lake, DAY)[DAY]

    assert (result.status, judged(result, "nothing_lost").outcome) == (BLOCKED, Outcome.FAIL)


def test_silver_of_a_day_that_landed_before_its_source_recorded_anything_is_an_error(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, "", control="")
    deliver(lake, DAY, orders_of(10))
    run(lake, RAW, DAY)

    result = run(recorded_shop(tmp_path, quality=SILVER), ORDERS, DAY)[DAY]

    assert result.is_blocked
    assert {judged(result, rule_id).outcome for rule_id in ("nothing_lost", "nothing_changed")} == {Outcome.ERROR}


def test_days_of_one_run_are_each_held_against_their_own_word(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, control=CONTROL)
    send(lake, DAY, 10, 20)
    send(lake, NEXT, 30, sums={"amount": 31})

    assert statuses(run(lake, RAW, DAY, NEXT)) == {DAY: PUBLISHED, NEXT: BLOCKED}


def test_a_day_of_a_snapshot_source_is_judged_again_by_the_word_of_then(tmp_path: Path) -> None:
    lake = recorded_shop(tmp_path, "{sums: [amount]}")
    source = lake.settings.config_dir / "sources/shop.yaml"
    source.write_text(source.read_text().replace("retryPolicy", "replay: snapshot\nretryPolicy"))
    lake = reopened(lake)
    send(lake, DAY, 10, 20)
    run(lake, RAW, DAY)
    send(lake, DAY, 99)

    result = run(lake, RAW, DAY)[DAY]

    assert judged(result, SUM).reason == "30 here, 30 recorded by the source"


DATABASE = """\
source: shop
kind: sql
description: Orders of a small shop.
owner: shop@example.com
connection: {{url: "sqlite:///{file}"}}
cadence: daily_after_midnight
calendar: {{starts: "2010-12-01", ends: "2010-12-31"}}
tables:
  orders:
    key: [order_id]
    cursor: changed_at
    options: {{window: cursor}}
    columns: {{order_id: text, customer: text, amount: long, changed_at: timestamp, note: text}}
    reconcile: {{rows: true, {sums}}}
"""


def database_shop(folder: Path, sums: str) -> Lake:
    """Return a shop whose orders, two a day, are in a database."""
    with contextlib.closing(sqlite3.connect(folder / "shop.db")) as database:
        database.execute("CREATE TABLE orders (order_id TEXT, customer TEXT, amount INT, changed_at TEXT, note TEXT)")
        rows = [(str(n), "ann", n, f"{DAY} 10:00:00", "") for n in (1, 2)]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)
        database.commit()
    lake = shop_lake(folder)
    source = lake.settings.config_dir / "sources/shop.yaml"
    source.write_text(DATABASE.format(file=folder / "shop.db", sums=sums))
    return reopened(lake)


def test_what_a_database_counted_is_its_word(tmp_path: Path) -> None:
    result = run(database_shop(tmp_path, "sums: []"), RAW, DAY)[DAY]

    assert (result.status, judged(result, ROWS).reason) == (PUBLISHED, "2 here, 2 recorded by the source")


def test_a_sum_that_a_source_of_this_kind_never_records_is_an_error_and_no_pass(tmp_path: Path) -> None:
    result = run(database_shop(tmp_path, "sums: [amount]"), RAW, DAY)[DAY]

    assert result.is_blocked
    assert judged(result, SUM).outcome is Outcome.ERROR
