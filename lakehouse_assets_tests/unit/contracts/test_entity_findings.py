"""Entities that would be kept wrongly while everything looks green are findings, at the line of the fault."""

from dataclasses import replace

import pytest

from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.configuration import FILES, ORDERS, SALES, SOURCE, VOCABULARY, load
from lakehouse_assets_tests.entity_files import CONTRACT, CUSTOMERS, ENTITY_FILES, LOAD, changed_entity

WRITTEN = "value: {mode: derived"
LEVEL = "value: 3}]}"
TYPED = "customProperties: [{property: lakehouse.scdType,"
CONSUMERS = "      - property: lakehouse.consumers"
CALENDAR = "      - {property: lakehouse.calendar, value: {starts: '2010-12-01'}}\n"

# code, what is replaced in the contract, by what, and a text of the line where the finding must be.
CASES = [
    ("LH203", "history: scd4", "history: scd3", WRITTEN),
    ("LH203", "buckets: 4", "buckets: 0", WRITTEN),
    ("LH203", "lakehouse.scdType, value: 3", "lakehouse.scdType, value: 4", "lakehouse.scdType"),
    ("LH503", "keys: [customer_id]", "partitionColumn: changed_at, keys: [customer_id]", WRITTEN),
    ("LH504", "keys: [customer_id]", "keys: [customer]", WRITTEN),
    ("LH505", "keys: [customer_id]", "keys: [email]", WRITTEN),
    ("LH521", "keys: [customer_id], ", "", WRITTEN),
    ("LH521", "sequenceBy: changed_at, ", "", WRITTEN),
    ("LH521", "keys: [customer_id]", "keys: [customer_id, changed_at]", WRITTEN),
    ("LH522", "sequenceBy: changed_at", "sequenceBy: customer_id", WRITTEN),
    ("LH522", "logicalType: timestamp", "logicalType: integer", WRITTEN),
    ("LH522", "logicalType: timestamp", "logicalType: date", WRITTEN),
    ("LH523", "tracked: [city]", "tracked: [citty]", WRITTEN),
    ("LH523", "tracked: [city]", "tracked: [city, customer_id]", WRITTEN),
    ("LH523", "tracked: [city]", "tracked: [city, level]", WRITTEN),
    ("LH523", "history: scd4, ", "", WRITTEN),
    ("LH524", "[bronze.shop.people.id]}", f"[bronze.shop.people.id], {TYPED} {LEVEL}", "- {name: customer_id"),
    ("LH524", "[{property: lakehouse.parse,", "[{property: lakehouse.scdType, value: 0}, {property: lakehouse.parse,",
     "- {name: changed_at"),
    ("LH525", "name: city", "name: valid_from", "- {name: valid_from"),
    ("LH525", "name: city", "name: is_deleted", "- {name: is_deleted"),
    ("LH525", "name: city", "name: previous_level", "- {name: previous_level"),
    ("LH525", "name: city", "name: Customers_SK", "- {name: Customers_SK"),
    ("LH526", "buckets: 4", "buckets: 4, duplicates: quarantine", WRITTEN),
    ("LH526", CONSUMERS, f"{CALENDAR}{CONSUMERS}", "lakehouse.calendar"),
    ("LH526", "history: scd4", "history: scd2", "email, logicalType"),
    ("LH528", "bronze.shop.people", "silver.orders", "- name: customers"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "old", "new", "marker"), CASES)
def test_a_fault_of_an_entity_is_found_at_its_line(code: str, old: str, new: str, marker: str) -> None:
    text = CONTRACT.replace(old, new) if code == "LH528" else CONTRACT.replace(old, new, 1)
    assert text != CONTRACT

    found = load({**ENTITY_FILES, CUSTOMERS: text})[1]

    lines = {number for number, line in enumerate(text.splitlines(), 1) if marker in line}
    assert [each for each in found if each.code == code and each.spot.line in lines], "\n".join(map(str, found))


def test_the_faultless_entity_has_no_findings() -> None:
    assert load(ENTITY_FILES)[1] == ()


def test_history_without_a_column_that_makes_versions_is_found() -> None:
    text = CONTRACT.replace("tracked: [city], ", "")
    for name in ("people.mail]}", "people.city]}"):
        text = text.replace(name, f"{name[:-1]}, customProperties: [{{property: lakehouse.scdType, value: 1}}]}}")

    assert "LH523" in {each.code for each in load({**ENTITY_FILES, CUSTOMERS: text})[1]}


