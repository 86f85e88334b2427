"""Sources change their columns, contracts follow: no row and no value is lost on the way, whatever the order.

Expected values are written out, or computed by plain Python from the files that were delivered.
"""

import json
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import newest, served
from lakehouse_assets.results import DriftEvent
from lakehouse_assets_tests.lakes import (
    DAY,
    HEADER,
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

COUPON = "      - {name: coupon, logicalType: string, transformSourceObjects: [bronze.shop.orders.coupon]}\n"
DISCOUNT = """\
      - {name: discount, logicalType: integer, physicalType: long, logicalTypeOptions: {minimum: 0, maximum: 90},
         transformSourceObjects: [bronze.shop.orders.discount]}
"""
MORE_COLUMNS = (*HEADER, "coupon", "discount")


def shop(folder: Path, *, unknown: str = "quarantine", extra: str = "", also: str = "", more: str = "") -> Lake:
    """Open the shop with further raw columns, keys of its source's table, and promised columns."""
    raw = f"{RAW_COLUMNS}, {extra}" if extra else RAW_COLUMNS
    silver = orders_contract(more=more, version="1.1.0" if more else "1.0.0")
    return shop_lake(folder, silver, unknown=unknown, raw=raw, source_also=also)


def with_extra(order_id: object, coupon: str, discount: str) -> list[str]:
    return [*order(order_id), coupon, discount]


DELIVERED = [with_extra(1, 'it"s', "5"), with_extra(2, "", "95"), with_extra(3, "ü,;", "oops"), with_extra(4, "x", "")]


def extras(lake: Lake, day: str = DAY) -> dict[str, tuple[str | None, int | None]]:
    rows = rows_of(lake, ORDERS).filter(pl.col("_proc_date").cast(pl.String) == day)
    return {
        number: (coupon, discount) for number, coupon, discount in rows.select("order_id", "coupon", "discount").rows()
    }


def reasons(lake: Lake, day: str = DAY) -> dict[str, set[str]]:
    """Return the rules each quarantined order broke, by its raw order id."""
    kept = pl.read_delta(lake.root_of(TableName.parse("quarantine/silver/orders")))
    found: dict[str, set[str]] = {}
    for raw, broken in kept.filter(pl.col("_proc_date").cast(pl.String) == day).select("raw", "reasons").rows():
        found[json.loads(raw)["order_id"]] = {reason["rule_id"] for reason in broken}
    return found


def balanced(lake: Lake, table: TableName, day: str, read: int) -> bool:
    ledger = newest(lake, table)[day].of.ledger
    return ledger.is_balanced and ledger.read == read


def test_values_of_an_unknown_column_are_put_aside_by_row(tmp_path: Path) -> None:
    lake = shop(tmp_path)
    deliver(lake, DAY, DELIVERED, header=MORE_COLUMNS)

    refresh(lake, DAY)

    kept = dict(rows_of(lake, RAW).select("_row_id", "_unknown").rows())
    assert {row_id: json.loads(text) for row_id, text in kept.items()} == {
        f"{DAY}.csv#{number:09}": {"coupon": row[5] or None, "discount": row[6] or None}
        for number, row in enumerate(DELIVERED, 1)
    }
    assert rows_of(lake, ORDERS).height == len(DELIVERED)
    assert balanced(lake, ORDERS, DAY, 4)


def test_declared_later_the_values_that_were_put_aside_are_read_without_the_source(tmp_path: Path) -> None:
    lake = shop(tmp_path)
    file = deliver(lake, DAY, DELIVERED, header=MORE_COLUMNS)
    refresh(lake, DAY)
    file.unlink()

    lake = shop(tmp_path, extra="coupon: text, discount: text", more=COUPON + DISCOUNT)
    run(lake, ORDERS, DAY)

    assert extras(lake) == {"1": ('it"s', 5), "4": ("x", None)}
    assert reasons(lake) == {"2": {"discount.between"}, "3": {"discount.parse"}}
    assert balanced(lake, ORDERS, DAY, 4)


def test_days_before_and_after_the_declaration_give_the_same_rows(tmp_path: Path) -> None:
    lake = shop(tmp_path)
    deliver(lake, DAY, DELIVERED, header=MORE_COLUMNS)
    refresh(lake, DAY)

    lake = shop(tmp_path, extra="coupon: text, discount: text", more=COUPON + DISCOUNT)
    deliver(lake, NEXT, DELIVERED, header=MORE_COLUMNS)
    refresh(lake, NEXT)
    run(lake, ORDERS, DAY)

    assert extras(lake, DAY) == extras(lake, NEXT) == {"1": ('it"s', 5), "4": ("x", None)}
    content = content_of(lake, ORDERS).partitions
    assert content[DAY] == content[NEXT]


def test_landing_the_day_again_changes_nothing_in_silver(tmp_path: Path) -> None:
    lake = shop(tmp_path)
    deliver(lake, DAY, DELIVERED, header=MORE_COLUMNS)
    refresh(lake, DAY)
    lake = shop(tmp_path, extra="coupon: text, discount: text", more=COUPON + DISCOUNT)
    run(lake, ORDERS, DAY)
    before = content_of(lake, ORDERS)

    assert statuses(run(lake, RAW, DAY)) == {DAY: "published"}
    run(lake, ORDERS, DAY)

    assert rows_of(lake, RAW)["_unknown"].null_count() == len(DELIVERED)
    assert content_of(lake, ORDERS).hash == before.hash


def test_a_declared_column_that_never_came_is_null(tmp_path: Path) -> None:
    lake = shop(tmp_path)
    deliver(lake, DAY, [order(1)])
    refresh(lake, DAY)

    lake = shop(tmp_path, extra="coupon: text, discount: text", more=COUPON + DISCOUNT)
    run(lake, ORDERS, DAY)

    assert extras(lake) == {"1": (None, None)}


def test_where_the_schema_is_applied_on_writing_the_day_lands_again(tmp_path: Path) -> None:
    lake = shop(tmp_path, also="    schema: on_write\n")
    deliver(lake, DAY, DELIVERED, header=MORE_COLUMNS)
    refresh(lake, DAY)
    lake = shop(tmp_path, extra="coupon: text, discount: text", also="    schema: on_write\n", more=COUPON + DISCOUNT)

    run(lake, ORDERS, DAY)
    read = extras(lake)
    refresh(lake, DAY)

    assert set(read.values()) == {(None, None)}
    assert extras(lake) == {"1": ('it"s', 5), "4": ("x", None)}


def test_evolve_adds_text_columns_and_keeps_those_of_earlier_days(tmp_path: Path) -> None:
    lake = shop(tmp_path, unknown="evolve")
    deliver(lake, DAY, [order(1)])
    deliver(lake, NEXT, [with_extra(2, "x", "7")], header=MORE_COLUMNS)
    deliver(lake, THIRD, [order(3)])

    for day in (DAY, NEXT, THIRD):
        refresh(lake, day)

    kept = rows_of(lake, RAW).sort("order_id").select("coupon", "discount", "_unknown").rows()
    assert kept == [(None, None, None), ("x", "7", None), (None, None, None)]


def test_an_evolved_column_keeps_its_values_and_its_hash_once_it_is_declared(tmp_path: Path) -> None:
    lake = shop(tmp_path, unknown="evolve")
    deliver(lake, DAY, [with_extra(2, "x", "7")], header=MORE_COLUMNS)
    refresh(lake, DAY)

    lake = shop(tmp_path, unknown="evolve", extra="coupon: text, discount: text", more=COUPON + DISCOUNT)
    again = run(lake, RAW, DAY)
    run(lake, ORDERS, DAY)

    assert statuses(again) == {DAY: "unchanged"}
    assert extras(lake) == {"2": ("x", 7)}


@pytest.mark.parametrize("second", ["Coupon", "CUSTOMER"])
def test_evolve_refuses_a_column_that_differs_from_another_in_case_only(second: str, tmp_path: Path) -> None:
    lake = shop(tmp_path, unknown="evolve")
    deliver(lake, DAY, [[*order(1), "x"]], header=(*HEADER, "coupon"))
    deliver(lake, NEXT, [[*order(2), "y"]], header=(*HEADER, second))

    done = [run(lake, RAW, day)[day] for day in (DAY, NEXT)]

    assert [one.status for one in done] == ["published", "blocked"]
    assert f"{second!r}" in done[1].message
    assert rows_of(lake, RAW)["coupon"].to_list() == ["x"]


def test_fail_refuses_the_file_until_its_columns_are_declared(tmp_path: Path) -> None:
    lake = shop(tmp_path, unknown="fail")
    deliver(lake, DAY, DELIVERED, header=MORE_COLUMNS)

    refused = run(lake, RAW, DAY)[DAY]

    assert refused.is_blocked
    assert "undeclared columns: coupon, discount" in refused.message
    assert refused.record.drift == (
        DriftEvent("added", added=("coupon", "discount"), where=refused.record.drift[0].where),
    )
    lake = shop(tmp_path, unknown="fail", extra="coupon: text, discount: text", more=COUPON + DISCOUNT)
    refresh(lake, DAY)
    assert extras(lake) == {"1": ('it"s', 5), "4": ("x", None)}


def test_ignore_keeps_every_row_drops_the_values_and_tells(tmp_path: Path) -> None:
    lake = shop(tmp_path, unknown="ignore")
    deliver(lake, DAY, DELIVERED, header=MORE_COLUMNS)

    refresh(lake, DAY)

    assert rows_of(lake, RAW)["_unknown"].null_count() == len(DELIVERED)
    assert [event.added for event in served(lake, RAW)[DAY].of.drift] == [("coupon", "discount")]
    assert balanced(lake, ORDERS, DAY, 4)


def test_a_column_declared_later_and_absent_leaves_what_landed_as_it_is(tmp_path: Path) -> None:
    deliver(shop(tmp_path), DAY, [order(1)])
    run(shop(tmp_path), RAW, DAY)

    lake = shop(tmp_path, extra="coupon: text", also="    optionalColumns: [coupon]\n")

    assert statuses(run(lake, RAW, DAY)) == {DAY: "unchanged"}


@pytest.mark.parametrize("optional", [False, True])
def test_only_a_column_that_must_be_there_is_drift_when_it_is_not(*, optional: bool, tmp_path: Path) -> None:
    lake = shop(tmp_path, also="    optionalColumns: [note]\n" if optional else "")
    deliver(lake, DAY, [order(1)[:-1]], header=HEADER[:-1])

    arrived = run(lake, RAW, DAY)[DAY]

    assert arrived.is_blocked is not optional
    assert [event.removed for event in arrived.record.drift] == ([] if optional else [("note",)])


RENAMED = "    renamedFrom: {customer: client}\n"


def test_a_renamed_source_column_is_accepted_under_its_former_name(tmp_path: Path) -> None:
    lake = shop(tmp_path, also=RENAMED)
    deliver(lake, DAY, [order(1)], header=("order_id", "client", "amount", "changed_at", "note"))
    deliver(lake, NEXT, [order(2)])

    refresh(lake, DAY, NEXT)

    assert rows_of(lake, ORDERS).sort("order_id")["customer"].to_list() == ["ann", "ann"]
    assert [event.renamed for event in served(lake, RAW)[DAY].of.drift] == [(("client", "customer"),)]
    assert served(lake, RAW)[NEXT].of.drift == ()
    schema = {one.rule_id: one for one in served(lake, RAW)[DAY].of.results}["schema"]
    assert schema.reason == "renamed: client → customer"


def test_both_names_at_once_refuse_the_file(tmp_path: Path) -> None:
    lake = shop(tmp_path, also=RENAMED)
    deliver(lake, DAY, [[*order(1), "bob"]], header=(*HEADER, "client"))

    refused = run(lake, RAW, DAY)[DAY]

    assert refused.is_blocked
    assert "its former name 'client'" in refused.message


def renaming_shop(folder: Path) -> Lake:
    """Open the shop whose raw column `note` is called `remark` from now on."""
    silver = orders_contract().replace("orders.note", "orders.remark")
    also = "    renamedFrom: {remark: note}\n"
    return shop_lake(folder, silver, raw=RAW_COLUMNS.replace("note", "remark"), source_also=also)


def test_rows_that_landed_under_the_former_name_are_read_under_the_new_one(tmp_path: Path) -> None:
    deliver(shop(tmp_path), DAY, [order(1, note="before")])
    refresh(shop(tmp_path), DAY)
    (tmp_path / "drop" / f"{DAY}.csv").unlink()

    lake = renaming_shop(tmp_path)
    deliver(lake, NEXT, [order(2, note="after")], header=("order_id", "customer", "amount", "changed_at", "remark"))
    run(lake, ORDERS, DAY)
    refresh(lake, NEXT)

    assert rows_of(lake, ORDERS).sort("order_id")["note"].to_list() == ["before", "after"]
    assert rows_of(lake, RAW).sort("order_id").select("note", "remark").rows() == [("before", None), (None, "after")]


def test_what_landed_and_what_is_extracted_now_are_read_under_one_declaration(tmp_path: Path) -> None:
    state = "replay: state\n"
    lake = shop(tmp_path, also=state)
    deliver(lake, DAY, [[*order(1), "old"], [*order(2), "kept"]], header=(*HEADER, "coupon"))
    refresh(lake, DAY)

    lake = shop(tmp_path, extra="coupon: text", also=state, more=COUPON)
    deliver(lake, DAY, [[*order(1), "new"]], header=(*HEADER, "coupon"))
    refresh(lake, DAY)

    assert dict(rows_of(lake, ORDERS).select("order_id", "coupon").rows()) == {"1": "new", "2": "kept"}
    assert balanced(lake, ORDERS, DAY, 2)
