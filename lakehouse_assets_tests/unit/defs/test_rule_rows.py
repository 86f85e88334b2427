"""The rules of one check, as a person reads them: counts, rows, places and links."""

from dataclasses import replace
from typing import Any

from lakehouse_assets.contracts.model import Column, ColumnType, Kind, Place, RuleKind, RuleSpec
from lakehouse_assets.defs.rule_rows import Beside, to_list, to_table
from lakehouse_assets.results import Dimension, OnFailure, Outcome, RuleResult, Severity
from lakehouse_assets_tests.builders import bare_contract, partition_record, rule_result

SPEC = RuleSpec(
    "amount.between",
    "between",
    RuleKind.ROW,
    Dimension.CONFORMITY,
    Severity.ERROR,
    OnFailure.QUARANTINE,
    "f",
    place=Place("config/contracts/silver/orders.odcs.yaml", 41),
)
CONTRACT = replace(bare_contract(), rules=(SPEC,), place=Place("config/contracts/silver/orders.odcs.yaml", 12))
FAILED = rule_result("amount.between", outcome=Outcome.FAIL, failed_rows=12)
DAY = "2026-01-05"
SAMPLES = {(DAY, "amount.between"): ("a.csv#000000002", "a.csv#000000007")}
WEB = "https://example.com/lake/blob/main"


def row(rule: RuleResult, beside: Beside) -> dict[str, Any]:
    table: Any = to_table([rule], partition_record(DAY, rule), beside).value
    return dict(table.records[0].data)


def test_a_rule_is_a_row_with_counts_severity_rows_and_the_line_that_promises_it() -> None:
    told = row(FAILED, Beside(CONTRACT, samples=SAMPLES))

    assert told == {
        "rule": "amount.between",
        "outcome": "fail",
        "failed_rows": 12,
        "checked_rows": 100,
        "severity": "error",
        "on_failure": "quarantine",
        "line": 41,
        "sample_rows": "a.csv#000000002, a.csv#000000007",
        "accepted": "",
    }


def test_a_rule_that_is_built_in_leads_to_its_table() -> None:
    assert row(rule_result("ledger_balances"), Beside(CONTRACT))["line"] == 12


def test_rules_that_did_not_pass_come_first() -> None:
    skipped = replace(rule_result("b"), outcome=Outcome.SKIPPED)
    rules = [rule_result("a"), skipped, rule_result("c", outcome=Outcome.ERROR)]

    table: Any = to_table(rules, partition_record(DAY, *rules), Beside()).value

    assert [record.data["rule"] for record in table.records] == ["c", "b", "a"]


def test_rows_of_another_partition_are_not_shown() -> None:
    beside = Beside(CONTRACT, samples={("2026-01-06", "amount.between"): ("b.csv#000000001",)})

    assert row(FAILED, beside)["sample_rows"] == ""


def test_a_failed_rule_is_listed_with_its_rows_and_a_link_to_its_line() -> None:
    listed = to_list([FAILED], partition_record(DAY, FAILED), Beside(CONTRACT, WEB, SAMPLES))

    assert listed == (
        "- **amount.between** (error): 12 of 100 rows; rows `a.csv#000000002`, `a.csv#000000007`; "
        f"[config/contracts/silver/orders.odcs.yaml:41]({WEB}/config/contracts/silver/orders.odcs.yaml#L41)"
    )


def test_without_an_address_the_place_is_text() -> None:
    listed = to_list([FAILED], partition_record(DAY, FAILED), Beside(CONTRACT))

    assert listed == "- **amount.between** (error): 12 of 100 rows; `config/contracts/silver/orders.odcs.yaml:41`"


def test_what_markdown_would_take_for_its_own_is_escaped() -> None:
    odd = replace(rule_result("usual_lines", outcome=Outcome.FAIL), reason="5 <b>*where*</b> 10 is expected")

    assert to_list([odd], partition_record(DAY, odd), Beside()) == (
        "- **usual\\_lines** (error): fail; 5 \\<b\\>\\*where\\*\\</b\\> 10 is expected"
    )


def test_the_contract_is_a_link_where_its_address_is_known() -> None:
    linked, plain = Beside(CONTRACT, f"{WEB}/").contract_place, Beside(CONTRACT).contract_place

    assert linked is not None
    assert plain is not None
    assert linked.value == f"{WEB}/config/contracts/silver/orders.odcs.yaml#L12"
    assert plain.value == "config/contracts/silver/orders.odcs.yaml:12"


def test_a_rule_that_a_column_brings_along_leads_to_the_column() -> None:
    column = Column("amount", ColumnType(Kind.LONG), line=33)
    contract = replace(CONTRACT, columns=(column,), rules=())

    assert row(rule_result("amount.parse"), Beside(contract))["line"] == 33
