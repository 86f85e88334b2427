"""A run, a contract, an environment: the first of them that names an engine decides; bronze is landed where we run."""

from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse_assets.errors import EngineLostError, LakehouseError
from lakehouse_assets.pipeline.computing import computing, engine_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests.lakes import DAY, ORDERS, RAW, orders_contract, run, shop_lake

pytestmark = pytest.mark.integration


def lake_with(folder: Path, contract: str = "", environment: str = "", asked: str = "") -> Lake:
    """Return a shop's lake in which three places may name an engine."""
    text = orders_contract()
    if contract:
        at = "    customProperties:\n"
        text = text.replace(at, f"{at}      - {{property: lakehouse.engine, value: {contract}}}\n", 1)
    lake = shop_lake(folder, text, environ={"LAKEHOUSE_ENGINE": environment} if environment else {})
    return replace(lake, engine_name=asked)


@pytest.mark.parametrize(
    ("contract", "environment", "asked", "engine"),
    [
        ("", "", "", "polars"),
        ("", "spark", "", "spark"),
        ("polars", "spark", "", "polars"),
        ("spark", "", "", "spark"),
        ("spark", "spark", "polars", "polars"),
    ],
)
def test_the_nearest_word_decides(tmp_path: Path, contract: str, environment: str, asked: str, engine: str) -> None:
    lake = lake_with(tmp_path, contract, environment, asked)
    assert engine_of(lake, lake.contract(ORDERS)) == engine


def test_bronze_of_an_environment_on_spark_is_landed_by_polars(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, environment="spark")
    assert computing(lake, lake.contract(RAW)).engine.name == "polars"


def test_bronze_on_spark_is_refused_with_the_reason(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, asked="spark")
    with pytest.raises(LakehouseError, match="bronze/shop/orders: bronze cannot be computed by Spark: the client"):
        run(lake, RAW, DAY)


def test_a_spark_that_cannot_be_opened_is_told_in_a_sentence(tmp_path: Path) -> None:
    def refuse(_: object) -> None:
        raise ConnectionRefusedError

    lake = replace(lake_with(tmp_path, contract="spark"), open_spark=refuse)
    with pytest.raises(EngineLostError, match="this machine: no Spark session can be opened"):
        run(lake, ORDERS, DAY)
