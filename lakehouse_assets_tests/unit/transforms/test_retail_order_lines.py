"""One spelling, one kind, one amount for every line; and nothing of what the pipeline carries along is lost."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.transforms.silver.retail_order_lines import retail_order_lines

SCHEMA = {
    "_row_id": pl.String(),
    "invoice_no": pl.String(),
    "stock_code": pl.String(),
    "description": pl.String(),
    "quantity": pl.Int32(),
    "invoiced_at": pl.Datetime("us", "UTC"),
    "unit_price": pl.Decimal(18, 4),
    "customer_id": pl.String(),
    "country": pl.String(),
    "__raw_StockCode": pl.String(),
}
LINE: Mapping[str, Any] = {
    "_row_id": "2010-12-01.csv#000000001",
    "invoice_no": "536365",
    "stock_code": "85123A",
    "description": "WHITE HANGING HEART T-LIGHT HOLDER",
    "quantity": 6,
    "invoiced_at": datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
    "unit_price": Decimal("2.55"),
    "customer_id": "17850",
    "country": "United Kingdom",
    "__raw_StockCode": "85123A",
}


def refined(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any column may change
    frame = pl.LazyFrame([{**LINE, **changes}], schema=SCHEMA)
    result = retail_order_lines(nw.from_native(frame)).to_native()
    assert isinstance(result, pl.LazyFrame)
    return result.collect().row(0, named=True)


@pytest.mark.parametrize(
    ("column", "received", "expected"),
    [
        ("stock_code", "85123a", "85123A"),
        ("stock_code", " post ", "POST"),
        ("stock_code", "gift_0001_20", "GIFT_0001_20"),
        ("description", "  SET  OF 3   TINS ", "SET OF 3 TINS"),
        ("description", "DOTCOM POSTAGE", "DOTCOM POSTAGE"),
        ("customer_id", "17850.0", "17850"),
        ("customer_id", "17850", "17850"),
        ("customer_id", "17850.5", "17850.5"),
        ("customer_id", "x17850.0", "x17850.0"),
        ("customer_id", None, None),
        ("country", "EIRE", "Ireland"),
        ("country", "RSA", "South Africa"),
        ("country", "USA", "United States"),
        ("country", "Unspecified", "Unspecified"),
    ],
)
def test_codes_and_names_get_one_spelling(column: str, received: str | None, expected: str | None) -> None:
    assert refined(**{column: received})[column] == expected


@pytest.mark.parametrize(
    ("stock_code", "line_type", "is_revenue"),
    [
        ("85123A", "product", True),
        ("22139", "product", True),
        ("DCGSSGIRL", "product", True),
        ("PADS", "product", True),
        ("POST", "postage", True),
        ("DOT", "postage", True),
        ("C2", "postage", True),
        ("D", "discount", True),
        ("M", "manual", True),
        ("m", "manual", True),
        ("S", "sample", True),
        ("gift_0001_20", "voucher", True),
        ("AMAZONFEE", "fee", False),
        ("BANK CHARGES", "fee", False),
        ("CRUK", "fee", False),
        ("B", "other", False),
        ("2213", "other", False),
        (None, "other", False),
    ],
)
def test_the_stock_code_tells_the_kind_of_a_line(stock_code: str | None, line_type: str, *, is_revenue: bool) -> None:
    line = refined(stock_code=stock_code)

    assert (line["line_type"], line["is_revenue"]) == (line_type, is_revenue)


@pytest.mark.parametrize(
    ("changes", "line_type"),
    [
        ({"unit_price": Decimal(0), "customer_id": None}, "stock_movement"),
        ({"unit_price": Decimal(0), "customer_id": None, "quantity": -30}, "stock_movement"),
        ({"unit_price": Decimal(0), "customer_id": "17850.0"}, "product"),
        ({"unit_price": Decimal(0), "customer_id": None, "invoice_no": "C536365", "quantity": -1}, "product"),
        ({"unit_price": None, "customer_id": None}, "product"),
    ],
)
def test_nothing_paid_by_nobody_is_a_stock_movement(changes: dict[str, Any], line_type: str) -> None:
    assert refined(**changes)["line_type"] == line_type


@pytest.mark.parametrize(
    ("invoice_no", "quantity", "is_contradictory"),
    [
        ("536379", 1, False),
        ("C536379", -1, False),
        ("536379", -1, True),
        ("C536379", 1, True),
        ("536379", None, False),
        (None, 1, False),
    ],
)
def test_sign_and_document_must_fit(invoice_no: str | None, quantity: int | None, *, is_contradictory: bool) -> None:
    line = refined(invoice_no=invoice_no, quantity=quantity)

    assert (line["line_type"] == "contradictory") is is_contradictory
    assert line["is_revenue"] is not is_contradictory


@pytest.mark.parametrize(("invoice_no", "expected"), [("C536379", True), ("536379", False), (None, False)])
def test_a_c_in_front_of_the_number_is_a_cancellation(invoice_no: str | None, *, expected: bool) -> None:
    assert refined(invoice_no=invoice_no)["is_cancellation"] is expected


@pytest.mark.parametrize(
    ("quantity", "unit_price", "expected"),
    [
        (6, Decimal("2.55"), Decimal("15.30")),
        (-1, Decimal("0.0010"), Decimal("-0.0010")),
        (80995, Decimal("2.08"), Decimal("168469.60")),
        (3, Decimal("0.1"), Decimal("0.3")),
        (None, Decimal("2.55"), None),
        (6, None, None),
        (2_000_000_000, Decimal(99999999999999), None),
    ],
)
def test_the_amount_is_exact_or_missing(
    quantity: int | None, unit_price: Decimal | None, expected: Decimal | None
) -> None:
    assert refined(quantity=quantity, unit_price=unit_price)["line_amount"] == expected


def test_every_column_that_came_in_goes_out() -> None:
    line = refined()

    assert set(SCHEMA) <= set(line)
    assert line["_row_id"] == LINE["_row_id"]
    assert line["__raw_StockCode"] == "85123A"


def test_a_row_of_which_nothing_could_be_read_stays_a_row() -> None:
    line = refined(**dict.fromkeys([*SCHEMA][1:]))

    assert line["_row_id"] == LINE["_row_id"]
    assert line["line_amount"] is None
