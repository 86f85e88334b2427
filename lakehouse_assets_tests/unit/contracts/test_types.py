"""Types as contracts write them, and which of them lose digits."""

import pytest

from lakehouse_assets.contracts.model import ColumnType, Kind
from lakehouse_assets.contracts.types import narrows, read_type

LONG, DOUBLE = ColumnType(Kind.LONG), ColumnType(Kind.DOUBLE)


@pytest.mark.parametrize(
    ("physical", "logical", "expected"),
    [
        ("VARCHAR(20)", "string", ColumnType(Kind.STRING)),
        (None, "integer", LONG),
        ("int", "integer", ColumnType(Kind.INTEGER)),
        ("numeric(10, 2)", "number", ColumnType(Kind.DECIMAL, 10, 2)),
        ("DOUBLE", "number", DOUBLE),
        (None, "boolean", ColumnType(Kind.BOOLEAN)),
        (None, "date", ColumnType(Kind.DATE)),
    ],
)
def test_words_of_the_standard_name_storable_types(physical: str | None, logical: str, expected: ColumnType) -> None:
    assert read_type(physical, logical) == expected


@pytest.mark.parametrize(
    ("source", "target", "loses"),
    [
        (ColumnType(Kind.STRING), ColumnType(Kind.INTEGER), False),
        (LONG, ColumnType(Kind.INTEGER), True),
        (ColumnType(Kind.INTEGER), LONG, False),
        (ColumnType(Kind.DECIMAL, 18, 4), ColumnType(Kind.DECIMAL, 18, 2), True),
        (ColumnType(Kind.DECIMAL, 18, 4), ColumnType(Kind.DECIMAL, 20, 4), False),
        (ColumnType(Kind.DECIMAL, 18, 4), ColumnType(Kind.DECIMAL, 18, 6), True),
        (DOUBLE, ColumnType(Kind.DECIMAL, 18, 4), True),
        (LONG, DOUBLE, True),
        (ColumnType(Kind.INTEGER), DOUBLE, False),
        (ColumnType(Kind.TIMESTAMP), ColumnType(Kind.DATE), True),
        (ColumnType(Kind.DATE), ColumnType(Kind.TIMESTAMP), False),
        (ColumnType(Kind.BOOLEAN), ColumnType(Kind.STRING), False),
    ],
)
def test_a_type_narrows_when_a_value_of_the_source_may_not_fit(
    source: ColumnType, target: ColumnType, *, loses: bool
) -> None:
    assert narrows(source, target) is loses
