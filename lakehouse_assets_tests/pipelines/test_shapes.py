"""Days without rows, columns nobody declared, snapshots, transforms that return too little."""

import json
from pathlib import Path

import pytest

from lakehouse_assets.errors import TransformError
from lakehouse_assets.naming import TableName, blocked_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import Ledger
from lakehouse_assets_tests.lakes import (
    DAY,
    HEADER,
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
    transform,
)

TOTALS = TableName.parse("gold/totals")
TOTALS_COLUMNS = """\
      - {name: customer, logicalType: string, required: true, transformSourceObjects: [silver.orders.customer]}
      - {name: amount, logicalType: integer, physicalType: long, transformSourceObjects: [silver.orders.amount],
         transformLogic: sum, logicalTypeOptions: {minimum: 0, maximum: 100}}
"""
TOTALS_FUNCTION = """
import narwhals as nw

def totals(orders):
    return orders.group_by("customer").agg(nw.col("amount").sum())
"""


@pytest.mark.parametrize(
    ("word", "status", "passed"),
    [("allow", "published", True), ("warn", "published", False), ("fail", "blocked", False)],
)
def test_a_day_without_rows_is_what_the_contract_says(tmp_path: Path, word: str, status: str, passed: bool) -> None:  # noqa: FBT001
    lake = shop_lake(tmp_path, orders_contract(gate=f"{{emptyPartition: {word}}}"))
    deliver(lake, DAY, [])

    result = refresh(lake, DAY)[DAY]

    (rule,) = [one for one in result.record.results if one.rule_id == "empty_partition"]
    assert (result.status, rule.passed) == (status, passed)
    assert result.record.ledger == Ledger()


def test_a_published_day_without_rows_differs_from_one_that_never_ran(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, [])
    refresh(lake, DAY)

    table = lake.open(ORDERS)

    assert table is not None
    assert (table.partitions, len(table.files), rows_of(lake, ORDERS).height) == ((DAY,), 1, 0)
    assert statuses(refresh(lake, DAY)) == {DAY: "unchanged"}


def test_a_day_whose_rows_are_all_bad_is_blocked_where_empty_days_fail(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(gate="{emptyPartition: fail}"))
    deliver(lake, DAY, [order(1, amount="x"), order(2, amount="y")])

    assert statuses(refresh(lake, DAY)) == {DAY: "blocked"}
    assert rows_of(lake, blocked_of(ORDERS)).height == 2


def unknown(lake: Lake) -> str:
    """Deliver a day with one undeclared column; return what became of bronze."""
    deliver(lake, DAY, [[*order(1), "red"], [*order(2), ""]], header=[*HEADER, "colour"])
    return run(lake, RAW, DAY)[DAY].status


def test_values_of_an_undeclared_column_are_put_aside(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, unknown="quarantine")

    assert unknown(lake) == "published"
    rows = rows_of(lake, RAW).sort("_row_id")
    assert [json.loads(text) for text in rows["_unknown"]] == [{"colour": "red"}, {"colour": None}]
    assert "colour" not in rows.columns


def test_an_undeclared_column_is_added_where_tables_evolve_and_stays_for_other_days(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, unknown="evolve")
    deliver(lake, NEXT, [order(3)])
    run(lake, RAW, NEXT)

    assert unknown(lake) == "published"
    assert rows_of(lake, RAW).sort("_row_id")["colour"].to_list() == ["red", None, None]
    run(lake, RAW, NEXT)
    assert rows_of(lake, RAW).sort("_row_id")["colour"].to_list() == ["red", None, None]
    assert statuses(run(lake, RAW, DAY, NEXT)) == {DAY: "unchanged", NEXT: "unchanged"}


def test_an_undeclared_column_is_ignored_where_it_is_said(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, unknown="ignore")

    assert unknown(lake) == "published"
    rows = rows_of(lake, RAW)
    assert (rows["_unknown"].null_count(), "colour" in rows.columns) == (2, False)


def test_an_undeclared_column_refuses_the_day_where_it_is_said(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, unknown="fail")

    assert unknown(lake) == "blocked"
    letters = rows_of(lake, TableName.parse("dead_letters/shop/orders"))
    assert letters["content"][0].decode().splitlines()[0].endswith(",colour")
    assert content_of(lake, RAW).rows == 0


@pytest.mark.parametrize("policy", ["quarantine", "evolve", "ignore"])
def test_an_undeclared_column_changes_nothing_in_silver(tmp_path: Path, policy: str) -> None:
    lake = shop_lake(tmp_path, unknown=policy)

    unknown(lake)

    assert run(lake, ORDERS, DAY)[DAY].record.ledger == Ledger(read=2, published=2)


@pytest.fixture
def totals() -> str:
    return contract("totals", TOTALS_COLUMNS, layer="gold", load="{mode: snapshot}", gate="{maxQuarantineRatio: 0.5}")


