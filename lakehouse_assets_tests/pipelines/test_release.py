"""Which partitions a replay of quarantine looks at, which tables have one, and what is said of a refused one."""

from pathlib import Path

import pytest

from lakehouse_assets.errors import LakehouseError, WithdrawalRefusedError
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.refused.release import Scope, rehearse, replay
from lakehouse_assets.pipeline.rehearse import Movement
from lakehouse_assets_tests.entity_lakes import CHANGES, CUSTOMERS, entity_lake
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    THIRD,
    deliver,
    order,
    orders_contract,
    refresh,
    shop_lake,
)

FOURTH = "2010-12-04"
DAYS = (DAY, NEXT, THIRD, FOURTH)


def shop(folder: Path, *, high: int = 1000, load: str = "{identicalRows: keep}") -> Lake:
    return shop_lake(folder, orders_contract(load).replace("maximum: 1000", f"maximum: {high}"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish a day out of bounds, one that cannot be read, one with both, and one without a fault."""
    folder = tmp_path_factory.mktemp("shop")
    lake = shop(folder)
    bad: dict[str, list[object]] = {DAY: [5000], NEXT: ["many"], THIRD: [5000, "many"], FOURTH: []}
    for day, amounts in bad.items():
        deliver(lake, day, [order(number, amount=amount) for number, amount in enumerate([1, *amounts])])
    refresh(lake, *DAYS)
    return folder


def judged(lake: Lake, rule: str = "", *days: str) -> list[str]:
    return [one.partition for one in rehearse(lake, Scope(ORDERS, rule, days))]


def test_days_with_rows_in_quarantine_are_judged_in_order(folder: Path) -> None:
    assert judged(shop(folder)) == [DAY, NEXT, THIRD]


def test_of_one_rule_the_days_it_refused_rows_of_are_judged(folder: Path) -> None:
    assert judged(shop(folder), "amount.between") == [DAY, THIRD]
    assert judged(shop(folder), "amount.parse") == [NEXT, THIRD]
    assert judged(shop(folder), "order_id.required") == []


def test_days_that_are_named_are_judged_whatever_they_hold(folder: Path) -> None:
    assert judged(shop(folder), "", FOURTH, DAY) == [DAY, FOURTH]
    assert judged(shop(folder), "amount.parse", FOURTH) == [FOURTH]


def test_days_that_were_judged_by_another_rule_are_judged_again(folder: Path) -> None:
    assert judged(shop(folder, high=900)) == list(DAYS)
    assert judged(shop(folder, high=900), "amount.between") == list(DAYS)
    assert judged(shop(folder, high=900), "order_id.required") == []


def test_what_a_rule_of_parsing_means_is_part_of_all_rules(folder: Path) -> None:
    assert judged(shop(folder, high=900), "amount.parse") == list(DAYS)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_every_day_is_judged_once_however_many_are_judged_at_a_time(folder: Path, size: int) -> None:
    lake = shop(folder, load=f"{{identicalRows: keep, partitionsPerChunk: {size}}}")
    assert [one.partition for one in rehearse(lake, Scope(ORDERS, partitions=DAYS))] == list(DAYS)


def test_rules_nobody_knows_are_refused_with_the_place_of_the_contract(folder: Path) -> None:
    with pytest.raises(LakehouseError, match=r"silver/orders has no rule 'amount.betwen'") as refused:
        rehearse(shop(folder), Scope(ORDERS, "amount.betwen"))
    assert "orders.odcs.yaml" in str(refused.value)


def test_an_entity_is_replayed_by_its_change_log(tmp_path: Path) -> None:
    lake = entity_lake(tmp_path)
    with pytest.raises(LakehouseError, match="Replay its change log, silver/customers_changes"):
        rehearse(lake, Scope(CUSTOMERS))


def test_a_table_whose_rows_are_computed_is_run_again(tmp_path: Path) -> None:
    lake = entity_lake(tmp_path)
    with pytest.raises(LakehouseError, match="lakehouse run silver/customers_changes"):
        rehearse(lake, Scope(CHANGES))


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (1, "1,000 published rows would be withdrawn (2010-12-01); nothing was changed."),
        (2, "2,000 published rows would be withdrawn (2010-12-01, 2010-12-02); nothing was changed."),
        (5, "(2010-12-01, 2010-12-02, 2010-12-03, 2010-12-04, 2010-12-05); nothing"),
        (6, "(2010-12-01, 2010-12-02, 2010-12-03, 2010-12-04, 2010-12-05 …); nothing"),
        (7, "7,000 published rows"),
    ],
)
def test_a_refusal_counts_rows_and_names_five_days_at_most(folder: Path, days: int, told: str) -> None:
    moved = [Movement(f"2010-12-{day:02}", withdrawn=1000) for day in range(1, days + 1)]
    with pytest.raises(WithdrawalRefusedError) as refused:
        replay(shop(folder), ORDERS, moved, run_id="r")
    assert told in str(refused.value)


def test_only_rows_that_would_really_be_withdrawn_are_counted(folder: Path) -> None:
    moved = [
        Movement(DAY, withdrawn=1),
        Movement(NEXT, withdrawn=2, blocked="too few"),
        Movement(THIRD, released=4),
        Movement(FOURTH, withdrawn=8, released=1),
    ]
    with pytest.raises(WithdrawalRefusedError) as refused:
        replay(shop(folder), ORDERS, moved, run_id="r")
    assert f"9 published rows would be withdrawn ({DAY}, {FOURTH})" in str(refused.value)


def test_a_rehearsal_in_which_nothing_moves_runs_nothing(folder: Path) -> None:
    nothing = [Movement(DAY), Movement(NEXT, withdrawn=2, blocked="too few")]
    assert replay(shop(folder), ORDERS, nothing, run_id="r") == []
