"""What the gate says of a ledger, word by word: outcomes, weights, bounds at their edge, and the sentence."""

from dataclasses import replace

import pytest

from lakehouse_assets.contracts.loading import Gate
from lakehouse_assets.quality.gate import decide, gate, overridden
from lakehouse_assets.results import Dimension, Ledger, OnFailure, Outcome, RuleResult, Severity
from lakehouse_assets_tests.builders import rule_result

FINE = Ledger(read=10, published=7, quarantined=1, deduplicated=1, filtered=1)


def judged(bounds: Gate, ledger: Ledger, *, waived_rows: int = 0) -> dict[str, RuleResult]:
    return {result.rule_id: result for result in gate(bounds, ledger, waived_rows=waived_rows)}


def blocking(
    rule_id: str, *, failed_rows: int = 0, severity: Severity = Severity.ERROR, reason: str = ""
) -> RuleResult:
    result = rule_result(
        rule_id, outcome=Outcome.FAIL, severity=severity, on_failure=OnFailure.BLOCK, failed_rows=failed_rows
    )
    return replace(result, reason=reason)


def test_the_gate_asks_for_a_number_of_rows_only_where_one_is_promised() -> None:
    always = ["ledger_balances", "quarantine_ratio", "empty_partition"]
    assert list(judged(Gate(max_quarantine_ratio=0.1), FINE)) == always
    assert list(judged(Gate(max_quarantine_ratio=0.1, min_rows=7), FINE)) == [*always, "min_rows"]


def test_what_holds_gives_no_reason_and_counts_the_rows_it_looked_at() -> None:
    for result in judged(Gate(max_quarantine_ratio=0.1, min_rows=7), FINE).values():
        assert (result.outcome, result.reason, result.checked_rows) == (Outcome.PASS, "", 10)
        assert (result.dimension, result.on_failure) == (Dimension.COVERAGE, OnFailure.BLOCK)


@pytest.mark.parametrize(
    ("ledger", "reason"),
    [
        (replace(FINE, published=6), "10 rows were read and 9 are accounted for"),
        (replace(FINE, quarantined=3), "10 rows were read and 12 are accounted for"),
        (replace(FINE, deduplicated=3), "10 rows were read and 12 are accounted for"),
        (replace(FINE, filtered=3), "10 rows were read and 12 are accounted for"),
        (replace(FINE, filtered=0), "10 rows were read and 9 are accounted for"),
        (replace(FINE, published=11, filtered=-3), "the transform returned 3 rows more than it was given"),
    ],
)
def test_a_ledger_that_does_not_balance_is_critical_and_says_how_far_it_is_off(ledger: Ledger, reason: str) -> None:
    result = judged(Gate(), ledger)["ledger_balances"]
    assert (result.outcome, result.severity, result.reason) == (Outcome.FAIL, Severity.CRITICAL, reason)


@pytest.mark.parametrize(
    ("quarantined", "waived", "outcome"),
    [
        (10, 0, Outcome.PASS),
        (11, 0, Outcome.FAIL),
        (12, 2, Outcome.PASS),
        (12, 1, Outcome.FAIL),
        (0, 0, Outcome.PASS),
    ],
)
def test_the_quarantine_ratio_may_be_reached_and_not_exceeded(quarantined: int, waived: int, outcome: Outcome) -> None:
    ledger = Ledger(read=100, published=100 - quarantined, quarantined=quarantined)
    result = judged(Gate(max_quarantine_ratio=0.1), ledger, waived_rows=waived)["quarantine_ratio"]
    assert (result.outcome, result.failed_rows) == (outcome, quarantined - waived)
    assert result.severity is Severity.ERROR


def test_the_quarantine_ratio_names_rows_waived_rows_and_limit() -> None:
    ledger = Ledger(read=100, published=80, quarantined=20)
    bounds = Gate(max_quarantine_ratio=0.05)
    said = judged(bounds, ledger)["quarantine_ratio"].reason
    assert said == "20 of 100 rows are quarantined, more than 0.05 of all"
    said = judged(bounds, ledger, waived_rows=3)["quarantine_ratio"].reason
    assert said == "17 of 100 rows are quarantined (and 3 more are waived), more than 0.05 of all"


