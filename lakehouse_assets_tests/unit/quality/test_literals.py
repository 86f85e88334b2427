"""Values that a contract writes become values of the type of the column they are compared with."""

from datetime import date
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.model import Column, ColumnType, Kind, RuleKind, RuleSpec
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.judge import Scope, bind, flag, flag_of
from lakehouse_assets.quality.literals import typed_arguments
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.results import Dimension, OnFailure, Severity

RUN_TIME = nw.lit(0)


@pytest.mark.parametrize("name", ["values", "validValues", "missingValues"])
@pytest.mark.parametrize(
    ("written", "kind", "typed"),
    [
        (["7", 8], Kind.LONG, [7, 8]),
        (["1.5"], Kind.DOUBLE, [1.5]),
        ([0.1], Kind.DECIMAL, [Decimal("0.1")]),
        (["2010-12-01"], Kind.DATE, [date(2010, 12, 1)]),
        (["7"], Kind.STRING, ["7"]),
        ([None], Kind.LONG, [None]),
    ],
)
def test_lists_of_values_are_read_as_the_column_holds_them(
    name: str, written: list[Any], kind: Kind, typed: list[Any]
) -> None:
    assert typed_arguments({name: written}, kind, RUN_TIME) == {name: typed}


def test_a_value_that_the_column_never_holds_is_told() -> None:
    with pytest.raises(LakehouseError, match="not a value of type long"):
        typed_arguments({"values": ["many"]}, Kind.LONG, RUN_TIME)


def test_arguments_that_are_compared_with_no_column_stay_as_they_are() -> None:
    assert typed_arguments({"unit": "7"}, Kind.LONG, RUN_TIME) == {"unit": "7"}


@pytest.mark.parametrize(
    ("rule", "arguments", "expected"),
    [
        ("required_when", {"other": "day", "values": ["2010-12-01"]}, [True, False, False]),
        ("implies", {"values": [1], "other": "day", "allowed": ["2010-12-01"]}, [False, False, True]),
    ],
)
def test_lists_of_rules_over_several_columns_are_dates_where_their_column_is(
    rule: str, arguments: dict[str, Any], expected: list[bool]
) -> None:
    columns = (Column("number", ColumnType(Kind.LONG)), Column("day", ColumnType(Kind.DATE)))
    actions = (Dimension.CONSISTENCY, Severity.ERROR, OnFailure.QUARANTINE)
    spec = RuleSpec(rule, rule, RuleKind.ROW, *actions, "f", arguments={"column": "number", **arguments})
    rows = pl.LazyFrame({"number": [None, 1, 1], "day": [date(2010, 12, 1), date(2010, 12, 1), date(2010, 12, 2)]})

    (bound,) = bind([spec], load_rules(), Scope(columns, RUN_TIME))

    assert bound.error == ""
    assert flag(nw.from_native(rows), [bound]).collect("polars")[flag_of(0)].to_list() == expected
