"""Which checks a table has, and what colour a partition gets."""

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from lakehouse_assets.contracts.model import RuleKind, RuleSpec
from lakehouse_assets.defs.checks import by_dimension, to_evaluation, to_questions, to_score
from lakehouse_assets.results import (
    BLOCKED,
    PUBLISHED,
    AppliedExemption,
    Dimension,
    Expectation,
    OnFailure,
    Outcome,
    PartitionResult,
    RuleResult,
    Severity,
    State,
)
from lakehouse_assets_tests.builders import bare_contract, partition_record, rule_result

SPEC = dg.AssetCheckSpec("Validity", asset=dg.AssetKey(["silver", "orders"]))


def rule(dimension: Dimension) -> RuleSpec:
    return RuleSpec("r", "r", RuleKind.ROW, dimension, Severity.ERROR, OnFailure.BLOCK, "f")


def evaluate(
    *rules: RuleResult, status: str = PUBLISHED, overridden: tuple[str, ...] = (), waived: tuple[str, ...] = ()
) -> dg.AssetCheckEvaluation:
    kind = "override" if overridden else "waiver"
    applied = (AppliedExemption(kind, (*overridden, *waived), "ada", "The till is repaired.", "2999-12-31"),)
    record = partition_record("2026-01-05", *rules, status=status)
    record = replace(record, overridden=overridden, waived=waived, exemptions=applied)
    result = PartitionResult("silver/orders", "2026-01-05", status, "run-0000-0", record, 1)
    return to_evaluation(SPEC, result, rules, partition="2026-01-05", target=None)


def test_what_earlier_partitions_made_one_expect_is_told_beside_the_rules() -> None:
    told = Expectation(State.USUAL, 1000, expected=990, low=850, high=1150, score=0.3, recent=(980, 1010))

    metadata = evaluate(replace(FAILED, outcome=Outcome.PASS, expectation=told)).metadata

    assert "| 1,000 | 990 | 850 to 1,150 | 0.3 | usual |" in str(metadata["beside earlier partitions"].value)
    assert "beside earlier partitions" not in evaluate(FAILED).metadata


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
        (evaluate(FAILED, waived=("amount.between",)), "green"),
        (evaluate(BLOCKING, status=BLOCKED), "red"),
        (evaluate(replace(FAILED, outcome=Outcome.NOT_RUN), status=BLOCKED), "red"),
        (evaluate(FAILED, status=BLOCKED), "amber"),
    ],
)
def test_red_holds_back_amber_tells_green_is_fine(evaluation: dg.AssetCheckEvaluation, colour: str) -> None:
    failed = {dg.AssetCheckSeverity.ERROR: "red", dg.AssetCheckSeverity.WARN: "amber"}

    assert ("green" if evaluation.passed else failed[evaluation.severity]) == colour
    assert evaluation.blocking


def test_an_accepted_rule_is_shown_with_who_accepted_it_until_when_and_why() -> None:
    evaluation = evaluate(BLOCKING, overridden=("amount.between",))

    table: Any = evaluation.metadata["rules"].value
    assert evaluation.description == "amount.between: 12 of 100 rows, published all the same by an override"
    assert table.records[0].data["accepted"] == "override by ada until 2999-12-31: The till is repaired."


@pytest.mark.parametrize(
    ("low", "passed", "severity"),
    [
        (None, True, dg.AssetCheckSeverity.WARN),
        (Severity.WARNING, False, dg.AssetCheckSeverity.WARN),
        (Severity.CRITICAL, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_a_low_score_is_shown_and_blocks_nothing(
    low: Severity | None, severity: dg.AssetCheckSeverity, *, passed: bool
) -> None:
    record = replace(partition_record("2026-01-05"), score=96.5, low_score=low)

    evaluation = to_score(SPEC, record, partition="2026-01-05", target=None)

    assert (evaluation.passed, evaluation.severity, evaluation.blocking) == (passed, severity, False)
    assert evaluation.description == "96.50 of 100."


def test_the_evaluation_says_what_failed_and_shows_every_rule() -> None:
    evaluation = evaluate(FAILED, rule_result("amount.required"))

    table: Any = evaluation.metadata["rules"].value
    assert evaluation.description == "amount.between: 12 of 100 rows, quarantined"
    assert evaluation.metadata["failed_rows"].value == 12
    assert [(row.data["rule"], row.data["outcome"]) for row in table.records] == [
        ("amount.between", "fail"),
        ("amount.required", "pass"),
    ]
