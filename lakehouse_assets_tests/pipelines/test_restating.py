"""Contracts move on, partitions stay behind: they are counted, tried out, and run again, and nothing else moves."""

from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.errors import LakehouseError, SchemaChangeError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.dry_run import Forecast, RowChanges, dry_run
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.outdated import find_outdated
from lakehouse_assets.pipeline.restate import Restated, restate
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    RAW_COLUMNS,
    THIRD,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
)

DAYS = (DAY, NEXT, THIRD)
STRICT = "maximum: 1000"
MORE = "      - {name: remark, logicalType: string, transformSourceObjects: [bronze.shop.orders.note]}\n"


def contract_with(bound: str, version: str = "1.0.0") -> str:
    """Return the contract of orders whose amounts may be at most `bound`."""
    return orders_contract(version=version).replace(STRICT, f"maximum: {bound}")


def three_days(folder: Path) -> Lake:
    """Publish days of orders 1 to 4 with amounts 10, 60, 110 and 160."""
    lake = shop_lake(folder)
    for day in DAYS:
        deliver(lake, day, [order(number, amount=50 * number - 40) for number in range(1, 5)])
    refresh(lake, *DAYS)
    return lake


def outdated(lake: Lake, table: TableName = ORDERS) -> list[str]:
    return [one.partition for one in find_outdated(lake, table)]


def again(lake: Lake, *partitions: str, table: TableName = ORDERS) -> list[Restated]:
    return list(restate(lake, table, partitions, run_id="again"))


def everything(lake: Lake) -> dict[str, bytes]:
    root = Path(lake.root)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_partitions_of_todays_contract_are_not_outdated(tmp_path: Path) -> None:
    lake = three_days(tmp_path)

    assert outdated(lake) == outdated(lake, RAW) == []


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (contract_with("100"), "other rules or columns"),
        (contract_with("1000", "1.0.1"), "version 1.0.0 → 1.0.1"),
        (orders_contract(more=MORE, version="1.1.0"), "version 1.0.0 → 1.1.0"),
        (orders_contract().replace("orders.note]", "orders.customer]"), "other rules or columns"),
    ],
    ids=["bound", "version", "column", "origin of a column"],
)
def test_a_changed_contract_makes_every_partition_outdated(changed: str, why: str, tmp_path: Path) -> None:
    three_days(tmp_path)

    found = find_outdated(shop_lake(tmp_path, changed), ORDERS)

    assert [(one.partition, one.why) for one in found] == [(day, why) for day in DAYS]


def test_restating_runs_the_newest_first_and_says_what_changed(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, contract_with("100"))

    done = again(lake, *outdated(lake))

    assert [one.partition for one in done] == [THIRD, NEXT, DAY]
    assert {(one.status, one.is_changed) for one in done} == {("published", True)}
    assert {(one.before.published, one.after.published, one.after.quarantined) for one in done if one.before} == {
        (4, 2, 2)
    }
    assert outdated(lake) == []


def test_chunks_too_are_restated_newest_first(tmp_path: Path) -> None:
    small = "{identicalRows: keep, partitionsPerChunk: 2}"
    lake = three_days(tmp_path)
    lake = shop_lake(tmp_path, orders_contract(small, version="1.0.1"))

    done = again(lake, *DAYS)

    opened = lake.open(ORDERS)
    assert [one.partition for one in done] == [THIRD, NEXT, DAY]
    assert opened is not None
    assert [entry["version"] for entry in opened.delta.history(2)] == [opened.version, opened.version - 1]
    assert outdated(lake) == []


def test_a_contract_that_changes_no_row_is_up_to_date_afterwards_and_moves_nothing_downstream(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, contract_with("500", "1.1.0"))
    before = content_of(lake, ORDERS)

    done = again(lake, *DAYS)

    assert {(one.status, one.is_changed) for one in done} == {("published", False)}
    assert content_of(lake, ORDERS).partitions == before.partitions
    assert outdated(lake) == []
    assert {one.status for one in again(lake, *DAYS)} == {"unchanged"}


