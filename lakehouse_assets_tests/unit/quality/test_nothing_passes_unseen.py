"""No path passes without looking: whatever keeps a rule from judging, its outcome is not `pass`, whatever its kind."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import narwhals as nw
import pandera.config
import polars as pl
import pytest

from lakehouse_assets.contracts.loading import Gate
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.canaries import MISSING, SILENT, canaries
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.pipeline.over_time import Times, results_over_time
from lakehouse_assets.pipeline.references import flag_missing
from lakehouse_assets.quality.attest import RULES_EXECUTED, attest
from lakehouse_assets.quality.gate import decide, gate
from lakehouse_assets.quality.judge import rule_errors
from lakehouse_assets.quality.measures import totals
from lakehouse_assets.quality.partition_rules import judge_partitions, to_partition_results
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.quality.seen import Measured
from lakehouse_assets.results import Expectation, Ledger, Outcome, RuleResult, State
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.repository import ROOT
from lakehouse_assets_tests.rule_contracts import by_example, foreign_key, frame_of, judged, rows_of, spec_of

RULES = load_rules()
# One rule of each kind that looks at rows; the foreign key is no function.
JUDGED: Mapping[str, str] = {"row": "between", "partition": "unique", "group": "agrees_with_most", "sql": "sql"}
OF_ROWS = {kind: by_example(RULES[name]) for kind, name in JUDGED.items()}
CONTRACTS = {**OF_ROWS, "foreign key": foreign_key()}
OVER_TIME = spec_of(RULES["metric_anomaly"], "x", {"column": "x", "metric": "sum"})
FAILING: Mapping[str, list[dict[str, Any]]] = {
    **{kind: rows_of(RULES[name].example.failing) for kind, name in JUDGED.items()},
    "foreign key": [{"x": "nowhere"}],
}


def bad(kind: str) -> pl.DataFrame:
    return frame_of(CONTRACTS[kind], FAILING[kind])


def replaced(kind: str, function: Callable[..., Any]) -> dict[str, Any]:
    """Return the registry in which another function runs in the name of the rule."""
    name = JUDGED[kind]
    function.signature, function.example = RULES[name].signature, RULES[name].example  # type: ignore[attr-defined]
    return {**RULES, name: function}


def is_stopped(contract: Contract, *results: RuleResult) -> bool:
    """Whether the partition is kept back by what is known about its rules."""
    return decide(attest(contract.rules, results)).blocked


def told_over_time(functions: Mapping[str, Any]) -> RuleResult:
    contract = replace(OF_ROWS["row"], rules=(OVER_TIME,))
    step: Any = SimpleNamespace(lake=SimpleNamespace(rule_functions=functions), contract=contract)
    times = Times((OVER_TIME,), {"2026-01-05": Measured(10, {"x.sum": 1.0, "x.known": 1.0})})
    (result,) = results_over_time(step, times, "2026-01-05")
    return result


def raises(*_: Any, **__: Any) -> Any:  # noqa: ANN401 - a rule
    raise LakehouseError("broken on purpose.")


@pytest.mark.parametrize("kind", CONTRACTS)
def test_what_is_wrong_fails_when_nothing_is_in_the_way(kind: str) -> None:
    assert judged(CONTRACTS[kind], bad(kind), RULES).outcome is Outcome.FAIL


@pytest.mark.parametrize("contract", [*CONTRACTS.values(), replace(OF_ROWS["row"], rules=(OVER_TIME,))],
                         ids=[*CONTRACTS, "over time"])  # fmt: skip
def test_a_rule_that_is_skipped_is_told_and_keeps_the_partition_back(contract: Contract) -> None:
    (rule,) = contract.rules

    results = {result.rule_id: result for result in attest(contract.rules, ())}

    assert results[rule.id].outcome is Outcome.NOT_RUN
    assert results[RULES_EXECUTED].outcome is Outcome.FAIL
    assert is_stopped(contract)


@pytest.mark.parametrize("kind", CONTRACTS)
def test_the_answer_of_another_rule_set_is_none(kind: str) -> None:
    contract = CONTRACTS[kind]
    (rule,) = contract.rules
    yesterday = replace(judged(contract, bad(kind), RULES), outcome=Outcome.PASS, fingerprint="another meaning")

    assert yesterday.rule_id == rule.id
    assert is_stopped(contract, yesterday)


@pytest.mark.parametrize("error", [LakehouseError("on purpose."), ValueError("x"), KeyError("x"), ZeroDivisionError()])
@pytest.mark.parametrize("kind", OF_ROWS)
def test_a_rule_that_raises_is_an_error_and_keeps_the_partition_back(kind: str, error: Exception) -> None:
    def broken(*_: Any, **__: Any) -> Any:  # noqa: ANN401 - a rule
        raise error

    result = judged(OF_ROWS[kind], bad(kind), replaced(kind, broken))

    assert result.outcome is Outcome.ERROR
    assert is_stopped(OF_ROWS[kind], result)


def test_a_rule_over_time_that_raises_is_an_error_and_keeps_the_partition_back() -> None:
    result = told_over_time({"metric_anomaly": raises})

    assert (result.outcome, result.reason) == (Outcome.ERROR, "broken on purpose.")
    assert is_stopped(replace(OF_ROWS["row"], rules=(OVER_TIME,)), result)


def fine_for_all(*arguments: Any, **_: Any) -> Any:  # noqa: ANN401 - a rule of any kind
    """Find nothing, in the shape that the kind of rule has."""
    if isinstance(arguments[0], nw.Expr):
        return arguments[0].is_null() | ~arguments[0].is_null()
    frame, by = arguments[0], arguments[1]
    return frame.head(0).select(by, nw.lit(0).cast(nw.Int64).alias("failed_rows"))


def none_of_the_groups(frame: nw.LazyFrame, by: str, *, column: str, **_: Any) -> nw.LazyFrame:  # noqa: ANN401 - YAML values
    return frame.head(0).select(by, column)


@pytest.mark.parametrize("kind", OF_ROWS)
def test_a_rule_that_finds_an_empty_set_in_everything_is_found_by_its_canary(kind: str) -> None:
    function = none_of_the_groups if kind == "group" else fine_for_all

    (canary,) = canaries(OF_ROWS[kind], replaced(kind, function))

    # A rule that is asked what breaks it, because nobody wrote it down a second time, has no canary then.
    assert canary.verdict in {SILENT, MISSING}


def test_a_rule_over_time_that_calls_everything_usual_is_found_by_its_canary() -> None:
    def calm(*_: Any, **__: Any) -> Expectation:  # noqa: ANN401 - a rule
        return Expectation(State.USUAL, 0)

    (canary,) = canaries(replace(OF_ROWS["row"], rules=(OVER_TIME,)), {"metric_anomaly": calm})

    assert canary.verdict == SILENT


def test_a_partition_without_rows_is_kept_back_unless_the_contract_says_otherwise() -> None:
    empty = Ledger(read=10, filtered=10)

    assert decide(gate(Gate(), empty)).blocked
    assert not decide(gate(Gate(empty_partition="allow"), empty)).blocked


def test_a_reference_to_a_table_without_rows_refuses_every_row() -> None:
    rows = nw.from_native(bad("foreign key").lazy())
    (rule,) = CONTRACTS["foreign key"].rules

    nowhere = flag_missing(rows, rule, None).collect()
    nothing = flag_missing(rows, rule, nw.from_native(pl.LazyFrame(schema={"x": pl.String}))).collect()

    assert [frame[frame.columns[-1]].to_list() for frame in (nowhere, nothing)] == [[True], [True]]


@pytest.mark.parametrize("kind", OF_ROWS)
@pytest.mark.parametrize("answer", [pl.LazyFrame({"a": [1]}), pl.LazyFrame(), None, True, 0, []])
def test_a_rule_that_answers_with_something_else_is_an_error(kind: str, answer: object) -> None:
    def strange(*_: Any, **__: Any) -> Any:  # noqa: ANN401 - a rule
        return answer

    result = judged(OF_ROWS[kind], bad(kind), replaced(kind, strange))

    assert result.outcome is Outcome.ERROR
    assert is_stopped(OF_ROWS[kind], result)


@pytest.mark.parametrize("kind", ["partition", "sql"])
def test_violations_that_nobody_collected_are_no_answer(kind: str) -> None:
    contract = OF_ROWS[kind]
    frame = nw.from_native(bad(kind).lazy())
    lazy = judge_partitions(frame, "_proc_date", contract.rules, RULES)

    with pytest.raises(TypeError):
        to_partition_results(contract.rules, lazy, "2026-01-05", 2)


@pytest.mark.parametrize("kind", CONTRACTS)
def test_a_switch_that_turns_validation_off_turns_no_rule_off(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDERA_VALIDATION_ENABLED", "False")

    with pandera.config.config_context(validation_enabled=False):
        result = judged(CONTRACTS[kind], bad(kind), RULES)

    assert result.outcome is Outcome.FAIL


def test_no_lake_is_opened_while_validation_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDERA_VALIDATION_ENABLED", "False")

    with pytest.raises(LakehouseError, match="PANDERA_VALIDATION_ENABLED"):
        open_lake(load_settings({}, ROOT / "config"))


@pytest.mark.parametrize("kind", OF_ROWS)
def test_a_column_that_is_not_there_is_an_error(kind: str) -> None:
    contract, gone = OF_ROWS[kind], OF_ROWS[kind].columns[-1].name
    without = replace(contract, columns=contract.columns[:-1])

    result = judged(without, bad(kind).drop(gone), RULES)

    assert result.outcome is Outcome.ERROR
    assert is_stopped(contract, result)


def test_a_reference_without_its_column_and_a_measure_without_its_column_raise() -> None:
    rows = nw.from_native(bad("foreign key").drop("x").with_columns(other=pl.lit(1)).lazy())
    keys = nw.from_native(pl.LazyFrame({"x": ["a"]}))
    (rule,) = CONTRACTS["foreign key"].rules

    with pytest.raises(rule_errors()):
        flag_missing(rows, rule, keys).collect()
    with pytest.raises(rule_errors()):
        totals(rows, "_proc_date", [OVER_TIME]).collect()


@pytest.mark.parametrize("kind", OF_ROWS)
def test_a_rule_whose_name_has_a_typing_error_is_an_error(kind: str) -> None:
    result = judged(OF_ROWS[kind], bad(kind), {})

    assert (result.outcome, result.reason) == (Outcome.ERROR, f"no rule is named {JUDGED[kind]!r}")
    assert is_stopped(OF_ROWS[kind], result)


def test_a_rule_over_time_whose_name_has_a_typing_error_is_an_error() -> None:
    result = told_over_time({})

    assert (result.outcome, result.reason) == (Outcome.ERROR, "no rule is named 'metric_anomaly'")


@pytest.mark.parametrize("kind", OF_ROWS)
def test_an_argument_with_a_typing_error_is_an_error(kind: str) -> None:
    (rule,) = OF_ROWS[kind].rules
    misspelt = replace(OF_ROWS[kind], rules=(replace(rule, arguments={**rule.arguments, "vlue": 1}),))

    result = judged(misspelt, bad(kind), RULES)

    assert result.outcome is Outcome.ERROR
    assert is_stopped(misspelt, result)
