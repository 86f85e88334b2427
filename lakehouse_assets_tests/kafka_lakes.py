"""Lakes whose bronze is a topic: configuration made to measure, records on hours of 2026-01-05, what landed of them."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.lakes import rows_of
from lakehouse_assets_tests.repository import ROOT

EVENTS = TableName.parse("bronze/shop/events")
NINE, TEN, ELEVEN = "2026-01-05-09:00", "2026-01-05-10:00", "2026-01-05-11:00"
HOURS = (NINE, TEN, ELEVEN)
COLUMNS = "{event_id: text, amount: text, kafka_partition: integer, kafka_offset: long, kafka_timestamp: timestamp}"

_SOURCE = """\
source: shop
kind: kafka
description: Events of a small shop.
owner: shop@example.com
connection: {connection}
cadence: every_minute
calendar: {{starts: "2026-01-05", ends: "2026-01-05", hourly: true}}
retryPolicy: once
tables:
  events:
    load: append_once
    columns: {columns}
    arrival: {{minRows: 0}}
    options: {options}
{also}"""


def kafka_lake(  # one keyword for each part that tests change
    folder: Path,
    address: str,
    *,
    columns: str = COLUMNS,
    also: str = "",
    connection: Mapping[str, str] | None = None,
    contracts: Mapping[str, str] | None = None,
    timeout: str = "30s",
    **options: object,
) -> Lake:
    """Write the configuration of a source that reads the topic `events`, and open its lake."""
    config = folder / "config"
    text = _SOURCE.format(
        connection=json.dumps({"bootstrapServers": address, **(connection or {})}),
        options=json.dumps({"topic": "events", **options}),
        columns=columns,
        also=also,
    )
    texts = {
        "sources/shop.yaml": text,
        "schedules.yaml": 'every_minute: {cron: "* * * * *"}\n',
        "retry_policies.yaml": f"once: {{delays: [1s], timeout: {timeout}, jitter: none}}\n",
        "incidents.yaml": (ROOT / "config" / "incidents.yaml").read_text(encoding="utf-8"),
        "environments/base.yaml": "{}\n",
        "environments/local.yaml": "{}\n",
        **{f"contracts/{path}.odcs.yaml": text for path, text in (contracts or {}).items()},
    }
    for path, content in texts.items():
        (config / path).parent.mkdir(parents=True, exist_ok=True)
        (config / path).write_text(content, encoding="utf-8")
    return open_lake(load_settings({"LAKEHOUSE_ROOT": str(folder / "lake"), "LAKEHOUSE_RUN_LOG": "off"}, config))


def at(hour: int, minute: int = 0) -> int:
    """Return a moment of the day as a record says it."""
    return int(datetime(2026, 1, 5, hour, minute, tzinfo=UTC).timestamp() * 1000)


def event(number: object, *, hour: int = 9, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments of the client
    """Return a message about an event."""
    value = json.dumps({"event_id": str(number), "amount": 1})
    return {"value": value, "key": str(number), "timestamp": at(hour), **more}


def events(numbers: Iterable[object], **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - same
    """Return messages about some events."""
    return [event(number, **more) for number in numbers]


def landed(lake: Lake, table: TableName = EVENTS) -> list[str]:
    """Return the ids of the events in bronze, in order."""
    return sorted(rows_of(lake, table)["event_id"].fill_null("?"))
