"""Daily sales, products and customers against sums made by hand and by plain Python."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.transforms.gold.retail_customer_orders import retail_customer_orders
from lakehouse_assets.transforms.gold.retail_products import retail_products
from lakehouse_assets.transforms.gold.retail_sales_daily import retail_sales_daily
from lakehouse_assets.transforms.silver.retail_order_lines import retail_order_lines

SCHEMA = {
    "invoice_no": pl.String(),
    "stock_code": pl.String(),
    "description": pl.String(),
    "quantity": pl.Int32(),
    "invoiced_at": pl.Datetime("us", "UTC"),
    "unit_price": pl.Decimal(18, 4),
    "customer_id": pl.String(),
    "country": pl.String(),
}
LINE: Mapping[str, Any] = {
    "invoice_no": "536365",
    "stock_code": "22139",
    "description": "TEA SET",
    "quantity": 2,
    "invoiced_at": datetime(2011, 3, 1, 9, tzinfo=UTC),
    "unit_price": Decimal("4.25"),
    "customer_id": "17850",
    "country": "France",
}


def line(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any column may change
    return {**LINE, **changes}


def computed(function: Callable[[nw.LazyFrame], nw.LazyFrame], *lines: Mapping[str, Any]) -> list[dict[str, Any]]:
    silver = retail_order_lines(nw.from_native(pl.LazyFrame(lines, schema=SCHEMA)))
    result = function(silver).to_native()
    assert isinstance(result, pl.LazyFrame)
    return result.collect().rows(named=True)


def test_returns_are_taken_off_on_the_day_they_are_booked() -> None:
    sold = line()
    returned = line(invoice_no="C536400", quantity=-1, invoiced_at=datetime(2011, 3, 2, 9, tzinfo=UTC))

    first, second = sorted(computed(retail_sales_daily, sold, returned), key=lambda row: str(row["sales_date"]))

    assert (first["sales_date"], first["gross_amount"], first["net_amount"]) == (
        date(2011, 3, 1),
        Decimal("8.50"),
        Decimal("8.50"),
    )
    assert (second["gross_amount"], second["returned_amount"], second["net_amount"]) == (
        0,
        Decimal("-4.25"),
        Decimal("-4.25"),
    )
    assert (second["orders_count"], second["cancellations_count"], second["returned_units_count"]) == (0, 1, 1)


def test_fees_and_stock_movements_are_no_revenue() -> None:
    fee = line(invoice_no="C536500", stock_code="AMAZONFEE", quantity=-1, unit_price=Decimal("13.50"))
    moved = line(invoice_no="536501", quantity=-30, unit_price=Decimal(0), customer_id=None)

    (row,) = computed(retail_sales_daily, line(), fee, moved)

    assert row["net_amount"] == Decimal("8.50")
    assert row["fee_amount"] == Decimal("-13.50")
    assert (row["orders_count"], row["cancellations_count"], row["sold_units_count"]) == (1, 0, 2)


def test_postage_is_revenue_but_no_goods() -> None:
    (row,) = computed(retail_sales_daily, line(), line(stock_code="POST", quantity=3, unit_price=Decimal(18)))

    assert row["gross_amount"] == Decimal("62.50")
    assert row["sold_units_count"] == 2


def test_orders_without_a_customer_count_as_orders_and_not_as_customers() -> None:
    (row,) = computed(retail_sales_daily, line(), line(invoice_no="536366", customer_id=None))

    assert (row["orders_count"], row["customers_count"]) == (2, 1)
    assert row["anonymous_net_amount"] == Decimal("8.50")


def test_equal_lines_of_one_invoice_are_two_sales() -> None:
    (row,) = computed(retail_sales_daily, line(), line())

    assert (row["orders_count"], row["sold_lines_count"], row["net_amount"]) == (1, 2, Decimal("17.00"))


def test_the_name_of_a_product_is_the_one_most_lines_carry() -> None:
    names = ["TEA SET RED", "TEA SET", "TEA SET"]

    (row,) = computed(retail_products, *(line(description=name) for name in names))

    assert (row["description"], row["descriptions_count"]) == ("TEA SET", 2)


def test_equally_frequent_names_are_settled_by_the_alphabet() -> None:
    (row,) = computed(retail_products, line(description="TEA SET"), line(description="A TEA SET"))

    assert row["description"] == "A TEA SET"


def test_a_note_on_a_stock_movement_never_becomes_a_name() -> None:
    note = line(description="damaged", quantity=-5, unit_price=Decimal(0), customer_id=None)

    (row,) = computed(retail_products, note, note, line())

    assert (row["description"], row["moved_units_count"]) == ("TEA SET", -10)


def test_a_code_that_was_only_moved_has_neither_name_nor_sale() -> None:
    (row,) = computed(retail_products, line(description="?", quantity=-5, unit_price=Decimal(0), customer_id=None))

    assert (row["product_type"], row["description"], row["first_sale_date"]) == ("stock_movement", None, None)


def test_codes_that_differ_in_case_are_one_product() -> None:
    rows = computed(retail_products, line(stock_code="84997B"), line(stock_code="84997b"))

    assert [(row["stock_code"], row["sold_units_count"]) for row in rows] == [("84997B", 4)]


def test_a_customer_is_shown_in_the_country_of_the_latest_order() -> None:
    later = line(invoice_no="536400", country="Belgium", invoiced_at=datetime(2011, 5, 1, 9, tzinfo=UTC))

    (row,) = computed(retail_customer_orders, later, line())

    assert (row["country"], row["countries_count"], row["orders_count"]) == ("Belgium", 2, 2)
    assert (row["first_order_date"], row["last_order_date"]) == (date(2011, 3, 1), date(2011, 5, 1))


def test_a_customer_who_only_cancelled_has_no_first_order() -> None:
    (row,) = computed(retail_customer_orders, line(invoice_no="C536400", quantity=-2))

    assert (row["orders_count"], row["cancellations_count"], row["first_order_date"]) == (0, 1, None)
    assert row["net_amount"] == Decimal("-8.50")


def test_lines_without_a_customer_are_nobodys() -> None:
    assert computed(retail_customer_orders, line(customer_id=None)) == []


def signed(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "quantity": -row["quantity"]} if row["invoice_no"].startswith("C") else row


LINES = st.lists(
    st.fixed_dictionaries(
        {
            "invoice_no": st.sampled_from(["536365", "536366", "C536367", "C536368"]),
            "stock_code": st.sampled_from(["22139", "22140", "POST", "AMAZONFEE", "B"]),
            "description": st.sampled_from(["A", "B", None]),
            "quantity": st.integers(1, 9),
            "invoiced_at": st.sampled_from([datetime(2011, 3, day, 9, tzinfo=UTC) for day in (1, 2)]),
            "unit_price": st.sampled_from([Decimal(0), Decimal("0.001"), Decimal("4.25")]),
            "customer_id": st.sampled_from(["17850", "12345", None]),
            "country": st.sampled_from(["France", "EIRE"]),
        }
    ),
    min_size=1,
    max_size=12,
).map(lambda rows: [signed(row) for row in rows])


def amount(row: Mapping[str, Any]) -> Decimal:
    revenue = row["stock_code"] in {"22139", "22140", "POST"}
    return Decimal(row["quantity"]) * row["unit_price"] if revenue else Decimal(0)


@settings(max_examples=25, deadline=None)
@given(LINES)
def test_no_revenue_is_lost_or_invented_on_the_way_to_any_gold_table(rows: list[dict[str, Any]]) -> None:
    total, known = sum(map(amount, rows)), sum(amount(row) for row in rows if row["customer_id"])

    assert sum(row["net_amount"] for row in computed(retail_sales_daily, *rows)) == total
    assert sum(row["net_amount"] for row in computed(retail_products, *rows)) == total
    assert sum(row["net_amount"] for row in computed(retail_customer_orders, *rows)) == known


@settings(max_examples=25, deadline=None)
@given(LINES)
def test_every_key_has_one_row(rows: list[dict[str, Any]]) -> None:
    days = Counter((row["sales_date"], row["country"]) for row in computed(retail_sales_daily, *rows))
    products = Counter(row["stock_code"] for row in computed(retail_products, *rows))

    assert set(days.values()) == {1}
    assert set(products) == {row["stock_code"] for row in rows}
    assert set(products.values()) == {1}
