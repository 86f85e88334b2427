"""Rows made from contracts: fine ones keep every rule, a violation breaks the one it says."""

import re
from dataclasses import replace
from datetime import timedelta
from random import Random

import polars as pl
import pytest
from pandera.errors import SchemaErrors

from lakehouse_assets.contract_kit import ContractKit
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.quality.samples.pattern_text import text_of
from lakehouse_assets.quality.schema import to_pandera
from lakehouse_assets_tests.configuration import FILES, ORDERS, load

TABLE = TableName.parse("silver/orders")
TIMES = "      - name: ordered_at\n"
NOTE = """\
      - name: note
        logicalType: string
        transformSourceObjects: [bronze.shop.lines.State]
        quality: [{id: noted, type: custom, engine: lakehouse, implementation: {rule: matches, pattern: 'n[0-9]'}%s}]
"""
GIVEN = ", customProperties: [{property: lakehouse.example, value: {failing: [{note: nine}], passing: [{note: n9}]}}]"


def orders(old: str = "", new: str = "") -> Contract:
    text = FILES[ORDERS]
    assert old in text
    return load({**FILES, ORDERS: text.replace(old, new, 1)})[0].contract(TABLE)


def failures(contract: Contract, frame: pl.DataFrame) -> set[str]:
    try:
        to_pandera(contract).validate(frame)
    except SchemaErrors as errors:
        return {str(error.check) for error in errors.schema_errors}
    return set()


@pytest.mark.parametrize(
    "pattern",
    ["C?[0-9]{6}", "[0-9A-Z][0-9A-Z_ ]*", "(a|bc){2,}x+?", r"\.[^a-z]{3}\\", "(?:ab?|)c", "[]x-]{2}", "é.", "a{0,2}"],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_text_of_a_pattern_matches_all_of_it(pattern: str, seed: int) -> None:
    assert re.fullmatch(pattern, text_of(pattern, Random(seed)))  # noqa: S311 - samples


def test_equal_seeds_make_equal_rows_and_others_make_other_ones() -> None:
    contract = orders()

    one, same, other = (ContractKit(contract, seed).fine(30) for seed in (7, 7, 8))

    assert one.equals(same)
    assert not one.equals(other)


@pytest.mark.parametrize("seed", range(5))
def test_fine_rows_are_what_the_contract_promises(seed: int) -> None:
    rows = ContractKit(orders(), seed).fine(60).to_dicts()

    assert len(rows) == 60
    assert all(re.fullmatch("[A-Z]?[0-9]+", row["order_id"]) and len(row["order_id"]) <= 9 for row in rows)
    assert all(row["line_amount"] is None or 0 <= row["line_amount"] <= 5000 for row in rows)
    assert {row["state"] for row in rows} <= {"open", "paid", None}
    assert len({row["order_id"] for row in rows}) == 60
    assert all(row["ordered_at"].date().isoformat() == row["_proc_date"] == "2010-12-01" for row in rows)


def test_a_contract_that_promises_more_rows_gets_more_and_never_too_many() -> None:
    assert ContractKit(orders("[1, 100]", "[40, 100]")).fine(3).height == 40
    assert ContractKit(orders("[1, 100]", "[1, 5]")).fine(50).height == 5


@pytest.mark.parametrize(
    ("rule_id", "broken"),
    [
        ("order_id.required", lambda row: row["order_id"] is None),
        ("order_id.length", lambda row: not 1 <= len(row["order_id"]) <= 9),
        ("order_id.matches", lambda row: not re.fullmatch("[A-Z]?[0-9]+", row["order_id"])),
        ("line_amount.between", lambda row: not 0 <= (row["line_amount"] or 0) <= 5000),
        ("state.in_set", lambda row: row["state"] not in {"open", "paid", None}),
        ("not_from_the_future", lambda row: row["ordered_at"].date().isoformat() > row["_proc_date"]),
    ],
)
def test_a_violation_is_in_the_row_it_names_and_nowhere_else(rule_id: str, broken: object) -> None:
    assert callable(broken)

    violation = ContractKit(orders()).violation(rule_id)

    assert [at for at, row in enumerate(violation.frame.to_dicts()) if broken(row)] == list(violation.rows)
    assert failures(orders(), violation.frame) == {rule_id, *violation.also}


def test_a_contract_has_one_violation_a_rule() -> None:
    contract = orders()

    violations = ContractKit(contract).violations()

    assert [violation.rule_id for violation in violations] == [rule.id for rule in contract.rules]


def test_a_key_is_broken_by_a_row_that_comes_again() -> None:
    frame = ContractKit(orders()).violation("order_id.unique").frame

    assert frame["order_id"].n_unique() < frame.height


def test_what_the_author_gives_is_what_rows_are_made_of() -> None:
    kit = ContractKit(orders(TIMES, NOTE % GIVEN + TIMES))

    violation = kit.violation("noted")

    assert set(kit.fine(20)["note"]) == {"n9"}
    assert violation.frame["note"][violation.rows[0]] == "nine"
    assert violation.known_by == "author"


def test_a_contract_that_contradicts_itself_is_told_with_both_rules() -> None:
    contract = orders("logicalTypeOptions: {minimum: 0, maximum: 5000}",
                      "logicalTypeOptions: {minimum: 0, maximum: 5, exclusiveMinimum: 5}")  # fmt: skip

    with pytest.raises(LakehouseError, match=r"line_amount\.between and line_amount\.greater_than") as told:
        ContractKit(contract).fine()

    assert "lakehouse.example" in str(told.value)


def test_late_rows_are_later_than_the_contract_allows() -> None:
    kit = ContractKit(orders())

    late, fine = kit.variant("late"), kit.fine()

    assert (fine["ordered_at"] - late["ordered_at"]).to_list() == [timedelta(days=3)] * fine.height
    with pytest.raises(LakehouseError, match="no day on which they happened"):
        ContractKit(replace(kit.contract, load=replace(kit.contract.load, event_time=""))).variant("late")


def test_drifted_rows_lack_a_column_and_have_one_of_another_type_and_a_new_one() -> None:
    contract = orders()

    drifted = ContractKit(contract).variant("drifted")

    assert set(drifted.columns) - {column.name for column in contract.columns} == {"not_in_the_contract", "_proc_date"}
    assert {column.name for column in contract.columns} - set(drifted.columns) == {"state"}
    assert drifted["line_amount"].dtype == pl.String
    assert failures(contract, drifted) == {"type"}


@pytest.mark.parametrize(
    ("variant", "rows", "distinct"),
    [("duplicate", 22, 20), ("all_duplicate", 20, 1), ("empty", 0, 0), ("fine", 20, 20)],
)
def test_a_variant_has_as_many_rows_and_as_many_different_ones(variant: str, rows: int, distinct: int) -> None:
    frame = ContractKit(orders()).variant(variant)

    assert (frame.height, frame.unique().height) == (rows, distinct)


def test_in_all_null_only_the_partition_is_there() -> None:
    frame = ContractKit(orders()).variant("all_null")

    assert frame.drop("_proc_date").null_count().row(0) == (frame.height,) * 4
    assert failures(orders(), frame) == {"order_id.required", "ordered_at.required"}


def test_names_that_do_not_exist_are_told_with_the_nearest_one() -> None:
    kit = ContractKit(orders())

    with pytest.raises(LakehouseError, match=r"'order_id\.require'.*Did you mean 'order_id\.required'"):
        kit.violation("order_id.require")
    with pytest.raises(LakehouseError, match=r"no variant 'lat'.*drifted, late"):
        kit.variant("lat")
