"""Sales of each business day in each country: what was sold, what came back, what is left."""

import narwhals as nw

from lakehouse_assets.transforms.measures import count_where, distinct, money_where, units_where

SOLD, RETURNED = nw.col("__sold"), nw.col("__returned")


def retail_sales_daily(retail_order_lines: nw.LazyFrame) -> nw.LazyFrame:
    """Return one row per `sales_date` and `country`; a return counts on the day it was booked."""
    return (
        _marked(retail_order_lines)
        .group_by("sales_date", "country")
        .agg(
            distinct("__order").alias("orders_count"),
            distinct("__cancellation").alias("cancellations_count"),
            distinct("__buyer").alias("customers_count"),
            count_where(SOLD).alias("sold_lines_count"),
            units_where("quantity", SOLD & _goods()).alias("sold_units_count"),
            (-units_where("quantity", RETURNED & _goods())).alias("returned_units_count"),
            money_where("line_amount", SOLD).alias("gross_amount"),
            money_where("line_amount", RETURNED).alias("returned_amount"),
            money_where("line_amount", nw.col("is_revenue")).alias("net_amount"),
            money_where("line_amount", nw.col("is_revenue") & nw.col("customer_id").is_null()).alias(
                "anonymous_net_amount"
            ),
            money_where("line_amount", nw.col("line_type") == "fee").alias("fee_amount"),
        )
    )


def _marked(lines: nw.LazyFrame) -> nw.LazyFrame:
    marked = lines.with_columns(
        __sold=nw.col("is_revenue") & ~nw.col("is_cancellation"),
        __returned=nw.col("is_revenue") & nw.col("is_cancellation"),
        sales_date=nw.col("invoiced_at").dt.date(),
    )
    return marked.with_columns(
        __order=nw.when(SOLD).then(nw.col("invoice_no")),
        __cancellation=nw.when(RETURNED).then(nw.col("invoice_no")),
        __buyer=nw.when(SOLD).then(nw.col("customer_id")),
    )


def _goods() -> nw.Expr:
    return nw.col("line_type") == "product"