def test_a_blocked_restatement_keeps_the_served_partition_and_it_stays_outdated(tmp_path: Path) -> None:
    three_days(tmp_path)
    lake = shop_lake(tmp_path, contract_with("100").replace("allow}", "allow, maxQuarantineRatio: 0.1}"))

    done = again(lake, DAY)

    assert [(one.status, one.is_changed) for one in done] == [("blocked", False)]
    assert rows_of(lake, ORDERS).height == 12
    assert outdated(lake) == list(DAYS)


def test_where_columns_are_read_later_a_new_one_leaves_bronze_up_to_date(tmp_path: Path) -> None:
    three_days(tmp_path)
    raw = f"{RAW_COLUMNS}, coupon: text"
    optional = "    optionalColumns: [coupon]\n"

    on_read = shop_lake(tmp_path, raw=raw, source_also=optional)
    read = outdated(on_read, RAW)
    on_write = shop_lake(tmp_path, raw=raw, source_also=f"{optional}    schema: on_write\n")

    assert read == []
    assert outdated(on_write, RAW) == list(DAYS)
    assert [one.status for one in again(on_write, *DAYS, table=RAW)] == ["published"] * 3
    assert outdated(on_write, RAW) == []


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


RENAMED = orders_contract(version="1.1.0").replace(
    "      - {name: note, logicalType: string, transformSourceObjects: [bronze.shop.orders.note]}",
    "      - {name: remark, logicalType: string, transformSourceObjects: [bronze.shop.orders.note],\n"
    "         customProperties: [{property: lakehouse.renamedFrom, value: note}]}",
)


def noted_days(folder: Path) -> Lake:
    lake = shop_lake(folder)
    for number, day in enumerate(DAYS[:2], 1):
        deliver(lake, day, [order(number, note=f"n{number}")])
    refresh(lake, *DAYS[:2])
    return lake


def both_names(lake: Lake) -> list[tuple[str | None, str | None]]:
    return rows_of(lake, ORDERS).sort("_proc_date", "order_id").select("note", "remark").rows()


def test_a_renamed_promised_column_is_served_under_both_names(tmp_path: Path) -> None:
    noted_days(tmp_path)
    lake = shop_lake(tmp_path, RENAMED)

    results = run(lake, ORDERS, NEXT)

    assert both_names(lake) == [("n1", None), ("n2", "n2")]
    assert [event.renamed for event in results[NEXT].record.drift] == [(("note", "remark"),)]
    again(lake, *outdated(lake))
    assert both_names(lake) == [("n1", "n1"), ("n2", "n2")]


def test_the_former_name_ends_with_its_declaration_and_that_is_told(tmp_path: Path) -> None:
    noted_days(tmp_path)
    run(shop_lake(tmp_path, RENAMED), ORDERS, DAY, NEXT)
    ended = RENAMED.replace(",\n         customProperties: [{property: lakehouse.renamedFrom, value: note}]}", "}")
    lake = shop_lake(tmp_path, ended.replace("version: 1.1.0", "version: 1.2.0"))

    results = run(lake, ORDERS, NEXT)

    assert both_names(lake) == [("n1", "n1"), (None, "n2")]
    assert [event.removed for event in results[NEXT].record.drift] == [("note",)]


def test_a_renamed_column_of_another_type_is_refused(tmp_path: Path) -> None:
    noted_days(tmp_path)
    text = RENAMED.replace("{name: remark, logicalType: string", "{name: remark, logicalType: integer")
    lake = shop_lake(tmp_path, text)

    with pytest.raises(SchemaChangeError, match="remark is renamed from note, but is long, not string"):
        run(lake, ORDERS, NEXT)


