"""Statistics of what is published: made once for each content, never of classified values, never in the way."""

import json
import logging
from pathlib import Path

import duckdb
import polars as pl
import pytest
import zstandard
from typer.testing import CliRunner

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import STATISTICS_FOLDER
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.pipeline.table_statistics import make_statistics, statistics_of
from lakehouse_assets.quality.column_statistics import SAMPLE
from lakehouse_assets.results import PUBLISHED, ColumnStatistics
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    THIRD,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    run,
    shop_lake,
    statuses,
    variables_of,
)

pytestmark = pytest.mark.integration

NAMES = ("order_id", "customer", "amount", "changed_at", "note")
SECRET = "name: customer, classification: confidential,"  # noqa: S105 - a line of a contract


def watched(folder: Path, contract: str | None = None) -> Lake:
    """Return a shop that keeps statistics."""
    return shop_lake(folder, contract, environ={"LAKEHOUSE_STATISTICS": "columns"})


def classified(contract: str) -> str:
    """Return a contract whose customers nobody may see."""
    return contract.replace("name: customer,", SECRET)


def kept(lake: Lake) -> dict[str, bytes]:
    """Return what lies in the folder of statistics of the orders, by path."""
    folder = Path(lake.root_of(ORDERS), STATISTICS_FOLDER)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.zst"))}


def columns_of(lake: Lake, day: str = DAY) -> dict[str, ColumnStatistics]:
    """Return the statistics of the orders of a day, by column."""
    (found,) = statistics_of(lake, ORDERS, [day]).known
    return {one.column: one for one in found.columns}


