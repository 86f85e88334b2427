"""One contract of an entity becomes its tables: columns, rules, lineage and fingerprints of each."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from lakehouse_assets.contracts.loading import Mode, Role
from lakehouse_assets.contracts.model import Catalog, Contract, Deletes, RuleKind
from lakehouse_assets.naming import TableName, bronze
from lakehouse_assets_tests.configuration import SALES, SOURCE, VOCABULARY, load
from lakehouse_assets_tests.entity_files import CUSTOMERS, ENTITY_FILES, changed_entity

CHANGES, CURRENT, HISTORY = (
    TableName("silver", (name,)) for name in ("customers_changes", "customers", "customers_history")
)
OWN = ["customer_id", "changed_at", "email", "city", "level"]


def catalog(files: Mapping[str, str] = ENTITY_FILES) -> Catalog:
    loaded, findings = load(files)
    assert not findings, "\n".join(map(str, findings))
    return loaded


def with_history(word: str) -> dict[str, str]:
    """Return the files with another history, and without what that kind cannot judge."""
    files = changed_entity("history: scd4", f"history: {word}")
    return {**files, CUSTOMERS: files[CUSTOMERS].replace(", unique: true", "")}


def names(contract: Contract) -> list[str]:
    return [column.name for column in contract.columns]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (ENTITY_FILES, {CHANGES: Role.CHANGES, CURRENT: Role.CURRENT, HISTORY: Role.HISTORY}),
        (with_history("scd2"), {CHANGES: Role.CHANGES, CURRENT: Role.HISTORY}),
        (with_history("scd6"), {CHANGES: Role.CHANGES, CURRENT: Role.HISTORY}),
        (changed_entity("history: scd4, tracked: [city], ", ""), {CHANGES: Role.CHANGES, CURRENT: Role.CURRENT}),
    ],
    ids=["scd4", "scd2", "scd6", "no history"],
)
def test_an_entity_is_a_change_log_and_what_is_derived_from_it(
    files: Mapping[str, str], expected: dict[TableName, Role]
) -> None:
    found = {name: contract.role for name, contract in catalog(files).contracts.items() if "customers" in name.short}

    assert found == expected


def test_the_change_log_is_a_daily_table_made_from_bronze() -> None:
    contract = catalog().contract(CHANGES)

    assert (contract.load.mode, contract.is_partitioned, contract.partition_column) == (
        Mode.PARTITION,
        True,
        "_proc_date",
    )
    assert contract.upstreams == (bronze("shop", "people"),)
    assert contract.calendar == catalog().contract(bronze("shop", "people")).calendar
    assert contract.column("city").sources == ("bronze.shop.people.city",)
    assert names(contract) == OWN


@pytest.mark.parametrize("table", [CURRENT, HISTORY])
def test_derived_tables_have_no_partitions_and_come_from_the_change_log(table: TableName) -> None:
    contract = catalog().contract(table)

    assert (contract.load.mode, contract.is_partitioned, contract.partition_column) == (Mode.DERIVED, False, "_bucket")
    assert contract.upstreams == (CHANGES,)
    assert contract.column("city").sources == ("silver.customers_changes.city",)
    assert contract.calendar is None


def test_derived_tables_promise_the_columns_that_derivation_adds() -> None:
    found = catalog()

    assert names(found.contract(CURRENT)) == [*OWN, "previous_level", "is_deleted", "deleted_at"]
    assert names(found.contract(HISTORY)) == [
        *OWN,
        "previous_level",
        "valid_from",
        "valid_to",
        "is_current",
        "is_deleted",
        "deleted_at",
        "customers_sk",
    ]


def test_scd6_adds_todays_values_of_tracked_columns() -> None:
    added = set(names(catalog(with_history("scd6")).contract(CURRENT))) - set(OWN)

    assert {"current_city", "valid_from", "customers_sk"} <= added
    assert not {"current_email", "current_level", "current_customer_id", "current_changed_at"} & added


def test_added_columns_have_the_type_and_the_protection_of_what_they_copy() -> None:
    classified = changed_entity(
        "value: 3}]}",
        "value: 3}, {property: lakehouse.masking, value: {strategy: redact}}], classification: restricted}",
    )

    column = catalog(classified).contract(CURRENT).column("previous_level")

    assert (column.type.kind, column.classification, dict(column.masking)) == (
        "string",
        "restricted",
        {"strategy": "redact"},
    )
    assert not column.required


@pytest.mark.parametrize(
    ("tracked", "current", "history"),
    [
        ("tracked: [city], ", {"email": 1, "city": 1, "level": 3}, {"email": 1, "city": 2, "level": 3}),
        ("", {"email": 1, "city": 1, "level": 3}, {"email": 2, "city": 2, "level": 3}),
        (
            "tracked: [changed_at], ",
            {"changed_at": 1, "email": 1, "city": 1, "level": 3},
            {"changed_at": 2, "email": 1, "city": 1, "level": 3},
        ),
    ],
    ids=["some tracked", "nothing said", "every change"],
)
def test_each_table_knows_how_it_keeps_each_column(
    tracked: str, current: dict[str, int], history: dict[str, int]
) -> None:
    found = catalog(changed_entity("tracked: [city], ", tracked))

    assert found.contract(CURRENT).load.scd_types == current
    assert found.contract(HISTORY).load.scd_types == history


def test_rules_about_arrivals_stay_with_the_change_log_and_rules_about_keys_follow_the_key() -> None:
    found = catalog()

    def rules(table: TableName) -> dict[str, RuleKind]:
        return {spec.id: spec.kind for spec in found.contract(table).rules}

    assert rules(CHANGES) == {
        "customer_id.required": RuleKind.ROW,
        "changed_at.required": RuleKind.ROW,
        "row_count": RuleKind.PARTITION,
    }
    assert rules(CURRENT) == {
        "email.unique": RuleKind.TABLE,
        "customer_id.unique": RuleKind.PARTITION,
        "customers_count": RuleKind.TABLE,
    }
    assert rules(HISTORY) == {"customer_id.unique": RuleKind.PARTITION}


def test_a_key_is_unique_once_a_version_in_history() -> None:
    (spec,) = catalog().contract(HISTORY).rules

    assert spec.arguments["columns"] == ["customer_id", "valid_from"]
    assert spec.fingerprint not in {each.fingerprint for each in catalog().contract(CURRENT).rules}


def test_a_history_without_a_current_table_judges_the_rules_about_the_whole() -> None:
    ids = [spec.id for spec in catalog(with_history("scd2")).contract(CURRENT).rules]

    assert ids == ["customer_id.unique", "customers_count"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tracked: [city]", "tracked: [email]"),
        ("softDeletes: true, ", ""),
        ("buckets: 4", "buckets: 8"),
        ("lakehouse.scdType, value: 3", "lakehouse.scdType, value: 0"),
    ],
)
def test_what_decides_about_derived_rows_is_in_their_rule_set_and_not_in_that_of_the_changes(
    old: str, new: str
) -> None:
    before, after = catalog(), catalog(changed_entity(old, new))

    assert before.contract(CURRENT).rule_set != after.contract(CURRENT).rule_set
    assert before.contract(HISTORY).rule_set != after.contract(HISTORY).rule_set
    assert before.contract(CHANGES).rule_set == after.contract(CHANGES).rule_set


def test_what_counts_as_a_deletion_is_in_the_rule_set_of_the_changes() -> None:
    after = catalog(changed_entity("values: [D]", "values: [D, X]", SOURCE))

    assert catalog().contract(CHANGES).rule_set != after.contract(CHANGES).rule_set
    assert after.source_table(bronze("shop", "people")).deletes == Deletes("op", ("D", "X"))


def test_an_empty_derived_table_is_no_failure() -> None:
    assert catalog().contract(CURRENT).gate.empty_partition == "allow"


@pytest.mark.parametrize("table", ["customers", "customers_changes", "customers_history"])
def test_other_contracts_may_name_every_table_of_an_entity(table: str) -> None:
    text = ENTITY_FILES[SALES].replace("silver.orders.order_id", f"silver.{table}.email")
    text = text.replace("to: orders.order_id", f"to: {table}.customer_id")
    transforms = {TableName("gold", ("sales",)): ("orders", table)}

    found, findings = load({**ENTITY_FILES, SALES: text}, replace(VOCABULARY, transforms=transforms))

    assert findings == ()
    assert TableName("silver", (table,)) in found.contract(TableName("gold", ("sales",))).upstreams


def test_consumers_and_service_levels_may_name_columns_that_derivation_adds() -> None:
    files = changed_entity("columns: [customer_id, email]", "columns: [valid_from, previous_level]")
    files[CUSTOMERS] = files[CUSTOMERS].replace("element: customers.changed_at", "element: customers.valid_from")

    assert load(files)[1] == ()


def test_all_tables_share_owner_place_and_version() -> None:
    found = [catalog().contract(table) for table in (CHANGES, CURRENT, HISTORY)]

    assert len({(each.owner, each.place, each.version, each.consumers) for each in found}) == 1
