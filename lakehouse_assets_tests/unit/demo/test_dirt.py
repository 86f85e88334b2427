"""Every planted mistake is counted, and nothing is spoiled twice."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lakehouse_assets.demo.dirt import COLUMNS, MISTAKES, Planted, plant, to_rows
from lakehouse_assets.demo.shop import Line

CHANCE = random.Random(1)  # noqa: S311 - any choice will do
AT = datetime(2011, 11, 25, 9, 30, tzinfo=UTC)


def sale(number: int) -> Line:
    return Line(f"{578000 + number}", "22139", "TEA SET", 2, AT, Decimal("4.25"), "17850", "France")


def test_rows_look_like_the_real_export() -> None:
    guest = Line("578001", "22139", "TEA SET", 2, AT, Decimal(10), "", "EIRE")

    assert to_rows([sale(0), guest]) == [
        ["578000", "22139", "TEA SET", "2", "2011-11-25 09:30:00", "4.25", "17850.0", "France"],
        ["578001", "22139", "TEA SET", "2", "2011-11-25 09:30:00", "10.0", "", "EIRE"],
    ]


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_changes_its_row(name: str) -> None:
    (row,) = to_rows([sale(0)])

    assert MISTAKES[name].spoil(row) != row


def test_as_many_rows_are_spoiled_as_were_asked_for() -> None:
    lines, planted = [sale(number) for number in range(50)], Planted()

    rows = plant(planted, lines, {"words": 3, "torn": 2}, CHANCE)

    changed = [number for number, row in enumerate(rows) if row != to_rows(lines)[number]]
    assert (len(changed), planted.bad_rows, planted.lost_amount) == (5, 5, Decimal("42.50"))
    assert (planted.rules["quantity.parse"], planted.rules["well_formed"]) == (3, 2)
    assert sorted(len(rows[number]) for number in changed) == [5, 5, *[len(COLUMNS)] * 3]


def test_cancellations_gifts_and_postage_are_left_alone() -> None:
    cancelled = Line("C578000", "22139", "TEA SET", -2, AT, Decimal("4.25"), "17850", "France")
    gift = Line("578001", "22139", "TEA SET", 2, AT, Decimal(0), "17850", "France")
    postage = Line("578001", "POST", "POSTAGE", 1, AT, Decimal("18.5"), "17850", "France")
    lines = [cancelled, gift, postage, sale(2)]

    rows = plant(Planted(), lines, {"words": 1}, CHANCE)

    assert rows[:3] == to_rows(lines)[:3]
    assert rows[3] != to_rows(lines)[3]
