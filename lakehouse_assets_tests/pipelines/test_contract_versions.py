"""Contracts change, deployments overlap, functions return too much: no column, row or partition of others is lost."""

from collections.abc import Iterator
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.errors import LakehouseError, SchemaChangeError, TransformError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.frame import publish_frame
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
    stored,
    transform,
)

MORE = "      - {name: remark, logicalType: string, transformSourceObjects: [bronze.shop.orders.note]}\n"
SALES = TableName.parse("gold/sales")
SALES_COLUMNS = """\
      - {name: sales_date, logicalType: date, required: true, transformSourceObjects: [silver.orders.changed_at],
         transformLogic: day of the change}
      - {name: amount, logicalType: integer, physicalType: long, transformSourceObjects: [silver.orders.amount],
         transformLogic: sum, logicalTypeOptions: {minimum: 0}}
"""

SALES_FUNCTION = """
import narwhals as nw

def sales(orders):
    return orders.with_columns(sales_date=nw.lit("2010-12-01").str.to_date()).select("sales_date", "amount")
"""


def old_contract(folder: Path) -> Lake:
    return shop_lake(folder)


def new_contract(folder: Path) -> Lake:
    return shop_lake(folder, orders_contract(more=MORE, version="1.1.0"))


def two_days(folder: Path) -> Lake:
    lake = old_contract(folder)
    for day in (DAY, NEXT):
        deliver(lake, day, [order(1, note="n1"), order(2, note="n2")])
    return lake


def remarks(lake: Lake) -> dict[str, set[str | None]]:
    days = rows_of(lake, ORDERS).group_by(pl.col("_proc_date").cast(pl.String)).agg("remark")
    return {day: set(values) for day, values in sorted(days.iter_rows())}


def test_a_new_column_is_null_in_days_that_did_not_run_again(tmp_path: Path) -> None:
    refresh(two_days(tmp_path), DAY, NEXT)

    run(new_contract(tmp_path), ORDERS, NEXT)

    assert remarks(old_contract(tmp_path)) == {DAY: {None}, NEXT: {"n1", "n2"}}


def test_an_older_contract_publishing_into_a_newer_table_loses_no_column_and_no_value(tmp_path: Path) -> None:
    refresh(two_days(tmp_path), DAY)
    run(new_contract(tmp_path), ORDERS, DAY)

    refresh(old_contract(tmp_path), NEXT)

    assert remarks(old_contract(tmp_path)) == {DAY: {"n1", "n2"}, NEXT: {None}}


def test_a_new_version_publishes_again_although_no_row_changed(tmp_path: Path) -> None:
    lake = two_days(tmp_path)
    refresh(lake, DAY)

    results = run(shop_lake(tmp_path, orders_contract(version="1.0.1")), ORDERS, DAY)

    assert statuses(results) == {DAY: "published"}
    assert served(lake, ORDERS)[DAY].record.contract_version == "1.0.1"


def test_a_changed_type_is_refused_and_the_table_stays_readable(tmp_path: Path) -> None:
    lake = two_days(tmp_path)
    refresh(lake, DAY, NEXT)
    before = stored(Path(lake.root))
    text = orders_contract().replace("logicalType: integer, physicalType: long", "logicalType: string")
    changed = shop_lake(tmp_path, text.replace("logicalTypeOptions: {minimum: 0, maximum: 1000},\n", ""))

    with pytest.raises(SchemaChangeError, match=r"amount long → string.*new major version"):
        run(changed, ORDERS, DAY)

    assert [path for path in stored(Path(lake.root)) if "_delta_log" in path] == [
        path for path in before if "_delta_log" in path
    ]
    assert rows_of(lake, ORDERS)["amount"].sum() == 40


@pytest.fixture
def sales(tmp_path: Path) -> Iterator[Lake]:
    """Yield a shop with a gold table of daily sums whose first day is published."""
    text = contract("sales", SALES_COLUMNS, layer="gold", load="{mode: partition, partitionColumn: sales_date}")
    with transform(tmp_path, "gold/sales", SALES_FUNCTION):
        lake = shop_lake(tmp_path, contracts={"gold/sales": text})
        deliver(lake, DAY, [order(1)])
        refresh(lake, DAY)
        publish_frame(lake, SALES, sums((DAY, 10)), [DAY], run_id="first")
        yield lake


def sums(*rows: tuple[str | None, int]) -> nw.LazyFrame:
    frame = pl.LazyFrame(rows, schema={"sales_date": pl.String, "amount": pl.Int64}, orient="row")
    return nw.from_native(frame.with_columns(pl.col("sales_date").str.to_date()))


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([(DAY, 1), (NEXT, 2)], f"returned rows of {DAY}, which this run does not own"),
        ([(NEXT, 1), (None, 2)], "returned rows of no date"),
    ],
    ids=["another day", "no day"],
)
def test_rows_of_partitions_that_the_run_does_not_own_are_refused(
    sales: Lake, rows: list[tuple[str | None, int]], sentence: str
) -> None:
    before = content_of(sales, SALES)

    with pytest.raises(TransformError, match=sentence):
        publish_frame(sales, SALES, sums(*rows), [NEXT], run_id="second")

    assert content_of(sales, SALES) == before


def test_a_function_that_returns_another_day_than_it_was_asked_for_is_refused(sales: Lake) -> None:
    before = content_of(sales, SALES)
    deliver(sales, NEXT, [order(1)])
    refresh(sales, NEXT)

    with pytest.raises(TransformError, match=f"returned rows of {DAY}"):
        run(sales, SALES, NEXT)

    assert content_of(sales, SALES) == before


def test_a_missing_column_is_refused_by_name(sales: Lake) -> None:
    with pytest.raises(TransformError, match="does not return the promised column 'amount'"):
        publish_frame(sales, SALES, sums((NEXT, 1)).drop("amount"), [NEXT], run_id="second")


def test_what_a_computation_chokes_on_is_not_told(sales: Lake) -> None:
    secret = nw.from_native(pl.LazyFrame({"sales_date": [NEXT], "amount": ["4929-secret"]}))
    typed = secret.with_columns(nw.col("sales_date").str.to_date())

    with pytest.raises(LakehouseError) as caught:
        publish_frame(sales, SALES, typed, [NEXT], run_id="second")

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
