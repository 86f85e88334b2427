"""A small, faultless configuration in memory, for tests that break one thing in it."""

from collections.abc import Mapping

from lakehouse_assets.contracts.config_files import ConfigFiles
from lakehouse_assets.contracts.loader import load_files
from lakehouse_assets.contracts.model import Catalog, RuleKind
from lakehouse_assets.contracts.vocabulary import Parameter, RuleSignature, Vocabulary
from lakehouse_assets.documents.findings import Finding, Report
from lakehouse_assets.naming import TableName
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.results import Dimension
from lakehouse_assets.settings import SourceOverlay

SCHEDULES = "schedules.yaml"
RETRIES = "retry_policies.yaml"
SOURCE = "sources/shop.yaml"
ORDERS = "contracts/silver/orders.odcs.yaml"
SALES = "contracts/gold/sales.odcs.yaml"

FILES: Mapping[str, str] = {
    SCHEDULES: """\
daily: {cron: "30 0 * * *", timezone: UTC, description: Half past midnight.}
""",
    RETRIES: """\
fixed: {delays: [5min, 5min], jitter: none}
""",
    SOURCE: """\
source: shop
kind: files
owner: shop@example.com
connection: {location: "${DROP:-drop}", user: shop}
cadence: daily
retryPolicy: fixed
calendar:
  starts: "2010-12-01"
  ends: "2010-12-31"
  closed: [saturday, "2010-12-24"]
tables:
  lines:
    read: {pattern: "{partition}.csv"}
    columns:
      OrderNo: text
      Amount: text
      OrderedAt: text
      State: text
    key: [OrderNo]
    arrival: {minRows: 1, maxRows: 500}
""",
    ORDERS: """\
apiVersion: v3.1.0
kind: DataContract
id: silver.orders
name: orders
version: 1.2.0
status: active
description: {purpose: Orders of the shop.}
schema:
  - name: orders
    physicalName: silver.orders
    properties:
      - name: order_id
        logicalType: string
        required: true
        primaryKey: true
        logicalTypeOptions: {minLength: 1, maxLength: 9, pattern: '[A-Z]?[0-9]+'}
        transformSourceObjects: [bronze.shop.lines.OrderNo]
      - name: line_amount
        logicalType: number
        physicalType: decimal(18,4)
        logicalTypeOptions: {minimum: 0, maximum: 5000}
        transformSourceObjects: [bronze.shop.lines.Amount]
      - name: ordered_at
        logicalType: timestamp
        required: true
        transformSourceObjects: [bronze.shop.lines.OrderedAt]
        customProperties:
          - {property: lakehouse.parse, value: {formats: ['%Y-%m-%d %H:%M:%S']}}
      - name: state
        logicalType: string
        enum: [{value: open}, {value: paid}]
        transformSourceObjects: [bronze.shop.lines.State]
        quality:
          - id: state_is_upper
            type: custom
            engine: lakehouse
            implementation: {rule: matches, pattern: '[a-z]+'}
            severity: warning
    quality:
      - id: row_count
        metric: rowCount
        mustBeBetween: [1, 100]
      - id: not_from_the_future
        type: custom
        engine: lakehouse
        implementation: {rule: not_after, column: ordered_at, value: run_time}
        dimension: timeliness
        severity: error
    customProperties:
      - property: lakehouse.load
        value: {keys: [order_id], sequenceBy: ordered_at, eventTime: ordered_at, lateness: 2d}
      - property: lakehouse.publishGate
        value: {maxQuarantineRatio: 0.05}
      - property: lakehouse.consumers
        value: [{name: board, kind: dashboard, columns: [order_id, line_amount]}]
slaProperties:
  - {property: latency, value: 4, unit: h, element: orders.ordered_at}
team:
  members: [{username: orders@example.com, role: owner}]
customProperties:
  - {property: lakehouse.tier, value: 2}
""",
    SALES: """\
apiVersion: v3.1.0
kind: DataContract
id: gold.sales
version: 1.0.0
schema:
  - name: sales
    properties:
      - name: sales_date
        logicalType: date
        required: true
        primaryKey: true
        transformSourceObjects: [silver.orders.ordered_at]
        transformLogic: day of the order
      - name: best_order_id
        logicalType: string
        transformSourceObjects: [silver.orders.order_id]
        relationships:
          - {type: foreignKey, to: orders.order_id}
    customProperties:
      - {property: lakehouse.load, value: {mode: partition, partitionColumn: sales_date}}
team:
  members: [{username: sales@example.com, role: owner}]
""",
}


