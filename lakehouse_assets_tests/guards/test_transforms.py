"""Silver transforms look at one row at a time; gold functions take exactly the tables their contract names."""

import inspect
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.model import Column, Contract, Kind
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.naming import ROW_ID, TableName
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.pipeline.refine import transform_of
from lakehouse_assets.pipeline.vocabulary import transforms
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.repository import ROOT

ROWS = 400
CONTRACTS = open_lake(load_settings({}, ROOT / "config")).catalog.contracts
SILVER = sorted(table for table in transforms() if table.layer == "silver")
GOLD = sorted(table for table in CONTRACTS if table.layer == "gold")
# What text columns of shops hold; the draw is blind to what a transform makes of it.
WORDS = ("C536379", "536365", "A563185", "POST", "85123a", " M ", "EIRE", "17850.0", "12", "", "a  b", "é", None)


def rows_for(contract: Contract, seed: int) -> pl.DataFrame:
    """Return rows with every column that is read from one raw column, filled at random with repeats and nulls."""
    draw = random.Random(seed)  # noqa: S311 - a test must be repeatable
    parsed = [column for column in contract.columns if len(column.sources) == 1]
    made = {column.name: [value(draw, column) for _ in range(ROWS)] for column in parsed}
    types = {column.name: polars_type(column) for column in parsed}
    ids = pl.Series(ROW_ID, [f"f#{number:09}" for number in range(ROWS)])
    return pl.DataFrame(made, schema=types).with_columns(ids)


def polars_type(column: Column) -> pl.DataType:
    empty: pl.Series = nw.new_series("x", [], to_narwhals(column.type), backend="polars").to_native()
    return empty.dtype


def value(draw: random.Random, column: Column) -> Any:  # noqa: ANN401 - of the column's type
    made: dict[Kind, Callable[[], Any]] = {
        Kind.STRING: lambda: draw.choice(WORDS),
        Kind.DECIMAL: lambda: draw.choice([Decimal("0.00"), Decimal("-2.50"), Decimal("9.95"), None]),
        Kind.TIMESTAMP: lambda: datetime(2010, 12, draw.randrange(1, 9), draw.randrange(24), tzinfo=UTC),
        Kind.DATE: lambda: datetime(2010, 12, draw.randrange(1, 9), tzinfo=UTC).date(),
        Kind.BOOLEAN: lambda: draw.choice([True, False, None]),
        Kind.DOUBLE: lambda: draw.choice([0.0, -1.5, None]),
    }
    return made.get(column.type.kind, lambda: draw.choice([0, 1, -7, 100_001, None]))()


def depends_on_other_rows(function: Callable[[nw.LazyFrame], nw.LazyFrame], rows: pl.DataFrame) -> bool:
    """Whether the result for a frame differs from the results for its parts."""

    def applied(part: pl.DataFrame) -> pl.DataFrame:
        result: pl.LazyFrame = function(nw.from_native(part.lazy())).to_native()
        return result.collect()

    whole = applied(rows).sort(ROW_ID)
    cuts = [0, 1, 2, 137, 138, ROWS]
    parts = [applied(rows[first:last]) for first, last in itertools.pairwise(cuts)]
    return not whole.equals(pl.concat(parts).sort(ROW_ID))


def ranked(rows: nw.LazyFrame) -> nw.LazyFrame:
    return rows.with_columns(first=nw.col(ROW_ID) == nw.col(ROW_ID).min().over("country"))


def distinct(rows: nw.LazyFrame) -> nw.LazyFrame:
    return rows.unique(["country"], keep="any")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("table", SILVER, ids=str)
def test_a_silver_transform_looks_at_one_row_at_a_time(table: TableName, seed: int) -> None:
    function = transform_of(table)
    assert function is not None
    assert not depends_on_other_rows(function, rows_for(CONTRACTS[table], seed))


@pytest.mark.parametrize("mutant", [ranked, distinct])
def test_a_transform_that_looks_at_other_rows_is_found(mutant: Callable[[nw.LazyFrame], nw.LazyFrame]) -> None:
    rows = rows_for(CONTRACTS[TableName("silver", ("retail_order_lines",))], 1)

    assert depends_on_other_rows(mutant, rows)


@pytest.mark.parametrize("table", GOLD, ids=str)
def test_a_gold_function_takes_exactly_the_tables_its_contract_names(table: TableName) -> None:
    function = transform_of(table)
    assert function is not None
    assert list(inspect.signature(function).parameters) == [name.short for name in CONTRACTS[table].upstreams]


def test_every_transform_belongs_to_a_contract() -> None:
    assert set(transforms()) <= set(CONTRACTS)
