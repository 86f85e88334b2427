"""Rules that compare a day with earlier ones: they learn, then alert, and never keep anything back."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from lakehouse_assets.naming import META_FOLDER
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.results import BLOCKED, PUBLISHED, Outcome, PartitionResult, RuleResult, Severity, State
from lakehouse_assets_tests.customers import CURRENT, bring, change, customers_lake, gone
from lakehouse_assets_tests.lakes import DAY, ORDERS, deliver, order, orders_contract, refresh, run, shop_lake

QUALITY = """
      - {id: usual_volume, type: custom, engine: lakehouse, implementation: {rule: volume_anomaly}}
      - {id: usual_amounts, type: custom, engine: lakehouse,
         implementation: {rule: metric_anomaly, column: amount, metric: mean}}
      - {id: usual_sum, type: custom, engine: lakehouse,
         implementation: {rule: metric_anomaly, column: amount, metric: sum}}
      - {id: usual_notes, type: custom, engine: lakehouse,
         implementation: {rule: metric_anomaly, column: note, metric: null_share}}
      - {id: same_amounts, type: custom, engine: lakehouse,
         implementation: {rule: psi, column: amount, minRows: 10}}
      - {id: same_customers, type: custom, engine: lakehouse,
         implementation: {rule: jensen_shannon, column: customer, minRows: 10}}
