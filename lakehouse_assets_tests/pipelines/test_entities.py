"""An entity from files to its readers: days in any order, corrections, references, gold tables, transforms."""

import itertools
from pathlib import Path

import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.stale import find_stale
from lakehouse_assets.results import Ledger
from lakehouse_assets_tests.customers import (
    CHANGES,
    COLUMNS,
    CURRENT,
    HISTORY,
    LOAD,
    bring,
    change,
    customers_lake,
    derived,
    gone,
)
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    THIRD,
    contract,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    statuses,
    transform,
)

PUBLISHED = {"people": "published", "people_history": "published"}
UNCHANGED = {"people": "unchanged", "people_history": "unchanged"}
FILES = {
    DAY: [change("c1", f"{DAY} 08:00:00"), change("c2", f"{DAY} 09:00:00"), change("c3", f"{DAY} 09:30:00")],
    NEXT: [
        change("c1", f"{NEXT} 08:00:00", city="Bonn"),
        gone("c2", f"{NEXT} 10:00:00"),
        gone("c9", f"{NEXT} 10:00:00"),
    ],
    THIRD: [
        change("c1", f"{DAY} 20:00:00", city="Kiel", name="late"),
        change("c2", f"{NEXT} 09:00:00", city="Kiel"),
        change("c3", f"{DAY} 09:30:00"),
        change("c4", f"{THIRD} 11:00:00"),
    ],
}
EXPECTED_NOW = [("c1", "Bonn"), ("c3", "Ulm"), ("c4", "Ulm")]
EXPECTED_VERSIONS = [
    ("c1", "01 08", "01 20", "Ulm"),
    ("c1", "01 20", "02 08", "Kiel"),
    ("c1", "02 08", None, "Bonn"),
    ("c2", "01 09", "02 09", "Ulm"),
    ("c2", "02 09", "02 10", "Kiel"),
    ("c3", "01 09", None, "Ulm"),
    ("c4", "03 11", None, "Ulm"),
]


def now(lake: Lake) -> list[tuple[str, str]]:
    return sorted(rows_of(lake, CURRENT).select("id", "city").rows())


def versions(lake: Lake) -> list[tuple[str, str, str | None, str]]:
    rows = rows_of(lake, HISTORY)
    begins, ends = (rows[name].dt.strftime("%d %H") for name in ("valid_from", "valid_to"))
    return sorted(zip(rows["id"], begins, ends, rows["city"], strict=True), key=str)


@pytest.mark.parametrize(
    "days", list(itertools.permutations(FILES)), ids=lambda days: " ".join(day[-2:] for day in days)
)
@pytest.mark.parametrize("in_between", [True, False], ids=["derived each time", "derived once"])
def test_days_may_come_in_any_order(tmp_path: Path, days: tuple[str, ...], *, in_between: bool) -> None:
    lake = customers_lake(tmp_path, LOAD.replace("tracked", "buckets: 3, tracked"))

    for day in days:
        bring(lake, day, FILES[day])
        if in_between:
            derived(lake)
    derived(lake)

    assert now(lake) == EXPECTED_NOW
    assert versions(lake) == EXPECTED_VERSIONS
    assert derived(lake) == UNCHANGED


def test_files_that_come_again_on_any_day_change_no_derived_row(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)
    bring(lake, DAY, FILES[DAY])
    derived(lake)
    before = {table: rows_of(lake, table).drop("_row_id").sort("id") for table in (CURRENT, HISTORY)}

    bring(lake, NEXT, FILES[DAY])
    derived(lake)

    after = {table: rows_of(lake, table).drop("_row_id").sort("id") for table in (CURRENT, HISTORY)}
    assert all(after[table].equals(before[table]) for table in before)


def test_a_day_that_is_corrected_takes_its_changes_back(tmp_path: Path) -> None:
    lake, fresh = customers_lake(tmp_path / "corrected"), customers_lake(tmp_path / "fresh")
    bring(lake, DAY, [change("c1", f"{DAY} 08:00:00"), change("c8", f"{DAY} 08:00:00")])
    bring(lake, NEXT, [gone("c1", f"{NEXT} 08:00:00")])
    derived(lake)

    bring(lake, NEXT, [change("c1", f"{NEXT} 08:00:00", city="Bonn")])
    bring(lake, DAY, [change("c1", f"{DAY} 08:00:00")])

    assert derived(lake) == PUBLISHED
    bring(fresh, DAY, [change("c1", f"{DAY} 08:00:00")])
    bring(fresh, NEXT, [change("c1", f"{NEXT} 08:00:00", city="Bonn")])
    derived(fresh)
    assert [content_of(lake, table).hash for table in (CURRENT, HISTORY)] == [
        content_of(fresh, table).hash for table in (CURRENT, HISTORY)
    ]
    assert now(lake) == [("c1", "Bonn")]


def test_a_stricter_contract_withdraws_what_it_no_longer_admits(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)
    bring(lake, DAY, [change("c1", f"{DAY} 08:00:00", points=900), change("c2", f"{DAY} 08:00:00")])
    derived(lake)

    stricter = customers_lake(tmp_path, columns=COLUMNS.replace("maximum: 1000", "maximum: 100"), version="1.1.0")

    assert run(stricter, CHANGES, DAY)[DAY].record.ledger == Ledger(read=2, published=1, quarantined=1)
    assert derived(stricter) == PUBLISHED
    assert now(stricter) == [("c2", "Ulm")]


