"""Parsing and rules by hand in Polars, for peers that bring one of the two or neither."""

import polars as pl

from benchmarks.peers.job import CURRENCIES, ORDER_ID, STATUSES, TIME_FORMAT, Job

MONEY = pl.Decimal(18, 4)
PARSED = (
    pl.col("quantity").cast(pl.Int32, strict=False),
    pl.col("unit_price").cast(MONEY, strict=False),
    pl.col("ordered_at").str.to_datetime(TIME_FORMAT, time_unit="us", time_zone="UTC", strict=False),
)
FINE = {
    "order_id": pl.col("order_id").is_not_null() & pl.col("order_id").str.contains(f"^{ORDER_ID}$"),
    "customer_id": pl.col("customer_id").is_not_null() & pl.col("customer_id").str.len_chars().is_between(3, 20),
    "product_id": pl.col("product_id").str.len_chars() == 6,
    "quantity": pl.col("quantity").is_not_null() & pl.col("quantity").is_between(1, 100),
    "unit_price": pl.col("unit_price").is_not_null()
    & pl.col("unit_price").is_between(pl.lit(0).cast(MONEY), pl.lit(10_000).cast(MONEY)),
    "currency": pl.col("currency").is_in(CURRENCIES),
    "status": pl.col("status").is_in(STATUSES),
    "ordered_at": pl.col("ordered_at").is_not_null(),
    "country": pl.col("country").is_not_null(),
}


def parsed(job: Job) -> pl.LazyFrame:
    """Return the input with its three columns that are no text read as types; what cannot be read is null."""
    return pl.scan_parquet(job.source).with_columns(*PARSED)


def wrong_columns(*, is_repeated: pl.Expr | None = None) -> pl.Expr:
    """Return the names of the wrong columns of a row as text, empty for a good one."""
    fine = dict(FINE)
    if is_repeated is not None:
        fine["order_id"] &= ~is_repeated
    wrong = [pl.when(~rule.fill_null(value=True)).then(pl.lit(name)) for name, rule in fine.items()]
    return pl.concat_str(wrong, separator=" ", ignore_nulls=True).alias("reasons")
