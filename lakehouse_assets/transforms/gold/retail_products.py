"""What the shop sells: one row per stock code, with the name most of its lines carry."""

import narwhals as nw

from lakehouse_assets.transforms.measures import count_where, distinct, money_where, units_where

SOLD, RETURNED, MOVED = nw.col("__sold"), nw.col("__returned"), nw.col("__moved")


def retail_products(retail_order_lines: nw.LazyFrame) -> nw.LazyFrame:
    """Return one row per `stock_code`; notes on stock movements ("damaged", "?") never become a product's name."""
    lines = _marked(retail_order_lines)
    return _totals(lines).join(_names(lines), on="stock_code", how="left")


def _marked(lines: nw.LazyFrame) -> nw.LazyFrame:
    marked = lines.with_columns(
        __day=nw.col("invoiced_at").dt.date(),
        __sold=nw.col("is_revenue") & ~nw.col("is_cancellation"),
        __returned=nw.col("is_revenue") & nw.col("is_cancellation"),
        __moved=nw.col("line_type") == "stock_movement",
    )
    return marked.with_columns(
        __name=nw.when(~MOVED).then(nw.col("description")),
        __type=nw.when(~MOVED).then(nw.col("line_type")),
        __sold_on=nw.when(SOLD).then(nw.col("__day")),
    )


def _names(lines: nw.LazyFrame) -> nw.LazyFrame:
    named = lines.filter(~nw.col("__name").is_null())
    counted = named.group_by("stock_code", "__name").agg(nw.len().cast(nw.Int64).alias("__lines"))
    ranked = counted.with_columns((-nw.col("__lines")).alias("__rank"))
    chosen = ranked.unique("stock_code", keep="first", order_by=["__rank", "__name"])
    return chosen.select("stock_code", nw.col("__name").alias("description"))


def _totals(lines: nw.LazyFrame) -> nw.LazyFrame:
    totals = lines.group_by("stock_code").agg(
        nw.col("__type").max().alias("product_type"),
        distinct("__name").alias("descriptions_count"),
        nw.col("__sold_on").min().alias("first_sale_date"),
        nw.col("__sold_on").max().alias("last_sale_date"),
        count_where(SOLD).alias("sold_lines_count"),
        units_where("quantity", SOLD).alias("sold_units_count"),
        (-units_where("quantity", RETURNED)).alias("returned_units_count"),
        units_where("quantity", MOVED).alias("moved_units_count"),
        money_where("line_amount", SOLD).alias("gross_amount"),
        money_where("line_amount", nw.col("is_revenue")).alias("net_amount"),
    )
    return totals.with_columns(nw.col("product_type").fill_null("stock_movement"))
