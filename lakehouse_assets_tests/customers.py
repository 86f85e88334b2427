"""A small shop whose customers arrive as files of changes: the lake and its files."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.results import PartitionResult
from lakehouse_assets_tests.lakes import contract, run, shop_lake

PEOPLE = TableName.parse("bronze/shop/people")
CHANGES = TableName.parse("silver/people_changes")
CURRENT = TableName.parse("silver/people")
HISTORY = TableName.parse("silver/people_history")
HEADER = ("op", "id", "changed_at", "name", "city", "points")
LOAD = "{mode: derived, keys: [id], sequenceBy: changed_at, history: scd4, tracked: [city]}"
DELETES = "{column: op, values: [D]}"

_SOURCE = """\
  people:
    read: {{pattern: "people/{{partition}}*.csv", stableSeconds: 0, finalNewline: false}}
    columns: {{op: text, id: text, changed_at: text, name: text, city: text, points: text}}
    arrival: {{minRows: 0}}
    deletes: {deletes}
"""
COLUMNS = """\
      - {name: id, logicalType: string, required: true, primaryKey: true, logicalTypeOptions: {pattern: 'c[0-9]+'},
         transformSourceObjects: [bronze.shop.people.id]}
      - {name: changed_at, logicalType: timestamp, required: true,
         transformSourceObjects: [bronze.shop.people.changed_at],
         customProperties: [{property: lakehouse.parse, value: {formats: ['%Y-%m-%d %H:%M:%S']}}]}
      - {name: name, logicalType: string, required: true, transformSourceObjects: [bronze.shop.people.name]}
      - {name: city, logicalType: string, transformSourceObjects: [bronze.shop.people.city]}
      - {name: points, logicalType: integer, physicalType: long, logicalTypeOptions: {minimum: 0, maximum: 1000},
         transformSourceObjects: [bronze.shop.people.points]}
"""


def customers_lake(
    folder: Path,
    load: str = LOAD,
    *,
    deletes: str = DELETES,
    orders: str | None = None,
    contracts: Mapping[str, str] | None = None,
    **parts: str,
) -> Lake:
    """Open a lake with the entity silver/people; `parts` go to its contract, `contracts` are further ones."""
    text = contract("people", parts.pop("columns", COLUMNS), load=load, **parts)
    every = {"silver/people": text, **(contracts or {})}
    lake = shop_lake(folder, orders, source_also=_SOURCE.format(deletes=deletes), contracts=every)
    (folder / "drop/people").mkdir(exist_ok=True)
    return lake


def change(key: str, at: str, **changes: object) -> list[str]:
    """Return one raw change of a key; `changes` replace columns, `op` among them."""
    row = {"op": "U", "id": key, "changed_at": at, "name": f"name of {key}", "city": "Ulm", "points": "1"}
    return [str(value) for value in (row | changes).values()]


def gone(key: str, at: str) -> list[str]:
    """Return a deletion as sources write it: nothing but the key and the time."""
    return ["D", key, at, "", "", ""]


def bring(lake: Lake, day: str, rows: Iterable[Sequence[str]], part: str = "") -> dict[str, PartitionResult]:
    """Deliver a file of changes and take it into the change log; return what became of the day."""
    folder = Path(lake.catalog.sources["shop"].connection["location"]) / "people"
    with (folder / f"{day}{part}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    run(lake, PEOPLE, day)
    return run(lake, CHANGES, day)


def derived(lake: Lake) -> dict[str, str]:
    """Derive both tables and return what became of them."""
    return {table.short: run(lake, table)["0"].status for table in (CURRENT, HISTORY)}
