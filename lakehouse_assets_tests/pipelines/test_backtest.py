"""A contract on stored history: what it would refuse and let pass is counted before it is merged, and not written."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.backtest import Backtested, backtest
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    RAW,
    deliver,
    order,
    orders_contract,
    refresh,
    shop_lake,
    variables_of,
)

pytestmark = pytest.mark.integration

AMOUNTS = {DAY: (5, 500, 1500, 2500), NEXT: (6, 7, 8)}
FEW = "[{id: few, metric: rowCount, mustBeLessOrEqualTo: 2, severity: %s}]"


def bounded(high: int, **parts: str) -> str:
    return orders_contract(**parts).replace("maximum: 1000", f"maximum: {high}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Publish two days under a maximum of 1000, which refuses two rows of the first."""
    lake = shop_lake(tmp_path, bounded(1000))
    for day, amounts in AMOUNTS.items():
        deliver(lake, day, [order(number, amount=amount) for number, amount in enumerate(amounts, 1)])
    refresh(lake, *AMOUNTS)
    return tmp_path


def under(folder: Path, text: str) -> dict[str, Backtested]:
    return {one.partition: one for one in backtest(shop_lake(folder, text), ORDERS)}


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    files = (file for file in sorted((folder / "lake").rglob("*")) if file.is_file())
    return {str(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in files}


@pytest.mark.parametrize("high", [5, 6, 499, 1000, 1500, 9000])
def test_rows_that_come_and_go_are_those_between_the_bounds(folder: Path, high: int) -> None:
    found = under(folder, bounded(high))

    for day, amounts in AMOUNTS.items():
        refused = sum(high < amount <= 1000 for amount in amounts)
        passing = sum(1000 < amount <= high for amount in amounts)
        assert (found[day].rows, found[day].newly_refused, found[day].newly_passing) == (len(amounts), refused, passing)
        assert found[day].refused_rules == ({"amount.between": refused} if refused else {})
        assert found[day].passing_rules == ({"amount.between": passing} if passing else {})


def test_nothing_is_written(folder: Path) -> None:
    before = everything(folder)

    under(folder, bounded(6, version="2.0.0"))

    assert everything(folder) == before


def test_todays_contract_changes_nothing(folder: Path) -> None:
    assert not any(one.changes for one in under(folder, bounded(1000)).values())


def test_a_rule_that_only_warns_is_counted_without_moving_a_row(folder: Path) -> None:
    found = under(folder, bounded(1000, quality=FEW % "warning"))

    assert {day: dict(one.failing) for day, one in found.items()} == {DAY: {}, NEXT: {"few": 3}}
    assert not any(one.newly_refused or one.blocked for one in found.values())


def test_a_partition_that_would_be_blocked_says_why(folder: Path) -> None:
    found = under(folder, bounded(1000, quality=FEW % "error"))

    assert found[DAY].blocked == ""
    assert "few failed for 3 rows" in found[NEXT].blocked


def test_only_the_newest_partitions_or_those_that_are_named_are_judged(folder: Path) -> None:
    lake = shop_lake(folder, bounded(6))

    assert [one.partition for one in backtest(lake, ORDERS, last=1)] == [NEXT]
    assert [one.partition for one in backtest(lake, ORDERS, [DAY])] == [DAY]


def test_a_table_without_rows_of_its_own_history_is_refused(folder: Path, tmp_path: Path) -> None:
    lake = shop_lake(folder, bounded(6))
    (tmp_path / "new").mkdir()
    unpublished = shop_lake(tmp_path / "new", bounded(6))

    with pytest.raises(LakehouseError, match="What arrives is judged when it lands"):
        list(backtest(lake, RAW))
    with pytest.raises(LakehouseError, match="never published"):
        list(backtest(unpublished, ORDERS))


def test_the_command_tries_a_file_beside_the_configuration(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables_of(shop_lake(folder, bounded(1000))).items():
        monkeypatch.setenv(name, value)
    tried = tmp_path / "tried.yaml"
    tried.write_text(bounded(6))

    told = CliRunner().invoke(build_app(), ["contract", "backtest", str(ORDERS), "--contract", str(tried)])
    as_json = CliRunner().invoke(build_app(), ["contract", "backtest", str(ORDERS), "--contract", str(tried), "--json"])

    assert "2 partitions judged: 3 rows newly refused, 0 newly passing" in told.output
    assert "refused: amount.between 2" in told.output
    assert [one["newly_refused"] for one in json.loads(as_json.stdout)] == [1, 2]
