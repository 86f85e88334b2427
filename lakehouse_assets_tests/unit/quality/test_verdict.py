"""From results to a decision: partitions, gate, attestation, score and what is kept of refused rows."""

import json
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.contracts.loading import Gate, Load
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, Place, RuleKind, RuleSpec
from lakehouse_assets.naming import TableName
from lakehouse_assets.quality.attest import attest
from lakehouse_assets.quality.gate import decide, gate, overridden
from lakehouse_assets.quality.judge import Scope, bind, flag, result_of
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.quarantine import quarantine_rows
from lakehouse_assets.quality.reference import render_rules_reference
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.quality.score import coverage, score, severity_of
from lakehouse_assets.results import Dimension, Ledger, OnFailure, Outcome, RuleResult, Severity
from lakehouse_assets_tests.builders import rule_result

RULES = load_rules()
BALANCED = Ledger(read=10, published=9, quarantined=1)


def test_partition_rules_judge_every_partition_by_itself() -> None:
    results = _partitions([_spec("unique", columns=["id"])], {"id": [1, 1, 2], "_proc_date": ["x", "x", "y"]})

    assert [(each.outcome, each.failed_rows) for each in results["x"]] == [(Outcome.FAIL, 2)]
    assert [(each.outcome, each.failed_rows) for each in results["y"]] == [(Outcome.PASS, 0)]


def test_a_partition_rule_that_cannot_run_blocks_and_leaves_the_others_alone() -> None:
    specs = [_spec("unique", columns=["nowhere"]), _spec("no_such_rule"), _spec("row_count", min=1)]

    results = _partitions(specs, {"id": [1], "_proc_date": ["x"]})["x"]

    assert [each.outcome for each in results] == [Outcome.ERROR, Outcome.ERROR, Outcome.PASS]


def test_a_sum_of_whole_numbers_does_not_wrap_around() -> None:
    rows = _rows({"_proc_date": ["x", "x"], "n": [2**31 - 1, 5]}, {"n": pl.Int32})
    spec = _spec("sum_between", column="n", min=2**31 + 4)
    frames = judge_partitions(rows, "_proc_date", [spec], RULES)
    assert to_partition_results([spec], [frames[0].collect("polars")], "x", 2)[0].passed


@pytest.mark.parametrize(("value", "passes"), [("2010-12-01", True), ("2010-12-02", False), ("run_time", False)])
def test_a_partition_rule_compares_a_date_with_a_date(value: str, *, passes: bool) -> None:
    days = {"_proc_date": ["2010-12-03"], "day": [date(2010, 12, 1)]}
    spec = _spec("share_not_before", column="day", min=1, value=value)
    scope = Scope((Column("day", ColumnType(Kind.DATE)),))
    frames = judge_partitions(_rows(days), "_proc_date", [spec], RULES, scope)
    found = to_partition_results([spec], [frames[0].collect("polars")], "2010-12-03", 1)
    assert [(one.outcome, one.passed) for one in found] == [(Outcome.PASS if passes else Outcome.FAIL, passes)]


def test_a_partition_without_rows_violates_a_lower_bound() -> None:
    spec = _spec("row_count", min=1)
    frames = judge_partitions(_rows({"_proc_date": ["x"]}), "_proc_date", [spec], RULES)

    (result,) = to_partition_results([spec], [frame.collect("polars") for frame in frames], "empty", 0)

    assert result.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("bounds", "ledger", "failed"),
    [
        (Gate(), BALANCED, []),
        (Gate(), Ledger(read=10, published=8, quarantined=1), ["ledger_balances"]),
        (Gate(max_quarantine_ratio=0.05), BALANCED, ["quarantine_ratio"]),
        (Gate(max_quarantine_ratio=0.1), BALANCED, []),
        (Gate(min_rows=10), BALANCED, ["min_rows"]),
        (Gate(), Ledger(), ["empty_partition"]),
        (Gate(empty_partition="warn"), Ledger(), ["empty_partition"]),
        (Gate(empty_partition="allow"), Ledger(), []),
        (Gate(), Ledger(read=3, quarantined=3), ["empty_partition"]),
    ],
)
def test_the_gate_judges_the_ledger(bounds: Gate, ledger: Ledger, failed: list[str]) -> None:
    assert [result.rule_id for result in gate(bounds, ledger) if not result.passed] == failed


