"""Replaying quarantine on a real lake: released into its own partition, never withdrawn unannounced, twice is once.

The oracle judges the delivered rows in plain Python; no row is ever lost or doubled on the way.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import LakehouseError, WithdrawalRefusedError
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.intent import Intent
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refused.quarantined import Choice, count_quarantine, quarantined_rows
from lakehouse_assets.pipeline.refused.release import Scope, rehearse, replay
from lakehouse_assets.pipeline.run import materialise
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
    shop_lake,
    statuses,
    stored,
)
from lakehouse_assets_tests.places import Place

DAYS = (DAY, NEXT, THIRD)
AMOUNTS = (5, 500, 1500, 2500)


def bounded(low: int, high: int) -> str:
    """Return the contract of orders with other bounds of the amount."""
    return orders_contract().replace("minimum: 0, maximum: 1000", f"minimum: {low}, maximum: {high}")


def shop(folder: Path, *, low: int = 0, high: int = 1000) -> Lake:
    return shop_lake(folder, bounded(low, high))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Publish three days under 0 to 1000; order 1 to 4 of each have the amounts above."""
    lake = shop(tmp_path)
    for day in DAYS:
        deliver(lake, day, [order(number, amount=amount) for number, amount in enumerate(AMOUNTS, 1)])
    refresh(lake, *DAYS)
    return tmp_path


def published(lake: Lake) -> dict[str, list[str]]:
    rows = rows_of(lake, ORDERS).select(pl.col("_proc_date").cast(pl.String), "order_id").sort("order_id").rows()
    return {day: [number for on, number in rows if on == day] for day in DAYS}


def held(lake: Lake) -> dict[str, list[str]]:
    frame = served_quarantine(lake, ORDERS)
    rows = lake.engine.collect(frame).sort("_row_id") if frame is not None else pl.DataFrame()
    found = [(str(row["_proc_date"]), json.loads(row["raw"])["order_id"]) for row in rows.iter_rows(named=True)]
    return {day: [number for on, number in found if on == day] for day in DAYS}


def released(lake: Lake, scope: Scope | None = None, *, accept: bool = False) -> dict[str, str]:
    moved = rehearse(lake, scope or Scope(ORDERS))
    return statuses({one.partition: one for one in replay(lake, ORDERS, moved, run_id="r", accept_withdrawals=accept)})


def test_quarantine_is_counted_by_partition_and_rule(folder: Path) -> None:
    counted = count_quarantine(shop(folder), ORDERS)

    assert [(one.partition, one.rule, one.rows) for one in counted] == [(day, "amount.between", 2) for day in DAYS]


def test_only_what_is_served_now_is_counted(folder: Path) -> None:
    lake = shop(folder)
    deliver(lake, DAY, [order(1), order(2, amount="many")])
    refresh(lake, DAY)

    counted = {(one.partition, one.rule): one.rows for one in count_quarantine(lake, ORDERS)}

    assert counted == {(DAY, "amount.parse"): 1, (NEXT, "amount.between"): 2, (THIRD, "amount.between"): 2}
    assert len(rows_of(lake, quarantine_of(ORDERS))) == 2 * 3 + 1


def test_a_dry_run_tells_both_directions_and_writes_nothing(folder: Path) -> None:
    lake = shop(folder, low=100, high=2000)
    before = stored(Path(lake.root))

    moved = rehearse(lake, Scope(ORDERS))

    assert [(one.partition, one.released, one.withdrawn, one.added, one.changed) for one in moved] == [
        (day, 1, 1, 0, 0) for day in DAYS
    ]
    assert [(one.released_rules, one.withdrawn_rules) for one in moved] == [
        ({"amount.between": 1}, {"amount.between": 1})
    ] * 3
    assert stored(Path(lake.root)) == before
    assert published(lake) == {key: ["1", "2"] for key in DAYS}


def test_rows_that_pass_now_are_released_into_their_own_partition(folder: Path) -> None:
    lake = shop(folder, high=2000)

    assert released(lake) == dict.fromkeys(DAYS, "published")

    assert published(lake) == {key: ["1", "2", "3"] for key in DAYS}
    assert held(lake) == {key: ["4"] for key in DAYS}


def test_a_second_replay_does_nothing(folder: Path) -> None:
    lake = shop(folder, high=2000)
    released(lake)
    before = content_of(lake, ORDERS), stored(Path(lake.root))

    assert released(lake) == {}
    assert (content_of(lake, ORDERS), stored(Path(lake.root))) == before


def test_withdrawals_are_refused_and_nothing_is_changed(folder: Path) -> None:
    lake = shop(folder, low=100, high=2000)
    before = content_of(lake, ORDERS), stored(Path(lake.root))

    with pytest.raises(WithdrawalRefusedError, match=r"3 published rows would be withdrawn \(2010-12-01, 2010-12-02"):
        released(lake)

    assert (content_of(lake, ORDERS), stored(Path(lake.root))) == before


