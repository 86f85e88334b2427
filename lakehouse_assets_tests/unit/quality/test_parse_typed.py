"""Raw values that arrive typed are cast only where nothing is lost."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.contracts.model import Column, ColumnType, Kind, ParseOptions
from lakehouse_assets.quality.judge import flag, flag_of
from lakehouse_assets.quality.parse import parse_columns

LONG, MONEY = ColumnType(Kind.LONG), ColumnType(Kind.DECIMAL, 18, 4)
NOON = datetime(2024, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "dtype", "column_type", "value", "codes"),
    [
        pytest.param(7, pl.Int32, LONG, 7, [], id="wider integer"),
        pytest.param(2**31, pl.Int64, ColumnType(Kind.INTEGER), None, ["overflow"], id="narrower integer"),
        pytest.param(2**64 - 1, pl.UInt64, LONG, None, ["overflow"], id="P7 unsigned"),
        pytest.param(1.5, pl.Float64, LONG, None, ["parse"], id="float into integer"),
        pytest.param(Decimal("1.5"), pl.Decimal(9, 1), MONEY, Decimal("1.5"), [], id="decimal of another scale"),
        pytest.param(Decimal("1.23456"), pl.Decimal(9, 5), MONEY, None, ["overflow"], id="decimal with more digits"),
        pytest.param(0.1, pl.Float64, MONEY, Decimal("0.1"), [], id="float into decimal by its shortest text"),
        pytest.param(2**53 + 1, pl.Int64, ColumnType(Kind.DOUBLE), None, ["parse"], id="J4 integer into double"),
        pytest.param(float("nan"), pl.Float64, ColumnType(Kind.DOUBLE), None, ["non_finite"], id="C30 NaN"),
        pytest.param(7, pl.Int64, ColumnType(Kind.STRING), "7", [], id="J9 number into string"),
        pytest.param(date(2024, 1, 5), pl.Date, ColumnType(Kind.DATE), date(2024, 1, 5), [], id="same type"),
        pytest.param(NOON, pl.Datetime("us", "UTC"), ColumnType(Kind.DATE), None, ["parse"], id="time into date"),
        pytest.param(
            NOON.replace(tzinfo=None),
            pl.Datetime("ns"),
            ColumnType(Kind.TIMESTAMP),
            NOON,
            [],
            id="P5 naive nanoseconds",
        ),
        pytest.param(
            datetime(9999, 12, 31, tzinfo=UTC),
            pl.Datetime("us", "UTC"),
            ColumnType(Kind.TIMESTAMP),
            datetime(9999, 12, 31, tzinfo=UTC),
            [],
            id="P6 year 9999",
        ),
        pytest.param(None, pl.Int32, LONG, None, [], id="null"),
    ],
)
def test_a_typed_value_is_cast_or_refused(
    raw: object,
    dtype: Any,  # noqa: ANN401 - Polars types
    column_type: ColumnType,
    value: object,
    codes: list[str],
) -> None:
    assert _read(raw, dtype, Column("x", column_type)) == (value, codes)


def test_a_naive_time_is_one_of_the_declared_zone() -> None:
    column = Column("x", ColumnType(Kind.TIMESTAMP), parse=ParseOptions(timezone="Europe/Berlin"))

    assert _read(NOON.replace(tzinfo=None), pl.Datetime("us"), column) == (NOON.replace(hour=11), [])


def _read(raw: object, dtype: Any, column: Column) -> tuple[object, list[str]]:  # noqa: ANN401 - Polars types
    rows = nw.from_native(pl.LazyFrame({"__raw_X": pl.Series([raw], dtype=dtype)}))
    parsing = parse_columns([column], {"x": "__raw_X"}, have=dict(rows.collect_schema()))
    row = flag(rows.with_columns(*parsing.typed), parsing.rules).collect("polars").rows(named=True)[0]
    codes = [rule.spec.id.removeprefix("x.") for n, rule in enumerate(parsing.rules) if row[flag_of(n)]]
    return row["x"], codes