def test_a_snapshot_is_replaced_whole_and_only_when_it_changed(tmp_path: Path, totals: str) -> None:
    with transform(tmp_path, "gold/totals", TOTALS_FUNCTION):
        lake = shop_lake(tmp_path, contracts={"gold/totals": totals})
        deliver(lake, DAY, [order(1), order(2), order(3, customer="bob")])
        refresh(lake, DAY)

        first, second = statuses(run(lake, TOTALS)), statuses(run(lake, TOTALS))
        deliver(lake, DAY, [order(1)])
        refresh(lake, DAY)
        third = statuses(run(lake, TOTALS))

    assert (first, second, third) == ({"0": "published"}, {"0": "unchanged"}, {"0": "published"})
    assert rows_of(lake, TOTALS).select("customer", "amount").rows() == [("ann", 10)]


def test_a_snapshot_that_fails_its_audit_keeps_serving(tmp_path: Path, totals: str) -> None:
    with transform(tmp_path, "gold/totals", TOTALS_FUNCTION):
        lake = shop_lake(tmp_path, contracts={"gold/totals": totals})
        deliver(lake, DAY, [order(1)])
        refresh(lake, DAY)
        run(lake, TOTALS)
        deliver(lake, DAY, [order(number, amount="900") for number in range(3)])
        refresh(lake, DAY)

        results = run(lake, TOTALS)

    assert statuses(results) == {"0": "blocked"}
    assert rows_of(lake, TOTALS).select("customer", "amount").rows() == [("ann", 10)]


def test_equal_rows_of_a_function_are_counted_as_often_as_it_returned_them(tmp_path: Path) -> None:
    load = "{mode: snapshot, keys: [customer], duplicates: quarantine}"
    text = contract("totals", TOTALS_COLUMNS, layer="gold", load=load)
    source = TOTALS_FUNCTION.replace("return orders", "sums = orders") + "    return nw.concat([sums, sums, sums])\n"
    with transform(tmp_path, "gold/totals", source):
        lake = shop_lake(tmp_path, contracts={"gold/totals": text})
        deliver(lake, DAY, [order(1)])
        refresh(lake, DAY)

        result = run(lake, TOTALS)["0"]

    assert result.record.ledger == Ledger(read=3, quarantined=3)


def test_a_snapshot_of_a_table_that_was_never_published_says_so(tmp_path: Path, totals: str) -> None:
    with transform(tmp_path, "gold/totals", TOTALS_FUNCTION):
        lake = shop_lake(tmp_path, contracts={"gold/totals": totals})

        with pytest.raises(Exception, match=r"gold/totals: silver/orders was never published. Materialise"):
            run(lake, TOTALS)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("rows.drop('note')", "the transform drops note"),
        ("rows.select('order_id', 'amount')", "the transform drops "),
        ("rows.rename({'amount': 'sum'})", "the transform drops amount"),
        ("rows.with_columns(nw.col('nothing').alias('note'))", "ColumnNotFoundError"),
        ("rows.with_columns(note=nw.col('customer').cast(nw.Int64))", "the rows could not be computed"),
    ],
    ids=["drop", "select", "rename", "unknown column", "bad cast"],
)
def test_a_transform_that_returns_something_else_is_refused_by_name(tmp_path: Path, body: str, sentence: str) -> None:
    source = f"import narwhals as nw\n\ndef orders(rows):\n    return {body}\n"
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, [order(1, customer="4929-secret")])
    refresh(lake, DAY)
    before = content_of(lake, ORDERS)

    with transform(tmp_path, "silver/orders", source), pytest.raises(TransformError) as caught:
        run(lake, ORDERS, DAY)

    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)
    assert content_of(lake, ORDERS) == before


def test_rows_that_a_transform_removes_are_counted_as_filtered(tmp_path: Path) -> None:
    source = "import narwhals as nw\n\ndef orders(rows):\n    return rows.filter(nw.col('order_id') != '2')\n"
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, [order(1), order(2), order(3, amount="x")])

    with transform(tmp_path, "silver/orders", source):
        ledger = refresh(lake, DAY)[DAY].record.ledger

    assert ledger == Ledger(read=3, published=1, quarantined=1, filtered=1)


def test_a_transform_that_doubles_rows_blocks_because_the_ledger_does_not_balance(tmp_path: Path) -> None:
    source = "import narwhals as nw\n\ndef orders(rows):\n    return nw.concat([rows, rows])\n"
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, [order(1)])

    with transform(tmp_path, "silver/orders", source):
        results = refresh(lake, DAY)

    assert statuses(results) == {DAY: "blocked"}
    assert "ledger_balances failed (the transform returned 1 rows more than it was given)" in results[DAY].message
