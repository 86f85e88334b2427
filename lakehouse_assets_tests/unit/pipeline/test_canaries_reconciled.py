"""Reconciling rules must be able to fail, too, above all when the other side says nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse_assets.contract_kit import open_kit
from lakehouse_assets.contracts.model import Contract, Kind, RuleKind
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.canaries import ALARMS, MISSING, SILENT, SINGS, canaries
from lakehouse_assets.quality.reconcile import Sides, reconciled
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.results import Expectation, State
from lakehouse_assets_tests.repository import ROOT
from lakehouse_assets_tests.rule_contracts import contract_of, spec_of

RULES = {name: rule for name, rule in load_rules().items() if rule.signature.kind is RuleKind.RECONCILED}
GOLD = sorted((ROOT / "config/contracts/gold").glob("*.odcs.yaml"))


def promised(name: str, **changed: Any) -> Contract:  # noqa: ANN401 - YAML values
    arguments = {**RULES[name].example.arguments, **changed}
    return contract_of(spec_of(RULES[name], None, arguments), {"amount": Kind.LONG})


def verdict(contract: Contract, function: Callable[..., Any] | None = None) -> str:
    name = contract.rules[0].rule
    (canary,) = canaries(contract, RULES if function is None else {name: function})
    return canary.verdict


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("tolerance", [0, 0.01, 0.5, 0.99])
def test_a_rule_rejects_what_is_off_and_what_nobody_said(name: str, tolerance: float) -> None:
    assert verdict(promised(name, tolerance=tolerance)) == SINGS


def test_a_hash_has_a_canary_as_well() -> None:
    assert verdict(promised("reconciles_with_source", measure="sha256")) == SINGS


def _always(sides: Sides, **_: Any) -> Expectation:  # noqa: ANN401 - YAML values
    return Expectation(State.AGREES, sides.own or 0, sides.other)


def _silence_agrees(sides: Sides, **_: Any) -> Expectation:  # noqa: ANN401 - YAML values
    return reconciled(replace(sides, other=sides.own if sides.other is None else sides.other), 0)


def _one_sided(sides: Sides, **_: Any) -> Expectation:  # noqa: ANN401 - YAML values
    told = reconciled(sides, 0)
    return replace(told, state=State.AGREES) if (sides.own or 0) > (sides.other or 0) else told


def _never(sides: Sides, **_: Any) -> Expectation:  # noqa: ANN401 - YAML values
    return Expectation(State.DIFFERS, sides.own or 0)


def _raises(*_: Any, **__: Any) -> Expectation:  # noqa: ANN401 - a rule
    raise LakehouseError("broken on purpose.")


@pytest.mark.parametrize(
    ("function", "expected"),
    [(_always, SILENT), (_silence_agrees, SILENT), (_one_sided, SILENT), (_never, ALARMS), (_raises, ALARMS)],
)
def test_a_rule_that_lets_something_through_or_nothing_at_all_is_found(
    function: Callable[..., Any], expected: str
) -> None:
    assert verdict(promised("reconciles_with_source"), function) == expected


def test_a_rule_that_nobody_wrote_has_no_canary() -> None:
    contract = promised("reconciles_with_source")

    assert verdict(replace(contract, rules=(replace(contract.rules[0], rule="agrees_somehow"),))) == MISSING


@pytest.mark.parametrize("path", GOLD, ids=lambda path: path.name.partition(".")[0])
def test_the_kit_has_a_labelled_violation_of_each_reconciling_rule_of_our_gold_tables(path: Path) -> None:
    kit = open_kit(path, seed=3)
    specs = [spec for spec in kit.contract.rules if spec.kind is RuleKind.RECONCILED]

    found = {spec.id: kit.violation(spec.id) for spec in specs}

    assert specs
    assert {one.rule_id for one in kit.violations()} >= set(found)
    for spec in specs:
        fine, broken = (_measure(spec.arguments["query"], frame) for frame in (kit.fine(), found[spec.id].frame))
        assert fine != broken


def _measure(query: str, frame: Any) -> Any:  # noqa: ANN401 - a frame and what it adds up to
    # Without the code under test: the queries of our contracts are one sum or one count.
    inner = query.removeprefix("SELECT ").removesuffix(" FROM {object}")
    return frame.height if inner == "COUNT(*)" else frame[inner.removeprefix("SUM(").removesuffix(")")].sum()
