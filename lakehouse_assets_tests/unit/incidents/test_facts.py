"""Records and failed runs become facts that say what failed, never with which values."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lakehouse_assets.errors import LakehouseError, SourceError, StateError
from lakehouse_assets.incidents.facts import facts_of_failure, facts_of_record
from lakehouse_assets.incidents.incident import Fact, FailureClass
from lakehouse_assets.incidents.triage import ACTIONS, classify_error, classify_rule
from lakehouse_assets.results import Dimension, Outcome, PartitionRecord, Severity
from lakehouse_assets_tests.builders import bare_contract, partition_record, publish_record, rule_result

AT = datetime(2011, 1, 2, 6, tzinfo=UTC)


def _facts(partition: PartitionRecord) -> dict[str, Fact]:
    record = publish_record("run-0000-1", partition, at=AT.isoformat())
    return {fact.rule_id: fact for fact in facts_of_record(record, bare_contract(), {partition.partition})}


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [(Outcome.PASS, False), (Outcome.FAIL, True), (Outcome.ERROR, True), (Outcome.NOT_RUN, True)],
)
def test_only_a_rule_that_passed_has_not_failed(outcome: Outcome, *, failed: bool) -> None:
    facts = _facts(partition_record("2011-01-01", rule_result("a.required", outcome=outcome)))

    assert facts["a.required"].failed is failed


def test_a_skipped_rule_says_nothing() -> None:
    facts = _facts(partition_record("2011-01-01", rule_result("a.required", outcome=Outcome.SKIPPED)))

    assert "a.required" not in facts


def test_a_rule_that_could_not_run_is_at_least_an_error() -> None:
    broken = rule_result("a.required", outcome=Outcome.ERROR, severity=Severity.INFO)

    assert _facts(partition_record("2011-01-01", broken))["a.required"].severity is Severity.ERROR


def test_a_refused_input_is_the_one_cause_of_all_that_fails_with_it() -> None:
    cause = rule_result("arrival", outcome=Outcome.FAIL)
    follows = rule_result("rules_executed", outcome=Outcome.FAIL)

    facts = _facts(partition_record("2011-01-01", cause, follows))

    assert [rule for rule, fact in facts.items() if fact.failed] == ["arrival"]


def test_an_override_takes_its_rule_out_of_the_alerts() -> None:
    failed = partition_record("2011-01-01", rule_result("a.required", outcome=Outcome.FAIL))

    facts = _facts(replace(failed, overridden=("a.required",)))

    assert not facts["a.required"].failed


def test_a_waiver_takes_its_rule_out_of_the_alerts() -> None:
    failed = partition_record("2011-01-01", rule_result("a.required", outcome=Outcome.FAIL))

    facts = _facts(replace(failed, waived=("a.required",)))

    assert not facts["a.required"].failed


def test_a_low_score_is_no_fact_of_its_own() -> None:
    failed = partition_record("2011-01-01", rule_result("a.required", outcome=Outcome.FAIL))

    facts = _facts(replace(failed, score=10.0, low_score=Severity.CRITICAL))

    assert [rule for rule, fact in facts.items() if fact.failed] == ["a.required"]


def test_a_record_clears_failed_runs_of_its_partitions() -> None:
    facts = _facts(partition_record("2011-01-01"))

    assert {rule for rule, fact in facts.items() if not fact.failed} == {f"run.{kind}" for kind in FailureClass}


def test_partitions_with_newer_records_are_left_out() -> None:
    record = publish_record("run-0000-1", partition_record("2011-01-01"), partition_record("2011-01-02"))

    facts = facts_of_record(record, bare_contract(), {"2011-01-02"})

    assert {fact.partition for fact in facts} == {"2011-01-02"}


def test_a_failed_run_is_a_fact_of_its_class_for_every_partition() -> None:
    error = SourceError("missing", "no file came.")

    facts = facts_of_failure(error, bare_contract(), ["2011-01-01", "2011-01-02"], run_id="run", at=AT)

    assert [(fact.rule_id, fact.partition) for fact in facts] == [
        ("run.missing_data", "2011-01-01"),
        ("run.missing_data", "2011-01-02"),
    ]
    assert facts[0].runbook == "docs/runbooks/missing_data.md"


def test_words_of_foreign_errors_never_reach_a_fact() -> None:
    [fact] = facts_of_failure(
        ValueError("conversion of 'jane@example.org' failed"), bare_contract(), ["x"], run_id="r", at=AT
    )

    assert fact.message == "ValueError"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), FailureClass.MEMORY),
        (PermissionError("x"), FailureClass.PERMISSION),
        (TimeoutError(), FailureClass.TIMEOUT),
        (ConnectionResetError(), FailureClass.CONNECTION),
        (StateError("gone"), FailureClass.CONNECTION),
        (SourceError("schema_drift", "x"), FailureClass.SCHEMA),
        (SourceError("encoding", "x"), FailureClass.QUALITY),
        (RuntimeError("S3: AccessDenied"), FailureClass.PERMISSION),
        (RuntimeError("duplicate key value"), FailureClass.DUPLICATE_KEY),
        (RuntimeError("statement timed out"), FailureClass.TIMEOUT),
        (RuntimeError("?"), FailureClass.UNKNOWN),
    ],
)
def test_errors_are_classed_by_type_code_and_words(error: Exception, expected: FailureClass) -> None:
    assert classify_error(error) is expected


def test_a_wrapped_error_has_the_class_of_its_cause() -> None:
    wrapper = LakehouseError("the step failed")
    wrapper.__cause__ = MemoryError()

    assert classify_error(wrapper) is FailureClass.MEMORY


@pytest.mark.parametrize(
    ("rule_id", "dimension", "expected"),
    [
        ("schema", Dimension.CONFORMITY, FailureClass.SCHEMA),
        ("order_id.unique", Dimension.UNIQUENESS, FailureClass.DUPLICATE_KEY),
        ("row_bounds", Dimension.COVERAGE, FailureClass.MISSING_DATA),
        ("quantity.between", Dimension.CONFORMITY, FailureClass.QUALITY),
    ],
)
def test_rules_are_classed_by_what_they_look_at(rule_id: str, dimension: Dimension, expected: FailureClass) -> None:
    assert classify_rule(rule_id, dimension) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SourceError("header", "columns differ.", where="drop/a.csv"), FailureClass.SCHEMA),
        (SourceError("missing", "no file came."), FailureClass.MISSING_DATA),
        (SourceError("encoding", "not UTF-8.", where="drop/a.csv"), FailureClass.QUALITY),
    ],
)
def test_a_refused_input_has_the_class_of_its_code(error: SourceError, expected: FailureClass) -> None:
    assert classify_rule("arrival", Dimension.CONFORMITY, str(error)) is expected


def test_every_class_has_a_suggested_action() -> None:
    assert set(ACTIONS) == set(FailureClass)
