"""Contracts from and to the formats of others: what is carried over is judged, what is not is told."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import polars as pl
import pytest
import yaml
from typer.testing import CliRunner, Result

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.contract_kit import ContractKit, open_kit
from lakehouse_assets.contracts.exchange.draft import portable_pattern, snake, type_of
from lakehouse_assets.contracts.exchange.exported import to_avro, to_json_schema
from lakehouse_assets.contracts.exchange.from_avro import from_avro
from lakehouse_assets.contracts.exchange.from_dbt import from_dbt
from lakehouse_assets.contracts.exchange.from_expectations import from_great_expectations
from lakehouse_assets.contracts.exchange.from_json_schema import from_json_schema
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.parity.catalog import CONTRACTS

pytestmark = pytest.mark.integration

OWNER = ("--owner", "shop@example.com")
DBT = """\
version: 2
models:
  - name: orders
    description: Orders of the shop.
    data_tests:
      - dbt_utils.unique_combination_of_columns: {arguments: {combination_of_columns: [order_id, Line]}}
      - dbt_utils.expression_is_true: {expression: "a > b"}
    columns:
      - {name: order_id, data_type: varchar(20), tests: [not_null, unique]}
      - name: Line
        data_type: number(18,4)
        constraints: [{type: not_null}, {type: check, expression: "line > 0"}]
        tests: [{dbt_utils.accepted_range: {min_value: 0, inclusive: false}}]
      - name: state
        data_type: text
        tests:
          - accepted_values: {values: [open, paid], config: {severity: warn}}
          - relationships: {to: ref('states'), field: id}
          - dbt_expectations.expect_column_values_to_match_regex: {regex: "^[a-z]+$"}
          - not_null: {config: {where: "order_id > 1"}}
  - {name: other, columns: [{name: a}]}
