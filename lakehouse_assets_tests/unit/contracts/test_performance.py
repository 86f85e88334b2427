"""Which engine a contract may ask for, and how `performance.yaml` tunes Spark; every fault at its line."""

import pytest

from lakehouse_assets.contracts.performance import PARITY
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.configuration import FILES, ORDERS, load

PERFORMANCE = "performance.yaml"
BRONZE = "contracts/bronze/shop.lines.odcs.yaml"
SILVER = TableName.parse("silver/orders")
LANDED = """\
apiVersion: v3.1.0
kind: DataContract
id: bronze.shop.lines
name: shop.lines
version: 1.0.0
schema:
  - name: lines
    properties:
      - {name: OrderNo, logicalType: string, required: true}
    customProperties:
      - {property: lakehouse.engine, value: spark}
team: {members: [{username: shop@example.com, role: owner}]}
"""


def tuned(text: str) -> dict[str, str]:
    """Return Spark's settings for silver/orders under a file that has no faults."""
    catalog, found = load({**FILES, PERFORMANCE: text})
    assert found == ()
    return catalog.performance.settings_for(SILVER)


def told(text: str) -> list[tuple[str, int | None]]:
    return [(each.code, each.spot.line) for each in load({**FILES, PERFORMANCE: text})[1]]


def test_without_the_file_nothing_is_tuned() -> None:
    assert load()[0].performance.settings_for(SILVER) == {}


def test_keys_are_settings_of_spark() -> None:
    assert tuned(
        "spark: {adaptiveExecution: true, skewJoins: false, broadcastThreshold: 10MB, shufflePartitions: 8}"
    ) == {
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.adaptive.skewJoin.enabled": "false",
        "spark.sql.autoBroadcastJoinThreshold": "10485760",
        "spark.sql.shuffle.partitions": "8",
    }


def test_nothing_is_broadcast_below_no_bytes() -> None:
    assert tuned("spark: {broadcastThreshold: 0B}") == {"spark.sql.autoBroadcastJoinThreshold": "-1"}


def test_a_table_overrides_what_holds_for_all() -> None:
    text = "spark: {shufflePartitions: 8, skewJoins: true}\ntables:\n  silver/orders: {shufflePartitions: 400}\n"
    assert tuned(text) == {"spark.sql.adaptive.skewJoin.enabled": "true", "spark.sql.shuffle.partitions": "400"}


def test_other_settings_of_spark_sql_are_passed_on() -> None:
    assert tuned("spark: {settings: {spark.sql.files.maxPartitionBytes: 64m}}") == {
        "spark.sql.files.maxPartitionBytes": "64m"
    }


@pytest.mark.parametrize("name", PARITY)
def test_what_decides_about_rows_cannot_be_set(name: str) -> None:
    assert told(f"spark:\n  settings:\n    {name}: other\n") == [("LH923", 3)]


def test_settings_of_a_whole_session_have_another_place() -> None:
    assert told("spark:\n  settings: {spark.executor.memory: 4g}\n") == [("LH923", 2)]


def test_tuning_of_a_table_that_does_not_exist_is_found() -> None:
    assert told("tables:\n  silver/order: {skewJoins: true}\n") == [("LH922", 2)]


def test_a_size_without_a_unit_is_found() -> None:
    assert told("spark:\n  broadcastThreshold: '10'\n") == [("LH203", 2)]


def test_an_unknown_key_is_found() -> None:
    assert told("spark:\n  shufflePartition: 8\n") == [("LH201", 2)]


def test_a_contract_names_the_engine_of_its_table() -> None:
    before = "\n    customProperties:\n"
    text = FILES[ORDERS].replace(before, f"{before}      - {{property: lakehouse.engine, value: spark}}\n", 1)
    catalog, found = load({**FILES, ORDERS: text})
    assert found == ()
    assert catalog.contract(SILVER).engine == "spark"


def test_bronze_on_spark_is_found_with_the_reason() -> None:
    found = [each for each in load({**FILES, BRONZE: LANDED})[1] if each.code == "LH533"]
    assert [each.spot.line for each in found] == [11]
    assert "bronze/shop/lines" in found[0].message
    assert "client of its source" in found[0].message


def test_a_pattern_that_spark_does_not_read_is_found_with_its_column() -> None:
    before = "\n    customProperties:\n"
    text = FILES[ORDERS].replace(before, f"{before}      - {{property: lakehouse.engine, value: spark}}\n", 1)
    weeks = text.replace("'%Y-%m-%d %H:%M:%S'", "'%G-W%V-%u %H:%M:%S'", 1)
    found = [each for each in load({**FILES, ORDERS: weeks})[1] if each.code == "LH533"]
    assert [each.message.partition("it does")[2][:12] for each in found] == [" not read %G"]