def test_announced_withdrawals_go_into_quarantine(folder: Path) -> None:
    lake = shop(folder, low=100, high=2000)

    assert released(lake, accept=True) == dict.fromkeys(DAYS, "published")

    assert published(lake) == {key: ["2", "3"] for key in DAYS}
    assert held(lake) == {key: ["1", "4"] for key in DAYS}
    assert released(lake, accept=True) == {}


def test_one_day_that_would_lose_rows_holds_back_all_days(folder: Path) -> None:
    lake = shop(folder)
    deliver(lake, DAY, [order(1, amount=500), order(2, amount=1500)])
    refresh(lake, DAY)
    lake = shop(folder, low=100, high=2000)

    with pytest.raises(WithdrawalRefusedError, match="2 published rows"):
        released(lake)

    assert released(lake, Scope(ORDERS, partitions=(DAY,))) == {DAY: "published"}
    assert published(lake) == {DAY: ["1", "2"], NEXT: ["1", "2"], THIRD: ["1", "2"]}


def test_one_partition_is_replayed_alone(folder: Path) -> None:
    lake = shop(folder, high=2000)

    assert released(lake, Scope(ORDERS, partitions=(NEXT,))) == {NEXT: "published"}
    assert published(lake) == {DAY: ["1", "2"], NEXT: ["1", "2", "3"], THIRD: ["1", "2"]}


def test_of_one_rule_only_its_partitions_are_judged(folder: Path) -> None:
    lake = shop(folder)
    deliver(lake, DAY, [order(1), order(2, customer="bob", amount="many")])
    refresh(lake, DAY)

    judged = rehearse(lake, Scope(ORDERS, rule="amount.parse"))

    assert [one.partition for one in judged] == [DAY]


def test_a_tightened_rule_is_judged_where_it_refused_nothing_so_far(tmp_path: Path) -> None:
    lake = shop(tmp_path)
    deliver(lake, DAY, [order(1, amount=5), order(2, amount=500)])
    refresh(lake, DAY)

    (moved,) = rehearse(shop(tmp_path, low=100), Scope(ORDERS, rule="amount.between"))

    assert (moved.partition, moved.released, moved.withdrawn) == (DAY, 0, 1)


def test_an_unknown_rule_is_refused_with_the_nearest_name(folder: Path) -> None:
    with pytest.raises(LakehouseError, match=r"no rule 'amount.betwen'.*Did you mean 'amount.between'"):
        rehearse(shop(folder), Scope(ORDERS, rule="amount.betwen"))


def test_a_table_without_quarantine_says_what_to_replay_instead(folder: Path) -> None:
    with pytest.raises(LakehouseError, match="Bronze keeps what it cannot read"):
        rehearse(shop(folder), Scope(RAW))


def test_a_partition_that_would_be_blocked_is_told_and_left_alone(folder: Path) -> None:
    quality = "[{id: few, metric: rowCount, mustBeLessThan: 3}]"
    lake = shop_lake(folder, bounded(0, 2000).replace("quality: []", f"quality: {quality}"))

    moved = rehearse(lake, Scope(ORDERS))

    assert not any(one.moves for one in moved)
    assert all("few failed" in one.blocked for one in moved)
    assert replay(lake, ORDERS, moved, run_id="r") == []


def test_what_became_withdrawals_after_the_rehearsal_is_refused_all_the_same(folder: Path) -> None:
    lake = shop(folder, high=2000)
    moved = rehearse(lake, Scope(ORDERS, partitions=(DAY,)))
    deliver(lake, DAY, [order(3, amount=1500)])
    for _ in materialise(lake, RAW, [DAY], run_id="meanwhile", intent=Intent()):
        pass
    before = content_of(lake, ORDERS), stored(Path(lake.root))

    with pytest.raises(WithdrawalRefusedError):
        replay(lake, ORDERS, moved, run_id="r")

    assert (content_of(lake, ORDERS), stored(Path(lake.root))) == before


def test_older_versions_come_back_when_the_newest_is_withdrawn(tmp_path: Path) -> None:
    load = "{identicalRows: keep, keys: [order_id], sequenceBy: changed_at}"
    rows = [order(1, amount=500), order(1, amount=900, changed_at=f"{DAY} 11:00:00")]
    lake = shop_lake(tmp_path, orders_contract(load))
    deliver(lake, DAY, rows)
    refresh(lake, DAY)

    (moved,) = rehearse(
        shop_lake(tmp_path, orders_contract(load).replace("maximum: 1000", "maximum: 800")), Scope(ORDERS)
    )

    assert (moved.released, moved.withdrawn, moved.added) == (0, 1, 1)


def test_rows_are_shown_with_reasons_and_without_values_nobody_classified(folder: Path) -> None:
    (row,) = quarantined_rows(shop(folder), ORDERS, Choice("amount.between", NEXT), limit=1)

    assert (row.partition, row.row_id) == (NEXT, f"{NEXT}.csv#000000003")
    assert [reason["rule_id"] for reason in row.reasons] == ["amount.between"]
    assert row.raw["amount"] == "1500"


