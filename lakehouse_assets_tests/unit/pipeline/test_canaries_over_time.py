"""Rules over time must be able to fail, too: one that calls a tenth of everything usual is found before any data is."""

from dataclasses import replace
from typing import Any

import pytest

from lakehouse_assets.contracts.model import Column, ColumnType, Kind, RuleKind, RuleSpec
from lakehouse_assets.pipeline.canaries import ALARMS, MISSING, SILENT, SINGS, canaries
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.results import Dimension, OnFailure, Severity
from lakehouse_assets_tests.builders import bare_contract

RULES = {name: rule for name, rule in load_rules().items() if rule.signature.kind is RuleKind.OVER_TIME}


def verdict(rule: str, column: str | None = None, **arguments: Any) -> str:  # noqa: ANN401 - YAML values
    given = {**arguments, **({"column": column} if column else {})}
    kind, dimension = RuleKind.OVER_TIME, Dimension.COVERAGE
    spec = RuleSpec("watched", rule, kind, dimension, Severity.ERROR, OnFailure.KEEP, "fp", column, given)
    columns = (Column("amount", ColumnType(Kind.LONG)),)
    (canary,) = canaries(replace(bare_contract(), columns=columns, rules=(spec,)), RULES)
    return canary.verdict


@pytest.mark.parametrize("metric", ["sum", "mean", "null_share"])
def test_a_metric_that_is_a_tenth_of_what_it_was_is_rejected(metric: str) -> None:
    assert verdict("metric_anomaly", "amount", metric=metric) == SINGS


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"metric_anomaly", "volume_anomaly", "partitions_without_gaps"}))
def test_a_distribution_that_moved_is_rejected(rule: str) -> None:
    assert verdict(rule, "amount", partitions=60, minRows=5000) == SINGS


def test_a_volume_of_a_tenth_is_rejected_and_a_rule_that_calls_it_usual_is_found() -> None:
    assert verdict("volume_anomaly", method="z_score") == SINGS
    assert verdict("volume_anomaly", warn=500, fail=1000) == SILENT


@pytest.mark.parametrize("allowed", [0, 3])
def test_one_day_more_than_may_be_missing_is_rejected(allowed: int) -> None:
    assert verdict("partitions_without_gaps", allowed=allowed) == SINGS


def test_a_rule_that_looks_back_less_far_than_it_lets_days_be_missing_is_found() -> None:
    assert verdict("partitions_without_gaps", days=2, allowed=2) == SILENT


def test_a_rule_that_nobody_wrote_has_no_canary() -> None:
    assert verdict("volume_guess") == MISSING


def test_a_rule_that_alarms_on_usual_days_is_found() -> None:
    assert verdict("psi", "amount", max=-1) == ALARMS
