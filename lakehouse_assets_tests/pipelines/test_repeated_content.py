"""A sender that delivers the same file for another day: both days land, and the later one says so."""

from pathlib import Path

import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.run import materialise
from lakehouse_assets_tests.retail_files import retail_rows, write_day
from lakehouse_assets_tests.soak.kills import lake_at

BRONZE = TableName.parse("bronze/retail/order_lines")


@pytest.mark.parametrize("together", [True, False], ids=["in-one-run", "in-two-runs"])
def test_the_later_of_two_equal_days_is_published_with_a_warning(tmp_path: Path, *, together: bool) -> None:
    days = ["2010-12-01", "2010-12-02"]
    for day in days:
        write_day(tmp_path / "drop", day, retail_rows("2010-12-01", 50))
    lake = lake_at(tmp_path / "lake", tmp_path / "drop")

    runs = [days] if together else [[day] for day in days]
    results = [result for run in runs for result in materialise(lake, BRONZE, run, run_id="r")]

    warned = {r.partition: [x.reason for x in r.record.results if x.rule_id == "repeated_content"] for r in results}
    assert [result.record.ledger.published for result in results] == [50, 50]
    assert warned == {"2010-12-01": [""], "2010-12-02": ["2010-12-02.csv has the content of 2010-12-01"]}
