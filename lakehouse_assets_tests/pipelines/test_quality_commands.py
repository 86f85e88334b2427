"""`lakehouse quality`: scores and their trend, coverage, rules that never caught anything, and what rules cost."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.rule_cost import cost_of
from lakehouse_assets.pipeline.rule_use import uses_of
from lakehouse_assets.storage.records import write_record
from lakehouse_assets_tests.builders import partition_record, publish_record
from lakehouse_assets_tests.lakes import (
    CUSTOMERS_COLUMNS,
    CUSTOMERS_SOURCE,
    DAY,
    NEXT,
    ORDERS,
    RAW,
    THIRD,
    TO_CUSTOMERS,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    run,
    shop_lake,
    stored,
    variables_of,
)

pytestmark = pytest.mark.integration

CUSTOMERS, LANDED = TableName.parse("silver/customers"), TableName.parse("bronze/shop/customers")
QUALITY = """
      - {id: half_of_them, type: custom, engine: lakehouse, implementation: {rule: null_rate, column: note, max: 0.5},
         dimension: completeness, severity: warning}
      - {id: usual_volume, type: custom, engine: lakehouse, severity: warning, implementation: {rule: volume_anomaly}}
      - {id: same_customer, type: custom, engine: lakehouse, severity: warning,
         implementation: {rule: agrees_with_most, column: note, columns: [customer]}}