def some_orders(day: str = DAY, count: int = 40) -> list[list[str]]:
    """Return orders of three customers, every fourth without a note."""
    at = f"{day} 10:00:00"
    names = ("ann", "bob", "eve")
    return [
        order(n, customer=names[n % 3], amount=n // 2, changed_at=at, note="" if n % 4 == 0 else "x")
        for n in range(count)
    ]


def ask(lake: Lake, *arguments: str) -> str:
    said = CliRunner(env=variables_of(lake)).invoke(build_app(), ["statistics", "show", str(ORDERS), *arguments])
    assert said.exception is None, said.exception
    return said.stdout


def test_a_publish_keeps_what_sql_says_about_its_columns(tmp_path: Path) -> None:
    lake = watched(tmp_path)
    deliver(lake, DAY, some_orders())
    refresh(lake, DAY)

    found, served = columns_of(lake), rows_of(lake, ORDERS)

    assert tuple(found) == NAMES
    for name in NAMES:
        asked = f'select count(*) - count("{name}"), count(distinct "{name}") from served'  # noqa: S608 - own names
        assert duckdb.execute(asked).fetchall() == [(found[name].nulls, found[name].distinct)], name
    (ends,) = duckdb.execute("select min(amount), max(amount), quantile_disc(amount, 0.25) from served").fetchall()
    assert ends == (found["amount"].least, found["amount"].greatest, found["amount"].quantiles["0.25"])
    assert found["customer"].top == (("ann", 14), ("bob", 13), ("eve", 13))
    assert served.height == sum(found["amount"].histogram) == 40


def test_an_empty_day_has_statistics_of_nothing(tmp_path: Path) -> None:
    lake = watched(tmp_path)
    deliver(lake, DAY, [])
    refresh(lake, DAY)

    assert {(one.nulls, one.distinct, one.top) for one in columns_of(lake).values()} == {(0, 0, ())}


def test_nothing_of_a_classified_column_is_kept_but_its_nulls(tmp_path: Path) -> None:
    lake = watched(tmp_path, classified(orders_contract()))
    deliver(lake, DAY, [*some_orders(), order("last", customer="")])
    refresh(lake, DAY)

    (content,) = kept(lake).values()

    assert columns_of(lake)["customer"] == ColumnStatistics("customer", "string", 1, is_classified=True)
    text = zstandard.decompress(content).decode()
    assert not [name for name in ("ann", "bob", "eve") if f'"{name}"' in text]


def test_a_column_that_became_classified_is_not_shown_any_more(tmp_path: Path) -> None:
    lake = watched(tmp_path)
    deliver(lake, DAY, some_orders())
    refresh(lake, DAY)
    contract = lake.settings.config_dir / "contracts/silver/orders.odcs.yaml"
    contract.write_text(classified(contract.read_text()))

    said = ask(lake, "--column", "customer")

    assert "classified" in said
    assert "ann" not in said


def test_the_same_rows_in_another_lake_have_the_same_statistics(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        lake = watched(tmp_path / name)
        deliver(lake, DAY, some_orders())
        refresh(lake, DAY)
        found.append(kept(lake))

    assert found[0] == found[1] != {}


def test_what_did_not_change_is_not_looked_at_again(tmp_path: Path) -> None:
    lake = watched(tmp_path)
    deliver(lake, DAY, some_orders())
    refresh(lake, DAY)
    (file,) = Path(lake.root_of(ORDERS), STATISTICS_FOLDER).rglob("*.zst")
    before = file.stat().st_mtime_ns

    # The rules changed and the rows did not: published again, and looked at no second time.
    contract = lake.settings.config_dir / "contracts/silver/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace("maximum: 1000", "maximum: 2000"))
    again = run(open_lake(lake.settings), ORDERS, DAY)

    assert statuses(again) == {DAY: PUBLISHED}
    assert file.stat().st_mtime_ns == before


def test_what_was_served_before_keeps_its_statistics(tmp_path: Path) -> None:
    lake = watched(tmp_path)
    deliver(lake, DAY, some_orders())
    refresh(lake, DAY)
    deliver(lake, DAY, some_orders(count=50))
    refresh(lake, DAY)

    assert len(kept(lake)) == 2
    assert columns_of(lake)["order_id"].distinct == 50


def test_statistics_that_cannot_be_kept_are_told_and_stop_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = watched(tmp_path)
    deliver(lake, DAY, some_orders())
    run(lake, RAW, DAY)
    in_the_way = Path(lake.root_of(ORDERS), STATISTICS_FOLDER)
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where the folder should be")

    with caplog.at_level(logging.WARNING):
        done = run(lake, ORDERS, DAY)

    assert statuses(done) == {DAY: PUBLISHED}
    assert f"{ORDERS} {DAY} is published, but has no statistics" in caplog.text
    in_the_way.unlink()
    assert statistics_of(lake, ORDERS).missing == (DAY,)
    assert make_statistics(lake, ORDERS) == [DAY]
    assert columns_of(lake)["order_id"].distinct == 40


def test_nothing_is_kept_where_the_environment_does_not_want_it(tmp_path: Path) -> None:
    lake = shop_lake(tmp_path)
    deliver(lake, DAY, some_orders())
    refresh(lake, DAY)

    assert kept(lake) == {}
    assert "Without statistics: 2010-12-01 (1 in all)" in ask(lake)


def test_made_later_they_are_what_the_publish_would_have_made(tmp_path: Path) -> None:
    found = []
    for name, lake in (("with", watched), ("without", shop_lake)):
        (tmp_path / name).mkdir()
        shop = lake(tmp_path / name)
        deliver(shop, DAY, [order(n, amount=n % 900) for n in range(SAMPLE + 10)])
        refresh(shop, DAY)
        made = make_statistics(shop, ORDERS)
        found.append((made, kept(shop)))

    assert [made for made, _ in found] == [[], [DAY]]
    assert found[0][1] == found[1][1]


def test_of_bronze_nothing_is_looked_at(tmp_path: Path) -> None:
    lake = watched(tmp_path)
    deliver(lake, DAY, some_orders())
    refresh(lake, DAY)

    assert not Path(lake.root_of(RAW), STATISTICS_FOLDER).exists()
    with pytest.raises(LakehouseError, match="without statistics"):
        make_statistics(lake, RAW)


def test_of_a_large_day_estimates_are_as_near_as_they_say(tmp_path: Path) -> None:
    lake, count = watched(tmp_path), 3 * SAMPLE
    numbers = range(count)
    rows = [
        order(f"o{n}", customer=f"c{n % 30_000}", amount=(n * 7) % 1000, note="x" if n % 5 else "") for n in numbers
    ]
    deliver(lake, DAY, rows)
    refresh(lake, DAY)

    found = columns_of(lake)

    assert (found["order_id"].distinct_error, found["customer"].distinct_error) != (0, 0)
    for name, distinct in (("order_id", count), ("customer", 30_000)):
        told = found[name]
        assert told.distinct is not None
        assert abs(told.distinct - distinct) <= 3 * told.distinct_error * distinct
        assert not told.is_counted
    # Few values are counted in all rows.
    assert (found["amount"].distinct, found["amount"].top[0], found["note"].nulls) == (1000, (0, 60), count // 5)
    assert found["amount"].quantiles["0.5"] == 499
    ends = pl.Series([f"o{n}" for n in numbers])
    assert (found["order_id"].least, found["order_id"].greatest) == (ends.min(), ends.max())


def test_one_column_is_shown_over_all_days(tmp_path: Path) -> None:
    lake = watched(tmp_path)
    for number, day in enumerate((DAY, NEXT, THIRD), start=1):
        deliver(lake, day, some_orders(day, 10 * number))
    refresh(lake, DAY, NEXT, THIRD)

    said = json.loads(ask(lake, "--column", "amount", "--json"))

    assert [(one["partition"], one["rows"]) for one in said["partitions"]] == [(DAY, 10), (NEXT, 20), (THIRD, 30)]
    assert [one["columns"][0]["greatest"] for one in said["partitions"]] == [4, 9, 14]
    assert [one["partition"] for one in json.loads(ask(lake, "--json"))["partitions"]] == [THIRD]


def test_values_that_look_like_markup_are_shown_as_they_are(tmp_path: Path) -> None:
    lake = watched(tmp_path)
    deliver(lake, DAY, [order(n, note="[/red]") for n in range(3)])
    refresh(lake, DAY)

    assert "[/red] (3)" in ask(lake)
