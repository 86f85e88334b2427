"""What a faultless configuration becomes: tables, rules with their actions, calendars, fingerprints."""

from datetime import date, timedelta

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse_assets.contracts.fingerprints import fingerprint
from lakehouse_assets.contracts.loading import Mode
from lakehouse_assets.contracts.model import ColumnType, Contract, Kind, RuleKind, RuleSpec
from lakehouse_assets.documents.findings import Finding, Spot
from lakehouse_assets.naming import TableName, bronze
from lakehouse_assets.results import Dimension, OnFailure, Severity
from lakehouse_assets.settings import SourceOverlay
from lakehouse_assets_tests.configuration import FILES, ORDERS, SALES, SOURCE, changed, load

ORDERS_TABLE = TableName("silver", ("orders",))
SALES_TABLE = TableName("gold", ("sales",))


def orders(files: dict[str, str] | None = None) -> Contract:
    return load(files or FILES)[0].contract(ORDERS_TABLE)


def rule(contract: Contract, rule_id: str) -> RuleSpec:
    return next(each for each in contract.rules if each.id == rule_id)


def test_there_is_one_contract_for_every_table() -> None:
    catalog, _ = load()

    assert list(map(str, catalog.contracts)) == ["bronze/shop/lines", "gold/sales", "silver/orders"]


def test_columns_have_the_types_that_are_written() -> None:
    types = {column.name: column.type for column in orders().columns}

    assert types == {
        "order_id": ColumnType(Kind.STRING),
        "line_amount": ColumnType(Kind.DECIMAL, 18, 4),
        "ordered_at": ColumnType(Kind.TIMESTAMP),
        "state": ColumnType(Kind.STRING),
    }


def test_keywords_of_the_standard_become_rules() -> None:
    ids = [each.id for each in orders().rules]

    assert ids == [
        "order_id.required",
        "order_id.length",
        "order_id.matches",
        "line_amount.between",
        "ordered_at.required",
        "state.in_set",
        "order_id.unique",
        "state_is_upper",
        "row_count",
        "not_from_the_future",
    ]


def test_a_foreign_key_becomes_a_rule_about_the_referenced_column() -> None:
    found = rule(load()[0].contract(SALES_TABLE), "best_order_id.foreign_key")

    assert found.kind is RuleKind.FOREIGN_KEY
    assert dict(found.arguments) == {"table": "silver/orders", "column": "order_id"}
    assert found.on_failure is OnFailure.QUARANTINE


def test_a_rule_knows_its_line() -> None:
    text = FILES[ORDERS]
    line = text[: text.index("- id: not_from_the_future")].count("\n") + 1

    assert rule(orders(), "not_from_the_future").place.line == line


@pytest.mark.parametrize(
    ("severity", "row_rule", "partition_rule"),
    [
        (Severity.INFO, OnFailure.KEEP, OnFailure.KEEP),
        (Severity.WARNING, OnFailure.KEEP, OnFailure.KEEP),
        (Severity.ERROR, OnFailure.QUARANTINE, OnFailure.BLOCK),
        (Severity.CRITICAL, OnFailure.BLOCK, OnFailure.BLOCK),
    ],
)
def test_severity_decides_what_happens_to_the_data_where_nothing_is_written(
    severity: Severity, row_rule: OnFailure, partition_rule: OnFailure
) -> None:
    text = FILES[ORDERS].replace("severity: error", f"severity: {severity}")
    text = text.replace("mustBeBetween: [1, 100]", f"mustBeBetween: [1, 100]\n        severity: {severity}")

    contract = orders({**FILES, ORDERS: text})

    assert rule(contract, "not_from_the_future").on_failure is row_rule
    assert rule(contract, "row_count").on_failure is partition_rule


def test_a_rule_about_the_whole_table_only_alerts() -> None:
    scope = "mustBeBetween: [1, 100]\n        customProperties: [{property: lakehouse.scope, value: table}]"

    found = rule(orders(changed(ORDERS, "mustBeBetween: [1, 100]", scope)), "row_count")

    assert (found.kind, found.on_failure) == (RuleKind.TABLE, OnFailure.KEEP)