@pytest.mark.parametrize(("waived", "failed"), [(0, True), (4, True), (5, False), (10, False)])
def test_waived_rows_do_not_count_for_the_quarantine_ratio(waived: int, *, failed: bool) -> None:
    ledger = Ledger(read=100, published=90, quarantined=10)

    results = {one.rule_id: one for one in gate(Gate(max_quarantine_ratio=0.05), ledger, waived_rows=waived)}

    ratio = results["quarantine_ratio"]
    assert (ratio.passed, ratio.failed_rows) == (not failed, 10 - waived)
    assert ("more are waived" in ratio.reason) is (failed and waived > 0)


BLOCKING = rule_result("enough", outcome=Outcome.FAIL, on_failure=OnFailure.BLOCK)


def test_a_decision_despite_a_rule_is_as_if_it_had_held() -> None:
    assert decide([BLOCKING]).blocked
    assert not decide([BLOCKING], ["enough"]).blocked


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.NOT_RUN])
def test_a_rule_that_was_not_judged_cannot_be_overridden(outcome: Outcome) -> None:
    unjudged = rule_result("enough", outcome=outcome, on_failure=OnFailure.BLOCK)

    assert overridden([unjudged], ["enough"]) == ()
    assert decide([unjudged], ["enough"]).blocked


def test_only_rules_that_would_have_blocked_count_as_overridden() -> None:
    results = [BLOCKING, rule_result("fine", on_failure=OnFailure.BLOCK), rule_result("soft", outcome=Outcome.FAIL)]

    assert overridden(results, ["enough", "fine", "soft", "unknown"]) == ("enough",)


def test_a_waived_rule_counts_as_held_in_the_score_but_only_when_it_was_judged() -> None:
    failed = rule_result("a", outcome=Outcome.FAIL, failed_rows=50)
    raised = rule_result("a", outcome=Outcome.ERROR)

    assert score([failed]) == 50
    assert score([failed], ["a"]) == 100
    assert score([raised], ["a"]) == 0


def test_an_empty_partition_that_only_warns_is_published() -> None:
    assert not decide(gate(Gate(empty_partition="warn"), Ledger())).blocked


def test_the_decision_names_the_rule_and_the_count() -> None:
    result = result_of(_spec("unique", columns=["id"]), Outcome.FAIL, 2, 10)

    assert decide([result]) == (True, "unique failed for 2 rows.")


def test_a_quarantining_rule_that_failed_does_not_block() -> None:
    assert not decide([rule_result("id.required", outcome=Outcome.FAIL, failed_rows=1)]).blocked


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.NOT_RUN])
def test_a_rule_that_raised_or_did_not_run_blocks_like_a_failure(outcome: Outcome) -> None:
    assert decide([rule_result("id.required", outcome=outcome)]).blocked


def test_the_attestation_lists_a_declared_rule_that_nobody_ran() -> None:
    spec = _spec("row_count", min=1)

    missing, executed = attest([spec], [])

    assert (missing.rule_id, missing.outcome) == ("row_count", Outcome.NOT_RUN)
    assert (executed.rule_id, executed.outcome, executed.blocks) == ("rules_executed", Outcome.FAIL, True)


def test_the_attestation_passes_when_all_declared_rules_were_executed() -> None:
    spec = _spec("row_count", min=1)

    found = attest([spec], [result_of(spec, Outcome.PASS)])

    assert [(each.rule_id, each.outcome) for each in found] == [
        ("row_count", Outcome.PASS),
        ("rules_executed", Outcome.PASS),
    ]


