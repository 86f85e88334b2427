"""Which checks a table has, and what colour a partition gets."""

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.defs.checks import by_dimension, to_evaluation, to_questions
from lakehouse_assets.results import (
    BLOCKED,
    PUBLISHED,
    Dimension,
    OnFailure,
    Outcome,
    PartitionResult,
    RuleResult,
    Severity,
)
from lakehouse_assets_tests.builders import bare_contract, partition_record, rule_result

SPEC = dg.AssetCheckSpec("Validity", asset=dg.AssetKey(["silver", "orders"]))


def rule(dimension: Dimension) -> RuleSpec:
    return RuleSpec("r", "r", RuleKind.ROW, dimension, Severity.ERROR, OnFailure.BLOCK, "f")


def evaluate(*rules: RuleResult, status: str = PUBLISHED, overridden: tuple[str, ...] = ()) -> dg.AssetCheckEvaluation:
    record = replace(partition_record("2026-01-05", *rules, status=status), overridden=overridden)
    result = PartitionResult("silver/orders", "2026-01-05", status, "run-0000-0", record, 1)
    return to_evaluation(SPEC, result, rules, partition="2026-01-05", target=None)


def test_a_table_has_a_check_for_each_dimension_its_contract_names_and_for_what_is_built_in() -> None:
    contract = replace(bare_contract(), rules=(rule(Dimension.TIMELINESS), rule(Dimension.COVERAGE)))

    assert list(to_questions(contract)) == ["Completeness", "Validity", "Consistency", "Timeliness"]


def test_volume_is_shown_under_completeness_and_no_result_is_lost() -> None:
    results = [rule_result("a", dimension=dimension) for dimension in Dimension]

    grouped = by_dimension(results, ["Completeness", "Validity", "Consistency"])

    assert {label: [str(r.dimension) for r in rules] for label, rules in grouped.items()} == {
        "Completeness": ["completeness", "coverage"],
        "Validity": ["conformity"],
        "Consistency": ["uniqueness", "accuracy", "consistency", "timeliness"],
    }


FAILED = rule_result("amount.between", outcome=Outcome.FAIL, failed_rows=12)
BLOCKING = replace(FAILED, on_failure=OnFailure.BLOCK)


@pytest.mark.parametrize(
    ("evaluation", "colour"),
    [
        (evaluate(rule_result("amount.between")), "green"),
        (evaluate(replace(FAILED, outcome=Outcome.SKIPPED)), "green"),
        (evaluate(replace(FAILED, severity=Severity.INFO, on_failure=OnFailure.KEEP)), "green"),
        (evaluate(FAILED), "amber"),
        (evaluate(BLOCKING, overridden=("amount.between",)), "amber"),
        (evaluate(BLOCKING, status=BLOCKED), "red"),
        (evaluate(replace(FAILED, outcome=Outcome.NOT_RUN), status=BLOCKED), "red"),
        (evaluate(FAILED, status=BLOCKED), "amber"),
    ],
)
def test_red_holds_back_amber_tells_green_is_fine(evaluation: dg.AssetCheckEvaluation, colour: str) -> None:
    failed = {dg.AssetCheckSeverity.ERROR: "red", dg.AssetCheckSeverity.WARN: "amber"}

    assert ("green" if evaluation.passed else failed[evaluation.severity]) == colour
    assert evaluation.blocking


def test_the_evaluation_says_what_failed_and_shows_every_rule() -> None:
    evaluation = evaluate(FAILED, rule_result("amount.required"))

    table: Any = evaluation.metadata["rules"].value
    assert evaluation.description == "amount.between: 12 of 100 rows, quarantined"
    assert evaluation.metadata["failed_rows"].value == 12
    assert [(row.data["rule"], row.data["outcome"]) for row in table.records] == [
        ("amount.between", "fail"),
        ("amount.required", "pass"),
    ]