def test_type_two_without_history_is_found() -> None:
    text = CONTRACT.replace("history: scd4, tracked: [city], ", "").replace("value: 3}]}", "value: 2}]}")

    assert "LH524" in {each.code for each in load({**ENTITY_FILES, CUSTOMERS: text})[1]}


@pytest.mark.parametrize("setting", ["history: scd2", "tracked: [state]", "softDeletes: true", "buckets: 2"])
def test_settings_of_entities_on_another_table_are_found(setting: str) -> None:
    files = {**FILES, ORDERS: FILES[ORDERS].replace("value: {keys:", f"value: {{{setting}, keys:")}

    assert "LH526" in {each.code for each in load(files)[1]}


def test_a_type_on_a_column_of_another_table_is_found() -> None:
    typed = "      - name: state\n        customProperties: [{property: lakehouse.scdType, value: 1}]\n"
    files = {**FILES, ORDERS: FILES[ORDERS].replace("      - name: state\n", typed)}

    assert "LH526" in {each.code for each in load(files)[1]}


def test_a_derived_gold_table_is_planned() -> None:
    text = FILES[SALES].replace("{mode: partition, partitionColumn: sales_date}", "{mode: derived, keys: [sales_date]}")

    (found,) = [each for each in load({**FILES, SALES: text})[1] if each.code == "LH501"]

    assert "planned" in found.hint


def test_two_contracts_for_one_table_are_found() -> None:
    log = "contracts/silver/customers_changes.odcs.yaml"
    text = (
        FILES[ORDERS]
        .replace("silver.orders", "silver.customers_changes")
        .replace("name: orders", "name: customers_changes")
    )

    assert "LH527" in {each.code for each in load({**ENTITY_FILES, log: text})[1]}


def test_a_transform_of_a_derived_table_is_found() -> None:
    transforms = {**VOCABULARY.transforms, TableName("silver", ("customers",)): ("rows",)}

    (found,) = load(ENTITY_FILES, replace(VOCABULARY, transforms=transforms))[1]

    assert found.code == "LH526"
    assert "customers_changes" in found.hint


def test_a_transform_of_the_change_log_is_none() -> None:
    transforms = {**VOCABULARY.transforms, TableName("silver", ("customers_changes",)): ("rows",)}

    assert load(ENTITY_FILES, replace(VOCABULARY, transforms=transforms))[1] == ()


def test_soft_deletes_that_nothing_tells_are_a_warning() -> None:
    (found,) = load(changed_entity("    deletes: {column: op, values: [D]}\n", "", SOURCE))[1]

    assert (found.code, found.is_error) == ("LH529", False)


def test_deletions_that_would_be_published_as_rows_are_found() -> None:
    files = {
        **FILES,
        SOURCE: FILES[SOURCE].replace("    key: [OrderNo]\n", "    deletes: {column: Amount, values: [X]}\n"),
    }
    unread = {**files, ORDERS: FILES[ORDERS].replace("[bronze.shop.lines.Amount]", "[bronze.shop.lines.State]")}

    assert "LH530" not in {each.code for each in load(files)[1]}
    assert "LH530" in {each.code for each in load(unread)[1]}


@pytest.mark.parametrize(
    ("deletes", "code"),
    [
        ("{column: opp, values: [D]}", "LH910"),
        ("{column: op, values: []}", "LH203"),
        ("{column: op}", "LH202"),
        ("{column: gone, values: [D]}", "LH531"),
        ("{column: gone, values: ['true']}", ""),
        ("{column: count, values: ['-1']}", ""),
        ("{column: count, values: ['01']}", "LH531"),
        ("{column: price, values: ['0']}", "LH531"),
    ],
)
def test_deletions_that_could_never_be_recognised_are_found(deletes: str, code: str) -> None:
    typed = "columns: {gone: boolean, count: integer, price: double, op: text"
    text = ENTITY_FILES[SOURCE].replace("columns: {op: text", typed)
    text = text.replace("deletes: {column: op, values: [D]}", f"deletes: {deletes}")

    found = {each.code for each in load({**ENTITY_FILES, SOURCE: text})[1]}

    assert found - {"LH510"} == ({code} if code else set())


def test_the_load_of_these_tests_is_the_one_that_is_written() -> None:
    assert LOAD in CONTRACT