def test_a_wider_type_is_refused_as_well_because_files_keep_theirs(tmp_path: Path) -> None:
    narrow = orders_contract().replace("physicalType: long", "physicalType: integer")
    lake = shop_lake(tmp_path, narrow)
    deliver(lake, DAY, [order(1)])
    refresh(lake, DAY)

    with pytest.raises(SchemaChangeError, match=r"amount integer → long.*new major version"):
        run(shop_lake(tmp_path), ORDERS, DAY)

    assert rows_of(lake, ORDERS).schema["amount"] == pl.Int32


def test_two_major_versions_run_side_by_side(tmp_path: Path) -> None:
    lake = three_days(tmp_path)
    second = (
        orders_contract(version="2.0.0")
        .replace("name: orders\n", "name: orders_v2\n")
        .replace("silver.orders", "silver.orders_v2")
        .replace("logicalType: integer, physicalType: long", "logicalType: number, physicalType: 'decimal(18,4)'")
        .replace("{name: note, ", "{name: remark, ")
    )
    lake = shop_lake(tmp_path, contracts={"silver/orders_v2": second})
    table, before = TableName.parse("silver/orders_v2"), content_of(lake, ORDERS)

    assert statuses(run(lake, table, *DAYS)) == dict.fromkeys(DAYS, "published")

    assert rows_of(lake, table).schema["amount"] == pl.Decimal(18, 4)
    assert rows_of(lake, table)["amount"].sum() == rows_of(lake, ORDERS)["amount"].sum()
    assert content_of(lake, ORDERS) == before
    assert statuses(run(lake, ORDERS, *DAYS)) == dict.fromkeys(DAYS, "unchanged")


def test_derived_tables_have_no_dry_run_of_their_own(tmp_path: Path) -> None:
    load = "{mode: derived, keys: [order_id], sequenceBy: changed_at}"
    lake = shop_lake(tmp_path, orders_contract(load))

    with pytest.raises(LakehouseError, match="silver/orders_changes"):
        forecast(lake, "0")


DERIVED = "{mode: derived, keys: [order_id], sequenceBy: changed_at, buckets: 4}"
LOG = TableName.parse("silver/orders_changes")


def test_a_derived_table_is_outdated_as_a_whole_and_restated_after_its_log(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(DERIVED))
    for day in DAYS:
        deliver(lake, day, [order(number, amount=50 * number - 40) for number in range(1, 5)])
    run(lake, RAW, *DAYS)
    run(lake, LOG, *DAYS)
    run(lake, ORDERS)
    fresh = [outdated(lake, table) for table in (LOG, ORDERS)]

    lake = shop_lake(tmp_path, orders_contract(DERIVED, version="1.1.0").replace(STRICT, "maximum: 100"))
    stale = [outdated(lake, table) for table in (LOG, ORDERS)]
    again(lake, *DAYS, table=LOG)
    again(lake, "0")

    assert fresh == [[], []]
    assert stale == [list(DAYS), ["0"]]
    assert [outdated(lake, table) for table in (LOG, ORDERS)] == [[], []]
    assert sorted(rows_of(lake, ORDERS)["amount"]) == [10, 60]


def test_a_derived_table_whose_content_stays_is_up_to_date_as_well(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, orders_contract(DERIVED))
    deliver(lake, DAY, [order(number) for number in range(1, 9)])
    run(lake, RAW, DAY)
    run(lake, LOG, DAY)
    run(lake, ORDERS)
    before = content_of(lake, ORDERS)

    lake = shop_lake(tmp_path, orders_contract(DERIVED, version="1.0.1"))
    again(lake, DAY, table=LOG)
    again(lake, "0")

    assert outdated(lake) == outdated(lake, LOG) == []
    assert content_of(lake, ORDERS).hash == before.hash


def test_what_was_appended_once_is_never_outdated(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, source_also="    load: append_once\n")
    deliver(lake, DAY, [order(1)])
    run(lake, RAW, DAY)
    source = tmp_path / "config/sources/shop.yaml"
    source.write_text(source.read_text().replace("minRows: 0", "minRows: 1"))

    changed = open_lake(lake.settings)

    assert changed.contract(RAW).rule_set != lake.contract(RAW).rule_set
    assert outdated(changed, RAW) == []
