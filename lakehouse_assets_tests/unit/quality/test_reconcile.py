"""Two numbers agree or they do not, and where one is missing nobody knows: that is no agreement."""

import math
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.reconcile import Sides, reconciled, result_reconciled
from lakehouse_assets.quality.rule import RuleFunction, load_rules
from lakehouse_assets.quality.sql_rule import asked
from lakehouse_assets.quality.sums import sums
from lakehouse_assets.results import Outcome, State
from lakehouse_assets_tests.rule_contracts import spec_of

RULES = {name: rule for name, rule in load_rules().items() if rule.signature.kind is RuleKind.RECONCILED}
ALL = sorted(RULES)


def told(rule: RuleFunction, own: float | None, other: float | None, **changed: Any) -> State:  # noqa: ANN401 - YAML values
    arguments = {**rule.example.arguments, **changed}
    state: State = rule(Sides(own, other), **arguments).state
    return state


@pytest.mark.parametrize("name", ALL)
def test_a_rule_does_what_its_example_claims(name: str) -> None:
    rule = RULES[name]

    assert told(rule, **rule.example.passing) is State.AGREES
    assert told(rule, **rule.example.failing) is State.DIFFERS


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("sides", [(None, 1.0), (1.0, None), (None, None), (math.nan, 1.0), (1.0, math.inf)])
def test_a_side_without_a_number_is_no_agreement(name: str, sides: tuple[float | None, float | None]) -> None:
    with pytest.raises(LakehouseError, match="no number to compare"):
        told(RULES[name], *sides)


@pytest.mark.parametrize("name", ALL)
def test_nothing_on_both_sides_agrees(name: str) -> None:
    assert told(RULES[name], 0.0, 0.0, tolerance=0.01) is State.AGREES


@pytest.mark.parametrize("name", ALL)
def test_something_where_nothing_is_expected_differs_whatever_is_tolerated(name: str) -> None:
    assert told(RULES[name], 0.001, 0.0, tolerance=0.99) is State.DIFFERS


@pytest.mark.parametrize("name", ALL)
def test_one_percent_is_tolerated_unless_written_otherwise(name: str) -> None:
    rule = RULES[name]
    arguments = {key: value for key, value in rule.example.arguments.items() if key != "tolerance"}

    assert rule(Sides(99.0, 100.0), **arguments).state is State.AGREES
    assert rule(Sides(101.0, 100.0), **arguments).state is State.AGREES
    assert rule(Sides(98.9, 100.0), **arguments).state is State.DIFFERS


@pytest.mark.parametrize("sign", [1, -1])
def test_the_share_is_of_what_is_expected_in_either_direction(sign: int) -> None:
    assert reconciled(Sides(sign * 90.0, sign * 100.0), 0.1).state is State.AGREES
    assert reconciled(Sides(sign * 100.0, sign * 90.0), 0.1).state is State.DIFFERS


def test_without_tolerance_a_penny_in_a_billion_differs_and_the_order_of_doubles_does_not() -> None:
    assert reconciled(Sides(1e9 + 0.01, 1e9), 0).state is State.DIFFERS
    assert reconciled(Sides(0.1 + 0.2, 0.3), 0).state is State.AGREES


def test_a_hash_tolerates_nothing() -> None:
    rule = RULES["reconciles_with_source"]

    assert rule(Sides(99.0, 100.0), measure="sha256", tolerance=0.5).state is State.DIFFERS


def test_the_sentence_has_both_numbers_and_the_note_of_a_difference() -> None:
    sides = Sides(1234.5, 1000.0, "in silver/orders", note="a.csv")

    assert reconciled(sides, 0.01).reason == "1,234.5 here, 1,000 in silver/orders, 23.45% apart: a.csv"
    assert reconciled(sides, 0.5).reason == "1,234.5 here, 1,000 in silver/orders"


def test_a_pass_keeps_what_was_compared_too() -> None:
    spec = spec_of(RULES["reconciles_with_source"], None, {})

    result = result_reconciled(spec, reconciled(Sides(5.0, 5.0), 0), 7)

    assert (result.outcome, result.checked_rows, result.reason) == (Outcome.PASS, 7, "5 here, 5 where it comes from")
    assert result.expectation is not None
    assert result.expectation.low == pytest.approx(5)
    assert result.expectation.high == pytest.approx(5)


def added(values: list[Any], dtype: Any) -> dict[str, float | None]:  # noqa: ANN401 - any column
    days = ["a", "b"] * (len(values) // 2)
    frame = pl.LazyFrame({"day": days, "x": pl.Series(values, dtype=dtype)})
    return dict(sums(nw.from_native(frame), "day", "x").collect().rows())


def test_text_is_read_as_exact_numbers_and_blanks_around_them_mean_nothing() -> None:
    found = added(["0.1", " 5 ", "0.2", "many", None, "", "-0.05", "1,5"], pl.String)

    assert found == {"a": float(Decimal("0.1") + Decimal("0.2") - Decimal("0.05")), "b": 5.0}


def test_whole_numbers_do_not_wrap_around() -> None:
    greatest = 2**63 - 1

    assert added([greatest, 1, greatest, 2], pl.Int64) == {"a": float(2 * greatest), "b": 3.0}


def test_decimals_add_up_and_what_is_no_number_adds_nothing() -> None:
    cents = [Decimal("0.10"), Decimal("0.20"), None, Decimal("0.70")]

    assert added(cents, pl.Decimal(18, 2)) == {"a": 0.1, "b": 0.9}
    assert added([1.5, math.nan, None, 2.0], pl.Float64) == {"a": 1.5, "b": 2.0}


def test_a_query_is_answered_for_every_partition_by_itself() -> None:
    frame = nw.from_native(pl.LazyFrame({"day": ["a", "a", "b"], "x": [1, 2, 5], "ok": [True, False, False]}))

    found = asked(frame, "day", "SELECT SUM(x) FROM {object} WHERE ok").collect()

    assert {row[0]: row[1] for row in found.rows()} == {"a": 1.0, "b": None}