"""
SUITE = {
    "expectations": [
        {"expectation_type": "expect_table_columns_to_match_ordered_list", "kwargs": {"column_list": ["no", "qty"]}},
        {"expectation_type": "expect_column_values_to_not_be_null", "kwargs": {"column": "no"}},
        {"expectation_type": "expect_column_values_to_not_be_null", "kwargs": {"column": "qty", "mostly": 0.95}},
        {"expectation_type": "expect_column_values_to_match_regex", "kwargs": {"column": "no", "regex": "^C?\\d{6}$"}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "qty", "min_value": -9, "max_value": 9}},
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "no", "value_set": ["C536365"], "mostly": 0.9},
        },
        {"type": "expect_column_kl_divergence_to_be_less_than", "kwargs": {"column": "qty"}},
        {"type": "expect_column_pair_values_a_to_be_greater_than_b", "kwargs": {"column_A": "qty", "column_B": "less"}},
        {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "less", "type_": "BIGINT"}},
    ]
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "orderId": {"type": "string", "pattern": "^[A-Z]\\d+$", "maxLength": 12},
        "amount": {"type": "number", "minimum": 0, "exclusiveMaximum": 1000},
        "count": {"type": ["integer", "null"], "multipleOf": 12},
        "at": {"type": "string", "format": "date-time"},
        "state": {"$ref": "#/$defs/state"},
        "lines": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["orderId", "amount", "count"],
    "$defs": {"state": {"enum": ["open", "no"]}},
}
AVRO = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "amount", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}]},
        {"name": "state", "type": {"type": "enum", "name": "S", "symbols": ["OPEN", "PAID"]}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "n", "type": "int", "default": 3},
        {"name": "tags", "type": {"type": "map", "values": "string"}},
    ],
}
TEXTS = {"dbt:orders": DBT, "great-expectations": SUITE, "json-schema": SCHEMA, "avro": AVRO}


def ask(*words: object) -> Result:
    return CliRunner().invoke(build_app(), ["contract", *map(str, words)])


def imported(folder: Path, written_as: str) -> Contract:
    found = TEXTS[written_as]
    source, made = folder / "source.yaml", folder / "made.odcs.yaml"
    source.write_text(found if isinstance(found, str) else yaml.safe_dump(found, sort_keys=False))
    told = ask("import", source, "--from", written_as, "--as", "silver/orders", *OWNER, "--output", made)
    assert told.exit_code == 0, told.exception
    return open_kit(made).contract


def rules_of(contract: Contract) -> dict[str, dict[str, Any]]:
    return {f"{rule.column or '*'} {rule.rule}": dict(rule.arguments) for rule in contract.rules}


@pytest.mark.parametrize("written_as", TEXTS)
def test_what_is_imported_can_be_kept_and_broken(tmp_path: Path, written_as: str) -> None:
    kit = ContractKit(imported(tmp_path, written_as))

    assert kit.fine().height > 0
    assert {violation.rule_id for violation in kit.violations()} == {rule.id for rule in kit.contract.rules}


def test_a_model_of_dbt_keeps_its_types_and_tests(tmp_path: Path) -> None:
    found = imported(tmp_path, "dbt:orders")

    assert {column.name: str(column.type) for column in found.columns} == {
        "order_id": "string", "line": "decimal(18,4)", "state": "string"
    }  # fmt: skip
    assert rules_of(found) == {
        "order_id required": {},
        "* unique": {"columns": ["order_id", "line"]},
        "line required": {},
        "line between": {"exclusive_min": 0},
        "state in_set": {"values": ["open", "paid"]},
        "state matches": {"pattern": "[a-z]+"},
    }


def test_a_suite_keeps_its_expectations(tmp_path: Path) -> None:
    assert rules_of(imported(tmp_path, "great-expectations")) == {
        "no required": {},
        "no matches": {"pattern": "C?[0-9]{6}"},
        "no in_set": {"values": ["C536365"]},
        "qty null_rate": {"max": 0.05, "column": "qty"},
        "qty between": {"min": -9, "max": 9},
        "qty compare_columns": {"column": "qty", "operator": ">", "other": "less"},
    }


def test_a_json_schema_and_an_avro_record_keep_types_and_keywords(tmp_path: Path) -> None:
    schema = imported(tmp_path, "json-schema")
    record = imported(tmp_path, "avro")

    assert [str(column.type) for column in schema.columns] == [
        "string",
        "double",
        "long",
        "timestamp",
        "string",
        "string",
    ]
    assert rules_of(schema)["amount less_than"] == {"value": 1000}
    assert rules_of(schema)["count multiple_of"] == {"value": 12}
    assert rules_of(schema)["state in_set"] == {"values": ["open", "no"]}
    assert [column.required for column in schema.columns] == [True, True, False, False, False, False]
    assert [str(column.type) for column in record.columns][:5] == [
        "string", "decimal(18,4)", "string", "timestamp", "integer"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("read", "written", "lost"),
    [
        (from_great_expectations, SUITE, ["mostly 0.9", "kl_divergence"]),
        (from_json_schema, SCHEMA, ["'orderId'", "null is allowed", "the type array"]),
        (from_avro, AVRO, ["default: 3", "the type map"]),
        (lambda document: from_dbt(document, "orders"), yaml.safe_load(DBT),
         ["the constraint check line > 0", "relationships", "not_null where order_id > 1", "expression_is_true"]),
    ],
    ids=["great expectations", "json schema", "avro", "dbt"],
)  # fmt: skip
def test_nothing_is_dropped_without_a_word(read: Any, written: dict[str, Any], lost: list[str]) -> None:  # noqa: ANN401 - a function
    told = [one.what for one in read(written).lost]

    assert [word for word in lost if not any(word in what for what in told)] == []


@pytest.mark.parametrize(
    ("pattern", "carried"),
    [
        ("^[A-Z]\\d+$", "[A-Z][0-9]+"),
        ("ab", ".*ab.*"),
        ("^a|b", "(a|b).*"),
        ("[\\w-]+$", ".*[A-Za-z0-9_-]+"),
        ("^(?=x)y$", ""),
        ("^a\\bz$", ""),
        ("a$b", ""),
    ],
)
def test_a_pattern_matches_whole_values_or_is_not_carried_over(pattern: str, carried: str) -> None:
    assert portable_pattern(pattern) == carried


def test_names_and_types_become_those_of_the_house() -> None:
    assert [snake(name) for name in ("InvoiceNo", "order-id", "HTTPCode", "2nd")] == [
        "invoice_no", "order_id", "http_code", "column_2_nd"
    ]  # fmt: skip
    assert [type_of(word) for word in ("NUMBER(18,4)", "VARCHAR(9)", "timestamp_ntz", "variant")] == [
        "decimal(18,4)", "string", "timestamp", ""
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "dbt"], "the file holds 2 models. Write --from dbt:MODEL with one of orders, other."),
        (["--from", "soda"], "nothing is imported from 'soda'"),
        (["--from", "avro"], "no column was found"),
    ],
)
def test_what_cannot_be_imported_is_told_with_a_remedy(tmp_path: Path, words: list[str], sentence: str) -> None:
    (tmp_path / "schema.yml").write_text(DBT)

    told = ask("import", tmp_path / "schema.yml", *words, "--as", "silver/orders", *OWNER)

    assert isinstance(told.exception, LakehouseError)
    assert sentence in str(told.exception)


@pytest.mark.parametrize(
    ("written_as", "text"),
    [
        ("great-expectations", '{"expectations": [{"type": "expect_column_values_to_be_unique", "kwargs": {}}]}'),
        ("great-expectations", '{"expectations": ["x"]}'),
        ("avro", '{"fields": ["x"]}'),
        ("dbt", "models: [x]"),
        ("json-schema", '{"properties": {"a": {"type": 1}}}'),
        ("json-schema", "{bad"),
        ("avro", "[1]"),
    ],
)
def test_a_file_that_is_built_otherwise_is_one_sentence(tmp_path: Path, written_as: str, text: str) -> None:
    (tmp_path / "source.json").write_text(text)

    told = ask("import", tmp_path / "source.json", "--from", written_as, "--as", "silver/orders", *OWNER)

    assert isinstance(told.exception, LakehouseError)
    assert "source.json" in str(told.exception)


@pytest.mark.parametrize("table", CONTRACTS, ids=str)
def test_fine_rows_of_our_contracts_are_valid_under_their_json_schema(table: TableName) -> None:
    kit = ContractKit(CONTRACTS[table])
    columns = [column.name for column in kit.contract.columns]
    frame = kit.fine().select(columns).with_columns(pl.col(pl.Decimal).cast(pl.Float64))
    times = frame.with_columns(pl.col(pl.Datetime("us", "UTC")).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))

    validator = jsonschema_rs.Draft202012Validator(dict(to_json_schema(kit.contract).schema), validate_formats=True)

    assert [row for row in json.loads(times.write_json()) if not validator.is_valid(row)] == []


def test_a_json_schema_refuses_what_the_contract_refuses_and_not_what_it_warns_about() -> None:
    contract = CONTRACTS[TableName.parse("silver/retail_order_lines")]

    exported = to_json_schema(contract)

    quantity = exported.schema["properties"]["quantity"]
    assert (quantity["minimum"], quantity["maximum"]) == (-100000, 100000)
    assert any("quantity_is_plausible" in one.what for one in exported.lost)


def test_an_avro_record_comes_back_as_the_same_columns() -> None:
    contract = CONTRACTS[TableName.parse("gold/retail_sales_daily")]

    back = from_avro(to_avro(contract).schema)

    assert [(column.name, column.type, column.required) for column in back.columns.values()] == [
        (column.name, str(column.type), column.required) for column in contract.columns
    ]


def test_the_commands_write_and_print_schemas(tmp_path: Path) -> None:
    ask("export", "gold/retail_products", "--to", "avro", "--output", tmp_path / "a.avsc")
    printed = ask("export", "gold/retail_products", "--to", "json-schema")

    assert json.loads((tmp_path / "a.avsc").read_text())["name"] == "retail_products"
    assert json.loads(printed.stdout)["title"] == "retail_products"
    assert "nothing is exported to 'xml'" in str(ask("export", "gold/retail_products", "--to", "xml").exception)


def test_a_contract_is_suggested_from_a_file(tmp_path: Path) -> None:
    rows = [
        {"order_no": f"A{n:05}", "amount": f"{n}.50", "day": "2026-01-05", "at": f"2026-01-05 08:{n:02}:00",
         "zip": "01234", "state": "open" if n % 2 else "paid",
         "email": f"a{n}@example.com", "note": None if n % 4 else "x"}
        for n in range(40)
    ]  # fmt: skip
    pl.DataFrame(rows).write_csv(tmp_path / "orders.csv")

    told = ask("suggest", tmp_path / "orders.csv", "--as", "silver/orders", *OWNER, "-o", tmp_path / "o.yaml")

    assert told.exit_code == 0, told.exception
    kit = open_kit(tmp_path / "o.yaml")
    types = {column.name: str(column.type) for column in kit.contract.columns}
    assert types == {"order_no": "string", "amount": "decimal(18,4)", "day": "date", "at": "timestamp", "zip": "string",
                     "state": "string", "email": "string", "note": "string"}  # fmt: skip
    assert kit.contract.column("order_no").primary_key
    assert kit.contract.column("at").parse.formats == ("%Y-%m-%d %H:%M:%S",)
    assert kit.contract.column("email").classification == "confidential"
    rules = rules_of(kit.contract)
    assert rules["order_no matches"] == {"pattern": "[A-Z]{1}[0-9]{5}"}
    assert rules["state in_set"] == {"values": ["open", "paid"]}
    assert "email email" in rules
    assert kit.fine().height > 0


def test_values_of_personal_columns_are_never_written_down(tmp_path: Path) -> None:
    rows = {"first_name": ["Ada", "Bob"] * 40, "city": ["Paris", "Rome"] * 40, "email": ["ada@example.com"] * 80}
    pl.DataFrame(rows).write_parquet(tmp_path / "people.parquet")

    told = ask("suggest", tmp_path / "people.parquet", "--as", "silver/people", *OWNER)

    assert "Paris" in told.stdout
    assert not {"Ada", "Bob", "ada@example.com"} & set(told.stdout.replace("'", " ").split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rows.csv"], "Add --as silver/<table>"),
        (["rows.csv", "--as", "silver/x"], "is no file of rows"),
        (["silver/retail_order_lines"], "never published"),
    ],
)
def test_what_nothing_can_be_learned_from_is_told(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_ROOT", str(tmp_path / "lake"))

    assert sentence in str(ask("suggest", *words, *OWNER).exception)
