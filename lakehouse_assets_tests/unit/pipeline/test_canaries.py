"""Every rule must be able to fail: a rule that never does, or always does, is found before any data is."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import narwhals as nw
import pytest

from lakehouse_assets.contracts.model import Contract, Kind, RuleExample, RuleKind
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.canaries import ALARMS, MISSING, NOTHING, SILENT, SINGS, canaries
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets_tests.rule_contracts import by_example, contract_of, spec_of

RULES = load_rules()
KINDS_HERE = {RuleKind.ROW, RuleKind.GROUP, RuleKind.PARTITION}
SINGLE = {name: rule for name, rule in RULES.items() if rule.signature.kind in KINDS_HERE}


def verdict(contract: Contract, function: Callable[..., Any] | None = None) -> tuple[str, str]:
    """Return what becomes of the one rule when `function` is what runs in its name."""
    rule = RULES[contract.rules[0].rule]
    if function is not None:
        function.signature, function.example = rule.signature, rule.example  # type: ignore[attr-defined]
    functions = RULES if function is None else {rule.signature.name: function}
    canary = canaries(contract, functions)[0]
    return canary.verdict, canary.reason


@pytest.mark.parametrize("name", SINGLE)
def test_every_rule_of_the_registry_rejects_its_canary_and_accepts_fine_rows(name: str) -> None:
    assert verdict(by_example(SINGLE[name])) == (SINGS, "")


BETWEEN = contract_of(spec_of(RULES["between"], "x", {"min": 0, "max": 5}), {"x": Kind.LONG})
UNIQUE = contract_of(spec_of(RULES["unique"], None, {"columns": ["x"]}), {"x": Kind.LONG})


def _raises(*_: Any, **__: Any) -> Any:  # noqa: ANN401 - a rule
    raise LakehouseError("broken on purpose.")


@pytest.mark.parametrize(
    ("contract", "function", "expected"),
    [
        (BETWEEN, lambda column, **_: column == column, SILENT),  # noqa: PLR0124 - a rule that always holds
        (BETWEEN, lambda column, **_: column != column, ALARMS),  # noqa: PLR0124 - a rule that never holds
        (BETWEEN, lambda column, **_: column <= 6, SILENT),
        (BETWEEN, _raises, ALARMS),
        (BETWEEN, lambda column, **_: column.no_such_method(), ALARMS),
        (UNIQUE, lambda frame, by, **_: frame.select(by).with_columns(failed_rows=nw.lit(0)).head(0), SILENT),
        (UNIQUE, lambda frame, by, **_: frame.group_by(by).agg(nw.len().alias("failed_rows")), ALARMS),
        (UNIQUE, _raises, ALARMS),
    ],
    ids=["always true", "always false", "off by one", "raises", "misspelt", "empty set", "counts all", "raises on all"],
)
def test_a_rule_that_does_not_do_what_it_says_is_found(
    contract: Contract, function: Callable[..., Any], expected: str
) -> None:
    if expected is SILENT and contract is BETWEEN:
        contract = replace(contract, rules=(replace(contract.rules[0], arguments={"max": 5}),))

    assert verdict(contract, function)[0] == expected


def test_a_rule_that_is_not_there_is_no_rule_that_passes() -> None:
    canary = canaries(BETWEEN, {})[0]

    assert (canary.verdict, canary.reason) == (ALARMS, "no rule is named 'between'")


def test_a_rule_whose_column_is_missing_is_no_rule_that_passes() -> None:
    contract = replace(BETWEEN, columns=())

    with pytest.raises((LakehouseError, KeyError, StopIteration)):
        canaries(contract, RULES)


def _always(column: nw.Expr) -> nw.Expr:
    """Claim nothing."""
    return column.is_null() | ~column.is_null()


def unknown(example: RuleExample) -> Contract:
    spec = spec_of(RULES["email"], "x", {}, rule="always", id="always", example=example)
    return contract_of(spec, {"x": Kind.STRING})


def always() -> dict[str, Any]:
    _always.signature = replace(RULES["email"].signature, name="always")  # type: ignore[attr-defined]
    _always.example = SimpleNamespace(passing="x", failing="y")  # type: ignore[attr-defined]
    return {**RULES, "always": _always}


def test_a_rule_that_nothing_breaks_is_told_until_its_author_gives_an_example() -> None:
    functions = always()

    nothing = canaries(unknown(RuleExample()), functions)[0]
    given = canaries(unknown(RuleExample(failing=({"x": "bad"},))), functions)[0]

    assert nothing.verdict == MISSING
    assert "lakehouse.example" in nothing.reason
    assert (given.verdict, given.known_by) == (SILENT, "author")


def test_a_bound_that_allows_any_number_of_rows_is_told_as_no_promise() -> None:
    contract = contract_of(spec_of(RULES["row_count"], None, {"min": 0}), {"x": Kind.LONG})

    assert verdict(contract)[0] == NOTHING


@pytest.mark.parametrize("kind", [Kind.STRING, Kind.LONG])
def test_a_foreign_key_rejects_a_row_that_points_to_nothing(kind: Kind) -> None:
    target = {"table": "silver/customers", "column": "id"}
    spec = spec_of(RULES["between"], "x", target, kind=RuleKind.FOREIGN_KEY, id="x.foreign_key")

    assert canaries(contract_of(spec, {"x": kind}), RULES)[0].verdict == SINGS
