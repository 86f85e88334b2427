"""What a plan of a backfill says on real lakes: days, tables below, people, what is due meanwhile."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.backfills.plan import plan_backfill
from lakehouse_assets_tests.lakes import retail_lake, run, stored
from lakehouse_assets_tests.retail_files import DAYS, write_days

pytestmark = pytest.mark.integration

NOW = datetime(2010, 12, 20, 12, tzinfo=UTC)
SILVER, PRODUCTS = TableName.parse("silver/retail_order_lines"), TableName.parse("gold/retail_products")


def test_a_plan_sorts_the_days_of_a_range_and_changes_nothing(tmp_path: Path) -> None:
    write_days(tmp_path / "drop", 20)
    lake = retail_lake(tmp_path / "lake", tmp_path / "drop")
    run(lake, TableName.parse("bronze/retail/order_lines"), *DAYS[:3])
    before = stored(Path(lake.root))

    plan = plan_backfill(
        lake,
        TableName.parse("bronze/retail/order_lines"),
        "2010-11-30",
        "2010-12-08",
        datetime(2010, 12, 6, 12, tzinfo=UTC),
    )

    assert plan.scope.existing == DAYS[:3]
    assert plan.scope.missing == ("2010-12-05", "2010-12-06")
    assert (plan.scope.closed, plan.scope.outside) == (("2010-12-04",), ("2010-11-30",))
    assert plan.scope.not_due == ("2010-12-07", "2010-12-08")
    sizes = [(tmp_path / f"drop/{day}.csv").stat().st_size for day in DAYS[:3]]
    assert (plan.reads.rows, plan.reads.estimated) == (100, 2)
    assert plan.reads.bytes == sum(sizes) + 2 * round(sum(sizes) / 3)
    assert stored(Path(lake.root)) == before


def test_a_plan_names_the_tables_below_the_people_and_what_is_due_meanwhile(tmp_path: Path) -> None:
    write_days(tmp_path / "drop", 20)
    lake = retail_lake(tmp_path / "lake", tmp_path / "drop")
    for name in ("bronze/retail/order_lines", str(SILVER), "gold/retail_sales_daily"):
        run(lake, TableName.parse(name), *DAYS)

    plan = plan_backfill(lake, SILVER, "2010-12-05", "2010-12-05", datetime(2010, 12, 6, 1, tzinfo=UTC))

    below = {work.table: work.partitions for work in plan.downstream}
    # Arrivals of the 5th are read by business dates from the 3rd (two days late) to the 6th (a day early).
    assert below == {
        "gold/retail_sales_daily": ("2010-12-03", "2010-12-05", "2010-12-06"),
        "gold/retail_products": ("0",),
        "gold/retail_customer_orders": ("0",),
    }
    clashes = {(clash.table, clash.partition): clash.due_at.hour for clash in plan.clashes}
    assert clashes[("gold/retail_sales_daily", "2010-12-05")] == 8
    assert all(partition == "2010-12-05" for _, partition in clashes)
    told = {(notice.table, notice.consumer): notice.channels for notice in plan.notices}
    assert told["gold/retail_sales_daily", "finance-close"] == ("#data-sales (slack)", "Data-Sales-L2 (ticket)")
    assert plan.seconds is not None


@pytest.mark.parametrize(
    ("table", "first", "last", "says"),
    [
        (SILVER, DAYS[1], DAYS[0], "lies before"),
        (SILVER, "monday", DAYS[0], "is no range of days"),
        (PRODUCTS, DAYS[0], DAYS[1], "has no partitions to backfill. Compute it whole: `lakehouse run gold/"),
    ],
)
def test_what_is_no_range_of_a_table_is_refused_with_the_way_out(
    table: TableName, first: str, last: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(LakehouseError, match=says):
        plan_backfill(retail_lake(tmp_path / "lake", tmp_path), table, first, last, NOW)
