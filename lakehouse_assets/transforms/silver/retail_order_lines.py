"""Order lines of the web shop: one spelling of every code and name, and what kind of line each one is.

Row by row only; which rows are refused is written in the contract, not here.
"""

import narwhals as nw

from lakehouse_assets.engines.kit import BLANKS

COUNTRIES = {"EIRE": "Ireland", "RSA": "South Africa", "USA": "United States"}
LINE_TYPES = {
    "postage": ("POST", "DOT", "C2"),
    "fee": ("AMAZONFEE", "BANK CHARGES", "CRUK"),
    "discount": ("D",),
    "manual": ("M",),
    "sample": ("S",),
    "product": ("PADS",),
}
NO_REVENUE = ["stock_movement", "fee", "other", "contradictory"]
# Beyond these a line is refused anyway; multiplying it could overflow the amount.
MAX_QUANTITY, MAX_UNIT_PRICE = 100_000, 100_000


def retail_order_lines(order_lines: nw.LazyFrame) -> nw.LazyFrame:
    """Normalise codes, names and identifiers; add `is_cancellation`, `line_type`, `is_revenue`, `line_amount`."""
    spelled = order_lines.with_columns(
        stock_code=nw.col("stock_code").str.strip_chars(BLANKS).str.to_uppercase(),
        description=nw.col("description").str.replace_all(r"[ \t]+", " ").str.strip_chars(BLANKS),
        customer_id=nw.col("customer_id").str.replace_all(r"^([0-9]+)\.0\z", "$1"),
        country=_spelled("country", COUNTRIES),
        is_cancellation=nw.col("invoice_no").str.starts_with("C").fill_null(False),  # noqa: FBT003 - the fill value
    )
    typed = spelled.with_columns(line_type=_line_type(), line_amount=_line_amount())
    return typed.with_columns(is_revenue=~nw.col("line_type").is_in(NO_REVENUE))


def _spelled(column: str, names: dict[str, str]) -> nw.Expr:
    value = nw.col(column).str.strip_chars(BLANKS)
    for received, name in names.items():
        value = nw.when(value == received).then(nw.lit(name)).otherwise(value)
    return value


def _line_type() -> nw.Expr:
    code = nw.col("stock_code")
    kind = nw.when(code.str.contains("^([0-9]{5}|DCGS)")).then(nw.lit("product")).otherwise(nw.lit("other"))
    kind = nw.when(code.str.starts_with("GIFT_")).then(nw.lit("voucher")).otherwise(kind)
    for name, codes in LINE_TYPES.items():
        kind = nw.when(code.is_in(list(codes))).then(nw.lit(name)).otherwise(kind)
    quantity, price, cancelled = nw.col("quantity"), nw.col("unit_price"), nw.col("is_cancellation")
    contradictory = nw.when(cancelled).then(quantity > 0).otherwise((quantity < 0) & (price > 0))
    kind = nw.when(contradictory).then(nw.lit("contradictory")).otherwise(kind)
    # Found, damaged, miscounted: nobody bought anything and nothing was paid.
    moved = (price == 0) & nw.col("customer_id").is_null() & ~cancelled
    return nw.when(moved).then(nw.lit("stock_movement")).otherwise(kind)


def _line_amount() -> nw.Expr:
    quantity, price = nw.col("quantity"), nw.col("unit_price")
    sane = quantity.is_between(-MAX_QUANTITY, MAX_QUANTITY) & price.is_between(-MAX_UNIT_PRICE, MAX_UNIT_PRICE)
    return nw.when(sane).then(price * quantity)  # portable: a decimal times a whole number is exact
