"""Rules that judge rows beside the others of their partition, compared with counting in plain Python."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse_assets.contracts.model import Column, ColumnType, Kind, RuleKind, RuleSpec
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.group_rules import group_rule, violating_groups, with_group
from lakehouse_assets.quality.judge import Scope, flag, flag_of
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.results import Dimension, OnFailure, Severity

RULES = load_rules()
CELL = st.one_of(st.none(), st.sampled_from("ab"))


def spec(rule: str, **arguments: Any) -> RuleSpec:  # noqa: ANN401 - YAML values
    actions = (Dimension.CONSISTENCY, Severity.ERROR, OnFailure.QUARANTINE)
    return RuleSpec(rule, rule, RuleKind.GROUP, *actions, fingerprint="f" * 64, column="city", arguments=arguments)


def flagged(rows: Sequence[tuple[str, str | None, str | None]], rule: RuleSpec) -> list[bool]:
    schema = {"day": pl.String, "zip": pl.String, "city": pl.String}
    frame = nw.from_native(pl.LazyFrame(list(rows), schema=schema, orient="row")).with_row_index("at", order_by="day")
    (found,) = violating_groups(frame, "day", [rule], RULES, Scope((Column("city", ColumnType(Kind.STRING)),)))
    assert not isinstance(found, str), found
    marked = flag(with_group(frame, rule, found), [group_rule(rule)])
    answers: list[bool] = marked.collect("polars").sort("at")[flag_of(0)].to_list()
    return answers


@given(rows=st.lists(st.tuples(st.sampled_from("pq"), CELL, st.one_of(st.none(), st.sampled_from("xyz")))))
def test_who_disagrees_with_more_than_half_of_the_group_is_flagged(
    rows: list[tuple[str, str | None, str | None]],
) -> None:
    rows.sort(key=lambda row: row[0])
    groups = Counter((day, code) for day, code, city in rows if code and city)
    cells = Counter(row for row in rows if row[1] and row[2])
    expected = [
        bool(code and city)
        and any(
            2 * count > groups[day, str(code)] and other != city
            for (one, its, other), count in cells.items()
            if (one, its) == (day, code)
        )
        for day, code, city in rows
    ]

    assert flagged(rows, spec("agrees_with_most", columns=["zip"])) == expected


def test_two_rows_that_say_two_things_are_both_left_alone() -> None:
    assert flagged([("p", "a", "x"), ("p", "a", "y")], spec("agrees_with_most", columns=["zip"])) == [False, False]


def test_most_may_have_to_be_more_than_half() -> None:
    rows = [("p", "a", city) for city in "xxxy"]

    assert flagged(rows, spec("agrees_with_most", columns=["zip"], share=0.7)) == [False, False, False, True]
    assert flagged(rows, spec("agrees_with_most", columns=["zip"], share=0.8)) == [False] * 4


@pytest.mark.parametrize("share", [0.3, 1, 2])
def test_a_share_that_two_values_could_have_is_refused(share: float) -> None:
    frame = nw.from_native(pl.LazyFrame({"day": ["p"], "zip": ["a"], "city": ["x"]}))

    with pytest.raises(LakehouseError, match=r"0\.5"):
        RULES["agrees_with_most"](frame, "day", column="city", columns=["zip"], share=share)


def test_a_value_is_spelled_as_most_spell_it_in_the_same_partition() -> None:
    rows = [
        *(("p", None, city) for city in ("St. Paul", "St. Paul", "St Paul", "ST.PAUL", "Stpaula", "--", None)),
        ("q", None, "St Paul"),
    ]

    expected = [False, False, False, False, False, False, False, False]
    assert flagged(rows, spec("one_spelling")) == expected
    assert flagged([*rows[:2], *rows], spec("one_spelling")) == [False] * 4 + [True, True] + expected[4:]


def test_a_rule_that_raises_says_why_and_flags_nobody() -> None:
    frame = nw.from_native(pl.LazyFrame({"day": ["p"], "city": ["x"]}))

    (found,) = violating_groups(frame, "day", [spec("agrees_with_most", columns=["zip"])], RULES)

    assert isinstance(found, str)
    assert group_rule(spec("agrees_with_most"), found).error == found


def test_a_rule_that_returns_other_columns_is_refused() -> None:
    def invented(rows: nw.LazyFrame, by: str) -> nw.LazyFrame:
        return rows.select(by, nw.lit(1).alias("rows"))

    frame = nw.from_native(pl.LazyFrame({"day": ["p"]}))

    assert violating_groups(frame, "day", [spec("invented")], {"invented": invented}) == [
        "a group rule returns the partition and columns of the frame"
    ]
