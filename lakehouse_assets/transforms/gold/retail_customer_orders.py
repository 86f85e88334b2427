"""What each known customer ordered and sent back. Lines without a customer are in `retail_sales_daily` only."""

import narwhals as nw

from lakehouse_assets.transforms.measures import count_where, distinct, money_where

SOLD = nw.col("__sold")


def retail_customer_orders(retail_order_lines: nw.LazyFrame) -> nw.LazyFrame:
    """Return one row per `customer_id`; `country` is that of the latest order or cancellation."""
    lines = _marked(retail_order_lines)
    return _totals(lines).join(_latest_country(lines), on="customer_id", how="left")


def _marked(lines: nw.LazyFrame) -> nw.LazyFrame:
    known = lines.filter(~nw.col("customer_id").is_null(), nw.col("is_revenue"))
    return known.with_columns(__sold=~nw.col("is_cancellation")).with_columns(
        __order=nw.when(SOLD).then(nw.col("invoice_no")),
        __cancellation=nw.when(~SOLD).then(nw.col("invoice_no")),
        __ordered_on=nw.when(SOLD).then(nw.col("invoiced_at").dt.date()),
    )


def _latest_country(lines: nw.LazyFrame) -> nw.LazyFrame:
    # Countries of a customer are few: grouping them first spares ordering all lines.
    countries = lines.group_by("customer_id", "country").agg(nw.col("invoiced_at").max())
    latest = countries.unique("customer_id", keep="last", order_by=["invoiced_at", "country"])
    return latest.select("customer_id", "country")


def _totals(lines: nw.LazyFrame) -> nw.LazyFrame:
    return lines.group_by("customer_id").agg(
        distinct("country").alias("countries_count"),
        distinct("__order").alias("orders_count"),
        distinct("__cancellation").alias("cancellations_count"),
        nw.col("__ordered_on").min().alias("first_order_date"),
        nw.col("__ordered_on").max().alias("last_order_date"),
        count_where(SOLD).alias("sold_lines_count"),
        money_where("line_amount", SOLD).alias("gross_amount"),
        money_where("line_amount", ~SOLD).alias("returned_amount"),
        nw.col("line_amount").sum().alias("net_amount"),  # portable: a decimal
    )
