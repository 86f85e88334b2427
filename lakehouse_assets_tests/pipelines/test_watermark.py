"""Up to when a table is complete: counted over what really is published, blocked or missing."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.watermark import Gap, watermark_of
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.lakes import ORDERS, RAW, deliver, order, orders_contract, refresh, run, shop_lake
from lakehouse_assets_tests.repository import SCRIPTS
from lakehouse_assets_tests.repository import run as command

pytestmark = pytest.mark.integration

NOON = datetime(2010, 12, 7, 12, tzinfo=UTC)
WEEK = [f"2010-12-{day:02d}" for day in range(1, 7)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return shop_lake(tmp_path, orders_contract(gate="{maxQuarantineRatio: 0.4, emptyPartition: allow}"))


def arrive(lake: Lake, *days: str, amount: object = 1) -> None:
    for day in days:
        deliver(lake, day, [order(1, amount=amount)])
    refresh(lake, *days)


def test_nothing_published_has_no_watermark(lake: Lake) -> None:
    found = watermark_of(lake, ORDERS, NOON)

    assert (found.newest, found.is_partitioned) == (None, True)


def test_a_table_that_is_one_partition_has_no_watermark_though_it_has_a_calendar(lake: Lake) -> None:
    contract = lake.contract(ORDERS)
    snapshot = replace(contract, load=replace(contract.load, mode=Mode.SNAPSHOT))
    arrive(lake, *WEEK)
    lake = replace(lake, catalog=replace(lake.catalog, contracts={**lake.catalog.contracts, ORDERS: snapshot}))

    found = watermark_of(lake, ORDERS, NOON)

    assert snapshot.calendar is not None
    assert (found.is_partitioned, found.newest, found.at) == (False, None, None)


def test_a_table_without_gaps_is_complete_until_the_end_of_its_newest_day(lake: Lake) -> None:
    arrive(lake, *WEEK)

    found = watermark_of(lake, ORDERS, NOON)

    assert (found.at, found.age_seconds) == (datetime(2010, 12, 7, tzinfo=UTC), 12 * 3600)
    assert (found.first, found.newest, found.gaps) == (WEEK[0], WEEK[-1], ())
    assert found.is_partitioned


def test_the_first_gap_ends_it_and_every_gap_is_named(lake: Lake) -> None:
    arrive(lake, "2010-12-02", "2010-12-03", "2010-12-05")
    arrive(lake, "2010-12-03", amount="many")

    found = watermark_of(lake, ORDERS, NOON)

    assert found.at == datetime(2010, 12, 3, tzinfo=UTC)
    assert found.gaps == (
        Gap("2010-12-03", "blocked", is_served=True),
        Gap("2010-12-04", "missing"),
        Gap("2010-12-06", "missing"),
    )
    assert (found.first, found.newest) == ("2010-12-02", "2010-12-05")


def test_closed_days_and_the_day_that_is_not_over_are_no_gaps(tmp_path: Path) -> None:
    shop = shop_lake(tmp_path)
    file = tmp_path / "config/sources/shop.yaml"
    closed = file.read_text().replace('ends: "2010-12-31"', 'ends: "2010-12-31", closed: [saturday, "2010-12-02"]')
    file.write_text(closed, encoding="utf-8")
    shop = open_lake(load_settings({"LAKEHOUSE_ROOT": shop.root, "LAKEHOUSE_RUN_LOG": "off"}, tmp_path / "config"))
    arrive(shop, "2010-12-01", "2010-12-03", "2010-12-05", "2010-12-06")

    found = watermark_of(shop, RAW, NOON)

    assert (found.at, found.gaps) == (datetime(2010, 12, 7, tzinfo=UTC), ())


@settings(max_examples=20)
@given(landed=st.sets(st.sampled_from(WEEK), min_size=1))
def test_it_is_where_a_walk_over_the_calendar_first_finds_nothing(
    landed: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lake = shop_lake(tmp_path_factory.mktemp("watermark"))
    for day in landed:
        deliver(lake, day, [])
    run(lake, RAW, *landed)

    found = watermark_of(lake, RAW, NOON)

    number = int(min(landed)[-2:])
    while f"2010-12-{number:02d}" in landed:
        number += 1
    assert found.at == datetime(2010, 12, number, tzinfo=UTC)
    assert {gap.partition for gap in found.gaps} == {each for each in WEEK if each > min(landed)} - landed


def test_the_command_shows_every_table_and_the_gaps_of_one(lake: Lake, tmp_path: Path) -> None:
    arrive(lake, "2010-12-30")
    environ = {**os.environ, "LAKEHOUSE_ROOT": lake.root, "LAKEHOUSE_CONFIG_DIR": str(tmp_path / "config")}

    everything = command(SCRIPTS / "lakehouse", "watermark", "show", "--json", env=environ)
    one = command(SCRIPTS / "lakehouse", "watermark", "show", str(ORDERS), env=environ)

    assert {TableName.parse(each["table"]) for each in json.loads(everything.stdout)} == {RAW, ORDERS}
    assert "2010-12-31 00:00" in one.stdout
    assert "2010-12-31  missing" in one.stdout
