"""The project's transforms once more, written by hand in Polars as one would without a second engine in mind."""

import polars as pl

from benchmarks.data import cyclic

MONEY = pl.Decimal(18, 4)
_PRODUCTS, _CUSTOMERS, _LINES = 4_000, 5_000, 12
_CODES = ("POST", "D", "M", "AMAZONFEE", "S", "GIFT_0001")


def order_lines(rows: int) -> pl.LazyFrame:
    """Return typed order lines as silver's transform gets them: two in a hundred are cancellations."""
    n, x = pl.col("n"), pl.col("x")
    invoice = pl.format("{}", 536_365 + n // _LINES)
    cancelled = n // _LINES % 50 == 3
    special = pl.lit(pl.Series(_CODES)).gather((x % len(_CODES)).cast(pl.UInt32))
    return cyclic(rows).select(
        invoice_no=pl.when(cancelled).then(pl.concat_str(pl.lit("C"), invoice)).otherwise(invoice),
        stock_code=pl.when(n % 40 == 7).then(special).otherwise(pl.format(" {}a ", 10_000 + x % _PRODUCTS)),
        description=pl.format("THING  NO {} ", x % _PRODUCTS),
        quantity=pl.when(cancelled).then(-(x % 24) - 1).otherwise(x % 24 + 1).cast(pl.Int32),
        invoiced_at=pl.from_epoch(1_291_187_160 + n // _LINES * 60, time_unit="s")
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC"),
        unit_price=(x % 2_000).cast(MONEY) / pl.lit(100).cast(MONEY),
        customer_id=pl.when(n % 4 > 0).then(pl.format("{}.0", 12_000 + n // _LINES % _CUSTOMERS)),
        country=pl.when(x % 10 == 0).then(pl.lit("EIRE")).otherwise(pl.lit("United Kingdom")),
        _proc_date=pl.lit("2026-01-05"),
    )


def retail_order_lines(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Spell codes and names in one way; say what kind of line each one is, and its amount."""
    c = pl.col
    country = c("country").str.strip_chars()
    code, quantity, price = c("stock_code"), c("quantity"), c("unit_price")
    names = {"EIRE": "Ireland", "RSA": "South Africa", "USA": "United States"}
    lines = lines.with_columns(
        stock_code=code.str.strip_chars().str.to_uppercase(),
        description=c("description").str.replace_all(r"[ \t]+", " ").str.strip_chars(),
        customer_id=c("customer_id").str.replace_all(r"^([0-9]+)\.0\z", "$1"),
        country=country.replace(names),
        is_cancellation=c("invoice_no").str.starts_with("C").fill_null(value=False),
    )
    cancelled = c("is_cancellation")
    contradictory = pl.when(cancelled).then(quantity > 0).otherwise((quantity < 0) & (price > 0))
    kind = (
        pl.when((price == 0) & c("customer_id").is_null() & ~cancelled)
        .then(pl.lit("stock_movement"))
        .when(contradictory)
        .then(pl.lit("contradictory"))
        .when(code == "PADS")
        .then(pl.lit("product"))
        .when(code == "S")
        .then(pl.lit("sample"))
        .when(code == "M")
        .then(pl.lit("manual"))
        .when(code == "D")
        .then(pl.lit("discount"))
        .when(code.is_in(["AMAZONFEE", "BANK CHARGES", "CRUK"]))
        .then(pl.lit("fee"))
        .when(code.is_in(["POST", "DOT", "C2"]))
        .then(pl.lit("postage"))
        .when(code.str.starts_with("GIFT_"))
        .then(pl.lit("voucher"))
        .when(code.str.contains("^([0-9]{5}|DCGS)"))
        .then(pl.lit("product"))
        .otherwise(pl.lit("other"))
    )
    sane = quantity.is_between(-100_000, 100_000) & price.is_between(-100_000, 100_000)
    typed = lines.with_columns(line_type=kind, line_amount=pl.when(sane).then(price * quantity))
    revenue = ~c("line_type").is_in(["stock_movement", "fee", "other", "contradictory"])
    return typed.with_columns(is_revenue=revenue)


def retail_sales_daily(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Sum up sales of a day in a country."""
    c, amount, quantity = pl.col, pl.col("line_amount"), pl.col("quantity").cast(pl.Int64)
    revenue, cancelled, goods = c("is_revenue"), c("is_cancellation"), c("line_type") == "product"
    sold, returned = revenue & ~cancelled, revenue & cancelled
    return lines.group_by(c("invoiced_at").dt.date().alias("sales_date"), "country").agg(
        _different(c("invoice_no"), sold).alias("orders_count"),
        _different(c("invoice_no"), returned).alias("cancellations_count"),
        _different(c("customer_id"), sold).alias("customers_count"),
        sold.cast(pl.Int64).sum().alias("sold_lines_count"),
        quantity.filter(sold & goods).sum().alias("sold_units_count"),
        (-quantity.filter(returned & goods).sum()).alias("returned_units_count"),
        amount.filter(sold).sum().alias("gross_amount"),
        amount.filter(returned).sum().alias("returned_amount"),
        amount.filter(revenue).sum().alias("net_amount"),
        amount.filter(revenue & c("customer_id").is_null()).sum().alias("anonymous_net_amount"),
        amount.filter(c("line_type") == "fee").sum().alias("fee_amount"),
    )


def retail_products(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Sum up each stock code, named as most of its lines are."""
    c, amount, quantity = pl.col, pl.col("line_amount"), pl.col("quantity").cast(pl.Int64)
    sold, returned = c("is_revenue") & ~c("is_cancellation"), c("is_revenue") & c("is_cancellation")
    moved, day = c("line_type") == "stock_movement", c("invoiced_at").dt.date()
    totals = lines.group_by("stock_code").agg(
        c("line_type").filter(~moved).max().fill_null("stock_movement").alias("product_type"),
        _different(c("description"), ~moved).alias("descriptions_count"),
        day.filter(sold).min().alias("first_sale_date"),
        day.filter(sold).max().alias("last_sale_date"),
        sold.cast(pl.Int64).sum().alias("sold_lines_count"),
        quantity.filter(sold).sum().alias("sold_units_count"),
        (-quantity.filter(returned).sum()).alias("returned_units_count"),
        quantity.filter(moved).sum().alias("moved_units_count"),
        amount.filter(sold).sum().alias("gross_amount"),
        amount.filter(c("is_revenue")).sum().alias("net_amount"),
    )
    named = lines.filter(~moved, c("description").is_not_null()).group_by("stock_code", "description").len()
    names = named.sort("len", "description", descending=[True, False]).unique("stock_code", keep="first")
    return totals.join(names.select("stock_code", "description"), on="stock_code", how="left")


def retail_customer_orders(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Sum up what each known customer ordered and sent back."""
    c, amount = pl.col, pl.col("line_amount")
    sold = ~c("is_cancellation")
    known = lines.filter(c("customer_id").is_not_null(), c("is_revenue"))
    return known.group_by("customer_id").agg(
        _different(c("country"), pl.lit(value=True)).alias("countries_count"),
        _different(c("invoice_no"), sold).alias("orders_count"),
        _different(c("invoice_no"), ~sold).alias("cancellations_count"),
        c("invoiced_at").filter(sold).min().dt.date().alias("first_order_date"),
        c("invoiced_at").filter(sold).max().dt.date().alias("last_order_date"),
        sold.cast(pl.Int64).sum().alias("sold_lines_count"),
        amount.filter(sold).sum().alias("gross_amount"),
        amount.filter(~sold).sum().alias("returned_amount"),
        amount.sum().alias("net_amount"),
        c("country").sort_by("invoiced_at", "country").last().alias("country"),
    )


def _different(value: pl.Expr, where: pl.Expr) -> pl.Expr:
    return value.filter(where & value.is_not_null()).n_unique().cast(pl.Int64)
