"""Processes that work on one lake at the same time: whole chains, and many writers of one table, on every storage.

Races of two runs for one partition are in `test_races`; here it is about many commits, none lost and nobody starved.
"""

from collections import Counter
from pathlib import Path

import pytest

from lakehouse_assets.naming import TableName, quarantine_of
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets_tests.lakes import (
    ORDERS,
    RAW,
    contract,
    deliver,
    order,
    orders_contract,
    retail_lake,
    rows_of,
    run,
    shop_lake,
    stored,
)
from lakehouse_assets_tests.places import SWIFT, Place
from lakehouse_assets_tests.racing import finish, start
from lakehouse_assets_tests.retail_files import DAYS, write_days
from lakehouse_assets_tests.soak.chain import CHAIN, SILVER, run_chain

pytestmark = pytest.mark.integration

WRITERS, DAYS_EACH = 3, 3
PEOPLE = TableName.parse("silver/people")


@pytest.mark.parametrize("place", SWIFT, indirect=True)
def test_two_whole_chains_at_once_end_like_one(place: Place, tmp_path: Path) -> None:
    write_days(tmp_path / "drop", 150, DAYS[:2])
    alone = retail_lake(tmp_path / "alone", tmp_path / "drop")
    run_chain(alone, DAYS[:2])
    shared = retail_lake(place.root, tmp_path / "drop", **place.environ)
    tables = ",".join(map(str, CHAIN))

    racers = [start(shared, 1, tables, *DAYS[:2], RETAIL_DROP=str(tmp_path / "drop")) for _ in range(2)]
    finish(*racers)

    for table in (*CHAIN, quarantine_of(SILVER)):
        assert content_of(shared, table).partitions == content_of(alone, table).partitions, str(table)
    before = stored(place)
    run_chain(shared, DAYS[:2])
    assert stored(place) == before


def test_many_writers_of_one_table_all_get_their_turn_and_each_commit_counts(place: Place, tmp_path: Path) -> None:
    # Each day is a commit of its own.
    contract = orders_contract("{identicalRows: keep, partitionsPerChunk: 1}")
    lake = shop_lake(tmp_path, contract, environ=place.environ)
    days = [f"2010-12-{number:02}" for number in range(1, WRITERS * DAYS_EACH + 1)]
    for day in days:
        deliver(lake, day, [order(1), order(2, amount="many")])
    run(lake, RAW, *days)
    shares = [days[first::WRITERS] for first in range(WRITERS)]

    said = finish(*[start(lake, 1, "silver/orders", *share) for share in shares])

    told = Counter(line for text in said for line in text.splitlines())
    assert told == {f"silver/orders {day} published": 1 for day in days}
    assert sorted(rows_of(lake, ORDERS)["_row_id"]) == [f"{day}.csv#000000001" for day in days]
    refused = served_quarantine(lake, ORDERS)
    assert refused is not None
    assert sorted(lake.engine.collect(refused)["_row_id"]) == [f"{day}.csv#000000002" for day in days]
    table = lake.open(ORDERS)
    assert table is not None
    assert table.version == len(days), "one commit made the table, and each day one more"


_PEOPLE = """\
      - {name: order_id, logicalType: string, required: true, transformSourceObjects: [bronze.shop.orders.order_id]}
      - {name: customer, logicalType: string, transformSourceObjects: [bronze.shop.orders.customer]}
      - {name: changed_at, logicalType: timestamp, required: true,
         transformSourceObjects: [bronze.shop.orders.changed_at],
         customProperties: [{property: lakehouse.parse, value: {formats: ['%Y-%m-%d %H:%M:%S']}}]}
"""


def test_two_derivers_of_one_entity_end_with_the_newest_of_every_key(place: Place, tmp_path: Path) -> None:
    people = contract("people", _PEOPLE, load="{mode: derived, keys: [order_id], sequenceBy: changed_at, buckets: 4}")
    lake = shop_lake(tmp_path, contracts={"silver/people": people}, environ=place.environ)
    days = [f"2010-12-{number:02}" for number in range(1, 5)]
    for number, day in enumerate(days):
        keys = range(number, number + 6)
        deliver(lake, day, [order(key, customer=f"on {day}", changed_at=f"{day} 10:00:00") for key in keys])
    newest = {str(key): f"on {day}" for number, day in enumerate(days) for key in range(number, number + 6)}
    tables = "bronze/shop/orders,silver/people_changes,silver/people"

    finish(*[start(lake, 1, tables, *share) for share in (days[:2], days[2:])])
    run(lake, PEOPLE)

    rows = rows_of(lake, PEOPLE)
    assert dict(zip(rows["order_id"], rows["customer"], strict=True)) == newest
    assert rows.height == len(newest)