def test_the_dimension_is_the_written_one_or_the_rules() -> None:
    contract = orders()

    assert rule(contract, "not_from_the_future").dimension is Dimension.TIMELINESS
    assert rule(contract, "row_count").dimension is Dimension.CONFORMITY


def test_load_gate_consumers_and_levels_are_read() -> None:
    contract = orders()

    assert contract.load.mode is Mode.PARTITION
    assert contract.load.keys == ("order_id",)
    assert contract.load.lateness == timedelta(days=2)
    assert contract.gate.max_quarantine_ratio == 0.05
    assert contract.consumers[0].columns == ("order_id", "line_amount")
    assert contract.slas[0].element == "orders.ordered_at"
    assert (contract.tier, contract.owner, contract.version) == (2, "orders@example.com", "1.2.0")


def test_a_bronze_contract_follows_from_the_source_file() -> None:
    contract = load()[0].contract(bronze("shop", "lines"))

    assert [column.name for column in contract.columns] == ["OrderNo", "Amount", "OrderedAt", "State"]
    assert dict(rule(contract, "row_bounds").arguments) == {"min": 1, "max": 500}
    assert contract.owner == "shop@example.com"


def test_the_calendar_of_a_source_reaches_every_table_made_from_it() -> None:
    catalog, _ = load()

    calendars = {contract.calendar for contract in catalog.contracts.values()}

    assert len(calendars) == 1
    days = catalog.contract(SALES_TABLE).calendar
    assert days is not None
    assert days.partitions(date(2010, 12, 6)) == ["2010-12-01", "2010-12-02", "2010-12-03", "2010-12-05", "2010-12-06"]


def test_an_environment_replaces_single_values_of_a_source() -> None:
    overlay = SourceOverlay({"location": "elsewhere"}, {"ends": "2010-12-02"}, Spot("config/environments/demo.yaml"))

    source = load(overlays={"shop": overlay})[0].sources["shop"]

    assert source.connection == {"location": "elsewhere", "user": "shop"}
    assert source.calendar.ends == date(2010, 12, 2)
    assert source.calendar.closed_weekdays == (5,)


def test_references_to_the_environment_are_kept_for_the_moment_of_use() -> None:
    assert load()[0].sources["shop"].connection["location"] == "${DROP:-drop}"


def test_upstreams_are_the_tables_that_columns_come_from() -> None:
    catalog, _ = load()

    assert catalog.contract(SALES_TABLE).upstreams == (ORDERS_TABLE,)
    assert catalog.downstream_of(bronze("shop", "lines")) == (ORDERS_TABLE,)


def hashed(**arguments: object) -> str:
    return fingerprint("between", "x", arguments, on_failure=OnFailure.BLOCK, severity=Severity.ERROR)


def test_a_fingerprint_depends_on_meaning_not_on_order_or_type() -> None:
    assert hashed(min=1, max=5) == hashed(max=5.0, min="1")
    assert hashed(values=["a", "b"]) == hashed(values=["b", "a"])
    assert hashed(min=1, max=5) != hashed(min=1, max=6)
    assert hashed(min=1) != hashed(max=1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("maximum: 5000", "maximum: 5001"),
        ("maxQuarantineRatio: 0.05", "maxQuarantineRatio: 0.06"),
        ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S"),
        ("severity: warning", "severity: error"),
        ("sequenceBy: ordered_at, ", ""),
        ("[bronze.shop.lines.State]", "[bronze.shop.lines.OrderNo]"),
    ],
)
def test_what_decides_about_rows_changes_the_rule_set(old: str, new: str) -> None:
    assert orders(changed(ORDERS, old, new)).rule_set != orders().rule_set


@pytest.mark.parametrize(
    ("old", "new"),
    [("status: active", "status: deprecated"), ("Orders of the shop.", "Orders."), ("id: row_count", "id: volume")],
)
def test_what_only_describes_leaves_the_rule_set(old: str, new: str) -> None:
    assert orders(changed(ORDERS, old, new)).rule_set == orders().rule_set


def test_the_order_of_keys_and_rules_leaves_the_rule_set() -> None:
    data = yaml.safe_load(FILES[ORDERS])
    table = data["schema"][0]
    table["quality"].reverse()
    table["properties"] = [dict(sorted(entry.items())) for entry in table["properties"]]

    assert orders({**FILES, ORDERS: yaml.safe_dump(data)}).rule_set == orders().rule_set