def test_an_empty_entity_is_published_and_empty(tmp_path: Path) -> None:
    lake = customers_lake(tmp_path)
    bring(lake, DAY, [gone("c1", f"{DAY} 08:00:00")])

    assert derived(lake) == PUBLISHED
    assert now(lake) == []


def test_rows_that_point_to_a_customer_wait_until_it_is_derived(tmp_path: Path) -> None:
    reference = "[{type: foreignKey, to: people.id}]"
    lake = customers_lake(tmp_path, orders=orders_contract(relationships=reference))
    bring(lake, DAY, [change("c1", f"{DAY} 08:00:00")])
    deliver(lake, DAY, [order(1, customer="c1"), order(2, customer="c7")])
    before = refresh(lake, DAY)[DAY].record.ledger

    derived(lake)
    stale = find_stale(lake)
    after = refresh(lake, DAY)[DAY].record.ledger

    assert (before.quarantined, after.quarantined) == (2, 1)
    assert [(one.table, one.partition) for one in stale] == [(ORDERS, DAY)]


DAILY = TableName.parse("gold/amounts_by_city")
DAILY_COLUMNS = """\
      - {name: changed_date, logicalType: date, required: true, transformSourceObjects: [silver.orders.changed_at],
         transformLogic: day of it}
      - {name: city, logicalType: string, transformSourceObjects: [silver.people.city]}
      - {name: orders_count, logicalType: integer, transformSourceObjects: [silver.orders.order_id],
         transformLogic: number of orders}
"""
DAILY_FUNCTION = """
import narwhals as nw


def amounts_by_city(orders, people):
    rows = orders.join(people.select("id", "city"), left_on="customer", right_on="id", how="left")
    days = rows.with_columns(nw.col("changed_at").dt.date().alias("changed_date"))
    return days.group_by("changed_date", "city").agg(nw.len().alias("orders_count"))
"""


def test_a_daily_table_reads_what_holds_now_for_every_day(tmp_path: Path) -> None:
    gold = contract(
        "amounts_by_city", DAILY_COLUMNS, load="{mode: partition, partitionColumn: changed_date}", layer="gold"
    )
    silver = orders_contract("{identicalRows: keep, eventTime: changed_at}")
    with transform(tmp_path, str(DAILY), DAILY_FUNCTION):
        lake = customers_lake(tmp_path, orders=silver, contracts={str(DAILY): gold})
        bring(lake, DAY, [change("c1", f"{DAY} 08:00:00"), change("c2", f"{DAY} 08:00:00", city="Bonn")])
        derived(lake)
        for day in (DAY, NEXT):
            deliver(lake, day, [order(1, customer="c1", changed_at=f"{day} 10:00:00"),
                                order(2, customer="c2", changed_at=f"{day} 11:00:00")])  # fmt: skip
        refresh(lake, DAY, NEXT)

        done = run(lake, DAILY, DAY, NEXT)

    assert statuses(done) == {DAY: "published", NEXT: "published"}
    found = rows_of(lake, DAILY).sort("changed_date", "city")
    assert found["city"].to_list() == ["Bonn", "Ulm"] * 2


def test_a_transform_makes_the_changes_and_is_called_like_the_log(tmp_path: Path) -> None:
    function = """
import narwhals as nw


def people_changes(rows):
    return rows.with_columns(nw.col("city").str.to_uppercase().alias("city"))
"""
    with transform(tmp_path, str(CHANGES), function):
        lake = customers_lake(tmp_path)
        bring(lake, DAY, [change("c1", f"{DAY} 08:00:00"), gone("c2", f"{DAY} 09:00:00")])
        derived(lake)

    assert now(lake) == [("c1", "ULM")]


CITY = "{name: city, logicalType: string, transformSourceObjects: [bronze.shop.people.city]}"
TOWN = CITY.replace("name: city", "name: town").replace(
    "}", ", customProperties: [{property: lakehouse.renamedFrom, value: city}]}"
)
REMARK = "      - {name: remark, logicalType: string, transformSourceObjects: [bronze.shop.people.name]}\n"


def test_a_renamed_column_keeps_its_values_under_both_names_in_every_table(tmp_path: Path) -> None:
    before = customers_lake(tmp_path)
    bring(before, DAY, [change("c1", f"{DAY} 08:00:00", city="Bonn"), change("c2", f"{DAY} 08:00:00")])
    derived(before)
    columns = COLUMNS.replace(CITY, TOWN) + REMARK
    lake = customers_lake(tmp_path, LOAD.replace("[city]", "[town]"), columns=columns, version="1.1.0")

    bring(lake, NEXT, [change("c3", f"{NEXT} 08:00:00", city="Kiel")])

    assert derived(lake) == PUBLISHED
    for table in (CURRENT, HISTORY):
        rows = rows_of(lake, table).sort("id")
        assert rows["town"].to_list() == rows["city"].to_list() == ["Bonn", "Ulm", "Kiel"]
        assert rows["remark"].to_list() == [None, None, "name of c3"]
        assert served(lake, table)["0"].of.content_hash == content_of(lake, table).partitions["0"][1]
    bring(lake, THIRD, [gone("c2", f"{THIRD} 08:00:00"), change("c1", f"{THIRD} 08:00:00", city="Hof")])
    assert derived(lake) == PUBLISHED
    assert rows_of(lake, CURRENT).sort("id").select("city", "town").rows() == [("Hof", "Hof"), ("Kiel", "Kiel")]