def test_values_of_classified_columns_are_masked_unless_asked_for(folder: Path) -> None:
    text = bounded(0, 1000).replace(
        "name: customer, logicalType: string", "name: customer, classification: confidential, logicalType: string"
    )
    lake = shop_lake(folder, text)

    (masked,) = quarantined_rows(lake, ORDERS, Choice(partition=DAY), limit=1)
    (bare,) = quarantined_rows(lake, ORDERS, Choice(partition=DAY), limit=1, unmasked=True)

    assert (masked.raw["customer"], masked.raw["amount"]) == ("***", "1500")
    assert bare.raw["customer"] == "ann"


JUDGED = st.lists(st.sampled_from(["5", "500", "1500", "2500", "many", "", "1000"]), min_size=1, max_size=8)


def is_good(amount: str, low: int, high: int) -> bool:
    return amount == "" or (amount.isdecimal() and low <= int(amount) <= high)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(
    days=st.tuples(JUDGED, JUDGED, JUDGED),
    old=st.tuples(st.sampled_from([0, 100]), st.sampled_from([400, 1000, 2000])),
    new=st.tuples(st.sampled_from([0, 100]), st.sampled_from([400, 1000, 2000])),
)
def test_whatever_the_contract_becomes_every_row_is_in_one_place(
    days: Sequence[Sequence[str]], old: tuple[int, int], new: tuple[int, int]
) -> None:
    with TemporaryDirectory() as name:
        lake = shop(Path(name), low=old[0], high=old[1])
        delivered = dict(zip(DAYS, days, strict=True))
        for day, amounts in delivered.items():
            deliver(lake, day, [order(number, amount=amount) for number, amount in enumerate(amounts, 1)])
        refresh(lake, *DAYS)
        lake = shop(Path(name), low=new[0], high=new[1])

        moved = {one.partition: one for one in rehearse(lake, Scope(ORDERS))}
        released(lake, accept=True)

        for day, amounts in delivered.items():
            before = {number for number, amount in enumerate(amounts, 1) if is_good(amount, *old)}
            after = {number for number, amount in enumerate(amounts, 1) if is_good(amount, *new)}
            told = moved.get(day)
            counts = (told.released, told.withdrawn) if told else (0, 0)
            assert counts == (len(after - before), len(before - after))
            assert Counter(published(lake)[day]) == Counter(str(number) for number in after)
            assert sorted([*published(lake)[day], *held(lake)[day]]) == sorted(map(str, range(1, len(amounts) + 1)))
        assert released(lake, accept=True) == {}


def lakehouse(folder: Path, *words: str) -> tuple[int, str]:
    environ: Mapping[str, str] = {
        "LAKEHOUSE_CONFIG_DIR": str(folder / "config"),
        "LAKEHOUSE_ROOT": str(folder / "lake"),
        "LAKEHOUSE_RUN_LOG": "off",
        "COLUMNS": "200",
    }
    done = CliRunner().invoke(build_app(), ["quarantine", *words], env=environ)
    return done.exit_code, done.output + (str(done.exception) if done.exception else "")


def test_the_command_line_lists_shows_refuses_and_releases(folder: Path) -> None:
    shop(folder, low=100, high=2000)

    listed, rows = lakehouse(folder, "list", "silver/orders", "--json"), lakehouse(folder, "show", "silver/orders")
    dry = lakehouse(folder, "replay", "silver/orders", "--rule", "amount.between", "--dry-run")
    refused = lakehouse(folder, "replay", "silver/orders")
    done = lakehouse(folder, "replay", "silver/orders", "--accept-withdrawals")
    again = lakehouse(folder, "replay", "silver/orders", "--accept-withdrawals")

    assert [one["rows"] for one in json.loads(listed[1])] == [2, 2, 2]
    assert "amount.between in amount" in rows[1]
    assert (dry[0], "3 rows would be released, 3 withdrawn, in 3 partitions" in dry[1]) == (0, True)
    assert (refused[0], "3 published rows would be withdrawn" in refused[1]) == (1, True)
    assert (done[0], done[1].count("published, 2 rows, 2 in quarantine")) == (0, 3)
    assert (again[0], "Nothing to do: no row would move." in again[1]) == (0, True)


@pytest.mark.integration
def test_releasing_refusing_and_doing_nothing_are_the_same_on_object_stores(place: Place, tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, bounded(0, 1000), environ=place.environ)
    deliver(lake, DAY, [order(number, amount=amount) for number, amount in enumerate(AMOUNTS, 1)])
    refresh(lake, DAY)
    lake = shop_lake(tmp_path, bounded(100, 2000), environ=place.environ)
    before = place.listing()

    moved = rehearse(lake, Scope(ORDERS))
    with pytest.raises(WithdrawalRefusedError):
        replay(lake, ORDERS, moved, run_id="r")

    assert [(one.released, one.withdrawn) for one in moved] == [(1, 1)]
    assert place.listing() == before
    assert released(lake, accept=True) == {DAY: "published"}
    assert (published(lake)[DAY], held(lake)[DAY]) == (["2", "3"], ["1", "4"])
    assert released(lake, accept=True) == {}