def test_a_result_of_another_version_of_a_rule_does_not_execute_it() -> None:
    stale = rule_result("row_count")

    assert attest([_spec("row_count", min=1)], [stale])[-1].outcome is Outcome.FAIL


def test_a_table_where_everything_holds_scores_one_hundred() -> None:
    assert score([rule_result("a"), rule_result("b", dimension=Dimension.UNIQUENESS)]) == 100


def test_a_dimension_weighs_the_same_however_many_rules_it_has() -> None:
    many = [rule_result(f"c{number}", dimension=Dimension.CONFORMITY) for number in range(9)]
    failed = rule_result("u", outcome=Outcome.NOT_RUN, dimension=Dimension.UNIQUENESS)

    assert score([*many, failed]) == 50


def test_a_failed_rule_costs_the_share_of_rows_that_violate_it() -> None:
    assert score([rule_result("a", outcome=Outcome.FAIL, failed_rows=5, checked_rows=100)]) == 95


def test_a_severe_rule_costs_more() -> None:
    warning = [rule_result("a"), rule_result("b", outcome=Outcome.ERROR, severity=Severity.WARNING)]
    critical = [rule_result("a"), rule_result("b", outcome=Outcome.ERROR, severity=Severity.CRITICAL)]

    assert score(critical) < score(warning)


@pytest.mark.parametrize(
    ("points", "severity"),
    [(94.9, Severity.CRITICAL), (95.0, Severity.WARNING), (97.9, Severity.WARNING), (98.0, None)],
)
def test_a_low_score_is_a_warning_and_a_lower_one_critical(points: float, severity: Severity | None) -> None:
    assert severity_of(points, [rule_result("a", outcome=Outcome.FAIL)]) is severity


@pytest.mark.parametrize("severity", [Severity.INFO, Severity.WARNING])
def test_warnings_alone_never_make_a_low_score_critical(severity: Severity) -> None:
    results = [rule_result("a"), rule_result("b", outcome=Outcome.FAIL, severity=severity)]

    assert severity_of(50.0, results) is Severity.WARNING
    assert severity_of(99.0, results) is None


def test_a_rule_that_did_not_run_or_knows_nothing_makes_it_critical() -> None:
    torn = rule_result("b", outcome=Outcome.ERROR, severity=Severity.WARNING)

    assert severity_of(50.0, [rule_result("a"), torn]) is Severity.CRITICAL
    assert severity_of(0.0, []) is Severity.CRITICAL


def test_a_failure_that_is_waived_makes_no_low_score_critical() -> None:
    results = [
        rule_result("a", outcome=Outcome.FAIL),
        rule_result("b", outcome=Outcome.FAIL, severity=Severity.WARNING),
    ]

    assert severity_of(50.0, results, ["a"]) is Severity.WARNING
    assert severity_of(50.0, results) is Severity.CRITICAL


def test_nothing_known_is_no_good_score() -> None:
    assert (score([]), coverage([])) == (0.0, 0.0)


_RESULTS = st.lists(
    st.builds(
        rule_result,
        st.integers(0, 10_000).map(str),
        outcome=st.sampled_from([Outcome.PASS, Outcome.FAIL, Outcome.ERROR]),
        severity=st.sampled_from(Severity),
        dimension=st.sampled_from(Dimension),
        failed_rows=st.integers(0, 100),
    ),
    min_size=1,
    unique_by=lambda result: result.rule_id,
)


@given(_RESULTS, st.data())
def test_not_running_a_declared_rule_never_raises_the_score(results: list[RuleResult], data: st.DataObject) -> None:
    declared = [_declaration(result) for result in results]
    dropped = data.draw(st.sampled_from(results))

    without = attest(declared, [result for result in results if result is not dropped])

    assert score(without) <= score(attest(declared, results))
    assert coverage(without) <= coverage(attest(declared, results))