def _rule(name: str, kind: RuleKind, *parameters: str, needs_column: bool = False) -> RuleSignature:
    required = {"pattern", "values", "value", "columns", "order_by"}
    declared = tuple(Parameter(each, required=each in required) for each in parameters)
    return RuleSignature(name, kind, Dimension.CONFORMITY, declared, needs_column, "What it claims.", "somewhere")


RULES = (
    _rule("required", RuleKind.ROW, needs_column=True),
    _rule("between", RuleKind.ROW, "min", "max", needs_column=True),
    _rule("greater_than", RuleKind.ROW, "value", needs_column=True),
    _rule("length", RuleKind.ROW, "min", "max", needs_column=True),
    _rule("matches", RuleKind.ROW, "pattern", needs_column=True),
    _rule("in_set", RuleKind.ROW, "values", needs_column=True),
    _rule("not_after", RuleKind.ROW, "value", needs_column=True),
    _rule("compare_columns", RuleKind.ROW, "column", "operator", "other"),
    _rule("unique", RuleKind.PARTITION, "columns"),
    _rule("row_count", RuleKind.PARTITION, "min", "max"),
    _rule("sum_between", RuleKind.PARTITION, "column", "min", "max"),
    _rule("mean_between", RuleKind.PARTITION, "column", "min", "max"),
    _rule("monotonic", RuleKind.PARTITION, "column", "order_by"),
    _rule("sequence_without_gaps", RuleKind.PARTITION, "column"),
    _rule("country", RuleKind.ROW, "form", needs_column=True),
    _rule("agrees_with_most", RuleKind.GROUP, "column", "columns", "share"),
    _rule("max_age_days", RuleKind.ROW, "days", "value", needs_column=True),
    _rule("in_reference", RuleKind.ROW, "reference", "entries", needs_column=True),
    _rule("luhn", RuleKind.ROW, needs_column=True),
    _rule("null_values", RuleKind.PARTITION, "column", "min", "max", "unit"),
    _rule("missing_values", RuleKind.PARTITION, "column", "missingValues", "min", "max", "unit"),
    _rule("invalid_values", RuleKind.PARTITION, "column", "validValues", "pattern", "min", "max", "unit"),
)
VOCABULARY = Vocabulary(
    rules={**{rule.name: rule for rule in RULES}, "sql": load_rules()["sql"].signature},
    source_kinds={"files": "somewhere"},
    transforms={TableName("gold", ("sales",)): ("orders",)},
)


def changed(path: str, old: str, new: str) -> dict[str, str]:
    """Return the files with one place of one of them replaced."""
    assert FILES[path].count(old) >= 1, f"{old!r} is not in {path}"
    return {**FILES, path: FILES[path].replace(old, new, 1)}


def load(
    files: Mapping[str, str] = FILES,
    vocabulary: Vocabulary = VOCABULARY,
    *,
    overlays: Mapping[str, SourceOverlay] | None = None,
    runbooks: frozenset[str] = frozenset(),
) -> tuple[Catalog, tuple[Finding, ...]]:
    """Load files from memory; return the catalog and the findings."""
    report = Report()
    contents = {path: text.encode() for path, text in files.items()}
    catalog = load_files(ConfigFiles(contents, runbooks), vocabulary, report, overlays=overlays or {})
    return catalog, report.sorted()
