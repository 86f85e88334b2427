"""The small configuration with an entity: customers whose changes arrive as files, kept in all three tables."""

from collections.abc import Mapping

from lakehouse_assets_tests.configuration import FILES, SOURCE

CUSTOMERS = "contracts/silver/customers.odcs.yaml"
LOAD = (
    "value: {mode: derived, keys: [customer_id], sequenceBy: changed_at, history: scd4, "
    "tracked: [city], softDeletes: true, buckets: 4}"
)
_TABLE = """\
tables:
  people:
    read: {pattern: "people-{partition}.csv"}
    columns: {op: text, id: text, at: text, mail: text, city: text, level: text}
    deletes: {column: op, values: [D]}
"""
CONTRACT = f"""\
apiVersion: v3.1.0
kind: DataContract
id: silver.customers
name: customers
version: 1.0.0
schema:
  - name: customers
    properties:
      - {{name: customer_id, logicalType: string, required: true, primaryKey: true,
         transformSourceObjects: [bronze.shop.people.id]}}
      - {{name: changed_at, logicalType: timestamp, required: true, transformSourceObjects: [bronze.shop.people.at],
         customProperties: [{{property: lakehouse.parse, value: {{formats: ['%Y-%m-%d %H:%M:%S']}}}}]}}
      - {{name: email, logicalType: string, unique: true, transformSourceObjects: [bronze.shop.people.mail]}}
      - {{name: city, logicalType: string, transformSourceObjects: [bronze.shop.people.city]}}
      - {{name: level, logicalType: string, transformSourceObjects: [bronze.shop.people.level],
         customProperties: [{{property: lakehouse.scdType, value: 3}}]}}
    quality:
      - {{id: row_count, metric: rowCount, mustBeBetween: [1, 100]}}
      - {{id: customers_count, metric: rowCount, mustBeBetween: [1, 1000], severity: warning,
         customProperties: [{{property: lakehouse.scope, value: table}}]}}
    customProperties:
      - property: lakehouse.load
        {LOAD}
      - property: lakehouse.consumers
        value: [{{name: board, kind: dashboard, columns: [customer_id, email]}}]
slaProperties:
  - {{property: latency, value: 4, unit: h, element: customers.changed_at}}
team:
  members: [{{username: shop@example.com, role: owner}}]
"""
ENTITY_FILES: Mapping[str, str] = {
    **FILES,
    SOURCE: FILES[SOURCE].replace("tables:\n", _TABLE, 1),
    CUSTOMERS: CONTRACT,
}


def changed_entity(old: str, new: str, path: str = CUSTOMERS) -> dict[str, str]:
    """Return the files with one place of one of them replaced."""
    assert ENTITY_FILES[path].count(old) >= 1, f"{old!r} is not in {path}"
    return {**ENTITY_FILES, path: ENTITY_FILES[path].replace(old, new, 1)}