_JUNK = st.sampled_from(["yes", "", "[", "{}", "- ", "null", "-1", "1e400", "x" * 200, "\t", "&a", "ä", ": ", "'"])


@st.composite
def _mutated(draw: st.DrawFn) -> dict[str, str]:
    path = draw(st.sampled_from([SOURCE, ORDERS, SALES]))
    words = FILES[path].split(" ")
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, len(words) - 1))
        words[position : position + draw(st.integers(0, 3))] = draw(st.lists(_JUNK, max_size=2))
        words = words or [""]
    return {**FILES, path: " ".join(words)}


@given(_mutated())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_file_gives_findings_never_a_crash(files: dict[str, str]) -> None:
    _, found = load(files)

    assert all(isinstance(each, Finding) and each.message for each in found)


def _paths(node: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [at, *(path for key, value in inner for path in _paths(value, (*at, key)))]


_DOCUMENT = yaml.safe_load(FILES[ORDERS])
_SOURCE = yaml.safe_load(FILES[SOURCE])
_WRONG: st.SearchStrategy[object] = st.sampled_from(
    [None, True, -1, 2.5, "", "x", [], {}, [[]], [1], {"a": 1}, "9" * 30, ["x", "x"]]
)


@given(st.sampled_from([ORDERS, SOURCE]), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_value_of_any_shape_anywhere_gives_findings_never_a_crash(path: str, data: st.DataObject) -> None:
    document = yaml.safe_load(FILES[path])
    places = _paths(_DOCUMENT if path == ORDERS else _SOURCE)[1:]
    *parents, last = data.draw(st.sampled_from(places))
    node = document
    for step in parents:
        node = node[step]
    node[last] = data.draw(_WRONG)

    _, found = load({**FILES, path: yaml.safe_dump(document)})

    assert all(isinstance(each, Finding) for each in found)


RICH = """\
apiVersion: v3.1.0
kind: DataContract
id: silver.crm_accounts
name: crm_accounts
version: 2.3.0
status: active
domain: crm
tags: [pii]
servers:
  - {server: lake, type: local, environment: local, path: ./.lake/silver/crm_accounts, format: delta}
schema:
  - name: crm_accounts
    physicalName: silver.crm_accounts
    physicalType: table
    logicalType: object
    dataGranularityDescription: One row per account_id.
    properties:
      - name: account_id
        logicalType: string
        physicalType: string
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        classification: internal
        transformSourceObjects: [bronze.shop.lines.OrderNo]
        transformLogic: "'SF-' or 'HS-' + source id"
      - name: email
        logicalType: string
        classification: confidential
        transformSourceObjects: [bronze.shop.lines.State]
        customProperties:
          - {property: lakehouse.masking, value: {strategy: email}}
          - {property: lakehouse.erasure, value: {subjectKey: account_id, action: redact}}
        quality:
          - id: email_is_there
            type: custom
            engine: lakehouse
            implementation: {rule: required}
            dimension: completeness
            severity: warning
    customProperties:
      - {property: lakehouse.load, value: {keys: [account_id], duplicates: quarantine}}
      - {property: acme.team, value: crm}
slaProperties:
  - {property: retention, value: 3, unit: y, element: crm_accounts.email}
team:
  name: CRM data
  members: [{username: crm-data@example.com, role: owner}]
roles: [{role: data_analyst_role, access: read}]
support:
  - {channel: '#data-crm', tool: slack, scope: issues, url: 'https://example.slack.com/archives/C000'}
customProperties:
  - {property: lakehouse.breakingChangePolicy, value: notify-30-days}
"""


def test_a_rich_contract_of_the_standard_is_read_without_a_finding() -> None:
    catalog, found = load({**FILES, "contracts/silver/crm_accounts.odcs.yaml": RICH})

    contract = catalog.contract(TableName("silver", ("crm_accounts",)))
    assert found == ()
    assert contract.column("email").masking == {"strategy": "email"}
    assert contract.column("email").is_classified
    assert contract.support[0]["channel"] == "#data-crm"
    assert contract.odcs["roles"][0]["role"] == "data_analyst_role"
    assert contract.breaking_change_policy == "notify-30-days"
