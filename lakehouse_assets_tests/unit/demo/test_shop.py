"""The simulated shop is the same for the same seed, and looks like the real one."""

from collections import Counter
from datetime import date

import pytest

from lakehouse_assets.demo.shop import Line, Shop

FRIDAY, SUNDAY = date(2011, 11, 25), date(2011, 11, 27)


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    shop = Shop()
    return [*shop.trade(FRIDAY), *shop.trade(SUNDAY)]


def test_the_same_seed_trades_the_same_lines(lines: list[Line]) -> None:
    again = Shop()

    assert [*again.trade(FRIDAY), *again.trade(SUNDAY)] == lines


def test_another_seed_trades_other_lines(lines: list[Line]) -> None:
    assert Shop(seed=1).trade(FRIDAY) != lines[: len(lines) // 2]


def test_a_friday_is_busier_than_a_sunday(lines: list[Line]) -> None:
    days = Counter(line.invoiced_at.date() for line in lines)

    assert 1_000 < days[FRIDAY] < 2_000
    assert 500 < days[SUNDAY] < days[FRIDAY]


def test_sign_and_document_always_agree(lines: list[Line]) -> None:
    for line in lines:
        is_cancellation = line.invoice_no.startswith("C")
        is_stock_movement = line.unit_price == 0
        assert is_stock_movement or is_cancellation == (line.quantity < 0)


def test_one_invoice_has_one_customer_and_one_country(lines: list[Line]) -> None:
    buyers: dict[str, set[tuple[str, str]]] = {}
    for line in lines:
        buyers.setdefault(line.invoice_no, set()).add((line.customer_id, line.country))

    assert {len(found) for found in buyers.values()} == {1}


def test_equal_lines_are_rare_and_never_a_fifth_of_a_day(lines: list[Line]) -> None:
    repeated = len(lines) - len(set(lines))

    assert 0 < repeated < len(lines) * 0.06
