"""Dry runs say what a run would do, and leave the lake byte for byte as it was."""

from pathlib import Path

import pytest

from lakehouse_assets.errors import LakehouseError, SchemaChangeError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.dry_run import Forecast, RowChanges, dry_run
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import (
    DAY,
    ORDERS,
    RAW,
    deliver,
    order,
    orders_contract,
    run,
    shop_lake,
)
from lakehouse_assets_tests.three_days import DAYS, MORE, contract_with, everything, three_days


def forecast(lake: Lake, *days: str, table: TableName = ORDERS) -> list[Forecast]:
    return list(dry_run(lake, table, days))


def test_a_dry_run_says_what_a_run_would_do_and_leaves_no_file(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, contract_with("100", "1.1.0"))
    before = everything(lake)

    (one,) = forecast(lake, DAY)

    assert everything(lake) == before
    assert (one.outcome, one.version_before, one.version_after) == ("published", "1.0.0", "1.1.0")
    assert one.rows == RowChanges(added=0, withdrawn=2, changed=0)
    assert one.before is not None
    assert (one.before.published, one.before.quarantined) == (4, 0)
    real = run(lake, ORDERS, DAY)[DAY].record.ledger
    assert one.after == real


def test_a_dry_run_counts_rows_that_come_and_rows_that_change(tmp_path: Path) -> None:
    lake = three_days(tmp_path)
    deliver(lake, DAY, [order(1, amount=10), order(2, amount=61), order(3), order(4, amount=160), order(5), order(6)])
    run(lake, RAW, DAY)

    (one,) = forecast(lake, DAY)

    assert one.rows == RowChanges(added=2, withdrawn=0, changed=2)


def test_a_dry_run_of_a_new_column_names_it(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, orders_contract(more=MORE, version="1.1.0"))

    (one,) = forecast(lake, DAY)

    assert one.columns_added == ("remark",)
    assert one.rows == RowChanges()  # no order of that day has a note


def test_a_dry_run_of_unchanged_partitions_says_so(tmp_path: Path) -> None:
    lake = three_days(tmp_path)

    assert [(one.outcome, one.rows) for one in forecast(lake, *DAYS)] == [("unchanged", RowChanges())] * 3


def test_a_dry_run_of_a_blocked_partition_says_why(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, contract_with("100").replace("allow}", "allow, maxQuarantineRatio: 0.1}"))
    before = everything(lake)

    (one,) = forecast(lake, DAY)

    assert one.outcome == "blocked"
    assert "quarantine_ratio" in one.message
    assert everything(lake) == before


def test_a_dry_run_of_a_table_that_was_never_published_creates_none(tmp_path: Path) -> None:
    lake = three_days(tmp_path)
    second = (
        orders_contract().replace("name: orders\n", "name: orders_v2\n").replace("silver.orders", "silver.orders_v2")
    )
    lake = shop_lake(tmp_path, contracts={"silver/orders_v2": second})
    before = everything(lake)
    table = TableName.parse("silver/orders_v2")

    (one,) = forecast(lake, DAY, table=table)

    assert (one.outcome, one.before, one.rows) == ("published", None, RowChanges(added=4))
    assert lake.open(table) is None
    assert everything(lake) == before


def test_a_dry_run_of_bronze_reads_the_source_and_lands_nothing(tmp_path: Path) -> None:
    lake = three_days(tmp_path)
    deliver(lake, DAY, [order(1)])
    before = everything(lake)

    (one,) = forecast(lake, DAY, table=RAW)

    assert one.rows == RowChanges(withdrawn=3)
    assert everything(lake) == before


def test_a_dry_run_refuses_what_a_run_would_refuse(tmp_path: Path) -> None:
    three_days(tmp_path)
    text = orders_contract().replace("logicalType: integer, physicalType: long", "logicalType: string")
    lake = shop_lake(tmp_path, text.replace("logicalTypeOptions: {minimum: 0, maximum: 1000},\n", ""))

    with pytest.raises(SchemaChangeError, match="amount long → string"):
        forecast(lake, DAY)


def test_derived_tables_have_no_dry_run_of_their_own(tmp_path: Path) -> None:
    load = "{mode: derived, keys: [order_id], sequenceBy: changed_at}"
    lake = shop_lake(tmp_path, orders_contract(load))

    with pytest.raises(LakehouseError, match="silver/orders_changes"):
        forecast(lake, "0")
