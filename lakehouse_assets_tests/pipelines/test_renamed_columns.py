"""Promised columns get other names and types: both names are served, types never change, majors run side by side."""

from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.errors import SchemaChangeError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.outdated import find_outdated
from lakehouse_assets.pipeline.restate import restate
from lakehouse_assets_tests.lakes import (
    DAY,
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

DAYS = (DAY, NEXT)

RENAMED = orders_contract(version="1.1.0").replace(
    "      - {name: note, logicalType: string, transformSourceObjects: [bronze.shop.orders.note]}",
    "      - {name: remark, logicalType: string, transformSourceObjects: [bronze.shop.orders.note],\n"
    "         customProperties: [{property: lakehouse.renamedFrom, value: note}]}",
)


def noted_days(folder: Path) -> Lake:
    lake = shop_lake(folder)
    for number, day in enumerate(DAYS, 1):
        deliver(lake, day, [order(number, note=f"n{number}")])
    refresh(lake, *DAYS)
    return lake


def both_names(lake: Lake) -> list[tuple[str | None, str | None]]:
    return rows_of(lake, ORDERS).sort("_proc_date", "order_id").select("note", "remark").rows()


def test_a_renamed_promised_column_is_served_under_both_names(tmp_path: Path) -> None:
    noted_days(tmp_path)
    lake = shop_lake(tmp_path, RENAMED)

    results = run(lake, ORDERS, NEXT)

    assert both_names(lake) == [("n1", None), ("n2", "n2")]
    assert [event.renamed for event in results[NEXT].record.drift] == [(("note", "remark"),)]
    list(restate(lake, ORDERS, [one.partition for one in find_outdated(lake, ORDERS)], run_id="again"))
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
    lake = noted_days(tmp_path)
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


NOTES = TableName.parse("gold/notes")
NOTES_COLUMNS = """\
      - {name: remark, logicalType: string, logicalTypeOptions: {maxLength: 100},
         transformSourceObjects: [silver.orders.remark]}
"""
NOTES_FUNCTION = """
def notes(orders):
    return orders.select("remark")
"""


@pytest.mark.parametrize("restated", [(), (NEXT,), DAYS], ids=["none restated", "one restated", "all restated"])
def test_gold_reads_the_new_name_of_every_row_whatever_was_restated(restated: tuple[str, ...], tmp_path: Path) -> None:
    noted_days(tmp_path)
    gold = {"gold/notes": contract("notes", NOTES_COLUMNS, layer="gold", load="{mode: snapshot}")}
    with transform(tmp_path, "gold/notes", NOTES_FUNCTION):
        lake = shop_lake(tmp_path, RENAMED, contracts=gold)
        list(restate(lake, ORDERS, restated, run_id="restate"))

        run(lake, NOTES)

    assert sorted(rows_of(lake, NOTES)["remark"]) == ["n1", "n2"]


def test_a_foreign_key_finds_renamed_keys_in_partitions_that_were_not_restated(tmp_path: Path) -> None:
    noted_days(tmp_path)
    reference = "[{type: foreignKey, to: orders.remark}]"
    keys = RENAMED.replace("{name: remark, ", "{name: remark, unique: true, ")
    labels = contract(
        "labels",
        "      - {name: label, logicalType: string, transformSourceObjects: [bronze.shop.orders.note],\n"
        f"         relationships: {reference}}}\n",
        load="{identicalRows: keep}",
    )
    lake = shop_lake(tmp_path, keys, contracts={"silver/labels": labels})

    results = run(lake, TableName.parse("silver/labels"), *DAYS)

    assert {one.record.ledger.published for one in results.values()} == {1}


def test_an_entity_keeps_the_values_of_changes_that_were_not_restated(tmp_path: Path) -> None:
    load = "{mode: derived, keys: [order_id], sequenceBy: changed_at}"
    log = TableName.parse("silver/orders_changes")
    plain = orders_contract(load)
    lake = shop_lake(tmp_path, plain)
    for number, day in enumerate(DAYS, 1):
        deliver(lake, day, [order(number, note=f"n{number}")])
    run(lake, RAW, *DAYS)
    run(lake, log, *DAYS)
    run(lake, ORDERS)
    lake = shop_lake(tmp_path, RENAMED.replace("{identicalRows: keep}", load))

    run(lake, log, NEXT)
    run(lake, ORDERS)

    assert rows_of(lake, ORDERS).sort("order_id")["remark"].to_list() == ["n1", "n2"]