def test_a_refused_row_is_kept_with_every_reason_and_as_it_was() -> None:
    rules = bind([_row("required", "id"), _row("between", "quantity", min=0), _row("length", "id", min=0)], RULES)
    rows = _rows(
        {
            "id": [None], "quantity": [-1], "_row_id": ["f.csv#1"], "_proc_date": ["x"],
            "__raw_Id": [None], "__raw_Qty": ["-01"],
        },
        {"id": pl.String, "__raw_Id": pl.String},
    )  # fmt: skip

    found = quarantine_rows(flag(rows, rules), rules, {"Id": "__raw_Id", "Qty": "__raw_Qty"}, _contract())

    row = found.collect("polars").rows(named=True)[0]
    assert [reason["rule_id"] for reason in row["reasons"]] == ["id.required", "quantity.between"]
    assert json.loads(row["raw"]) == {"Id": None, "Qty": "-01"}
    assert (row["contract_version"], row["rule_set"], row["_proc_date"]) == ("1.2.0", "rules-7", "x")
    assert list(row) == ["_row_id", "reasons", "contract_version", "rule_set", "raw", "_proc_date"]


def test_a_rule_that_only_warns_is_no_reason_to_refuse() -> None:
    rules = bind([_row("required", "id"), _row("not_blank", "id", on_failure=OnFailure.KEEP)], RULES)
    rows = _rows({"id": [None], "_row_id": ["1"], "_proc_date": ["x"]}, {"id": pl.String})

    found = quarantine_rows(flag(rows, rules), rules, {"Id": "id"}, _contract()).collect("polars")

    assert [reason["rule_id"] for reason in found["reasons"][0]] == ["id.required"]


def test_without_rules_that_quarantine_the_quarantine_still_has_its_columns() -> None:
    rows = _rows({"id": ["a"], "_row_id": ["1"], "_proc_date": ["x"]})

    found = quarantine_rows(flag(rows, ()), (), {"Id": "id"}, _contract()).collect("polars")

    assert found["reasons"].to_list() == [None]


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_reference_describes_every_rule(name: str) -> None:
    assert f"### `{name}`\n\n{RULES[name].signature.summary}" in render_rules_reference()


def _spec(rule: str, **arguments: Any) -> RuleSpec:  # noqa: ANN401 - YAML values
    known = RULES.get(rule)
    dimension = known.signature.dimension if known else Dimension.COVERAGE
    return RuleSpec(
        rule, rule, RuleKind.PARTITION, dimension, Severity.ERROR, OnFailure.BLOCK, f"own-{rule}", arguments=arguments
    )


def _row(rule: str, column: str, *, on_failure: OnFailure = OnFailure.QUARANTINE, **arguments: Any) -> RuleSpec:  # noqa: ANN401 - YAML values
    dimension = RULES[rule].signature.dimension
    return RuleSpec(
        f"{column}.{rule}", rule, RuleKind.ROW, dimension, Severity.ERROR, on_failure, "fp", column, arguments
    )


def _declaration(result: RuleResult) -> RuleSpec:
    return RuleSpec(
        result.rule_id, "any", RuleKind.ROW, result.dimension, result.severity, result.on_failure, result.fingerprint
    )


def _contract() -> Contract:
    return Contract(TableName("silver", ("orders",)), "1.2.0", (), (), Load(), Gate(), Place("x"), rule_set="rules-7")


def _rows(rows: dict[str, Any], schema: dict[str, Any] | None = None) -> nw.LazyFrame:
    return nw.from_native(pl.LazyFrame(rows, schema_overrides=schema))


def _partitions(specs: list[RuleSpec], rows: dict[str, Any]) -> dict[str, tuple[RuleResult, ...]]:
    frames = judge_partitions(_rows(rows), "_proc_date", specs, RULES)
    collected = [frame.collect("polars") for frame in frames]
    return {
        partition: to_partition_results(specs, collected, partition, rows["_proc_date"].count(partition))
        for partition in set(rows["_proc_date"])
    }
