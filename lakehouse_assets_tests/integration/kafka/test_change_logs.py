"""Topics of changes: silver by the hour, quarantine row by row, entities from envelopes and tombstones."""

import json
from pathlib import Path
from typing import Any

import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets_tests.kafka import Broker
from lakehouse_assets_tests.kafka_lakes import EVENTS, HOURS, NINE, TEN, at, event, events, kafka_lake
from lakehouse_assets_tests.lakes import contract, rows_of, run, statuses

pytestmark = [pytest.mark.integration, pytest.mark.kafka]

SILVER = TableName.parse("silver/events")
CHANGES, CUSTOMERS = TableName.parse("silver/customers_changes"), TableName.parse("silver/customers")
DELETES = "    deletes: {column: kafka_op, values: [delete]}\n"
EVENT_COLUMNS = """\
      - {name: event_id, logicalType: string, required: true, transformSourceObjects: [bronze.shop.events.event_id]}
      - {name: amount, logicalType: integer, physicalType: long, required: true,
         transformSourceObjects: [bronze.shop.events.amount]}
"""
CUSTOMER_COLUMNS = """\
      - {name: customer_id, logicalType: string, required: true, primaryKey: true,
         transformSourceObjects: [bronze.shop.events.id]}
      - {name: changed, logicalType: number, physicalType: 'decimal(38,0)', required: true,
         transformSourceObjects: [bronze.shop.events.kafka_order]}
      - {name: city, logicalType: string, transformSourceObjects: [bronze.shop.events.city]}
"""


def test_silver_follows_by_the_hour_and_quarantines_row_by_row(tmp_path: Path, broker: Broker, topic: str) -> None:
    silver = contract("events", EVENT_COLUMNS, load="{keys: [event_id]}")
    lake = kafka_lake(tmp_path, broker.address, topic=topic, contracts={"silver/events": silver})
    odd = {**event(3), "value": '{"event_id": "3", "amount": "many"}'}
    broker.send(topic, [*events("12"), odd, event(4, hour=10), event(4, hour=10)])
    run(lake, EVENTS, *HOURS)

    said = run(lake, SILVER, *HOURS)

    assert set(statuses(said).values()) == {"published"}
    assert rows_of(lake, SILVER).select("event_id", "_proc_date").sort("event_id").rows() == [
        ("1", NINE),
        ("2", NINE),
        ("4", TEN),
    ]
    ledgers = {hour: served(lake, SILVER)[hour].of.ledger for hour in (NINE, TEN)}
    assert (ledgers[NINE].quarantined, ledgers[TEN].deduplicated) == (1, 1)


def customers(tmp_path: Path, broker: Broker, topic: str, **options: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - any
    """Load a topic of changes into an entity and return what it holds."""
    derived = contract("customers", CUSTOMER_COLUMNS, load="{mode: derived, keys: [customer_id], sequenceBy: changed}")
    columns = "{id: text, city: text, kafka_op: text, kafka_order: 'decimal(38,0)'}"
    lake = kafka_lake(
        tmp_path,
        broker.address,
        topic=topic,
        columns=columns,
        also=DELETES,
        contracts={"silver/customers": derived},
        **options,
    )
    run(lake, EVENTS, *HOURS)
    run(lake, CHANGES, *HOURS)
    run(lake, CUSTOMERS)
    return sorted(rows_of(lake, CUSTOMERS).select("customer_id", "city").rows())


def change(op: str, before: Any, after: Any, minute: int) -> dict[str, Any]:  # noqa: ANN401 - rows
    value = json.dumps({"op": op, "before": before, "after": after, "source": {"lsn": minute}})
    return {
        "key": json.dumps({"id": (after or before)["id"]}),
        "value": value,
        "timestamp": at(9, minute),
        "partition": 0,
    }


def test_envelopes_of_debezium_become_an_entity(tmp_path: Path, broker: Broker, topic: str) -> None:
    ann, bob = {"id": "1", "city": "York"}, {"id": "2", "city": "Hull"}
    moved = {**ann, "city": "Leeds"}
    gone = change("d", bob, None, 5)
    broker.send(
        topic,
        [
            change("r", None, ann, 1),
            change("c", None, bob, 2),
            change("u", ann, moved, 3),
            gone,
            {**gone, "value": None},
            change("c", None, {"id": "3", "city": "Ripon"}, 6),
        ],
    )

    found = customers(tmp_path, broker, topic, envelope="debezium", keyFormat="json", keyColumns=["id"])

    assert found == [("1", "Leeds"), ("3", "Ripon")]


def test_a_compacted_topic_becomes_an_entity(tmp_path: Path, broker: Broker, topic: str) -> None:
    def row(number: str, city: str | None, minute: int) -> dict[str, Any]:
        value = None if city is None else json.dumps({"id": number, "city": city})
        return {"key": number, "value": value, "timestamp": at(9, minute), "partition": 0}

    broker.send(topic, [row("1", "York", 1), row("2", "Hull", 2), row("1", "Leeds", 3), row("2", None, 4)])

    assert customers(tmp_path, broker, topic, keyColumns=["id"]) == [("1", "Leeds")]
