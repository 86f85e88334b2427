"""A day that was never published is told by the days after it, and keeps none of them back."""

from pathlib import Path

from lakehouse_assets.results import PUBLISHED, Outcome, RuleResult
from lakehouse_assets_tests.lakes import deliver, order, orders_contract, refresh, shop_lake

QUALITY = """
      - {id: every_day, type: custom, engine: lakehouse, severity: warning,
         implementation: {rule: partitions_without_gaps, days: 7}}
      - {id: mostly_on_time, type: custom, engine: lakehouse,
         implementation: {rule: late_rate, column: changed_at, days: 2, max: 0.5, value: run_time}}
"""
DAYS = ("2010-12-01", "2010-12-02", "2010-12-04")


def test_what_is_missing_or_late_is_said_and_nothing_is_kept_back(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(quality=QUALITY))
    for day in DAYS:
        late = order(2, changed_at="2010-11-20 10:00:00")
        deliver(lake, day, [order(1, changed_at=f"{day} 10:00:00"), late])
    results = refresh(lake, *DAYS)

    def said(day: str, rule_id: str) -> RuleResult:
        (found,) = [one for one in results[day].record.results if one.rule_id == rule_id]
        return found

    assert [results[day].status for day in DAYS] == [PUBLISHED] * 3
    assert [said(day, "every_day").outcome for day in DAYS] == [Outcome.SKIPPED, Outcome.PASS, Outcome.FAIL]
    assert said(DAYS[2], "every_day").reason.endswith("have no partition: 2010-12-03")
    assert [said(day, "mostly_on_time").outcome for day in DAYS] == [Outcome.PASS] * 3