@pytest.mark.parametrize(
    ("policy", "published", "outcome", "severity", "on_failure"),
    [
        ("fail", 0, Outcome.FAIL, Severity.ERROR, OnFailure.BLOCK),
        ("fail", 1, Outcome.PASS, Severity.ERROR, OnFailure.BLOCK),
        ("warn", 0, Outcome.FAIL, Severity.WARNING, OnFailure.KEEP),
        ("warn", 1, Outcome.PASS, Severity.WARNING, OnFailure.KEEP),
        ("allow", 0, Outcome.PASS, Severity.ERROR, OnFailure.BLOCK),
    ],
)
def test_an_empty_partition_is_what_the_contract_says_of_it(
    policy: str, published: int, outcome: Outcome, severity: Severity, on_failure: OnFailure
) -> None:
    ledger = Ledger(read=published, published=published)
    result = judged(Gate(empty_partition=policy), ledger)["empty_partition"]
    assert (result.outcome, result.severity, result.on_failure) == (outcome, severity, on_failure)
    assert result.reason == ("no row would be published" if outcome is Outcome.FAIL else "")


@pytest.mark.parametrize(("published", "outcome"), [(4, Outcome.FAIL), (5, Outcome.PASS), (6, Outcome.PASS)])
def test_a_promised_number_of_rows_is_enough(published: int, outcome: Outcome) -> None:
    result = judged(Gate(min_rows=5), Ledger(read=published, published=published))["min_rows"]
    assert result.outcome is outcome
    assert result.reason in {"", f"{published} rows would be published, at least 5 are promised"}


@pytest.mark.parametrize(
    ("rule_id", "one", "other"),
    [
        ("quarantine_ratio", Gate(max_quarantine_ratio=0.1), Gate(max_quarantine_ratio=0.2)),
        ("empty_partition", Gate(empty_partition="warn"), Gate(empty_partition="allow")),
        ("min_rows", Gate(min_rows=1), Gate(min_rows=2)),
    ],
)
def test_another_bound_is_another_rule(rule_id: str, one: Gate, other: Gate) -> None:
    assert judged(one, FINE)[rule_id].fingerprint != judged(other, FINE)[rule_id].fingerprint


def test_nothing_that_blocks_is_no_sentence() -> None:
    assert decide([]) == (False, "")
    assert decide([rule_result("a"), rule_result("b", outcome=Outcome.FAIL)]) == (False, "")


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (blocking("a", failed_rows=1), "a failed for 1 row."),
        (blocking("a", failed_rows=2), "a failed for 2 rows."),
        (blocking("a", failed_rows=0), "a failed for 0 rows."),
        (blocking("a", failed_rows=2, reason="too few."), "a failed (too few)."),
        (replace(rule_result("a", outcome=Outcome.ERROR), reason="it broke"), "a could not be judged (it broke)."),
    ],
)
def test_the_sentence_says_what_failed_and_why(result: RuleResult, sentence: str) -> None:
    assert decide([result]) == (True, sentence)


def test_the_sentence_names_critical_rules_first_and_three_at_most() -> None:
    names = ["d", "b", "a"]
    results = [blocking(name, failed_rows=1) for name in names]
    results.append(blocking("z", failed_rows=1, severity=Severity.CRITICAL))
    first = "z failed for 1 row; a failed for 1 row; b failed for 1 row"
    assert decide(results).sentence == f"{first}; and 1 more."
    assert decide([one for one in results if one.rule_id != "d"]).sentence == f"{first}."
    assert decide([*results, blocking("e", failed_rows=1)]).sentence == f"{first}; and 2 more."


def test_only_what_nobody_accepted_blocks() -> None:
    results = [blocking("a", failed_rows=1), blocking("b", failed_rows=1)]
    assert decide(results, ["a"]) == (True, "b failed for 1 row.")
    assert decide(results, ["a", "b", "c"]) == (False, "")


def test_overridden_rules_are_told_in_order_and_once() -> None:
    results = [blocking("b"), blocking("a"), blocking("b"), blocking("c")]
    assert overridden(results, ["b", "a"]) == ("a", "b")