"""


def shop(folder: Path, quality: str = QUALITY) -> Lake:
    customers = contract("customers", CUSTOMERS_COLUMNS, load="{}")
    text = orders_contract(quality=quality, relationships=TO_CUSTOMERS)
    return shop_lake(folder, text, source_also=CUSTOMERS_SOURCE, contracts={"silver/customers": customers})


def fill(lake: Lake) -> Lake:
    """Publish three days: a clean one, one with a bad amount in four rows, a clean one."""
    folder = Path(lake.catalog.sources["shop"].connection["location"], "customers")
    folder.mkdir()
    for day in (DAY, NEXT, THIRD):
        (folder / f"{day}.csv").write_text("customer\nann\n")
        amounts = ["many", 10, 10, 10] if day == NEXT else [10, 10, 10, 10]
        rows = [order(n, amount=amount, note="x", changed_at=f"{day} 10:00:00") for n, amount in enumerate(amounts)]
        deliver(lake, day, rows)
    for table in (LANDED, CUSTOMERS):
        run(lake, table, DAY, NEXT, THIRD)
    refresh(lake, DAY, NEXT, THIRD)
    with store_of(lake) as store:
        absorb(lake, store)
    return lake


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return fill(shop(tmp_path_factory.mktemp("quality")))


def say(lake: Lake, *arguments: str) -> str:
    said = CliRunner(env=variables_of(lake)).invoke(build_app(), ["quality", *arguments])
    assert said.exception is None, said.exception
    return said.stdout


def tell(lake: Lake, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(say(lake, *arguments, "--json"))


def test_the_score_of_each_day_is_shown_by_dimension(filled: Lake) -> None:
    found = tell(filled, "score", str(ORDERS))["history"]

    assert [(one["at"], one["score"] < 100) for one in found] == [(DAY, False), (NEXT, True), (THIRD, False)]
    assert [one["dimensions"]["Validity"] < 100 for one in found] == [False, True, False]
    assert {one["dimensions"]["Uniqueness"] for one in found if "Uniqueness" in one["dimensions"]} <= {100.0}


def test_the_trend_is_the_newest_beside_those_before(filled: Lake) -> None:
    told = tell(filled, "score", str(ORDERS))
    scores = [one["score"] for one in told["history"]]

    (whole,) = [one for one in told["trends"] if one["label"] == "Score"]

    assert (whole["newest"], whole["least"]) == (scores[2], scores[1])
    assert whole["mean"] == pytest.approx((scores[0] + scores[1]) / 2, abs=0.006)
    assert [whole["plot"][0], whole["plot"][2], len(whole["plot"])] == ["█", "█", 3]


def test_one_day_is_shown_publish_by_publish(tmp_path: Path) -> None:
    lake = fill(shop(tmp_path))
    before = tell(lake, "score", str(ORDERS), "--partition", NEXT)["history"]
    deliver(lake, NEXT, [order(n, note="x", changed_at=f"{NEXT} 10:00:00") for n in range(4)])

    refresh(lake, NEXT)

    after = tell(lake, "score", str(ORDERS), "--partition", NEXT)["history"]
    assert after[:-1] == before
    assert [one["score"] for one in after] == [before[0]["score"], 100.0]


def test_a_publish_that_was_promised_and_never_came_is_not_shown(tmp_path: Path) -> None:
    lake = fill(shop(tmp_path))
    late = publish_record("run-0000-9", partition_record(NEXT), at="2999-01-01T00:00:00+00:00")
    write_record(lake.objects_of(ORDERS), late)

    assert len(tell(lake, "score", str(ORDERS), "--partition", NEXT)["history"]) == 1


def test_a_day_that_is_kept_back_is_the_newest_word(tmp_path: Path) -> None:
    blocking = "[{id: row_count, metric: rowCount, mustBeGreaterThan: 2, severity: critical}]"
    lake = fill(shop(tmp_path, blocking))
    deliver(lake, THIRD, [order(1, changed_at=f"{THIRD} 10:00:00")])
    refresh(lake, THIRD)

    found = tell(lake, "score", str(ORDERS))["history"]

    assert [(one["at"], one["status"]) for one in found] == [
        (DAY, "published"),
        (NEXT, "published"),
        (THIRD, "blocked"),
    ]
    assert [one["status"] for one in tell(lake, "score", str(ORDERS), "-p", THIRD)["history"]] == [
        "published",
        "blocked",
    ]


def test_all_tables_together_have_a_score(filled: Lake) -> None:
    told = tell(filled, "score")
    single = [
        one["score"] for name in (RAW, ORDERS, LANDED, CUSTOMERS) for one in tell(filled, "score", str(name))["history"]
    ]

    assert [one["table"] for one in told["tables"]] == sorted(map(str, (RAW, ORDERS, LANDED, CUSTOMERS)))
    assert told["overall"] == pytest.approx(sum(single) / len(single), abs=0.006)


def test_people_see_the_same_as_a_table_and_a_plot(filled: Lake) -> None:
    said = say(filled, "score", str(ORDERS))

    assert "3 scores, 0 of them too low (below 98: amber, below 95: red)." in said
    assert "from 90 to 100" in said
    assert "Overall " in say(filled, "score")


def test_a_partition_without_a_table_is_refused(filled: Lake) -> None:
    said = CliRunner(env=variables_of(filled)).invoke(build_app(), ["quality", "score", "--partition", DAY])

    assert isinstance(said.exception, LakehouseError)


def test_rules_are_counted_by_table_and_dimension(filled: Lake) -> None:
    found = {one["table"]: one for one in tell(filled, "coverage")}

    rules = filled.contract(ORDERS).rules
    assert found[str(ORDERS)]["rules"] == len(rules)
    assert sum(found[str(ORDERS)]["by_dimension"].values()) == len(rules)
    assert found[str(CUSTOMERS)]["by_dimension"]["Uniqueness"] == 1
    assert "4 tables" in say(filled, "coverage")


def test_rules_that_never_caught_anything_are_listed_with_what_they_saw_and_their_canary(filled: Lake) -> None:
    found = {one["rule_id"]: one for one in tell(filled, "idle", str(ORDERS))["never_caught"]}

    assert (found["order_id.required"]["looks"], found["order_id.required"]["rows"]) == (3, 12)
    assert found["order_id.required"]["canary"] == "rejects"
    assert "usual_volume" not in found


def test_a_rule_that_caught_something_once_is_not_listed_even_if_it_was_mended(tmp_path: Path) -> None:
    lake = fill(shop(tmp_path, QUALITY.replace("max: 0.5", "max: 0.0")))
    deliver(lake, DAY, [order(1, note="", changed_at=f"{DAY} 10:00:00")])
    refresh(lake, DAY)
    deliver(lake, DAY, [order(1, note="x", changed_at=f"{DAY} 10:00:00")])
    refresh(lake, DAY)
    with store_of(lake) as store:
        absorb(lake, store)
        uses = {one.rule_id: one for one in uses_of(store, lake.contract(ORDERS), lake.rule_functions).rules}

    assert (uses["half_of_them"].caught, uses["half_of_them"].looks, uses["half_of_them"].rows) == (1, 3, 8)


def test_a_rule_that_does_not_run_is_listed_with_why(filled: Lake) -> None:
    found = {one["rule_id"]: one for one in tell(filled, "idle", str(ORDERS))["not_run"]}

    assert list(found) == ["usual_volume"]
    assert found["usual_volume"]["idle"] == 3
    assert found["usual_volume"]["why"].startswith("learning: 1 of 28")


def test_only_rules_as_they_are_today_count(tmp_path: Path) -> None:
    lake = fill(shop(tmp_path))
    path = lake.settings.config_dir / "contracts/silver/orders.odcs.yaml"
    path.write_text(path.read_text().replace("max: 0.5", "max: 0.4"))

    told = {one["rule_id"]: one for one in tell(open_lake(lake.settings), "idle", str(ORDERS))["not_run"]}

    assert told["half_of_them"]["looks"] == 0
    assert told["half_of_them"]["why"] == "not among the rules of its publish"


def test_before_anything_is_absorbed_the_command_says_how(tmp_path: Path) -> None:
    assert "lakehouse state absorb" in say(shop(tmp_path), "idle")


def test_every_rule_is_measured_by_itself_and_row_rules_together(filled: Lake) -> None:
    found = cost_of(filled, ORDERS, rounds=2)

    assert (found.partition, found.rows, found.rounds) == (THIRD, 4, 2)
    assert {one.rule_id for one in found.rules} == {spec.id for spec in filled.contract(ORDERS).rules}
    assert {one.kind for one in found.rules} == {"row", "group", "partition", "foreign_key", "over_time"}
    assert [one.why for one in found.rules if one.why] == []
    assert sum(one.share for one in found.rules) == pytest.approx(1)
    assert found.row_rules == sum(one.kind == "row" for one in found.rules)
    assert min(found.together_seconds, found.asking_seconds, found.reading_seconds, found.rules[-1].seconds) > 0


def test_measuring_writes_nothing_into_the_lake(filled: Lake) -> None:
    before = stored(filled.root)

    cost_of(filled, ORDERS, DAY, rounds=1)

    assert stored(filled.root) == before


def test_a_rule_that_cannot_run_is_told_and_the_others_are_measured(filled: Lake) -> None:
    promised = filled.contract(ORDERS)
    unknown = replace(promised.rules[0], id="unknown", rule="nobody_wrote_it")
    broken = replace(promised, rules=(*promised.rules, unknown))
    catalog = replace(filled.catalog, contracts={**filled.catalog.contracts, ORDERS: broken})

    found = {one.rule_id: one for one in cost_of(replace(filled, catalog=catalog), ORDERS, rounds=1).rules}

    assert found["unknown"].why == "no rule is named 'nobody_wrote_it'"
    assert found["order_id.required"].seconds > 0


def test_bronze_is_measured_too(filled: Lake) -> None:
    assert [one.kind for one in cost_of(filled, RAW, DAY, rounds=1).rules] == ["partition"]


def test_people_see_what_a_rule_costs_and_what_a_run_pays(filled: Lake) -> None:
    said = say(filled, "cost", str(ORDERS), "--partition", DAY, "--rounds", "1")

    assert f"{ORDERS} {DAY}: 4 rows, median of 1 rounds" in said
    assert "row rules in one pass" in said


def test_a_day_that_is_not_published_cannot_be_measured(filled: Lake) -> None:
    with pytest.raises(LakehouseError, match="is not published"):
        cost_of(filled, ORDERS, "2010-12-09")
