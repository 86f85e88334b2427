"""Where stock Pandera can say what a rule says, both count the same rows; where it cannot, it is written down why.

Rows are those of the contract kit: fine ones, violations, values around every bound, and deliveries that went wrong.
Stock means `pandera.polars` as it is installed: its columns and built-in checks, no function of one's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.errors import SchemaErrors

from lakehouse_assets.contract_kit import ContractKit
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines.kit import BLANKS
from lakehouse_assets.quality.codes import COUNTRIES, CURRENCIES
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.quality.samples.near import near_values
from lakehouse_assets.quality.samples.promise import promise
from lakehouse_assets_tests.rule_contracts import DAY, by_example, judged

RULES = load_rules()
SEEDS = range(2)
ROWS = 30
_Given = Mapping[str, Any]
_Schema = Callable[[_Given], pa.DataFrameSchema]

LABEL = "[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
EMAIL = rf"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{LABEL}(\.{LABEL})+$"
SOLID = f"[^{BLANKS}]"
DAYS = [str(date(1990, 1, 1) + timedelta(days=number)) for number in range(20_000)]


def column(*checks: pa.Check, name: str = "x", nullable: bool = True) -> pa.DataFrameSchema:
    return pa.DataFrameSchema({name: pa.Column(nullable=nullable, checks=list(checks))})


def bounds(given: _Given) -> pa.DataFrameSchema:
    checks: dict[str, Callable[[Any], pa.Check]] = {
        "min": pa.Check.ge,
        "max": pa.Check.le,
        "exclusive_min": pa.Check.gt,
        "exclusive_max": pa.Check.lt,
    }
    return column(*(check(given[name]) for name, check in checks.items() if name in given))


def day(given: _Given) -> date:
    return date.fromisoformat(given["value"])


# By rule: the schema that says the same.
STOCK: Mapping[str, _Schema] = {
    "required": lambda _: column(nullable=False),
    "not_blank": lambda _: column(pa.Check.str_contains(SOLID), nullable=False),
    "between": bounds,
    "greater_than": lambda given: column(pa.Check.gt(given["value"])),
    "less_than": lambda given: column(pa.Check.lt(given["value"])),
    "in_set": lambda given: column(pa.Check.isin(given["values"])),
    "not_in_set": lambda given: column(pa.Check.notin(given["values"])),
    "in_reference": lambda given: column(pa.Check.isin(given["entries"])),
    "matches": lambda given: column(pa.Check.str_matches(f"^(?:{given['pattern']})$")),
    "length": lambda given: column(pa.Check.str_length(given["min"], given["max"])),
    "is_trimmed": lambda _: column(pa.Check.str_matches(f"^(?s:{SOLID}(.*{SOLID})?)?$")),
    "email": lambda _: column(pa.Check.str_matches(EMAIL)),
    "phone": lambda _: column(pa.Check.str_matches(r"^\+[1-9][0-9]{7,14}$")),
    "uuid": lambda _: column(pa.Check.str_matches("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")),
    "country": lambda _: column(pa.Check.isin(list(COUNTRIES))),
    "currency": lambda _: column(pa.Check.isin(list(CURRENCIES))),
    "iso_date": lambda _: column(pa.Check.isin(DAYS)),
    "not_after": lambda given: column(pa.Check.le(day(given))),
    "not_before": lambda given: column(pa.Check.ge(day(given))),
    "max_age_days": lambda given: column(pa.Check.ge(day(given) - timedelta(days=given["days"]))),
    "null_rate": lambda given: column(name=given["column"], nullable=False),
    "null_values": lambda given: column(name=given["column"], nullable=False),
    "missing_values": lambda given: column(
        pa.Check.notin(given["missingValues"]), name=given["column"], nullable=False
    ),
    "invalid_values": lambda given: column(pa.Check.isin(given["validValues"]), name=given["column"]),
    "unique": lambda given: pa.DataFrameSchema(unique=given["columns"]),
}
# What its checks cannot say without a function of one's own, and why.
BEYOND: Mapping[str, str] = {
    **dict.fromkeys(("not_matches", "url"), "a pattern can only be asked for, not ruled out"),
    "not_placeholder": "sets are compared as they are written, not in any case of letters",
    **dict.fromkeys(("luhn", "iban", "multiple_of"), "no check computes with a value"),
    **dict.fromkeys(("required_when", "any_present", "implies"), "a column is checked without the others"),
    **dict.fromkeys(("compare_columns", "sum_of_parts", "product_of", "close_to"), "no check compares columns"),
    **dict.fromkeys(("agrees_with_most", "one_spelling", "functional_dependency"), "no check compares rows by group"),
    **dict.fromkeys(("monotonic", "sequence_without_gaps"), "no check knows an order"),
    **dict.fromkeys(("row_count", "sum_between", "mean_between", "share_of"), "no check is about a whole column"),
    **dict.fromkeys(("share_not_before", "newest_within_days", "late_rate"), "no check is about a whole column"),
    **dict.fromkeys(("duplicate_values", "duplicate_rate"), "all members of a repeated key count, not the repeats"),
    "sql": "there are no queries",
    **dict.fromkeys(("volume_anomaly", "metric_anomaly", "partitions_without_gaps"), "no other partition is looked at"),
    **dict.fromkeys(("psi", "jensen_shannon", "kolmogorov_smirnov"), "no other partition is looked at"),
    **dict.fromkeys(("reconciles_with_source", "reconciles_with_upstream"), "no other table is looked at"),
}
# Arguments beside those of the examples; a rule about a share says the same as Pandera only where none is allowed.
ALSO: Mapping[str, tuple[_Given, ...]] = {
    "between": ({"min": 3}, {"max": 3}, {"exclusive_min": 0, "exclusive_max": 5}),
    "length": ({"min": 3, "max": 3}, {"min": 0, "max": 4}),
    "matches": ({"pattern": "[a-c]+|x"}, {"pattern": "é?[0-9]{2}"}),
    "null_rate": ({"column": "email", "max": 0},),
    "missing_values": ({"column": "email", "max": 0, "missingValues": ["", "N/A"]},),
}
ONLY_ALSO = {"null_rate", "missing_values"}
# Pandera takes two nulls for the same key; here a key that is not there is nobody's.
NULLS_ARE_KEYS = {"unique"}


def asked(name: str) -> list[Contract]:
    contract = by_example(RULES[name])
    (rule,) = contract.rules
    others = [replace(contract, rules=(replace(rule, arguments=given),)) for given in ALSO.get(name, ())]
    return others if name in ONLY_ALSO else [contract, *others]


CASES = [(name, contract) for name in STOCK for contract in asked(name)]


def frames(contract: Contract, seed: int) -> dict[str, pl.DataFrame]:
    """Return what the kit makes of a contract; one that nothing breaks in a single row has no near ones."""
    kit = ContractKit(contract, seed, DAY)
    made = {name: kit.variant(name, ROWS) for name in ("fine", "duplicate", "all_duplicate", "all_null", "empty")}
    made["violations"] = pl.concat([made["fine"], *(violation.frame for violation in kit.violations())])
    promised = promise(contract, DAY)
    (rule,) = promised.rules
    base = made["fine"].row(0, named=True)
    near = [
        base | {each.name: value}
        for each in promised.columns
        for value in near_values(each, base[each.name], rule, promised)
    ]
    return made | {"near": promised.frame(near)}


def stock_count(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> int:
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as found:
        return sum(len(error.failure_cases) for error in found.schema_errors)
    return 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "contract"), CASES, ids=[f"{name} {dict(c.rules[0].arguments)}" for name, c in CASES])
def test_stock_pandera_counts_the_same_rows(name: str, contract: Contract, seed: int) -> None:
    schema = STOCK[name](contract.rules[0].arguments)
    made = frames(contract, seed)
    if name in NULLS_ARE_KEYS:
        made = {what: frame.drop_nulls() for what, frame in made.items()}

    ours = {what: judged(contract, frame, RULES).failed_rows for what, frame in made.items()}

    assert ours == {what: stock_count(schema, frame) for what, frame in made.items()}
    assert ours["fine"] == ours["empty"] == 0
    assert ours["violations"] > 0


def test_every_rule_is_compared_with_stock_pandera_or_it_is_written_down_why_not() -> None:
    assert set(STOCK) | set(BEYOND) == set(RULES)
    assert not set(STOCK) & set(BEYOND)


def test_two_rows_without_a_key_are_no_repeats_here_and_are_for_pandera() -> None:
    contract = by_example(RULES["unique"])
    nobody = ContractKit(contract, 0, DAY).variant("all_null", 2)

    assert judged(contract, nobody, RULES).failed_rows == 0
    assert stock_count(STOCK["unique"](contract.rules[0].arguments), nobody) == 2


def test_a_lazy_frame_that_stock_pandera_lets_through_unseen_is_judged_here() -> None:
    contract = by_example(RULES["between"])
    wrong = ContractKit(contract, 0, DAY).violation(contract.rules[0].id).frame

    assert STOCK["between"](contract.rules[0].arguments).validate(wrong.lazy()) is not None
    assert judged(contract, wrong, RULES).failed_rows == 1