"""
FIRST = date(2010, 11, 3)
LEARNED = 28
HALVED, DEAR, EMPTY, CALM = (str(FIRST + timedelta(days=LEARNED + at)) for at in (1, 2, 3, 4))
DAYS = [str(FIRST + timedelta(days=at)) for at in range(LEARNED + 5)]
CALENDAR = 'calendar: {starts: "2010-12-01", ends: "2010-12-31"}'


def usual(day: str) -> int:
    """Return how many orders a day usually has: half as many on weekends."""
    return 10 if date.fromisoformat(day).weekday() > 4 else 20


def orders_of(day: str, count: int, *, amount: int = 10) -> list[list[str]]:
    """Return orders of a day for two customers, their amounts from `amount` on."""
    at = f"{day} 10:00:00"
    who = ("ann", "bob")
    return [order(n, customer=who[n % 2], amount=amount + n, changed_at=at, note="x" * (n % 2)) for n in range(count)]


def shop(folder: Path, *, quality: str = QUALITY, holidays: str = "") -> Lake:
    """Return a shop that watches its orders, with files of a month and of five days more: three of them are odd."""
    lake = shop_lake(folder, orders_contract(quality=quality))
    source = lake.settings.config_dir / "sources/shop.yaml"
    own = f'calendar: {{starts: "{FIRST}", ends: "2010-12-31", holidays: [{holidays}]}}'
    source.write_text(source.read_text().replace(CALENDAR, own))
    lake = open_lake(lake.settings)
    for day in DAYS:
        count = {HALVED: usual(day) // 2, EMPTY: 0}.get(day, usual(day))
        deliver(lake, day, orders_of(day, count, amount=500 if day == DEAR else 10))
    return lake


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, PartitionResult]]:
    """Return a shop and what became of all its days."""
    lake = shop(tmp_path_factory.mktemp("watched"))
    return lake, refresh(lake, *DAYS)


def said(result: PartitionResult, rule_id: str) -> RuleResult:
    (found,) = [one for one in result.record.results if one.rule_id == rule_id]
    return found


Watched = tuple[Lake, dict[str, PartitionResult]]


def test_a_month_long_rules_learn_and_the_attestation_says_so(watched: Watched) -> None:
    told = said(watched[1][DAYS[10]], "usual_volume")

    assert (told.outcome, told.reason) == (Outcome.SKIPPED, "learning: 10 of 28 earlier partitions are known")


def test_learning_costs_no_score(watched: Watched) -> None:
    assert watched[1][DAYS[0]].record.score == 100


def test_half_the_rows_are_an_alarm_with_what_was_expected(watched: Watched) -> None:
    told = said(watched[1][HALVED], "usual_volume")

    assert (told.outcome, told.severity) == (Outcome.FAIL, Severity.ERROR)
    assert told.reason.startswith("10 where 20 is expected (50% below); usual is ")
    assert told.expectation is not None
    assert told.expectation.recent == tuple(usual(day) for day in DAYS[1:29])


def test_an_alarm_keeps_nothing_back(watched: Watched) -> None:
    assert {day: result.status for day, result in watched[1].items()} == dict.fromkeys(DAYS, PUBLISHED)


def test_a_weekend_is_compared_with_weekends(watched: Watched) -> None:
    told = said(watched[1][CALM], "usual_volume").expectation

    assert date.fromisoformat(CALM).weekday() == 6
    assert told is not None
    assert (told.observed, told.expected) == (10, 10)


def test_the_day_after_alarms_is_usual_again(watched: Watched) -> None:
    outcomes = [said(watched[1][CALM], name).outcome for name in ("usual_volume", "usual_amounts", "usual_sum")]

    assert outcomes == [Outcome.PASS] * 3


def test_nothing_at_all_is_usual_where_the_contract_allows_it(watched: Watched) -> None:
    assert said(watched[1][EMPTY], "usual_volume").outcome is Outcome.PASS


def test_what_has_no_rows_has_no_mean(watched: Watched) -> None:
    told = said(watched[1][EMPTY], "usual_amounts")

    assert (told.outcome, told.reason) == (Outcome.SKIPPED, "learning: amount has no value in this partition")


def test_a_mean_and_a_distribution_that_moved_are_alarms_while_the_volume_is_usual(watched: Watched) -> None:
    outcomes = {one.rule_id: one.outcome for one in watched[1][DEAR].record.results if one.expectation}

    assert {rule for rule, outcome in outcomes.items() if outcome is Outcome.FAIL} == {
        "usual_amounts",
        "usual_sum",
        "same_amounts",
    }


def test_records_keep_sums_counts_and_bins_and_no_value(watched: Watched) -> None:
    record = served(watched[0], ORDERS)[DAYS[0]].of

    assert record.metrics == {
        "rows": 20.0,
        "amount.sum": sum(range(10, 30)),
        "amount.known": 20.0,
        "note.filled": 10.0,
    }
    assert sum(record.histograms["amount"].values()) == 20
    assert sorted(record.histograms["customer"].values()) == [10, 10]
    assert "ann" not in repr(record.histograms)


def test_days_published_one_by_one_get_the_verdicts_of_days_published_together(
    watched: Watched, tmp_path: Path
) -> None:
    lake = shop(tmp_path)
    refresh(lake, *DAYS[:LEARNED])

    alone = [refresh(lake, day)[day] for day in DAYS[LEARNED:]]

    together = [watched[1][day] for day in DAYS[LEARNED:]]
    assert [result.record.results for result in alone] == [result.record.results for result in together]


def test_a_day_that_is_run_again_is_compared_with_the_same_days(watched: Watched, tmp_path: Path) -> None:
    lake = shop(tmp_path)
    refresh(lake, *DAYS)
    deliver(lake, HALVED, orders_of(HALVED, usual(HALVED) // 2 + 1))

    again = said(refresh(lake, HALVED)[HALVED], "usual_volume")

    before = said(watched[1][HALVED], "usual_volume")
    assert again.expectation is not None
    assert before.expectation is not None
    assert again.expectation.expected == before.expectation.expected
    assert again.outcome is Outcome.FAIL


def test_a_history_that_cannot_be_read_is_an_error_and_no_pass(tmp_path: Path) -> None:
    lake = shop(tmp_path)
    refresh(lake, *DAYS[:LEARNED])
    (record,) = (Path(lake.root_of(ORDERS)) / META_FOLDER).glob("*.zst")
    record.write_bytes(b"damaged")

    result = refresh(lake, DAYS[LEARNED])[DAYS[LEARNED]]

    told = said(result, "usual_volume")
    assert result.status == BLOCKED
    assert told.outcome is Outcome.ERROR
    assert "what was published before cannot be read" in told.reason
    assert "Restore it from a backup, or run its partitions again." in told.reason


def test_a_named_day_is_no_alarm(tmp_path: Path) -> None:
    lake = shop(tmp_path, holidays=f'"{HALVED}"')

    told = said(refresh(lake, *DAYS)[HALVED], "usual_volume")

    assert told.outcome is Outcome.SKIPPED
    assert told.expectation is not None
    assert told.expectation.state is State.NAMED


def test_a_new_rule_learns_what_older_records_do_not_say(tmp_path: Path) -> None:
    lake = shop(tmp_path, quality="[]")
    refresh(lake, *DAYS[:LEARNED])
    contract = lake.settings.config_dir / "contracts/silver/orders.odcs.yaml"
    contract.write_text(orders_contract(quality=QUALITY, version="1.1.0"))

    result = refresh(open_lake(lake.settings), CALM)[CALM]

    assert said(result, "usual_volume").outcome is Outcome.PASS
    assert said(result, "usual_amounts").reason == "learning: 0 of 28 earlier partitions are known"


def test_of_a_change_log_changes_are_measured_and_deletions_are_not(tmp_path: Path) -> None:
    watched = "{rule: metric_anomaly, column: city, metric: null_share}"
    quality = f"[{{id: watched, type: custom, engine: lakehouse, implementation: {watched}}}]"
    lake = customers_lake(tmp_path, quality=quality)

    log = bring(lake, DAY, [change("c1", f"{DAY} 08:00:00"), gone("c2", f"{DAY} 09:00:00")])[DAY]

    assert log.record.metrics == {"rows": 1.0, "city.filled": 1.0}
    assert "watched" not in {one.rule_id for one in run(lake, CURRENT)["0"].record.results}
